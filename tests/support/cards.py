"""A real smart card daemon with a virtual reader, and cards to put on it."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from demo.card.authority import Authority, KeyKind, authority
from demo.card.daemon import Daemon
from demo.card.piv import PivCard
from demo.card.slot import Slot
from reader_kiosk.pcsc import CardEvent, Watch
from tests.support.ports import free_port

SOCKET = "PCSCLITE_CSOCK_NAME"
NOBODYS = Path("/nonexistent")


@pytest.fixture(scope="session")
def card_folder() -> Iterator[Path]:
    """Where the daemons of this run have their socket: PC/SC reads the variable once a process."""
    folder = Path(tempfile.mkdtemp(prefix="cards-"))
    os.environ[SOCKET] = str(Daemon(folder, 0).socket)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def daemon(card_folder: Path) -> AsyncIterator[Daemon]:
    """A daemon with two empty slots."""
    made = Daemon(card_folder, free_port(row=2))
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def slot(daemon: Daemon) -> AsyncIterator[Slot]:
    """The first slot."""
    made = Slot(daemon.port)
    yield made
    await made.take_away()


@pytest.fixture(scope="session")
def issuer() -> Authority:
    """Whom the hub trusts."""
    return authority("Campus", now=datetime.now(UTC))


@pytest.fixture(scope="session")
def card_maker(issuer: Authority) -> "Maker":
    """Makes cards; keys are drawn once a run, for RSA takes its time."""
    return Maker(issuer)


class Maker:
    """Cards of one issuer."""

    def __init__(self, issuer: Authority) -> None:
        self.issuer = issuer
        self._made: dict[KeyKind, PivCard] = {}

    def card(self, kind: KeyKind = KeyKind.P256, **more: object) -> PivCard:
        """Give a new card."""
        if kind not in self._made:
            self._made[kind] = PivCard(self.issuer.card("Tegata Taro", kind, now=datetime.now(UTC)))
        return PivCard(self._made[kind].issued, **more)


@dataclass
class Readers:
    """What the kiosk's watch has posted."""

    events: asyncio.Queue[CardEvent]

    async def next(self, kind: type, timeout: float = 5.0) -> CardEvent:
        """Wait for the next event of a kind."""
        async with asyncio.timeout(timeout):
            while not isinstance(event := await self.events.get(), kind):
                pass
        return event


@pytest.fixture
async def readers(daemon: Daemon) -> AsyncIterator[Readers]:
    """The kiosk's watch over the readers, running."""
    loop, events = asyncio.get_running_loop(), asyncio.Queue[CardEvent]()
    watch = Watch(lambda event: loop.call_soon_threadsafe(events.put_nowait, event))
    watch.start()
    yield Readers(events)
    await asyncio.to_thread(watch.stop)


class CardByOthers:
    """`jcecard`, a card by others, with a P-256 key in slot 9A; it speaks no protocol of a virtual reader of ours."""

    atr = bytes.fromhex("3B80800101")

    def __init__(self, issuer: Authority, folder: Path) -> None:
        from jcecard.main import OpenPGPCard
        from jcecard.piv.data_objects import PIVAlgorithm, PIVKeyData, PIVSlot

        self.issued = issuer.card("Tegata Hanako", KeyKind.P256, now=datetime.now(UTC))
        self._card = OpenPGPCard(storage_path=folder)
        der = self.issued.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        size = len(self.issued.der).to_bytes(2, "big")
        kept = b"\x70\x82" + size + self.issued.der + bytes.fromhex("710100FE00")
        key = PIVKeyData(PIVAlgorithm.ECC_P256, der, b"", kept)
        self._card._piv_applet.data_objects.put_key(PIVSlot.AUTHENTICATION, key)
        self._card.power_on()

    def reset(self) -> None:
        """Lose the power and get it back."""
        self._card.power_off()
        self._card.power_on()

    def answer(self, sent: bytes) -> bytes:
        """Answer one command."""
        return self._card.process_apdu(sent)
