"""`tegata doctor`, the part about this hub's own addresses: the origin leads here, the port is free or ours."""

import asyncio
import errno
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import aiohttp

from cli.doctor.finding import Finding, Grade
from hub.maintenance.jobs import hub_id
from hub.security.keyring import KeyRing
from hub.settings import Settings, listen_of

_PATIENCE = aiohttp.ClientTimeout(total=5)
_CLOCK_OFF = timedelta(seconds=60)
_LONGEST_ANSWER = 4096
_RUNNING = ": this hub is running"


class _Answer:
    """What an address said of itself; `hub` is empty where it is no hub of ours."""

    def __init__(self, status: int, hub: str, date: str) -> None:
        self.status = status
        self.hub = hub
        self.date = date


async def examine(settings: Settings, keys: KeyRing | None) -> AsyncIterator[Finding]:
    """Look whether members reach this hub by its origin, and whether its port can be listened at."""
    ours = hub_id(keys) if keys is not None else ""
    if settings.origin:
        async for finding in _origin(settings.origin, ours):
            yield finding
    port = await _port(settings, ours)
    yield port
    if port.what.endswith(_RUNNING):
        async for finding in _proxy(_local(settings)):
            yield finding


async def _origin(origin: str, ours: str) -> AsyncIterator[Finding]:
    host = urlsplit(origin).hostname or ""
    try:
        await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        yield Finding("origin", Grade.WRONG, f"no address is known for {host}", "correct TEGATA_ORIGIN, or the DNS")
        return
    try:
        answer = await _asked(f"{origin}/health/live")
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        what = f"{origin} does not answer ({_short(error)})"
        yield Finding("origin", Grade.WARN, what, "start the hub and the proxy, then look again")
        return
    if answer.hub and ours and answer.hub != ours:
        what = f"{origin} is another hub, with other keys"
        yield Finding("origin", Grade.WRONG, what, "correct TEGATA_ORIGIN, or the proxy")
    elif answer.hub:
        yield Finding("origin", Grade.OK, f"{origin} leads to this hub")
    elif answer.status in {401, 403, 404}:
        what = f"{origin}/health/live answers {answer.status}, so it is unknown whether it leads here"
        yield Finding("origin", Grade.WARN, what, "let this machine see /health/live, or look in a browser")
    else:
        what = f"{origin} is not this hub: /health/live answers {answer.status} without its id"
        yield Finding("origin", Grade.WRONG, what, "correct TEGATA_ORIGIN: links in letters go there")
    clock = _clock(origin, answer.date)
    if clock is not None:
        yield clock


def _clock(origin: str, date: str) -> Finding | None:
    """Compare this machine's clock with the Date header (RFC 9110, 6.6.1) of the server at the origin."""
    try:
        theirs = parsedate_to_datetime(date)
    except (ValueError, TypeError):
        return None
    off = datetime.now(UTC) - theirs
    if abs(off) <= _CLOCK_OFF:
        return None
    way = "ahead of" if off > timedelta() else "behind"
    seconds = int(abs(off).total_seconds())
    return Finding("clock", Grade.WARN, f"it is {seconds} seconds {way} the clock at {origin}", "set it by NTP")


async def _port(settings: Settings, ours: str) -> Finding:
    listen = listen_of(settings.listen)
    place = f"TEGATA_LISTEN, {settings.listen}"
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as trial:
        # As the server does: a connection that just ended does not keep the port.
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((listen.host, listen.port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                return Finding("listen", Grade.WRONG, f"{place}: {error.strerror}", "correct the address or the port")
        else:
            return Finding("listen", Grade.OK, f"{place} is free: the hub is not running")
    try:
        answer = await _asked(f"{_local(settings)}/health/live")
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        answer = _Answer(0, "", "")
    if answer.hub and answer.hub == ours:
        return Finding("listen", Grade.OK, f"{place}{_RUNNING}")
    return Finding("listen", Grade.WARN, f"{place} is taken by another program", "stop it, or choose another port")


def _local(settings: Settings) -> str:
    listen = listen_of(settings.listen)
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(listen.host, listen.host)  # noqa: S104 - asked, not listened at
    return f"http://{f'[{host}]' if ':' in host else host}:{listen.port}"


async def _proxy(base: str) -> AsyncIterator[Finding]:
    """Tell what the running hub saw of proxies that the settings do not name."""
    try:
        async with (
            aiohttp.ClientSession(timeout=_PATIENCE, trust_env=False) as session,
            session.get(f"{base}/health/ready", allow_redirects=False) as response,
        ):
            told = await response.json()
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        return
    what = told["parts"].get("proxy", {}).get("what", "")
    if what:
        yield Finding("proxy", Grade.WRONG, what, "add the proxy's address to TEGATA_TRUSTED_PROXIES")
    guessed = told["parts"].get("guessing", {}).get("what", "")
    if guessed:
        yield Finding("guessing", Grade.WARN, guessed, "see from where with `tegata throttle show`")


async def _asked(url: str) -> _Answer:
    async with (
        aiohttp.ClientSession(timeout=_PATIENCE, trust_env=False) as session,
        session.get(url, allow_redirects=False) as response,
    ):
        body = await response.content.read(_LONGEST_ANSWER)
        return _Answer(response.status, _hub_in(body), response.headers.get("Date", ""))


def _hub_in(body: bytes) -> str:
    import json

    try:
        told = json.loads(body)
    except ValueError:
        return ""
    found = told.get("hub") if isinstance(told, dict) else None
    return found if isinstance(found, str) else ""


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__
