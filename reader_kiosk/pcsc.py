"""The card readers of this machine: who came, who went, and one card to talk to. The only file that knows PC/SC."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from smartcard import scard

from reader_kiosk.errors import CardError, CardInUseError, NoCardApplicationError

_NEW_READERS = "\\\\?PnP?\\Notification"
_LOOK_MS = 1000
_PAUSE = 0.5
_STOP_AGAIN = 0.05
_GET_UID = list(bytes.fromhex("FFCA000000"))
_OK = bytes.fromhex("9000")
_NEVER = {scard.SCARD_W_UNSUPPORTED_CARD, scard.SCARD_E_CARD_UNSUPPORTED, scard.SCARD_E_PROTO_MISMATCH}


@dataclass(frozen=True, slots=True)
class CardOn:
    """A card was put on this reader; `atr` is what it said when it was given power."""

    reader: str
    atr: bytes = b""


@dataclass(frozen=True, slots=True)
class CardOff:
    """The card was taken from this reader, or the reader went with it."""

    reader: str


@dataclass(frozen=True, slots=True)
class ReadersChanged:
    """So many readers are there now; 0 as well when the smart card daemon is gone."""

    count: int


CardEvent = CardOn | CardOff | ReadersChanged
Post = Callable[[CardEvent], None]


class Watch:
    """One thread that looks at all readers and does nothing but post what happens there."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._stopped = threading.Event()
        self._seen: dict[str, int] = {}
        self._count = -1
        self._context: int | None = None
        self._thread = threading.Thread(target=self._run, name="readers", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()
        while self._thread.is_alive():
            # It may be just about to wait: a cancellation that comes before that is none.
            if self._context is not None:
                scard.SCardCancel(self._context)
            self._thread.join(_STOP_AGAIN)

    def _run(self) -> None:
        # pyscard's own monitor ends for good when the daemon restarts: here every trouble makes a new context.
        while not self._stopped.is_set():
            with suppress(CardError), _context() as context:
                self._context = context
                self._look(context)
            self._context = None
            if not self._stopped.is_set():
                self._readers({})
                self._stopped.wait(_PAUSE)

    def _look(self, context: int) -> None:
        states: dict[str, int] = {}
        while not self._stopped.is_set():
            names = _readers(context)
            states = {name: states.get(name, scard.SCARD_STATE_UNAWARE) for name in names}
            self._readers(states)
            asked = [*states.items(), (_NEW_READERS, scard.SCARD_STATE_UNAWARE)]
            told, news = scard.SCardGetStatusChange(context, _LOOK_MS, asked)
            if told == scard.SCARD_E_TIMEOUT:
                continue
            # A reader that went away in this moment is met by the next listing.
            if told != scard.SCARD_E_UNKNOWN_READER:
                _fine(told)
                for name, state, atr in news:
                    if name in states:
                        self._card(name, state, bytes(atr))
                        states[name] = state & ~scard.SCARD_STATE_CHANGED

    def _readers(self, there: dict[str, int]) -> None:
        for name in [name for name in self._seen if name not in there]:
            self._gone(name)
        if len(there) != self._count:
            self._count = len(there)
            self._post(ReadersChanged(len(there)))

    def _card(self, name: str, state: int, atr: bytes) -> None:
        counted = state >> 16
        is_there = bool(state & scard.SCARD_STATE_PRESENT)
        # The upper half counts the events: another number under a card means that it was lifted in between.
        if name in self._seen and not (is_there and self._seen[name] == counted):
            self._gone(name)
        if is_there and name not in self._seen:
            self._seen[name] = counted
            self._post(CardOn(name, atr))

    def _gone(self, name: str) -> None:
        del self._seen[name]
        self._post(CardOff(name))


class Connection:
    """A card that nobody else can talk to until `close`."""

    def __init__(self, context: int, card: int, protocol: int) -> None:
        self._context, self._card, self._protocol = context, card, protocol

    def transmit(self, sent: bytes) -> bytes:
        """Send one command; CardError when the card or the reader is gone."""
        told, said = scard.SCardTransmit(self._card, self._protocol, list(sent))
        _fine(told)
        return bytes(said)

    def uid(self) -> bytes:
        """Ask a contactless reader for the card's number; empty when it gives none."""
        said = self.transmit(bytes(_GET_UID))
        return said[:-2] if said.endswith(_OK) else b""

    def power_again(self) -> None:
        """Take the card's power and give it back: what was verified is so no more."""
        told, protocol = scard.SCardReconnect(
            self._card, scard.SCARD_SHARE_EXCLUSIVE, _PROTOCOLS, scard.SCARD_UNPOWER_CARD
        )
        _fine(told)
        self._protocol = protocol

    def close(self) -> None:
        """Let the card go without power, and so without a verified PIN."""
        scard.SCardDisconnect(self._card, scard.SCARD_UNPOWER_CARD)
        scard.SCardReleaseContext(self._context)


_PROTOCOLS = scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1


def connect(reader: str) -> Connection:
    """Take the card on this reader for ourselves; CardError when it isn't there or can't be powered.

    CardInUseError when another program has it, NoCardApplicationError when the reader can't speak with such a card.
    """
    told, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM)
    _fine(told)
    # Exclusive: any other program of this machine could talk to the card in between, with our PIN verified.
    told, card, protocol = scard.SCardConnect(context, reader, scard.SCARD_SHARE_EXCLUSIVE, _PROTOCOLS)
    if told != scard.SCARD_S_SUCCESS:
        scard.SCardReleaseContext(context)
    _fine(told)
    return Connection(context, card, protocol)


@contextmanager
def _context() -> Iterator[int]:
    told, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM)
    _fine(told)
    try:
        yield context
    finally:
        scard.SCardReleaseContext(context)


def _readers(context: int) -> list[str]:
    told, names = scard.SCardListReaders(context, [])
    if told == scard.SCARD_E_NO_READERS_AVAILABLE:
        return []
    _fine(told)
    return list(names)


def _fine(told: int) -> None:
    if told == scard.SCARD_S_SUCCESS:
        return
    message = scard.SCardGetErrorMessage(told)
    if told == scard.SCARD_E_SHARING_VIOLATION:
        raise CardInUseError(message)
    if told in _NEVER:
        raise NoCardApplicationError(message)
    raise CardError(message)
