"""Logging in while another client guesses in the same network: who is refused, and how long right passwords take.

The hub runs as an operator starts it, with the password parameters it ships with, behind a declared proxy whose
X-Forwarded-For says which address each request is from.
"""

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count, cycle
from pathlib import Path
from time import perf_counter

import aiohttp
from yarl import URL

from bench.crowd import PASSWORD, Postbox, browser_token_of, name_of, populate
from bench.figures import spread
from bench.postgres import postgres
from bench.server import Server, serving
from hub.authenticators.password import Cost
from hub.settings import Settings
from models.database import connected
from models.throttle import Throttle
from web.request.context import BROWSER

_MEMBERS = 400
_NOISY, _NEIGHBOUR, _ELSEWHERE = "198.51.100.66", "198.51.100.7", "203.0.113.7"
_NETWORK = "address:198.51.100.0/24"
_RATE = 30
_FIRST = 210
_TRIES = 25
_LOGINS_A_SECOND = 6
_MISTYPED = 0.08
_SECONDS = 40
_BUSY_COUNTS = (250, 1000)
_KNOWN_MS, _NEW_MS = 1000.0, 10_000.0
# What a browser waits for at most before its user gives up.
_PATIENCE = aiohttp.ClientTimeout(total=60)
_NONE = 0
_CSRF = re.compile(r'name="csrf" value="([^"]+)"')
_BETWEEN = 0.2
_SETTLED = 3.0
_AGAIN = 1.0


async def run() -> None:
    """Measure one hub on SQLite, then one and two on PostgreSQL."""
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        await _measured("SQLite", folder, f"sqlite:///{folder / 'tegata.db'}", hubs=1)
    for hubs in (1, 2):
        with tempfile.TemporaryDirectory() as kept, postgres() as url:
            await _measured(f"PostgreSQL, {hubs} hub{'s' if hubs > 1 else ''}", Path(kept), url, hubs=hubs)


@dataclass(slots=True)
class Waits:
    """What became of some right passwords, and after how many milliseconds."""

    heard: list[float] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)

    def line(self, name: str, *, most: float | None = None) -> str:
        """Say how many were refused and how long the others took."""
        heard = self.heard or [float("nan")]
        told = spread(name, heard, "ms", most=most)
        refused = len(self.refused)
        kinds = [(status, f"by {status}" if status != _NONE else "without an answer") for status in set(self.refused)]
        why = ", ".join(f"{self.refused.count(status)} {kind}" for status, kind in sorted(kinds))
        return f"{told}   refused {refused} of {refused + len(self.heard)}{f' ({why})' if why else ''}"


class Portal:
    """Some hubs on one database, with members and the stranger who guesses."""

    def __init__(self, servers: Sequence[Server], connector: aiohttp.BaseConnector) -> None:
        self.urls = cycle([server.url for server in servers])
        self.connector = connector
        self.names = count()

    def browser(self, address: str, *, known_as: str = "") -> aiohttp.ClientSession:
        """Open a browser at an address; `known_as` names the member who used it before."""
        url = next(self.urls)
        jar = aiohttp.CookieJar(unsafe=True)
        if known_as:
            jar.update_cookies({BROWSER.name: browser_token_of(known_as)}, URL(url))
        return aiohttp.ClientSession(
            url,
            connector=self.connector,
            connector_owner=False,
            cookie_jar=jar,
            headers={"X-Forwarded-For": address},
            timeout=_PATIENCE,
        )

    async def try_once(self, browser: aiohttp.ClientSession, name: str, password: str) -> tuple[bool, int, float]:
        """Give account and password; tells whether the login began, the page's status and the milliseconds it took.

        The status is `_NONE` when no answer came in time, so that one lost try does not end the measurement.
        """
        began = perf_counter()
        try:
            async with browser.get("/login/account") as answer:
                token = _CSRF.search(await answer.text())
            assert token
            began = perf_counter()
            form = {"account": name, "password": password, "csrf": token[1]}
            async with browser.post("/login/account", data=form) as answer:
                page = await answer.text()
                status = answer.status
        except TimeoutError:
            return False, _NONE, 1000 * (perf_counter() - began)
        return 'data-page="account"' not in page and status == 200, status, 1000 * (perf_counter() - began)

    async def tries(self, address: str, name: str, *, known: bool) -> Waits:
        """Log a member in again and again, each time in the usual browser or in a new one."""
        waits = Waits()
        for _ in range(_TRIES):
            async with self.browser(address, known_as=name if known else "") as browser:
                began, status, took = await self.try_once(browser, name, PASSWORD)
            if began:
                waits.heard.append(took)
            else:
                waits.refused.append(status)
            await asyncio.sleep(_BETWEEN)
        return waits

    async def until_in(self, address: str, name: str) -> float:
        """Log in with a new browser, again after each refusal; gives the milliseconds until the login began."""
        since = perf_counter()
        async with self.browser(address) as browser:
            is_in = False
            while not is_in:
                is_in = (await self.try_once(browser, name, PASSWORD))[0]
                await asyncio.sleep(0 if is_in else _AGAIN)
        return 1000 * (perf_counter() - since)

    @asynccontextmanager
    async def guessed_at(
        self, rate: int, *, names: Callable[[], str], first: int, at_once: bool
    ) -> AsyncIterator[list[int]]:
        """Let one client send wrong passwords all the while, so many a second; gives how many it sent.

        The `first` of them go as quickly as the hub takes them, up to where its network's budget ends.
        """
        sent = [0]
        clients = [self.browser(_NOISY) for _ in range(2)]
        tokens = []
        for client in clients:
            async with client.get("/login/account") as answer:
                found = _CSRF.search(await answer.text())
                assert found
                tokens.append(found[1])
        turns = cycle(range(len(clients)))

        async def wrong() -> None:
            one = next(turns)
            form = {"account": names(), "password": "not this one", "csrf": tokens[one]}
            sent[0] += 1
            async with clients[one].post("/login/account", data=form, allow_redirects=False) as answer:
                await answer.read()

        for start in range(0, first, 10):
            await asyncio.gather(*(wrong() for _ in range(min(10, first - start))), return_exceptions=True)
        guessing = asyncio.create_task(_steadily(wrong, rate, at_once=at_once))
        try:
            await asyncio.sleep(_SETTLED)
            yield sent
        finally:
            guessing.cancel()
            await asyncio.gather(guessing, return_exceptions=True)
            for client in clients:
                await client.close()


async def _steadily(act: Callable[[], Awaitable[None]], rate: int, *, at_once: bool) -> None:
    """Do something so many times a second, for ever, whether the one before has ended (`at_once`) or not."""
    running: set[asyncio.Task[None]] = set()

    async def guarded() -> None:
        try:
            await act()
        except (aiohttp.ClientError, TimeoutError):
            return

    try:
        while True:
            if at_once:
                task = asyncio.create_task(guarded())
                running.add(task)
                task.add_done_callback(running.discard)
            else:
                await guarded()
            await asyncio.sleep(1 / rate)
    finally:
        for task in running:
            task.cancel()


async def _measured(where: str, folder: Path, url: str, *, hubs: int) -> None:
    settings = Settings()
    cost = Cost(settings.argon2_memory, settings.argon2_passes, settings.argon2_lanes)
    await populate(folder, url, _MEMBERS, cost)
    numbers = count()
    for what, rate, names, first, at_once in (
        ("30 wrong a second, unknown names", _RATE, lambda: f"nobody{next(numbers)}", _FIRST, True),
        ("30 wrong a second, the member's own name", _RATE, lambda: name_of(0), 0, True),
        ("one after the other, 20 ms between", 50, lambda: f"nobody{next(numbers)}", _FIRST, False),
    ):
        print(f"-- {where}: {what}")
        await _forgotten(url)
        async with (
            _portal(folder, url, hubs) as portal,
            portal.guessed_at(rate, names=names, first=first, at_once=at_once) as sent,
        ):
            since, before = perf_counter(), sent[0]
            known = await portal.tries(_NEIGHBOUR, name_of(0), known=True)
            new = await portal.tries(_NEIGHBOUR, name_of(0), known=False)
            inside = [await portal.until_in(_NEIGHBOUR, name_of(1)) for _ in range(5)]
            away = await portal.tries(_ELSEWHERE, name_of(2), known=False)
            per_second = (sent[0] - before) / (perf_counter() - since)
        print(f"   wrong passwords a second: {per_second:.1f}")
        print(known.line("same network, known browser: first answer", most=_KNOWN_MS))
        print(new.line("same network, new browser: first answer", most=_NEW_MS))
        print(spread("same network, new browser: until it is in", inside, "ms", most=_NEW_MS))
        print(away.line("another network, new browser: first answer", most=_NEW_MS))
    for number in _BUSY_COUNTS:
        for members in (_MEMBERS, 20):
            await _forgotten(url)
            async with connected(url):
                await Throttle.create(subject=_NETWORK, wrong=number, open_at=datetime.now(UTC))
            async with _portal(folder, url, hubs) as portal:
                waits = await _rush(portal, members)
            name = f"count at {number}, {members} members behind one address"
            print(waits.line(f"{where}: {name}", most=_NEW_MS))


async def _rush(portal: Portal, members: int) -> Waits:
    """Let members log in behind one address at a steady rate, in new browsers, with 8 in 100 mistyped."""
    waits = Waits()
    every = round(1 / _MISTYPED)

    async def one(number: int) -> None:
        is_mistyped = number % every == every // 2
        async with portal.browser(_NEIGHBOUR) as browser:
            password = "mistyped" if is_mistyped else PASSWORD
            began, status, took = await portal.try_once(browser, name_of(number % members), password)
        if is_mistyped:
            return
        if began:
            waits.heard.append(took)
        else:
            waits.refused.append(status)

    async with asyncio.TaskGroup() as group:
        for number in range(_LOGINS_A_SECOND * _SECONDS):
            group.create_task(one(number))
            await asyncio.sleep(1 / _LOGINS_A_SECOND)
    return waits


async def _forgotten(url: str) -> None:
    async with connected(url):
        await Throttle.all().delete()


@asynccontextmanager
async def _portal(folder: Path, url: str, hubs: int) -> AsyncIterator[Portal]:
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(Postbox().listening())
        servers = [
            await stack.enter_async_context(
                serving(folder, url, port, doors=("web",), TEGATA_TRUSTED_PROXIES="127.0.0.0/8")
            )
            for _ in range(hubs)
        ]
        connector = aiohttp.TCPConnector(limit=0)
        stack.push_async_callback(connector.close)
        yield Portal(servers, connector)
