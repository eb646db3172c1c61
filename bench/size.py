"""How fast a hub is ready, and how much memory it holds while thousands log in."""

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from bench.crowd import Postbox, crowd, name_of, populate
from bench.figures import spread
from bench.server import Server, demonstrating, free_port, serving
from cli.server.startup_checks import DEMO_MARK
from hub.authenticators.password import Cost
from hub.settings import Settings

_STARTS = 5
_STEP = 2500
_STEPS = 6
_AT_ONCE = 32
_CODE = re.compile(r"^ {4}(\d{6})\r?$", re.MULTILINE)


async def run() -> None:
    """Start a hub five times and let 15,000 members log in; then the same with the demo, inbox and all."""
    cost = Cost(8, 1, 1)
    cheap = {"TEGATA_ARGON2_MEMORY": "8", "TEGATA_ARGON2_PASSES": "1"}
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        url = f"sqlite:///{folder / 'tegata.db'}"
        await populate(folder, url, _STEP * _STEPS, cost)
        postbox = Postbox()
        async with postbox.listening() as port:
            starts = []
            for _ in range(_STARTS):
                async with serving(folder, url, port, **cheap) as server:
                    starts.append(server.ready_after)
            print(spread("start to ready", starts, "s", most=1.5))
            async with serving(folder, url, port, **cheap) as server:
                await _grown("tegata serve", server, postbox)
    await _demo()


async def _demo() -> None:
    """Measure the demo at the password parameters that it runs with: the first login at others hashes anew."""
    settings = Settings()
    cost = Cost(settings.argon2_memory, settings.argon2_passes, settings.argon2_lanes)
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        (folder / DEMO_MARK).touch()
        await populate(folder, f"sqlite:///{folder / 'tegata.db'}", _STEP * _STEPS, cost)
        port = free_port()
        async with demonstrating(folder, port) as server, _inbox(f"http://127.0.0.1:{port + 1}") as postbox:
            await _grown("tegata demo", server, postbox)


async def _grown(what: str, server: Server, postbox: Postbox) -> None:
    print(f"{what}, resident at the start: {server.resident_mib():.1f} MiB")
    async with crowd(server.url, postbox) as members:
        for step in range(_STEPS):
            names = [name_of(step * _STEP + one) for one in range(_STEP)]
            await members.log_all_in(names, at_once=_AT_ONCE)
            print(f"  after {(step + 1) * _STEP:>6} logins: {server.resident_mib():.1f} MiB (asked: under 150)")


@asynccontextmanager
async def _inbox(url: str) -> AsyncIterator[Postbox]:
    """Read codes in the demo's inbox, as they come."""
    postbox = Postbox()
    async with aiohttp.ClientSession(url) as client:

        async def read() -> None:
            seen = 0
            while True:
                async with client.get("/changed", params={"seen": seen}):
                    pass
                async with client.get("/messages.json", params={"after": seen}) as answer:
                    for message in await answer.json():
                        seen = max(seen, message["number"])
                        if found := _CODE.search(message["text"]):
                            postbox.arrived(message["to"], found[1])

        reading = asyncio.create_task(read())
        try:
            yield postbox
        finally:
            reading.cancel()
