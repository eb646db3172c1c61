"""Commands to a card in pieces, answers from it in pieces, and the objects in them."""

import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.security import certificate_validation
from reader_kiosk import piv, tlv
from reader_kiosk.apdu import Answer, Command, Trace, encode, exchange
from reader_kiosk.errors import CardError, DefectiveCardError, NoCardApplicationError, NoCertificateError, PinError
from reader_kiosk.piv import PinState, PivSession


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
    plain = b"\x30" + bytes(size - 1)
    packed = gzip.compress(plain)
    content = tlv.encode(0x53, tlv.encode(0x70, packed) + tlv.encode(0x71, b"\x01"))
    card = Script(content.hex() + "9000")
    if size < 16_384:
        assert PivSession(card.transmit).certificate() == plain
        return
    tracemalloc.start()
    with pytest.raises(CardError, match="too large"):
        PivSession(card.transmit).certificate()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 200_000


DER = tlv.encode(0x30, bytes(3000))


@pytest.mark.parametrize("info", ["00", "01", "80", "81", ""])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, zlib.compress])
def test_a_certificate_is_read_whatever_the_card_says_of_its_packing(info, pack):
    """Plain, gzip and zlib: the content shows which; CertInfo is written in several ways, or not at all."""
    parts = tlv.encode(0x70, pack(DER)) + (tlv.encode(0x71, bytes.fromhex(info)) if info else b"")
    card = Script(tlv.encode(0x53, parts).hex() + "9000")
    assert PivSession(card.transmit).certificate() == DER


@pytest.mark.parametrize("size", [7, 100, 255])
def test_a_certificate_comes_in_pieces_of_any_size(size):
    """3 kB in pieces of 100 bytes, and of less."""
    content = tlv.encode(0x53, tlv.encode(0x70, DER))
    pieces = [content[at : at + size].hex() for at in range(0, len(content), size)]
    card = Script(*[f"{one}61{size:02X}" for one in pieces[:-1]], f"{pieces[-1]}9000")
    assert PivSession(card.transmit).certificate() == DER


def test_an_answer_of_more_than_any_object_has_is_given_up():
    """Full pieces without an end."""
    card = Script("00" * 255 + "61FF")
    with pytest.raises(DefectiveCardError):
        exchange(card.transmit, Command(0xCB, 0, 0))
    assert len(card.heard) < 200


@pytest.mark.parametrize("status", ["9000", "6283", "6281"])
def test_a_selected_application_may_come_with_a_warning(status):
    """62xx beside an answer is a warning."""
    card = Script("61024F00" + status)
    PivSession(card.transmit).select()
    assert len(card.heard) == 1


@pytest.mark.parametrize(
    ("step", "status", "error"),
    [
        ("select", "6A82", NoCardApplicationError),
        ("select", "6D00", NoCardApplicationError),
        ("select", "6E00", NoCardApplicationError),
        ("select", "6283", NoCardApplicationError),
        ("select", "6F00", CardError),
        ("certificate", "6A82", NoCertificateError),
        ("certificate", "6A88", NoCertificateError),
        ("certificate", "6982", NoCertificateError),
        ("certificate", "530270009000", NoCertificateError),
        ("certificate", "53009000", DefectiveCardError),
        ("certificate", "530370010000", DefectiveCardError),
        ("certificate", "9000", DefectiveCardError),
        ("certificate", "6D00", DefectiveCardError),
        ("certificate", "6581", CardError),
        ("certificate", "6F00", CardError),
        ("attempts_remaining", "6581", CardError),
    ],
)
def test_what_no_further_try_mends_is_told_apart_from_a_fault_of_the_moment(step, status, error):
    """Each kind of failure before the PIN by its own name."""
    session = PivSession(Script(status).transmit)
    with pytest.raises(CardError) as failed:
        getattr(session, step)()
    assert type(failed.value) is error


@pytest.mark.parametrize(
    ("status", "left"),
    [
        ("63C3", 3),
        ("63CF", 15),
        ("6983", 0),
        ("6984", 0),
        ("9000", PinState.VERIFIED),
        ("6700", PinState.UNCOUNTED),
        ("6300", PinState.UNCOUNTED),
        ("6305", PinState.UNCOUNTED),
        ("6982", PinState.UNCOUNTED),
    ],
)
def test_a_card_may_tell_how_many_tries_are_left_or_not(status, left):
    """Some cards don't answer the question, which is no reason to refuse them."""
    assert PivSession(Script(status).transmit).attempts_remaining() == left


@pytest.mark.parametrize("status", ["6300", "6305", "6982"])
def test_a_wrong_pin_without_a_count_is_a_wrong_pin(status):
    """How many tries are left is then not known."""
    with pytest.raises(PinError) as wrong:
        PivSession(Script(status).transmit).verify(b"123456")
    assert wrong.value.attempts_remaining is None


@pytest.mark.parametrize(
    ("discovery", "reference"),
    [
        ("7E055F2F0260209000", "00"),
        ("7E124F0BA0000003080000100001005F2F0260209000", "00"),
        ("7E055F2F0260109000", "80"),
        ("7E055F2F0240009000", "80"),
        ("7E055F2F0220009000", "00"),
        ("7E055F2F0278209000", "00"),
        ("6A82", "80"),
        ("6D00", "80"),
        ("9000", "80"),
        ("7E009000", "80"),
        ("7E035F2F009000", "80"),
    ],
)
def test_the_pin_goes_to_the_one_that_the_card_prefers(discovery, reference):
    """The discovery object names the global PIN or the card's own; without one it is the card's own."""
    card = Script(discovery, "63C3", "63C2")
    session = PivSession(card.transmit)
    session.choose_pin()
    session.attempts_remaining()
    with pytest.raises(PinError):
        session.verify(b"87654321")
    assert card.heard == ["00CB3FFF035C017E00", f"002000{reference}", f"002000{reference}083837363534333231"]


def test_a_session_notes_numbers_and_nothing_that_was_said():
    """Instruction, status and sizes of the last command; the size of a PIN is always the same."""
    session = PivSession(Script("01026103", "0304056A80").transmit)
    with pytest.raises(CardError):
        session.certificate()
    assert session.trace == Trace(instruction=0xCB, status=0x6A80, sent=5, received=5)
    for pin in (b"123456", b"12345678"):
        session = PivSession(Script("9000").transmit)
        session.verify(pin)
        assert session.trace == Trace(instruction=0x20, status=0x9000, sent=8, received=0)


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


def test_kiosk_and_hub_take_certificates_of_the_same_size():
    """What can be bound can be read at a kiosk."""
    assert piv.LARGEST_CERTIFICATE == certificate_validation.LARGEST_CERTIFICATE
