"""`tegata doctor`: what is wrong, and how to mend it."""

import asyncio
import os
import shutil
import stat
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cli.console import counted
from cli.doctor import origin, slack
from cli.doctor.finding import Finding, Grade
from cli.server import package_check, startup_checks
from hub.domain.errors import HubError
from hub.settings import Mode, Settings, listen_of
from models.database import sqlite_file

if TYPE_CHECKING:
    from hub.context import Hub
    from hub.security.keyring import KeyRing

_SHORT = 3.0
_ROOM = 500 * 1024 * 1024


async def examine(settings: Settings) -> list[Finding]:
    """Look at everything that a hub stands on."""
    findings = [*_packages(), *_settings(settings), *_keys(settings), *_room(settings)]
    findings += _cards(settings)
    findings += [finding async for finding in _database(settings)]
    findings += [finding async for finding in origin.examine(settings, _ring(settings))]
    findings.append(await mail_server(settings))
    findings += [finding async for finding in slack.examine(settings)]
    return findings


def _ring(settings: Settings) -> "KeyRing | None":
    from hub.security import keyring

    try:
        return keyring.load(settings.keys_file)
    except HubError:
        # Its own line says what is wrong.
        return None


def _packages() -> Iterator[Finding]:
    for what in package_check.foreign():
        yield Finding("program", Grade.WRONG, what, "install Tegata into a virtual environment of its own")


def _settings(settings: Settings) -> Iterator[Finding]:
    for reason in startup_checks.missing(settings, ("web", "mail_gateway")):
        yield _split("settings", reason)
    doors = ("web", "mail_gateway", "bot") if settings.has_slack else ("web", "mail_gateway")
    for reason in startup_checks.clashing(settings, doors):
        yield _split("listen", reason)
    if settings.mode is Mode.DEMO:
        yield Finding("mode", Grade.WARN, "TEGATA_MODE is demo", "set it to production before members come")
    else:
        for reason in startup_checks.unsafe(settings):
            yield _split("safety", reason)
    if not settings.campus_networks:
        yield Finding(
            "campus",
            Grade.WARN,
            "TEGATA_CAMPUS_NETWORKS is empty, so everybody is off campus",
            "name the networks; or nobody can register an address with a matrix card",
        )
    if listen_of(settings.listen).host in {"0.0.0.0", "::"}:  # noqa: S104 - looked for, not listened at
        yield Finding(
            "listen",
            Grade.WARN,
            f"the web door listens on every address, {settings.listen}",
            "let only the proxy in",
        )


def _cards(settings: Settings) -> Iterator[Finding]:
    from cli import runtime
    from cli.doctor import cards

    yield from cards.examine(settings, now=runtime.now())


def _split(about: str, reason: str) -> Finding:
    """Part a reason that a start is refused for from what mends it."""
    what, _, mend = reason.removesuffix(".").rpartition(": ")
    return Finding(about, Grade.WRONG, what, mend)


def _keys(settings: Settings) -> Iterator[Finding]:
    from hub.security import keyring

    try:
        ring = keyring.load(settings.keys_file)
    except HubError as error:
        what = str(error).partition(";")[0].removesuffix(".")
        yield Finding("keys", Grade.WRONG, what, "bring the back-up, or run `tegata keys init` for a new hub")
        return
    owner = settings.keys_file.stat().st_uid
    if owner not in {os.getuid(), 0}:
        yield Finding("keys", Grade.WARN, f"{settings.keys_file} belongs to another user", "run the hub as that user")
    yield Finding("keys", Grade.OK, f"{counted(len(ring.ids), 'key')}, the current one is {ring.current}")


def _room(settings: Settings) -> Iterator[Finding]:
    database = sqlite_file(settings.database_url)
    if database is None or not database.parent.is_dir():
        return
    free = shutil.disk_usage(database.parent).free
    if free < _ROOM:
        yield Finding("disk", Grade.WARN, f"{free // 2**20} MiB are left at {database.parent}", "make room")
    if stat.S_IMODE(database.parent.stat().st_mode) & stat.S_IWOTH and not _is_sticky(database.parent):
        yield Finding("disk", Grade.WRONG, f"everybody can write to {database.parent}", f"chmod o-w {database.parent}")


def _is_sticky(folder: Path) -> bool:
    return bool(folder.stat().st_mode & stat.S_ISVTX)


async def _database(settings: Settings) -> AsyncIterator[Finding]:
    from cli import runtime
    from hub.context import OldSchemaError, opened
    from hub.maintenance import jobs
    from models.database import BadDatabaseUrlError

    file = sqlite_file(settings.database_url) if settings.database_url.startswith("sqlite:") else None
    if file is not None and not file.exists():
        yield Finding("database", Grade.WRONG, f"{file} is not there yet", "run `tegata migrate`")
        return
    try:
        async with opened(settings) as hub:
            trouble = await jobs.probe(hub, now=runtime.now())
            if trouble:
                yield Finding("database", Grade.WRONG, trouble, "make room on its disk, or end what holds it")
            else:
                yield Finding("database", Grade.OK, "it can be written, and its schema is up to date")
            async for finding in _rows(settings, hub):
                yield finding
    except OldSchemaError as error:
        yield Finding("database", Grade.WRONG, str(error).partition(":")[0], "run `tegata migrate`")
    except BadDatabaseUrlError as error:
        yield Finding("database", Grade.WRONG, f"TEGATA_DATABASE_URL: {error}", "correct the URL")
    except HubError:
        # The key ring's own line says it already.
        return
    except Exception as error:
        said = " ".join(str(error).split()) or type(error).__name__
        yield Finding("database", Grade.WRONG, f"it can't be used: {said}", "start it, or correct TEGATA_DATABASE_URL")


async def _rows(settings: Settings, hub: "Hub") -> AsyncIterator[Finding]:
    """Look at what the rows say of themselves."""
    from cli import runtime
    from hub.maintenance import checks
    from hub.security import audit

    future = await checks.rows_from_the_future(now=runtime.now())
    if future:
        rows = ", ".join(counted(number, name) for name, number in future.items())
        what = f"rows of a time that has not come yet, for the clock ran ahead: {rows}"
        yield Finding("clock", Grade.WARN, what, "set the clock by NTP; sessions from that time have ended")
    if settings.desk_slack and not settings.has_slack:
        what = "TEGATA_DESK_SLACK names a channel, and there is no bot to write there"
        yield Finding("desk", Grade.WRONG, what, "set TEGATA_SLACK_BOT_TOKEN, or empty TEGATA_DESK_SLACK")
    for channel, reply in (await checks.desk_failures()).items():
        name = f"TEGATA_DESK_{channel.upper()}"
        mend = f"look at {name}{'; invite the app to the channel' if channel == 'slack' else ''}"
        yield Finding("desk", Grade.WRONG, f"the newest letter to the help desk by {channel} failed: {reply}", mend)
    weak = await checks.weak_cards()
    if weak:
        yield Finding(
            "matrix",
            Grade.WARN,
            f"{counted(weak, 'matrix card')} with less than 20 bits in three cells",
            "issue new ones with `tegata matrix issue`",
        )
    missing = await checks.missing_keys(hub.keys)
    if missing:
        what = checks.missing_sentence(missing)
        yield Finding("keys", Grade.WRONG, what, f"restore the back-up of {settings.keys_file}")
        # Without the key no event can be checked.
        return
    verdict = await audit.verify_newest(hub.keys)
    if verdict.findings:
        what = f"it is not as it was written, {counted(len(verdict.findings) + verdict.more, 'finding')}"
        yield Finding("audit", Grade.WRONG, what, "see them with `tegata audit verify`")
    else:
        what = f"the newest {counted(verdict.events, 'event')}, none rewritten; `tegata audit verify` looks at all"
        newest = await audit.newest()
        if newest:
            what = f"{what}; keep elsewhere: --seal {newest.seal} --events {newest.events}"
        yield Finding("audit", Grade.OK, what)


def mending_of(trouble: str) -> str:
    """Say what an operator can do about a mail server's trouble."""
    from mail_gateway.outbound.relay import LOGIN_FAILED, STARTTLS_FAILED

    if trouble.startswith(STARTTLS_FAILED):
        return "mend the server's certificate, or write ?starttls=never for a server on this machine"
    if trouble.startswith(LOGIN_FAILED):
        return "correct the user and the password in TEGATA_SMTP_URL"
    return "start it, or correct TEGATA_SMTP_URL"


async def mail_server(settings: Settings) -> Finding:
    """Look whether the mail server answers."""
    from mail_gateway.outbound.relay import Relay
    from mail_gateway.settings import BadSmtpUrlError, relay_address

    try:
        relay = Relay(relay_address(settings.smtp_url), connections=1, timeout=_SHORT)
    except (BadSmtpUrlError, OSError) as error:
        return Finding("mail", Grade.WRONG, f"TEGATA_SMTP_URL: {error}", "correct the URL")
    try:
        async with asyncio.timeout(2 * _SHORT):
            trouble = await relay.reachable()
            await relay.close()
    except TimeoutError:
        trouble = "it does not answer"
    if trouble:
        # Without it no code leaves. A demo's inbox runs only while the demo does.
        grade = Grade.WARN if settings.mode is Mode.DEMO else Grade.WRONG
        return Finding("mail", grade, f"the mail server: {trouble}", mending_of(trouble))
    return Finding("mail", Grade.OK, "the mail server answers")
