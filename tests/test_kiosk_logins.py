"""A login at a kiosk: the card, the hub, the browser, and what none of them is let through with."""

from datetime import timedelta

import pytest

from demo.card.authority import KeyKind
from models.kinds import Zone
from models.kiosk import KioskLogin
from models.session import Session
from reader_kiosk.hub_client import Admission, Reason, Refused
from tests.counters import Counter, Proof, go_in

KINDS = [KeyKind.P256, KeyKind.P384, KeyKind.RSA2048, KeyKind.RSA3072]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_card_of_each_kind_of_key_lets_its_member_in(counter_on_sqlite: Counter, kind: KeyKind):
    """P-256, P-384 and RSA of 2048 and 3072 bits: card, signature, browser, portal."""
    counter = counter_on_sqlite
    member = await counter.house.people.member()
    card = counter.issuer.card(kind=kind)
    await counter.bound(member, card)
    async with counter.house.person() as person:
        await counter.log_in(person, card)
        assert "taro" in person.text


async def test_what_a_card_opens_has_two_factors_and_the_kiosks_place(counter: Counter):
    """The session's amr is that of card and PIN, its zone the kiosk's, and it knows kiosk and login."""
    member = await counter.house.people.member()
    card = counter.issuer.card()
    await counter.bound(member, card)
    async with counter.house.person(address="203.0.113.9") as person:
        login_id = await counter.log_in(person, card)
    session = await Session.get(account_id=member.account.id)
    login = await KioskLogin.get(handle=login_id)
    assert (session.amr, session.zone, session.browser) == ("sc pin hwk mfa", Zone.ON_CAMPUS, "Library")
    assert (session.kiosk_login_id, session.kiosk_id) == (login.id, login.kiosk_id)


async def test_the_card_taken_away_ends_the_session(counter: Counter):
    """After /kiosk/end the browser's cookie is worth nothing; ending again is no error."""
    member = await counter.house.people.member()
    card = counter.issuer.card()
    await counter.bound(member, card)
    async with counter.house.person() as person:
        login_id = await counter.log_in(person, card)
        assert await counter.client.end(login_id) is None
        assert await counter.client.end(login_id) is None
        await person.open("/portal")
        assert person.page == "login"


async def test_a_code_lets_nobody_in_twice(counter: Counter):
    """The second browser with the same code and proof sees that the login is over."""
    member = await counter.house.people.member()
    card = counter.issuer.card()
    await counter.bound(member, card)
    proof = Proof()
    admission = await counter.admission(card, proof)
    async with counter.house.person() as first, counter.house.person() as second:
        await go_in(first, admission, proof)
        await go_in(second, admission, proof)
        assert (first.page, second.page) == ("portal", "kiosk-over")
    assert await Session.all().count() == 1


async def test_an_answer_is_heard_once(counter: Counter):
    """The same signature again, or a right one after a wrong one, is refused as over."""
    member = await counter.house.people.member()
    card = counter.issuer.card()
    await counter.bound(member, card)
    begun, proof = await counter.begun(card), Proof()
    wrong = await counter.answered(card, begun, proof=proof, signature=b"\x30\x06\x02\x01\x01\x02\x01\x01")
    assert wrong == Refused(Reason.WRONG_ANSWER)
    assert await counter.answered(card, begun, proof=proof) == Refused(Reason.LOGIN_OVER)
    begun = await counter.begun(card)
    assert isinstance(await counter.answered(card, begun, proof=proof), Admission)
    assert await counter.answered(card, begun, proof=proof) == Refused(Reason.LOGIN_OVER)


async def test_an_answer_after_a_minute_is_too_late(counter: Counter):
    """The nonce lives 60 s."""
    member = await counter.house.people.member()
    card = counter.issuer.card()
    await counter.bound(member, card)
    begun = await counter.begun(card)
    counter.house.clock.later(seconds=timedelta(seconds=61).total_seconds())
    assert await counter.answered(card, begun, proof=Proof()) == Refused(Reason.LOGIN_OVER)
