"""What happens at a kiosk from the card on the reader to the card in the hand, and what may go wrong in between."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from demo.card.authority import Authority, KeyKind, authority
from demo.card.piv import PivCard
from demo.card.slot import Faults, Slot
from demo.card.uid import UidCard
from reader_kiosk import card_session
from reader_kiosk.app import Kiosk
from reader_kiosk.policy import Wanted
from reader_kiosk.screen import Idle
from reader_kiosk.window import Window
from tests.support.cards import CardByOthers, Maker
from tests.support.fake_hub import played_hub
from tests.support.kiosk_process import DIGEST, Corner, corner_with, enrolled, settings_of, settled, standing

pytestmark = pytest.mark.slow

IN_PIECES = 7


@pytest.mark.parametrize("kind", [KeyKind.P256, KeyKind.P384, KeyKind.RSA2048, KeyKind.RSA3072])
async def test_a_card_and_its_pin_are_all_it_takes(corner: Corner, card_maker: Maker, kind):
    """Card on: the name and the PIN; then the browser's admission; card away: idle, and the login ends."""
    front = corner.front
    await corner.slot.put_on(card_maker.card(kind))
    shown = await front.screen("pin")
    assert shown["title"] == "手形 太郎 さん"
    assert not shown["error"]
    await front.act("pin", pin="123456")
    shown = await front.screen("admitting")
    assert shown["admission"]["url"] == f"{corner.hub.url}/kiosk/admit"
    assert not corner.hub.ended
    (login,) = corner.hub.logins.values()
    assert login.browser == DIGEST
    gone_at = asyncio.get_running_loop().time()
    await corner.slot.take_away()
    await front.screen("idle")
    await asyncio.wait_for(corner.hub.ended_event.wait(), 5)
    # Half a second on a machine of its own; here other tests run beside it.
    assert asyncio.get_running_loop().time() - gone_at < 2
    assert corner.hub.ended == [login.id]


async def test_a_card_by_others_logs_in_too(corner: Corner, issuer: Authority, tmp_path):
    """The whole visit with a card that somebody else wrote."""
    await corner.works(CardByOthers(issuer, tmp_path))


async def test_nothing_secret_goes_to_the_hub(corner: Corner, card_maker: Maker):
    """The hub is told neither the PIN nor the page's token."""
    await corner.works(card_maker.card())
    told = str(corner.hub.said)
    assert "123456" not in told
    assert corner.front.token not in told


async def test_a_wrong_pin_is_told_with_what_is_left_here(corner: Corner, card_maker: Maker):
    """Of three tries the kiosk offers two; the right PIN after a wrong one logs in."""
    card = card_maker.card()
    await corner.slot.put_on(card)
    await corner.front.pin("654321")
    shown = await corner.front.screen("pin")
    assert "あと1回" in shown["error"]
    assert card.tries == 2
    await corner.front.act("pin", pin="123456")
    await corner.front.screen("admitting")
    assert card.tries == 3


async def test_the_last_try_is_never_spent(corner: Corner, card_maker: Maker):
    """After two wrong PINs the kiosk asks no more, nor when the card comes again: one try is left."""
    card = card_maker.card()
    for _ in range(2):
        await corner.slot.put_on(card)
        shown = await corner.front.screen("pin", "not-now")
        while shown["screen"] == "pin":
            await corner.front.act("pin", pin="654321")
            shown = await corner.front.screen("pin", "not-now")
        assert "最後の1回" in shown["error"]
        await corner.away()
    assert card.tries == 1
    assert "answer" not in corner.hub.asked
    await corner.works(card_maker.card())


async def test_a_blocked_card_is_named_and_no_pin_asked(corner: Corner, card_maker: Maker):
    """A card whose PIN is blocked says so before anybody types."""
    await corner.slot.put_on(card_maker.card(tries=0))
    shown = await corner.front.screen("pin", "not-now")
    assert "ロック" in shown["error"]
    await corner.away()
    await corner.works(card_maker.card())


async def test_what_is_no_pin_costs_no_try(corner: Corner, card_maker: Maker):
    """Letters, five digits, nothing: none of it reaches the card."""
    card = card_maker.card()
    await corner.slot.put_on(card)
    await corner.front.screen("pin")
    for typed in ("12345", "", "abcdef", "１２３４５６"):
        await corner.front.act("pin", pin=typed)
    await corner.front.act("pin", pin="123456")
    await corner.front.screen("admitting")
    assert corner.slot.commands < 10


@pytest.mark.parametrize("kind", [KeyKind.P256, KeyKind.RSA2048])
async def test_a_card_pulled_at_any_command_leaves_an_idle_kiosk(corner: Corner, card_maker: Maker, kind):
    """Wherever the card goes: idle again, every login that began ends, the next card works."""
    await corner.works(card_maker.card(kind))
    commands = corner.slot.commands
    assert commands >= IN_PIECES - 1
    for number in range(1, commands + 1):
        await corner.slot.put_on(card_maker.card(kind), Faults(pulled_at=number))
        shown = await corner.front.screen("pin", "idle")
        if shown["screen"] == "pin":
            await corner.front.act("pin", pin="123456")
            shown = await corner.front.screen("idle", "admitting")
        assert shown["screen"] == "idle", number
        # The daemon looks every 400 ms, and has to have seen the reader empty.
        await asyncio.sleep(0.45)
    await corner.works(card_maker.card(kind))
    assert len(corner.hub.admitted) == 0
    await settled(lambda: set(corner.hub.ended) == set(corner.hub.logins))


async def test_a_card_pulled_while_the_pin_is_asked_ends_the_login(corner: Corner, card_maker: Maker):
    """Nobody typed yet: idle at once, and the hub is told."""
    await corner.slot.put_on(card_maker.card())
    await corner.front.screen("pin")
    await corner.slot.take_away()
    await corner.front.screen("idle")
    await asyncio.wait_for(corner.hub.ended_event.wait(), 2)
    await corner.works(card_maker.card())


async def test_a_slow_card_is_waited_for(corner: Corner, card_maker: Maker):
    """A card that takes its time with each command logs in all the same."""
    await corner.slot.put_on(card_maker.card(), Faults(delay=0.15))
    await corner.front.pin()
    await corner.front.screen("admitting")


async def test_a_card_that_never_ends_its_answer_is_given_up(corner: Corner, card_maker: Maker):
    """61xx without data, for ever, as one real card says: a sentence, not a loop."""
    await corner.slot.put_on(Endless())
    shown = await corner.front.screen("not-now")
    assert shown["error"] == "カードを読み取れませんでした。"
    await corner.away()
    await corner.works(card_maker.card())


async def test_what_a_card_says_is_believed_in_form_only(corner: Corner, card_maker: Maker):
    """Garbage where a certificate should be, half an object, nothing: each ends in a sentence."""
    for nonsense in (bytes.fromhex("5303700100"), bytes.fromhex("5382FFFF00"), b""):
        await corner.slot.put_on(Nonsense(nonsense))
        shown = await corner.front.screen("not-now")
        assert shown["error"] == "カードを読み取れませんでした。"
        await corner.away()
    await corner.works(card_maker.card())


async def test_a_packed_certificate_is_unpacked(corner: Corner, card_maker: Maker):
    """Many cards keep their certificate gzipped."""
    card = card_maker.card(is_compressed=True)
    await corner.works(card)
    (login,) = corner.hub.logins.values()
    assert login.certificate == card.issued.certificate


async def test_a_bad_signature_is_refused_by_the_hub_and_told(corner: Corner, card_maker: Maker):
    """A card that signs something else than it was asked to."""
    await corner.slot.put_on(card_maker.card(spoils_signature=True))
    await corner.front.pin()
    shown = await corner.front.screen("not-now", "admitting")
    assert "署名" in shown["error"]
    await corner.away()
    await corner.works(card_maker.card())


async def test_a_copied_certificate_is_worth_nothing_without_its_key(corner: Corner, card_maker: Maker, issuer):
    """Somebody's certificate on another card: the signature doesn't fit."""
    other = issuer.card("Somebody", KeyKind.P256, now=datetime.now(UTC))
    await corner.slot.put_on(card_maker.card(key=other.key))
    await corner.front.pin()
    shown = await corner.front.screen("not-now", "admitting")
    assert "署名" in shown["error"]
    assert not corner.hub.admitted


@pytest.mark.parametrize(("reason", "word"), [("expired", "有効期限"), ("throttled", "しばらくして")])
async def test_what_the_hub_refuses_is_said_before_the_pin(corner: Corner, card_maker: Maker, reason, word):
    """A refusal by its name, without a PIN, and the kiosk goes on working."""
    corner.hub.refuse["begin"] = {"refused": reason, "retry_after": 5}
    await corner.slot.put_on(card_maker.card())
    shown = await corner.front.screen("not-now", "pin")
    assert word in shown["error"]
    await corner.away()
    del corner.hub.refuse["begin"]
    await corner.works(card_maker.card())


async def test_cards_that_no_hub_takes_reach_it_as_they_are(corner: Corner):
    """Expired, of a foreign issuer, with a key too weak: the kiosk judges none of it, it hands the certificate on."""
    now = datetime.now(UTC)
    foreign = authority("Elsewhere", now=now)
    cards = [
        foreign.card("Expired", KeyKind.P256, now=now, life=timedelta(days=-1)),
        foreign.card("Weak", KeyKind.RSA1024, now=now),
    ]
    corner.hub.refuse["begin"] = {"refused": "foreign-ca"}
    for issued in cards:
        await corner.slot.put_on(PivCard(issued))
        shown = await corner.front.screen("not-now")
        assert "発行" in shown["error"]
        await corner.away()


async def test_a_hub_that_is_down_is_named_and_back_again(corner: Corner, card_maker: Maker):
    """No hub: a sentence, not a mystery; when it is there again the next card works."""
    await corner.house.close()
    await corner.slot.put_on(card_maker.card())
    shown = await corner.front.screen("not-now")
    assert shown["error"] == "認証サーバーに接続できません。"
    await corner.house.open()
    await corner.away()
    await corner.works(card_maker.card())


async def test_a_hub_that_restarts_in_mid_login_forgets_it(corner: Corner, card_maker: Maker):
    """Between card and PIN the hub loses the login: too late, try again; and the next login works."""
    await corner.slot.put_on(card_maker.card())
    await corner.front.screen("pin")
    await corner.house.close()
    corner.hub.logins.clear()
    await corner.house.open()
    await corner.front.act("pin", pin="123456")
    shown = await corner.front.screen("not-now", "admitting")
    assert "時間がかかりすぎました" in shown["error"]
    await corner.away()
    await corner.works(card_maker.card())


async def test_an_end_that_nobody_heard_is_said_again(corner: Corner, card_maker: Maker):
    """The card goes while the hub is down: idle at once, and the session ends when the hub is back."""
    await corner.slot.put_on(card_maker.card())
    await corner.front.pin()
    await corner.front.screen("admitting")
    await corner.house.close()
    await corner.slot.take_away()
    await corner.front.screen("idle", timeout=1.5)
    assert not corner.hub.ended
    await corner.house.open()
    await asyncio.wait_for(corner.hub.ended_event.wait(), 5)
    assert corner.hub.ended == list(corner.hub.logins)


async def test_a_slow_hub_is_waited_for_and_then_named(corner: Corner, card_maker: Maker):
    """Half a second is borne; beyond five the hub can't be reached."""
    corner.hub.delay = 0.4
    await corner.works(card_maker.card())
    corner.hub.delay = 6
    await corner.slot.put_on(card_maker.card())
    shown = await corner.front.screen("not-now", timeout=15)
    assert shown["error"] == "認証サーバーに接続できません。"


@pytest.mark.parametrize("told", [(200, "{}"), (200, "no json"), (502, "<html>"), (403, '{"refused": "mystery"}')])
async def test_an_answer_that_makes_no_sense_is_no_answer(corner: Corner, card_maker: Maker, told):
    """A proxy's page, half an object, a refusal nobody knows."""
    corner.hub.garbage["begin"] = told
    await corner.slot.put_on(card_maker.card())
    shown = await corner.front.screen("not-now")
    assert shown["error"] == "認証サーバーに接続できません。"


async def test_the_browser_is_led_to_the_hub_and_nowhere_else(corner: Corner, card_maker: Maker):
    """An answer that names another address gets no code from this kiosk's page."""
    corner.hub.garbage["answer"] = (200, '{"admission_code": "x", "url": "https://elsewhere.example/kiosk/admit"}')
    await corner.slot.put_on(card_maker.card())
    await corner.front.pin()
    shown = await corner.front.screen("not-now", "admitting")
    assert "admission" not in shown


def test_a_reader_that_nobody_looked_for_yet_is_not_missing():
    """A kiosk that starts says nothing of readers before it has looked: it isn't out of order for a moment."""
    kiosk = Kiosk(parts=None, window=Window(None), wanted=Wanted("https://hub.example", "http://127.0.0.1:1"))
    assert kiosk._idle() == Idle()


async def test_a_clock_that_is_off_is_told_by_how_much(corner: Corner, card_maker: Maker):
    """An hour: whoever puts a card on is told so, in minutes, and so is the next, until it is right."""
    # The first look at the hub is judged by the right clock; asked is not judged yet.
    await settled(lambda: bool(corner.hub.nonces))
    corner.hub.later = timedelta(hours=1)
    await corner.slot.put_on(card_maker.card())
    shown = await corner.front.screen("out-of-order", "pin")
    assert shown["text"] == "端末の時計が60分ずれています。"
    # The daemon does not see a card go that is pulled in the very moment its power is taken.
    await settled(lambda: not corner.slot.is_powered)
    await corner.slot.take_away()
    await corner.front.screen("idle")
    await corner.front.screen("out-of-order")
    corner.hub.later = timedelta()
    await corner.front.screen("idle")
    await corner.works(card_maker.card())


async def test_whoever_thinks_about_their_pin_gets_a_new_nonce(corner: Corner, card_maker: Maker, monkeypatch):
    """The hub's nonce lives a minute: after a long while a new one is asked for, and that is what the card signs."""
    monkeypatch.setattr(card_session, "_FRESH", timedelta(0))
    await corner.slot.put_on(card_maker.card())
    await corner.front.pin()
    await corner.front.screen("admitting")
    first, second = corner.hub.logins.values()
    assert not first.answered
    assert second.answered
    await corner.slot.take_away()
    await settled(lambda: corner.hub.ended == [second.id])


async def test_a_kiosk_may_be_switched_on_before_its_hub_and_its_reader(daemon, slot, tmp_path, card_maker: Maker):
    """No hub and no daemon at the start: the screen says so, and once both are there somebody logs in."""
    async with played_hub() as house:
        made = enrolled(house.hub)
        await house.close()
        await daemon.stop()
        async with standing(settings_of(tmp_path), made) as front:
            await front.screen("out-of-order")
            await house.open()
            await daemon.start()
            await front.screen("idle")
            await slot.put_on(card_maker.card())
            await front.pin()
            await front.screen("admitting")


async def test_an_idle_kiosk_says_that_it_is_out_of_order(daemon, slot, tmp_path, card_maker: Maker):
    """A clock an hour off: the screen says so before anybody puts a card on, and takes it back by itself."""
    async with played_hub() as house:
        identity = enrolled(house.hub)
        house.hub.later = timedelta(hours=1)
        async with standing(settings_of(tmp_path), identity) as front:
            shown = await front.screen("out-of-order")
            while "カードリーダー" in shown["text"]:
                shown = await front.screen("out-of-order")
            assert shown["text"] == "端末の時計が60分ずれています。"
            house.hub.later = timedelta()
            await front.screen("idle")
            await slot.put_on(card_maker.card())
            await front.screen("pin")


async def test_a_revoked_kiosk_says_so(corner: Corner, card_maker: Maker):
    """Taken out of service: no PIN is asked."""
    corner.hub.refuse["begin"] = {"refused": "kiosk-revoked"}
    await corner.slot.put_on(card_maker.card())
    while (await corner.front.screen("out-of-order"))["text"] != "端末の利用が停止されました。":
        pass
    assert "pin" not in corner.front.seen


async def test_the_daemon_may_be_killed_and_come_back(corner: Corner, card_maker: Maker):
    """In the middle of a login: idle, no reader, and when the daemon is there again the next card works."""
    await corner.slot.put_on(card_maker.card())
    await corner.front.screen("pin")
    await corner.daemon.stop(at_once=True)
    shown = await corner.front.screen("out-of-order")
    assert "カードリーダー" in shown["text"]
    await corner.slot.take_away()
    await corner.daemon.start()
    await corner.front.screen("idle")
    await corner.works(card_maker.card())


async def test_a_reader_may_go_and_come_back(corner: Corner, card_maker: Maker):
    """Unplugged and plugged in again."""
    await corner.daemon.stop()
    await corner.front.screen("out-of-order")
    await corner.daemon.start(has_reader=False)
    await asyncio.sleep(1)
    await corner.daemon.stop()
    await corner.daemon.start()
    await corner.front.screen("idle")
    await corner.works(card_maker.card())


async def test_nobody_there_for_a_while_ends_the_login(daemon, slot, tmp_path, card_maker: Maker):
    """First the screen asks to take the card, then the login ends; put on again, the card logs in."""
    async with corner_with(daemon, slot, tmp_path, remind=0.3, idle=0.9) as corner:
        await slot.put_on(card_maker.card())
        shown = await corner.front.screen("pin")
        assert not shown["reminder"]
        shown = await corner.front.screen("pin")
        assert "あと{seconds}秒で終了します。続けるには画面に触れてください。" in shown["reminder"]
        await corner.front.screen("take-card")
        await asyncio.wait_for(corner.hub.ended_event.wait(), 2)
        await corner.away()
        await corner.works(card_maker.card())


async def test_a_touch_puts_the_end_off(daemon, slot, tmp_path, card_maker: Maker):
    """Whoever touches something is still there, and the reminder goes."""
    async with corner_with(daemon, slot, tmp_path, remind=0.4, idle=0.8) as corner:
        await slot.put_on(card_maker.card())
        await corner.front.screen("pin")
        for _ in range(4):
            await asyncio.sleep(0.3)
            await corner.front.act("touch")
        await corner.front.act("pin", pin="123456")
        await corner.front.screen("admitting")
        assert "take-card" not in corner.front.seen


async def test_cancelling_ends_the_login(corner: Corner, card_maker: Maker):
    """Cancel: the card may be taken, nothing is left, and the screen does not blame a pause."""
    await corner.slot.put_on(card_maker.card())
    await corner.front.screen("pin")
    await corner.front.act("cancel")
    shown = await corner.front.screen("take-card")
    assert shown["text"] == "ログインを取りやめました。"
    await asyncio.wait_for(corner.hub.ended_event.wait(), 2)


async def test_the_members_language_is_spoken_and_forgotten(corner: Corner, card_maker: Maker):
    """The account's language from the name on, another by the button, and the kiosk's own for the next one."""
    corner.hub.language = "en"
    await corner.slot.put_on(card_maker.card())
    shown = await corner.front.screen("pin")
    assert shown["text"] == "Please enter your card's PIN."
    await corner.front.act("language", language="ja")
    shown = await corner.front.screen("pin")
    assert shown["text"] == "カードの暗証番号を入力してください。"
    await corner.front.act("language", language="en")
    await corner.slot.take_away()
    shown = await corner.front.screen("idle")
    assert shown["language"] == "ja"


async def test_a_language_chosen_before_the_card_stays(corner: Corner, card_maker: Maker):
    """A person who presses "English" on the idle screen and puts a card on reads English; the next person does not."""
    await corner.front.act("language", language="en")
    await corner.slot.put_on(card_maker.card())
    shown = await corner.front.screen("pin")
    assert shown["text"] == "Please enter your card's PIN."
    await corner.front.act("cancel")
    shown = await corner.front.screen("take-card")
    assert shown["text"] == "The login was cancelled."
    await corner.slot.take_away()
    shown = await corner.front.screen("idle")
    assert shown["language"] == "ja"
    await corner.slot.put_on(card_maker.card())
    shown = await corner.front.screen("pin")
    assert shown["language"] == "ja"


async def test_a_language_chosen_without_a_card_is_forgotten(daemon, slot, tmp_path):
    """The person who chose it has left: the idle screen shows the kiosk's own language again."""
    async with corner_with(daemon, slot, tmp_path, remind=0.1, idle=0.3) as corner:
        await corner.front.act("language", language="en")
        while (await corner.front.screen("idle"))["language"] != "en":
            pass
        assert (await corner.front.screen("idle"))["language"] == "ja"


async def test_a_card_without_a_key_only_names_somebody(corner: Corner, card_maker: Maker):
    """No PIN is asked: the hub is told the number, and the browser goes on there."""
    await corner.slot.put_on(UidCard(bytes.fromhex("04A1B2C3D4E5F6")))
    shown = await corner.front.screen("admitting", "not-now")
    assert shown["screen"] == "admitting"
    assert corner.hub.said[-1]["uid"] == "04A1B2C3D4E5F6"
    assert "pin" not in corner.front.seen
    await corner.away()
    await asyncio.wait_for(corner.hub.ended_event.wait(), 2)
    await corner.works(card_maker.card())


async def test_a_second_card_waits_its_turn(corner: Corner, card_maker: Maker):
    """While somebody is logging in, a card on the other reader changes nothing."""
    await corner.slot.put_on(card_maker.card())
    await corner.front.screen("pin")
    second = Slot(corner.daemon.port + 1)
    await second.put_on(card_maker.card())
    await asyncio.sleep(0.6)
    await corner.front.act("pin", pin="123456")
    await corner.front.screen("admitting")
    await second.take_away()
    await asyncio.sleep(0.6)
    assert not corner.hub.ended


async def test_somebody_elses_verified_pin_is_not_inherited(corner: Corner, card_maker: Maker):
    """A card on which a PIN counts as verified already loses its power first, and asks for the PIN."""
    card = Verified(card_maker.card())
    await corner.slot.put_on(card)
    shown = await corner.front.screen("pin", "not-now", "admitting")
    assert shown["screen"] == "pin"
    assert card.resets > 1


class Verified:
    """A card that says, until its power is taken, that a PIN was verified."""

    def __init__(self, card: PivCard) -> None:
        self.card, self.atr, self.resets = card, card.atr, 0
        self._is_fresh = False

    def reset(self) -> None:
        self.resets += 1
        self.card.reset()

    def answer(self, sent: bytes) -> bytes:
        if sent[:4] == bytes.fromhex("00200080") and len(sent) <= 5 and not self._is_fresh:
            self._is_fresh = True
            self.resets = 1
            return bytes.fromhex("9000")
        return self.card.answer(sent)


class Endless:
    """A card whose answer never ends."""

    atr = bytes.fromhex("3B80800101")

    def reset(self) -> None:
        """Nothing to forget."""

    def answer(self, sent: bytes) -> bytes:
        return bytes.fromhex("9000") if sent[1] == 0xA4 else bytes.fromhex("6110")


class Nonsense:
    """A card with something else where its certificate should be."""

    atr = bytes.fromhex("3B80800101")

    def __init__(self, content: bytes) -> None:
        self._content = content

    def reset(self) -> None:
        """Nothing to forget."""

    def answer(self, sent: bytes) -> bytes:
        return (self._content if sent[1] == 0xCB else b"") + bytes.fromhex("9000")
