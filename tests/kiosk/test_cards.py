"""Cards that a kiosk can't use, and the habits of real cards that it can: each has its sentence and its log event."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from smartcard import scard
from structlog.testing import capture_logs

from demo.card.piv import PivCard
from demo.card.slot import Faults, Slot
from demo.card.uid import UidCard
from reader_kiosk import card_session, messages, number_reading, numbers
from reader_kiosk.hub_client import Reason
from reader_kiosk.screen import NotNow, Trouble
from tests.support.cards import Maker
from tests.support.kiosk_process import Corner, settled

SELECT, EMPTY_VERIFY, DISCOVERY = "00A404", "00200080", "00CB3FFF035C017E"
CERTIFICATE = "00CB3FFF055C035FC105"
READER = "Virtual PCD 00 00"
NOT_HERE = "このカードではログインできません"
KIND, NO_CERTIFICATE = "この種類のカードは使えません。", "このカードにはログイン用の証明書がありません。"
UNREADABLE = "カードを読み取れませんでした。"


class Habits:
    """A card that answers some commands in its own way."""

    def __init__(self, card: PivCard, **answers: str) -> None:
        self.card, self.atr = card, card.atr
        self.answers = {bytes.fromhex(sent.removeprefix("x")): bytes.fromhex(said) for sent, said in answers.items()}
        self.heard: list[str] = []

    def reset(self) -> None:
        """Lose the power."""
        self.card.reset()

    def answer(self, sent: bytes) -> bytes:
        """Answer one command."""
        self.heard.append(sent.hex().upper())
        said = next((said for begin, said in self.answers.items() if sent.startswith(begin)), None)
        is_empty_verify = sent[:4].hex() == EMPTY_VERIFY and len(sent) > 5
        return self.card.answer(sent) if said is None or is_empty_verify else said


REFUSED = {
    "no PIV: not found": ({SELECT: "6A82", "FFCA": "6A81"}, KIND, "select", "6A82"),
    "no PIV: no such command": ({"00": "6D00", "FF": "6E00"}, KIND, "select", "6D00"),
    "no certificate: not found": ({CERTIFICATE: "6A82"}, NO_CERTIFICATE, "certificate", "6A82"),
    "no certificate: no reference": ({CERTIFICATE: "6A88"}, NO_CERTIFICATE, "certificate", "6A88"),
    "no certificate: not readable": ({CERTIFICATE: "6982"}, NO_CERTIFICATE, "certificate", "6982"),
    "no certificate: empty": ({CERTIFICATE: "530270009000"}, NO_CERTIFICATE, "certificate", "9000"),
    "half an object": ({CERTIFICATE: "5382FFFF009000"}, UNREADABLE, "certificate", "9000"),
    "something else": ({CERTIFICATE: "5305700330010A9000"}, KIND, "hub", "9000"),
}


async def test_a_card_that_can_never_work_is_not_asked_to_try_again(corner: Corner, card_maker: Maker):
    """Each has its sentence, leads to the help desk, and gives one log event with numbers and nothing secret."""
    for name, (answers, sentence, step, status) in REFUSED.items():
        card = Habits(card_maker.card(), **answers)
        with capture_logs() as logs:
            await corner.slot.put_on(card)
            shown = await corner.front.screen("not-now", "pin")
            await corner.away()
        assert (shown["title"], shown["error"]) == (NOT_HERE, sentence), name
        (event,) = [one for one in logs if one["event"] == "kiosk.card-refused"]
        assert (event["step"], event["status"], event["atr"]) == (step, status, "3B80800101"), name
        assert event["reader"] == READER
        assert {"instruction", "sent", "received", "certificate", "reason", "error"} <= set(event)
    await corner.works(card_maker.card())


async def test_what_the_hub_refuses_is_logged_without_the_certificate(corner: Corner, card_maker: Maker):
    """Reason, reader and sizes; no name, no PIN, no certificate."""
    card = card_maker.card()
    corner.hub.refuse["begin"] = {"refused": "revoked"}
    with capture_logs() as logs:
        await corner.slot.put_on(card)
        await corner.front.screen("not-now")
        await corner.away()
    (event,) = [one for one in logs if one["event"] == "kiosk.card-refused"]
    assert (event["reason"], event["step"], event["certificate"]) == ("revoked", "hub", len(card.issued.der))
    assert card.issued.der.hex() not in str(logs).lower()
    assert "太郎" not in str(logs)


async def test_a_card_with_a_number_is_asked_for_nothing_else(corner: Corner, card_maker: Maker):
    """A card without PIV on a contactless reader still names somebody."""
    await corner.slot.put_on(UidCard(bytes.fromhex("04A1B2C3D4E5F6")))
    assert (await corner.front.screen("admitting", "not-now"))["screen"] == "admitting"


PUPI = "5C3A9911"
MEMORY, MEMORY_B = "3B8F8001804F0CA0000003060300030000000068", "3B8F8001804F0CA000000306050000000000006D"
PASSPORT, CPU_A = "3B888001E1F35E1177839500E7", "3B888001E1F35E1177839505E2"
NUMBERS = [
    (PUPI, MEMORY, False),
    (PUPI, MEMORY_B, True),
    (PUPI, PASSPORT, True),
    (PUPI, CPU_A, False),
    (PUPI, "", False),
    ("08A1B2C3", MEMORY, True),
    ("01FE5A5B5C5D5E5F", MEMORY, True),
    ("0114A1B2C3D4E5F6", MEMORY, False),
    ("04A1B2C3D4E5F6", PASSPORT, False),
]


@pytest.mark.parametrize(("number", "atr", "is_changing"), NUMBERS)
def test_a_number_that_changes_each_time_is_known_by_the_card(number: str, atr: str, is_changing: bool):
    """A type B card's four bytes look like any other's: its ATR tells."""
    assert numbers.is_changing(bytes.fromhex(number), bytes.fromhex(atr)) is is_changing


async def test_a_number_that_changes_each_time_is_not_told_to_the_hub(corner: Corner):
    """A passport or My Number card on a contactless reader."""
    await corner.slot.put_on(UidCard(bytes.fromhex(PUPI), atr=bytes.fromhex(PASSPORT)))
    shown = await corner.front.screen("admitting", "not-now")
    assert (shown["title"], shown["error"]) == (NOT_HERE, KIND)
    assert "name" not in corner.hub.asked


async def test_a_command_reads_the_numbers_of_cards(slot: Slot, capfd: pytest.CaptureFixture[str]):
    """One a line for the hub's file; what names nobody is told beside it and not printed."""
    reading = asyncio.create_task(asyncio.to_thread(number_reading.run, "", count=2))
    for number, atr in (("04A1B2C3D4E5F6", MEMORY), (PUPI, PASSPORT), ("0114A1B2C3D4E5F6", MEMORY)):
        await slot.put_on(UidCard(bytes.fromhex(number), atr=bytes.fromhex(atr)))
        await asyncio.sleep(0.6)
        await settled(lambda: not slot.is_powered)
        await slot.take_away()
        await asyncio.sleep(0.6)
    await asyncio.wait_for(reading, 5)
    said = capfd.readouterr()
    assert said.out.splitlines() == ["04A1B2C3D4E5F6", "0114A1B2C3D4E5F6"]
    assert f"{PUPI} changes each time" in said.err


@pytest.mark.parametrize("status", ["6700", "6300", "6305"])
async def test_a_card_without_a_counter_is_asked_for_its_pin_once(corner: Corner, card_maker: Maker, status: str):
    """It goes in with the right PIN. A wrong one may be the last but one: the visit ends without a second try."""
    await corner.works(Habits(card_maker.card(), **{EMPTY_VERIFY: status}))
    card = card_maker.card()
    await corner.slot.put_on(Silent(card, **{EMPTY_VERIFY: status}))
    await corner.front.pin("654321")
    shown = await corner.front.screen("not-now", "pin")
    assert "暗証番号が違います" in shown["error"]
    assert card.tries == 2


class Silent(Habits):
    """A card that never says how many tries are left."""

    def answer(self, sent: bytes) -> bytes:
        """Answer one command."""
        said = super().answer(sent)
        return bytes.fromhex("6300") if said[:1] == b"\x63" else said


async def test_a_card_that_prefers_the_global_pin_gets_it(corner: Corner, card_maker: Maker):
    """The PIN that was typed goes to the global reference, and the card's own PIN loses no try."""
    card = card_maker.card()
    both = GlobalPin(card)
    await corner.slot.put_on(both)
    await corner.front.pin("11111111")
    shown = await corner.front.screen("pin", "not-now")
    assert "暗証番号が違います" in shown["error"]
    await corner.front.act("pin", pin="87654321")
    await corner.front.screen("admitting", "not-now")
    assert corner.front.shown["screen"] == "admitting"
    assert card.tries == 3


class GlobalPin(Habits):
    """A card whose discovery object prefers the global PIN."""

    def __init__(self, card: PivCard) -> None:
        super().__init__(card, **{DISCOVERY: "7E055F2F0260209000"})
        self.tries = 3

    def answer(self, sent: bytes) -> bytes:
        """Answer one command."""
        if sent[:4] != bytes.fromhex("00200000"):
            return super().answer(sent)
        if sent[5:] == b"87654321":
            self.tries = 3
            return self.card.answer(bytes.fromhex("0020008008") + b"123456\xff\xff")
        self.tries -= len(sent) > 5
        return bytes([0x63, 0xC0 | self.tries])


async def test_a_card_that_another_program_has_is_read_when_it_is_free(
    corner: Corner, card_maker: Maker, monkeypatch: pytest.MonkeyPatch
):
    """For a moment nothing is said of it; then the screen says why, and goes on without the card being lifted."""
    monkeypatch.setattr(card_session, "_IN_USE_PATIENCE", 1.0)
    for seconds, screens in ((0.5, []), (1.5, ["not-now"])):
        corner.front.seen.clear()
        with another_program() as let_go:
            await corner.slot.put_on(card_maker.card())
            await corner.front.screen("working")
            asyncio.get_running_loop().call_later(seconds, let_go)
            await corner.front.pin()
            await corner.front.screen("admitting")
        assert [one for one in corner.front.seen if one == "not-now"] == screens
        await corner.away()


@contextmanager
def another_program() -> Iterator[Callable[[], None]]:
    """Hold the reader as another program of this machine; gives what lets it go."""
    _, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM)
    told, held, _ = scard.SCardConnect(context, READER, scard.SCARD_SHARE_DIRECT, 0)
    assert told == scard.SCARD_S_SUCCESS
    yield lambda: scard.SCardDisconnect(held, scard.SCARD_LEAVE_CARD)
    scard.SCardReleaseContext(context)


async def test_a_card_on_the_second_reader_is_read_when_the_first_is_taken(corner: Corner, card_maker: Maker):
    """It lies there already: nobody has to lift it."""
    await corner.slot.put_on(card_maker.card())
    await corner.front.screen("pin")
    second = Slot(corner.daemon.port + 1)
    await second.put_on(card_maker.card())
    await asyncio.sleep(0.6)
    await corner.slot.take_away()
    await corner.front.screen("idle")
    await corner.front.pin()
    await corner.front.screen("admitting")
    await second.take_away()


async def test_a_slow_signature_is_waited_for(corner: Corner, card_maker: Maker, monkeypatch: pytest.MonkeyPatch):
    """A step may take as long as the slowest card that is known, and the nonce lives as long."""
    assert card_session._CARD_PATIENCE == 30
    assert card_session._FRESH.total_seconds() + card_session._CARD_PATIENCE < 60
    await corner.slot.put_on(card_maker.card(), Faults(delay=0.1))
    await corner.front.pin()
    await corner.front.screen("admitting")


@pytest.mark.parametrize(
    ("why", "again"),
    [
        (Trouble.UNREADABLE, True),
        (Trouble.PIN_WRONG, True),
        (Reason.BUSY, True),
        (Trouble.DEFECTIVE, False),
        (Trouble.UNKNOWN_CARD, False),
        (Trouble.NO_CERTIFICATE, False),
        (Reason.UNSUITABLE, False),
        (Reason.WRONG_ANSWER, False),
    ],
)
def test_only_what_a_further_try_may_mend_asks_for_one(why: Reason | Trouble, again: bool):
    """Everything else leads to the help desk."""
    said = messages.shown(NotNow(why), "en")
    assert ("Please try again" in said.title) is again
    assert ("help desk" in said.text) is not again
