"""PURE: commands to a card and its answers, in pieces of the size that every reader can carry (ISO 7816-4)."""

from collections.abc import Callable
from dataclasses import dataclass, field

from reader_kiosk.errors import DefectiveCardError

Transmit = Callable[[bytes], bytes]

OK = 0x9000
_PIECE = 255
_CHAINED = 0x10
_GET_RESPONSE = bytes.fromhex("00C00000")
_STATUS_SIZE = 2
# Far above a PIV object of 3,000 bytes, also in pieces of a few bytes.
_MOST_BYTES, _MOST_PIECES = 32_768, 4096
# One real card says 61xx without data for ever.
_MOST_EMPTY = 8


@dataclass(frozen=True, slots=True)
class Command:
    """One command; the body may be a PIN, so it is not shown."""

    ins: int
    p1: int
    p2: int
    body: bytes = field(default=b"", repr=False)
    wants_answer: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """What a card said, whole; `status` is SW1 and SW2."""

    content: bytes = field(repr=False)
    status: int


@dataclass(slots=True)
class Trace:
    """The last command and its answer in numbers, for the log; never what was said."""

    instruction: int | None = None
    status: int | None = None
    sent: int = 0
    received: int = 0


def encode(command: Command) -> list[bytes]:
    """Write a command in short form; one with a long body as a chain."""
    pieces = [command.body[at : at + _PIECE] for at in range(0, len(command.body), _PIECE)] or [b""]
    written = [_piece(command, one, cla=_CHAINED) for one in pieces[:-1]]
    last = _piece(command, pieces[-1], cla=0)
    # Some readers drop the last piece's answer when Le is missing.
    return [*written, last + b"\x00" if command.wants_answer else last]


def exchange(transmit: Transmit, command: Command, trace: Trace | None = None) -> Answer:
    """Send a command and gather its answer; DefectiveCardError when the answer makes no sense."""
    noted = trace or Trace()
    noted.instruction, noted.status = command.ins, None
    noted.sent, noted.received = len(command.body), 0
    *chain, last = encode(command)
    for piece in chain:
        said = decode(transmit(piece))
        noted.status = said.status
        if said.status != OK:
            return said
    said = decode(transmit(last))
    gathered, empty = said.content, 0
    for _ in range(_MOST_PIECES):
        noted.status, noted.received = said.status, len(gathered)
        if said.status >> 8 == 0x6C:  # noqa: PLR2004 - wrong Le, and here is the right one
            said = decode(transmit(last[:-1] + bytes([said.status & 0xFF])))
        elif said.status >> 8 == 0x61:  # noqa: PLR2004 - so many bytes more
            said = decode(transmit(_GET_RESPONSE + bytes([said.status & 0xFF])))
        else:
            return Answer(gathered, said.status)
        gathered += said.content
        empty = 0 if said.content else empty + 1
        if empty > _MOST_EMPTY or len(gathered) > _MOST_BYTES:
            break
    message = "the card's answer has no end"
    raise DefectiveCardError(message)


def decode(said: bytes) -> Answer:
    """Read an answer's content and status."""
    if len(said) < _STATUS_SIZE:
        message = "the card's answer is too short"
        raise DefectiveCardError(message)
    return Answer(said[:-_STATUS_SIZE], int.from_bytes(said[-_STATUS_SIZE:], "big"))


def _piece(command: Command, body: bytes, *, cla: int) -> bytes:
    head = bytes([cla, command.ins, command.p1, command.p2])
    return head + bytes([len(body)]) + body if body else head
