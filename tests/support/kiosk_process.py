"""A kiosk that stands there, and somebody before it who reads its screen and types."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from demo.card.daemon import Daemon
from demo.card.piv import PIN
from demo.card.slot import Slot
from reader_kiosk import app
from reader_kiosk.identity import Identity
from reader_kiosk.settings import Settings
from tests.support.fake_hub import HubHouse, PlayedHub, played_hub
from tests.support.ports import free_port

DIGEST = "A" * 43


class Front:
    """The kiosk's page, played over its own line: what a browser would show."""

    def __init__(self, url: str, http: aiohttp.ClientSession) -> None:
        self.origin, _, self.token = url.partition("/#")
        self._http = http
        self._line: aiohttp.ClientWebSocketResponse | None = None
        self.shown: dict[str, Any] = {}
        self.seen: list[str] = []

    async def open(self, *, proof: str = DIGEST) -> None:
        """Open the page."""
        self._line = await self._http.ws_connect(f"{self.origin}/line", origin=self.origin)
        await self._line.send_str(self.token)
        await self.act("proof", browser=proof)

    async def act(self, act: str, **more: str) -> None:
        """Do something at the page."""
        assert self._line is not None
        await self._line.send_str(json.dumps({"act": act, **more}))

    async def screen(self, *names: str, timeout: float = 8.0) -> dict[str, Any]:
        """Wait until the screen is one of these."""
        assert self._line is not None
        try:
            async with asyncio.timeout(timeout):
                while True:
                    self.shown = json.loads(await self._line.receive_str())
                    self.seen.append(self.shown["screen"])
                    if self.shown["screen"] in names:
                        return self.shown
        except TimeoutError:
            message = f"waiting for {names}, saw {self.seen}, last {self.shown}"
            raise AssertionError(message) from None

    async def pin(self, pin: str = PIN) -> None:
        """Type a PIN where one is asked for."""
        await self.screen("pin")
        await self.act("pin", pin=pin)


@dataclass
class Corner:
    """A kiosk, its hub and its reader, in one corner of a library."""

    front: Front
    slot: Slot
    house: HubHouse
    daemon: Daemon
    settings: Settings
    identity: Identity = field(repr=False)

    @property
    def hub(self) -> PlayedHub:
        """The played hub."""
        return self.house.hub

    async def away(self) -> None:
        """Take the card when the kiosk has let it go, and wait for the idle screen.

        One that is pulled while its power is just being taken is gone for the daemon without having been seen to go, so
        that another one within the same 400 ms is not seen to come. Nobody's hand is that quick.
        """
        await settled(lambda: not self.slot.is_powered)
        await self.slot.take_away()
        await self.front.screen("idle")

    async def works(self, card: Any) -> None:
        """See that somebody can log in here now, and that the screen is idle after that."""
        await self.slot.put_on(card)
        await self.front.pin()
        await self.front.screen("admitting")
        await self.away()


def enrolled(hub: PlayedHub, kiosk_id: str = "kiosk-1") -> Identity:
    """A kiosk that the played hub knows."""
    key = Ed25519PrivateKey.generate()
    hub.kiosks[kiosk_id] = key.public_key()
    return Identity(hub.url, kiosk_id, "図書館1階", "on-campus", key)


def settings_of(folder: Path, **more: Any) -> Settings:
    """A kiosk's settings with a page that is opened by hand."""
    return replace(Settings(folder=folder, port=free_port(), browser=()), **more)


@asynccontextmanager
async def standing(settings: Settings, identity: Identity) -> AsyncIterator[Front]:
    """Run a kiosk in this process, with its page open."""
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(app.run(settings, identity, ready=ready.set_result))
    try:
        await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
        assert ready.done(), task.exception()
        async with aiohttp.ClientSession() as http:
            front = Front(ready.result(), http)
            await front.open()
            yield front
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def corner(daemon: Daemon, slot: Slot, tmp_path: Path) -> AsyncIterator[Corner]:
    """A kiosk that waits for a card."""
    async with corner_with(daemon, slot, tmp_path) as made:
        yield made


@asynccontextmanager
async def corner_with(
    daemon: Daemon, slot: Slot, folder: Path, *, remind: float = 20, idle: float = 60
) -> AsyncIterator[Corner]:
    """Run a kiosk with other spans of time."""
    async with played_hub() as house:
        identity = enrolled(house.hub)
        spans = {"remind_after": timedelta(seconds=remind), "idle_after": timedelta(seconds=idle)}
        settings = settings_of(folder, **spans)
        async with standing(settings, identity) as front:
            await front.screen("idle")
            yield Corner(front, slot, house, daemon, settings, identity)
            await slot.take_away()


async def settled(is_so: Callable[[], bool], timeout: float = 5.0) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(timeout):
        while not is_so():
            await asyncio.sleep(0.02)
