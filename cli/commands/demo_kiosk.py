"""The demo's kiosk: a card daemon with a virtual reader, the kiosk's program, and the pages of both."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from cli.server.process import utc_now
from demo import ic_cards, kiosk, reader_pages
from demo.campus import Place
from demo.card.daemon import Daemon, NoDaemonError, daemon
from demo.card.slot import Slot
from demo.ic_cards import Issuer
from demo.kiosk import Stand
from demo.reader import Reader
from hub.context import Hub
from hub.domain.errors import HubError
from hub.domain.request_context import Visit

_HOST = "127.0.0.1"
# Behind the demo's own: the reader's page, the kiosk's, and the two slots of the reader.
_READER, _KIOSK, _SLOTS = 5, 6, 7
_LAST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Corner:
    """A card reader that is there, and what the hub has to be told before it starts."""

    port: int
    folder: Path
    daemon: Daemon
    issuer: Issuer

    @property
    def origin(self) -> str:
        """Where the reader's page is."""
        return f"http://{_HOST}:{self.port + _READER}"

    @property
    def settings(self) -> dict[str, object]:
        """What the hub is told."""
        return {
            "card_cas": self.issuer.cas.absolute(),
            "card_intermediates": self.issuer.intermediates.absolute(),
            "uid_cards": True,
        }

    @property
    def places(self) -> Sequence[Place]:
        """What belongs on the demo's page."""
        return [Place("The kiosk", f"{self.origin}/kiosk"), Place("The card reader", f"{self.origin}/")]

    async def open(self, stack: AsyncExitStack, hub: Hub, visit: Visit) -> None:
        """Start the kiosk at a hub that listens, and show the reader."""
        portal = f"http://{_HOST}:{self.port}"
        cards = await ic_cards.bound(hub, visit, self.issuer)
        stand = Stand(self.folder / "kiosk", self.port + _KIOSK, self.daemon.socket, (self.origin, portal))
        program = await stack.enter_async_context(kiosk.standing(hub, visit, stand))
        made = Reader(Slot(self.daemon.port), cards)
        stack.push_async_callback(made.take_away)
        pages = reader_pages.Pages(made, program.url, portal)
        try:
            await stack.enter_async_context(reader_pages.serving(pages, _HOST, self.port + _READER))
        except OSError as error:
            message = f"The card reader can't be shown at {self.origin}; choose another --port."
            raise HubError(message) from error


async def corner(stack: AsyncExitStack, folder: Path, port: int) -> Corner | None:
    """Start the daemon and issue the cards; where that can't be, say why, and the demo goes on without."""
    try:
        return await _corner(stack, folder.absolute(), port)
    except NoDaemonError as error:
        console = Console(soft_wrap=True, highlight=False, markup=False)
        console.print(f"\n{error}\nThe demo goes on without the kiosk.")
    return None


async def _corner(stack: AsyncExitStack, folder: Path, port: int) -> Corner:
    if typed := kiosk.missing():
        message = f"This machine has no virtual card reader. Please type: {typed}"
        raise NoDaemonError(message)
    if port + _SLOTS + 1 > _LAST_PORT:
        message = "There are not enough ports behind this --port for a card reader."
        raise NoDaemonError(message)
    place = folder / "cards"
    issuer = ic_cards.issuer_in(place, now=utc_now())
    return Corner(port, folder, await stack.enter_async_context(daemon(place, port + _SLOTS)), issuer)
