"""What makes a hub unsafe to start, and how to mend it."""

import os
import stat
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from urllib.parse import urlsplit

from hub.domain.errors import HubError
from hub.settings import Mode, Settings, file_with_secrets, listen_of
from models.database import sqlite_file

DEMO_MARK = "DEMO"
_EVERYWHERE = {"0.0.0.0", "::"}  # noqa: S104 - compared, not listened at


class UnsafeError(HubError):
    """The settings would start a hub that nobody should rely on."""


def refuse_unsafe(settings: Settings, doors: Sequence[str]) -> None:
    """Refuse to start what is not safe; UnsafeError has a line for each reason, with the way to mend it."""
    reasons = [*missing(settings, doors), *clashing(settings, doors)]
    if settings.mode is Mode.PRODUCTION:
        reasons += unsafe(settings)
    if reasons:
        raise UnsafeError("\n".join(reasons))


def missing(settings: Settings, doors: Sequence[str]) -> Iterator[str]:
    """Name the settings that these doors can't do without."""
    if not settings.origin:
        yield "TEGATA_ORIGIN is not set: write the address members see, such as https://portal.example.ac.jp."
    if "mail_gateway" in doors and not settings.mail_from:
        yield "TEGATA_MAIL_FROM is not set: write the sender of the mail, such as tegata@example.ac.jp."

    if "bot" in doors:
        yield from _missing_for_slack(settings)
    if "bot" not in doors and not settings.has_slack and (settings.slack_app_token or settings.slack_signing_secret):
        yield "TEGATA_SLACK_BOT_TOKEN is not set, and other Slack settings are: write the bot's token (xoxb-…) as well."
    if (settings.mail_listen or settings.lmtp_listen) and not settings.mail_domain:
        yield "TEGATA_MAIL_DOMAIN is not set: write the domain that answers and reports come back to."
    if (settings.mail_certificate is None) != (settings.mail_certificate_key is None):
        yield "TEGATA_MAIL_CERTIFICATE and TEGATA_MAIL_CERTIFICATE_KEY go together: set both, or neither."


def clashing(settings: Settings, doors: Sequence[str]) -> Iterator[str]:
    """Name each two listeners of these doors that need the same port."""
    for (name, one), (other, two) in combinations(_listeners(settings, doors), 2):
        if _is_same_place(one, two):
            yield f"{name} is {one}, and {other} is {two}, the same port: give one of them another port."


def _listeners(settings: Settings, doors: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Give the settings of what a process with these doors listens at, and where that is."""
    opened = {
        "TEGATA_LISTEN": settings.listen if "web" in doors else "",
        "TEGATA_METRICS_LISTEN": settings.metrics_listen,
        "TEGATA_MAIL_LISTEN": settings.mail_listen if "mail_gateway" in doors else "",
        "TEGATA_LMTP_LISTEN": settings.lmtp_listen if "mail_gateway" in doors else "",
        "TEGATA_SLACK_LISTEN": settings.slack_listen if "bot" in doors and not settings.is_slack_called_out else "",
    }
    yield from ((name, where) for name, where in opened.items() if where)


def _is_same_place(one: str, other: str) -> bool:
    """Tell whether one of two listeners takes the other's port; port 0 is any free one."""
    first, second = listen_of(one), listen_of(other)
    if first.port != second.port or not first.port:
        return False
    return first.host == second.host or bool({first.host, second.host} & _EVERYWHERE)


def _missing_for_slack(settings: Settings) -> Iterator[str]:
    if not settings.has_slack:
        yield "TEGATA_SLACK_BOT_TOKEN is not set: write the bot's token of your Slack app (xoxb-…)."
        return
    if settings.is_slack_called_out and not settings.slack_app_token:
        yield "TEGATA_SLACK_APP_TOKEN is not set: Socket Mode needs an app-level token (xapp-…)."
    if not settings.is_slack_called_out and not settings.slack_signing_secret:
        yield (
            "TEGATA_SLACK_SIGNING_SECRET is not set: without it nobody knows whose requests come in over HTTP. For"
            " Socket Mode set TEGATA_SLACK_APP_TOKEN instead."
        )


def unsafe(settings: Settings) -> Iterator[str]:
    """Name what production mode does not start with."""
    if settings.origin and not settings.is_secure:
        yield (
            f"TEGATA_ORIGIN is {settings.origin}, and passwords don't go over plain HTTP: put a TLS proxy in front"
            " and write https://, or set TEGATA_MODE=demo to try things out."
        )
    yield from _proxies_unknown(settings)
    if settings.has_slack and not _is_private(settings.slack_api_url):
        yield f"TEGATA_SLACK_API_URL is {settings.slack_api_url}, and tokens don't go over plain HTTP: write https://."
    if settings.log_level == "debug":
        yield "TEGATA_LOG_LEVEL is debug, which tells too much: set it to info."
    yield from _exposed(settings.keys_file, "the key ring")
    database = sqlite_file(settings.database_url)
    if database is not None:
        yield from _exposed(database, "the database")
    config = file_with_secrets()
    if config is not None:
        yield from _settings_exposed(config)
    for file in filter(None, (settings.keys_file, database)):
        if (file.parent / DEMO_MARK).exists():
            yield f"{file} belongs to a demo, whose passwords everybody knows: name another file."


def _proxies_unknown(settings: Settings) -> Iterator[str]:
    """Tell when the settings leave open whose addresses the hub sees: the members' or a proxy's."""
    if settings.no_proxy and settings.trusted_proxies:
        yield "TEGATA_NO_PROXY is true, and TEGATA_TRUSTED_PROXIES names proxies: set only one of them."
    if settings.is_secure and not settings.trusted_proxies and not settings.no_proxy:
        yield (
            "TEGATA_TRUSTED_PROXIES is empty, so all members seem to come from the TLS proxy: name the proxy's address,"
            " or set TEGATA_NO_PROXY=true if no proxy stands in front and members connect to this program directly."
        )


def _is_private(url: str) -> bool:
    """Tell whether nobody on the way can read what goes to a URL."""
    parsed = urlsplit(url)
    return parsed.scheme == "https" or parsed.hostname in {"localhost", "127.0.0.1", "::1"}


def _settings_exposed(file: Path) -> Iterator[str]:
    """Tell when others can read the settings; the group may, for root owns the file and the hub's group reads it."""
    try:
        found = file.stat()
    except OSError:
        return
    if not stat.S_IMODE(found.st_mode) & (stat.S_IRWXO | stat.S_IWGRP):
        return
    # Taking the group's right away would shut out a hub that reads the file by it.
    mode = "600" if (found.st_uid, found.st_gid) == (os.geteuid(), os.getegid()) else "640"
    what = "the settings, with a secret among them, can be read by others than its owner"
    yield f"{file}: {what}: run `chmod {mode} {file}`."


def _exposed(file: Path, what: str) -> Iterator[str]:
    try:
        mode = file.stat().st_mode
    except OSError:
        return
    if stat.S_IMODE(mode) & (stat.S_IRWXG | stat.S_IRWXO):
        yield f"{file}: {what} can be read by others than its owner: run `chmod 600 {file}`."
