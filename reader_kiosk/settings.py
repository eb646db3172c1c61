"""What a kiosk's keeper can set, from `KIOSK_*` variables."""

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from yarl import URL

from reader_kiosk.errors import KioskError
from reader_kiosk.session import SOCKET

PREFIX = "KIOSK_"
LANGUAGES = ("ja", "en")
_LAST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Settings:
    """The kiosk's settings; each is the variable of its name in capitals."""

    # Where the kiosk's key and what the hub called it are kept.
    folder: Path = Path("/var/lib/tegata-kiosk")
    # The local page; nothing but a loopback address will do.
    host: str = "127.0.0.1"
    port: int = 8655
    language: str = "ja"
    # A file of certificates to trust for the hub's HTTPS, instead of the system's.
    hub_ca: Path | None = None
    # The browser that this program starts itself, a Chromium with arguments; empty: one that is opened by hand;
    # None: the browser's own user starts it, whose session listens at the socket.
    browser: tuple[str, ...] | None = None
    browser_socket: Path = SOCKET
    # Origins of services that may be opened at this kiosk beside the hub.
    also_open: tuple[str, ...] = ()
    # Origins of this machine whose pages may hold the kiosk's in a frame, as a demo's does; none otherwise.
    framed_by: tuple[str, ...] = ()
    # Only readers whose name holds this.
    reader: str = ""
    remind_after: timedelta = timedelta(seconds=20)
    idle_after: timedelta = timedelta(seconds=60)

    @property
    def origin(self) -> str:
        """The local page's origin."""
        return f"http://{self.host}:{self.port}"


def from_environment() -> Settings:
    """Read the settings of this process; KioskError when one can't be."""
    return read(os.environ)


def read(variables: Mapping[str, str]) -> Settings:
    """Read the settings from variables; KioskError names the one that can't be."""
    given = {name.removeprefix(PREFIX): value for name, value in variables.items() if name.startswith(PREFIX)}
    host, port = _listen(given.pop("LISTEN", "127.0.0.1:8655"))
    language = given.pop("LANGUAGE", "ja")
    if language not in LANGUAGES:
        message = f"{PREFIX}LANGUAGE: {' or '.join(LANGUAGES)}, please."
        raise KioskError(message)
    hub_ca = given.pop("HUB_CA", "")
    made = Settings(
        folder=Path(given.pop("FOLDER", "/var/lib/tegata-kiosk")),
        host=host,
        port=port,
        language=language,
        hub_ca=Path(hub_ca) if hub_ca else None,
        browser=_words(given.pop("BROWSER")) if "BROWSER" in given else None,
        browser_socket=Path(given.pop("BROWSER_SOCKET", str(SOCKET))),
        also_open=_services(given.pop("ALSO_OPEN", "")),
        framed_by=_origins(given.pop("FRAMED_BY", "")),
        reader=given.pop("READER", ""),
        remind_after=_seconds("REMIND_AFTER", given.pop("REMIND_AFTER", "20")),
        idle_after=_seconds("IDLE_AFTER", given.pop("IDLE_AFTER", "60")),
    )
    if given:
        message = f"{PREFIX}{min(given)}: there is no such setting."
        raise KioskError(message)
    return made


def _listen(written: str, name: str = "LISTEN") -> tuple[str, int]:
    host, _, port = written.rpartition(":")
    try:
        is_loopback = ip_address(host).is_loopback and ":" not in host
        number = int(port)
    except ValueError:
        is_loopback, number = False, 0
    if not is_loopback or not 0 < number <= _LAST_PORT:
        message = f"{PREFIX}{name}: an address of this machine alone, please, such as 127.0.0.1:8655."
        raise KioskError(message)
    return host, number


def _words(written: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(written))
    except ValueError as error:
        message = f"{PREFIX}BROWSER: {error}."
        raise KioskError(message) from error


def _origins(written: str) -> tuple[str, ...]:
    origins = tuple(written.split())
    for one in origins:
        scheme, _, rest = one.partition("://")
        if scheme != "http":
            message = f"{PREFIX}FRAMED_BY: origins of this machine, please, such as http://127.0.0.1:8080."
            raise KioskError(message)
        _listen(rest, "FRAMED_BY")
    return origins


def _services(written: str) -> tuple[str, ...]:
    origins = tuple(written.split())
    for one in origins:
        if not _is_origin(one):
            message = f"{PREFIX}ALSO_OPEN: origins, please, such as https://mail.example.ac.jp."
            raise KioskError(message)
    # As Chromium compares them: an IDN as A-labels.
    return tuple(str(URL(one).origin()) for one in origins)


def _is_origin(written: str) -> bool:
    try:
        parts = urlsplit(written)
        is_bare = (parts.port is None or parts.port > 0) and bool(URL(written).origin())
    except ValueError:
        return False
    is_bare = is_bare and not (parts.path or parts.query or parts.fragment or parts.username)
    return is_bare and parts.scheme in {"http", "https"} and bool(parts.hostname) and "*" not in written


def _seconds(name: str, written: str) -> timedelta:
    try:
        made = timedelta(seconds=float(written))
    except (ValueError, OverflowError):
        made = timedelta()
    if made <= timedelta():
        message = f"{PREFIX}{name}: a number of seconds, please."
        raise KioskError(message)
    return made
