"""A whole kiosk: a card daemon with a virtual reader, the kiosk's program, and somebody at its page."""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import aiohttp

from bench.kiosk_hub import Proof, Site, Visitor, Walk
from bench.server import free_port
from demo.card.daemon import daemon
from demo.card.piv import PIN, PivCard
from demo.card.slot import Slot
from demo.kiosk import Stand, running
from reader_kiosk import identity

_PATIENCE = 10.0
# pcscd looks at its readers every so often, and most of the time that a card waits goes there.
_LOOKS_EVERY = 0.4


class Page:
    """What the kiosk's page is told, and what is typed there."""

    def __init__(self, line: aiohttp.ClientWebSocketResponse) -> None:
        self._line = line

    async def act(self, act: str, **more: str) -> None:
        """Do something."""
        await self._line.send_str(json.dumps({"act": act, **more}))

    async def told(self, screen: str) -> dict[str, dict[str, str]]:
        """Wait for a screen."""
        seen = []
        async with asyncio.timeout(_PATIENCE):
            while True:
                told = json.loads(await self._line.receive_str())
                seen.append(told["screen"])
                if told["screen"] == screen:
                    return dict(told)
                assert told["screen"] not in {"not-now", "out-of-order"}, (seen, told)


@dataclass
class Place:
    """A kiosk, and a member with a card before it."""

    slot: Slot
    card: PivCard
    page: Page
    visitor: Visitor

    async def walk(self, moment: float = 0.5) -> Walk:
        """Log in with card and PIN, and take the card away again.

        `moment` is where between two of the reader's looks the card comes and goes, from 0 to 1.
        """
        await asyncio.sleep(_LOOKS_EVERY * (1 + moment))
        proof = Proof()
        await self.page.act("proof", browser=proof.digest)
        start = perf_counter()
        await self.slot.put_on(self.card)
        await self.page.told("pin")
        asked = perf_counter()
        # The program asks the card for its tries while somebody types.
        await asyncio.sleep(0.1)
        typed = perf_counter()
        await self.page.act("pin", pin=PIN)
        admission = (await self.page.told("admitting"))["admission"]
        await self.visitor.go_in(admission["url"], admission["admission_code"], proof)
        inside = perf_counter()
        await asyncio.sleep(0.1 + _LOOKS_EVERY * moment)
        taken = perf_counter()
        await self.slot.take_away()
        while await self.visitor.is_in():
            assert perf_counter() - taken < _PATIENCE
            await asyncio.sleep(0.01)
        ended = perf_counter()
        await self.page.told("idle")
        return Walk(1000 * (asked - start), 1000 * (inside - typed), 1000 * (ended - taken))


@asynccontextmanager
async def place(site: Site) -> AsyncIterator[Place]:
    """Set a kiosk up at a site."""
    with tempfile.TemporaryDirectory(prefix="kiosk-") as kept:
        folder = Path(kept)
        identity.save(folder / "kiosk", site.identity)
        async with daemon(folder / "cards", free_port()) as cards:
            stand = Stand(folder / "kiosk", free_port(), cards.socket, ())
            async with (
                running(stand) as program,
                aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http,
            ):
                _, _, token = program.url.partition("#")
                async with http.ws_connect(f"{stand.origin}/line", origin=stand.origin) as line:
                    await line.send_str(token)
                    page = Page(line)
                    await page.told("idle")
                    yield Place(
                        Slot(cards.port), PivCard(site.issued), page, Visitor(http, site.server.url, stand.origin)
                    )
