"""Commands to a card in pieces, answers from it in pieces, and the objects in them."""

import gzip
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reader_kiosk import tlv
from reader_kiosk.apdu import Answer, Command, encode, exchange
from reader_kiosk.errors import CardError, PinError
from reader_kiosk.piv import PivSession


class Script:
    """A card that says what it was told to, one line after the other."""

    def __init__(self, *lines: str) -> None:
        self.lines = list(lines)
        self.heard: list[str] = []

    def transmit(self, sent: bytes) -> bytes:
        self.heard.append(sent.hex().upper())
        return bytes.fromhex(self.lines.pop(0) if len(self.lines) > 1 else self.lines[0])


@pytest.mark.parametrize(
    ("command", "written"),
    [
        (Command(0xA4, 4, 0, bytes.fromhex("A000000308")), ["00A4040005A00000030800"]),
        (Command(0x20, 0, 0x80, wants_answer=False), ["00200080"]),
        (Command(0x20, 0, 0x80, b"12345678", wants_answer=False), ["00200080083132333435363738"]),
        (Command(0xCB, 0x3F, 0xFF), ["00CB3FFF00"]),
    ],
)
def test_short_commands_are_written_as_the_standard_shows_them(command, written):
    """With a body and without, with an answer asked for and without."""
    assert [one.hex().upper() for one in encode(command)] == written


def test_a_long_body_goes_in_a_chain():
    """600 bytes: two pieces of 255 that say more follows, the rest with Le."""
    pieces = encode(Command(0x87, 7, 0x9A, bytes(600)))
    assert [piece[:5].hex() for piece in pieces] == ["1087079aff", "1087079aff", "0087079a5a"]
    assert [len(piece) for piece in pieces] == [260, 260, 96]


def test_an_answer_is_gathered_to_its_end():
    """61xx asks for the rest with the length the card names."""
    card = Script("01026110", "03046102", "05069000")
    assert exchange(card.transmit, Command(0xCB, 0, 0)) == Answer(bytes.fromhex("010203040506"), 0x9000)
    assert card.heard[1:] == ["00C0000010", "00C0000002"]


def test_a_wrong_length_is_asked_again_with_the_right_one():
    """6Cxx names the length the card wants to be asked for."""
    card = Script("6C04", "010203049000")
    assert exchange(card.transmit, Command(0xCB, 0, 0)).content == bytes.fromhex("01020304")
    assert card.heard == ["00CB000000", "00CB000004"]


@pytest.mark.parametrize("line", ["6110", "6C10"])
def test_an_answer_without_end_is_given_up(line):
    """One real card says 61xx with no data for ever."""
    card = Script(line)
    with pytest.raises(CardError):
        exchange(card.transmit, Command(0xCB, 0, 0))
    assert len(card.heard) < 50


@pytest.mark.parametrize("line", ["", "90"])
def test_an_answer_without_a_status_is_none(line):
    """Less than two bytes is nothing to go by."""
    with pytest.raises(CardError):
        exchange(Script(line).transmit, Command(0xCB, 0, 0))


def test_a_chain_that_breaks_says_why():
    """The status of the piece that failed is the command's."""
    card = Script("9000", "6884", "9000")
    assert exchange(card.transmit, Command(0x87, 7, 0x9A, bytes(600))).status == 0x6884
    assert len(card.heard) == 2


@pytest.mark.parametrize(("status", "left"), [("63C2", 2), ("63C0", 0), ("6983", 0)])
def test_a_wrong_pin_says_how_many_tries_are_left(status, left):
    """63Cx and blocked, each by its number."""
    with pytest.raises(PinError) as wrong:
        PivSession(Script(status).transmit).verify(b"123456")
    assert wrong.value.attempts_remaining == left
    assert "123456" not in str(wrong.value)


@pytest.mark.parametrize("pin", [b"", b"12345", b"123456789", b"12345a", b"12345\xff", b"123456\n"])
def test_what_is_no_pin_never_reaches_the_card(pin):
    """It would cost a try."""
    card = Script("9000")
    with pytest.raises(ValueError, match="6 to 8 digits"):
        PivSession(card.transmit).verify(pin)
    assert not card.heard


def test_a_pin_is_padded_to_eight_bytes():
    """As the standard wants it."""
    card = Script("9000")
    PivSession(card.transmit).verify(bytearray(b"123456"))
    assert card.heard == ["0020008008313233343536FFFF"]


def test_a_pin_is_not_shown_in_a_command():
    """What is shown may end in a log."""
    assert "123456" not in repr(Command(0x20, 0, 0x80, b"123456"))


@pytest.mark.parametrize("size", [16_000, 16_500, 2_000_000])
def test_a_packed_certificate_is_unpacked_to_a_size_that_one_can_have(size):
    """A few bytes can hold gigabytes: of more than 16 kB nothing is kept."""
    packed = gzip.compress(bytes(size))
    content = tlv.encode(0x53, tlv.encode(0x70, packed) + tlv.encode(0x71, b"\x01"))
    card = Script(content.hex() + "9000")
    if size < 16_384:
        assert PivSession(card.transmit).certificate() == bytes(size)
        return
    tracemalloc.start()
    with pytest.raises(CardError, match="too large"):
        PivSession(card.transmit).certificate()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 200_000


@given(st.integers(0, 0xFE).filter(lambda tag: tag & 0x1F != 0x1F), st.binary(max_size=70_000))
def test_an_object_is_read_as_it_was_written(tag, value):
    """Of any length, short and long form."""
    assert tlv.decode(tlv.encode(tag, value)) == {tag: value}


@given(st.binary(max_size=300))
def test_no_bytes_are_more_than_a_value_error(value):
    """Whatever a card says."""
    try:
        tlv.decode(value)
    except ValueError:
        return


@pytest.mark.parametrize("value", ["5303700100", "70", "7081", "708401000000", "7080", "5F", "7002AA"])
def test_an_object_that_ends_too_early_is_none(value):
    """Lengths beyond the end, missing, indefinite, absurd."""
    with pytest.raises(ValueError, match=r"early|length|none|missing"):
        tlv.decode(bytes.fromhex(value) + (b"" if value != "5303700100" else b"\x70"))
