"""A login at a kiosk: the card, the hub, the browser, and what none of them is let through with."""

import os
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tortoise.connection import get_connections

from demo.card.authority import Issued, KeyKind
from hub.accounts import accounts
from hub.cards import binding, ic_cards, kiosks
from hub.domain.outcomes import Done, KioskReason
from hub.login import card_login
from hub.maintenance import checks, jobs
from hub.recovery import disavow
from hub.security import certificate_validation
from hub.settings import NUMBERS
from models.account import Account
from models.delivery import Delivery
from models.event import Event
from models.kinds import EventKind, Notice, Zone
from models.kiosk import Kiosk, KioskLogin, KioskNonce
from models.session import Session
from reader_kiosk import hub_client
from reader_kiosk.hub_client import Admission, Begun, Reason, Refused
from reader_kiosk.signing import card_message
from tests.hub.test_certificates import LEAF, made, odd_certificates, padding_of
from tests.support.factory import People
from tests.support.journeys import press_twice, rows
from tests.support.kiosk_hub import ORIGIN, START, Counter, Proof, counter_with, go_in, issuer_in, signed, sqlite_copy

KINDS = [KeyKind.P256, KeyKind.P384, KeyKind.RSA2048, KeyKind.RSA3072]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_card_of_each_kind_of_key_lets_its_member_in(counter_on_sqlite: Counter, kind: KeyKind) -> None:
    """P-256, P-384 and RSA of 2048 and 3072 bits: card, signature, browser, portal."""
    counter = counter_on_sqlite
    member = await counter.house.people.member()
    card = counter.issuer.card(kind=kind)
    await counter.bound(member, card)
    async with counter.house.person() as person:
        await counter.log_in(person, card)
        assert "taro" in person.text


async def test_what_a_card_opens_has_two_factors_and_the_kiosks_place(counter: Counter) -> None:
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


async def test_the_card_taken_away_ends_the_session(counter: Counter) -> None:
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


async def test_a_code_lets_nobody_in_twice(counter: Counter) -> None:
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


async def test_an_answer_is_heard_once(counter: Counter) -> None:
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


async def test_an_answer_after_a_minute_is_too_late(counter: Counter) -> None:
    """The nonce lives 60 s."""
    member = await counter.house.people.member()
    card = counter.issuer.card()
    await counter.bound(member, card)
    begun = await counter.begun(card)
    counter.house.clock.later(seconds=timedelta(seconds=61).total_seconds())
    assert await counter.answered(card, begun, proof=Proof()) == Refused(Reason.LOGIN_OVER)


async def bound_card(counter: Counter, **more: Any) -> Issued:
    """A member's card."""
    member = await counter.house.people.member()
    card = counter.issuer.card(**more)
    await counter.bound(member, card)
    return card


FAULTS: dict[str, tuple[dict[str, Any], Reason]] = {
    "expired": ({"life": timedelta(days=-1)}, Reason.EXPIRED),
    "weak": ({"kind": KeyKind.RSA1024}, Reason.WEAK_KEY),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_card_that_is_no_good_is_refused_by_name_before_the_pin(counter_on_sqlite: Counter, fault: str) -> None:
    """Bound or not, `begin` says why, no login is written, and the audit knows the card, the kiosk and the reason."""
    more, reason = FAULTS[fault]
    card = await bound_card(counter_on_sqlite, **more)
    assert await counter_on_sqlite.client.begin(card.der) == Refused(reason)
    assert not await KioskLogin.exists()
    told = await Event.get(kind=EventKind.CARD_REFUSED)
    assert f'"reason": "{reason}"' in told.detail
    assert '"kiosk": "Library"' in told.detail


async def test_a_foreign_card_is_refused(counter_on_sqlite: Counter, tmp_path: Path) -> None:
    """Of a CA that isn't pinned, though somebody bound it."""
    card = issuer_in(tmp_path / "foreign").card()
    await counter_on_sqlite.bound(await counter_on_sqlite.house.people.member(), card)
    assert await counter_on_sqlite.client.begin(card.der) == Refused(Reason.FOREIGN_CA)


async def test_a_card_that_its_ca_revoked_is_refused_from_then_on(database_url: str, tmp_path: Path) -> None:
    """The list is read anew while the hub runs."""
    crl = tmp_path / "issuer" / "cards.crl"
    issuer_in(tmp_path / "issuer").revoke()
    async with counter_with(database_url, tmp_path, card_crls=str(crl)) as counter:
        # The counter's issuer is a new one: its list is written anew, too.
        counter.issuer.revoke()
        card = await bound_card(counter)
        await counter.begun(card)
        counter.issuer.revoke(card)
        os.utime(crl, ns=(1, 1))
        assert await counter.client.begin(card.der) == Refused(Reason.REVOKED)


async def test_without_a_current_list_the_hub_may_be_told_to_take_nobody(sqlite_template: Path, tmp_path: Path) -> None:
    """`current`: it is the hub that can't, so the kiosk says to try again, not that the card is bad."""
    async with counter_with(sqlite_copy(sqlite_template, tmp_path), tmp_path, card_revocation="current") as counter:
        card = await bound_card(counter)
        assert await counter.client.begin(card.der) == Refused(Reason.BUSY, retry_after=30)


async def test_a_card_nobody_bound_is_refused(counter: Counter) -> None:
    """Good, and nobody's."""
    assert await counter.client.begin(counter.issuer.card().der) == Refused(Reason.NOT_BOUND)


async def test_a_second_certificate_of_the_same_key_is_not_the_bound_one(counter_on_sqlite: Counter) -> None:
    """The fingerprint of the certificate is bound, not name or key."""
    card = await bound_card(counter_on_sqlite)
    again = counter_on_sqlite.issuer.card(key=card.key)
    assert await counter_on_sqlite.client.begin(again.der) == Refused(Reason.NOT_BOUND)


async def test_a_copied_certificate_on_another_card_answers_wrong(counter: Counter) -> None:
    """Anybody may show somebody's certificate; only its key's card signs."""
    card, other = await bound_card(counter), counter.issuer.card()
    begun = await counter.begun(card)
    message = card_message(counter.client.kiosk_id, begun.login_id, begun.nonce)
    told = await counter.answered(card, begun, proof=Proof(), signature=signed(other, message))
    assert told == Refused(Reason.WRONG_ANSWER)
    wrong = await Event.get(kind=EventKind.ANSWER_WRONG)
    assert '"authenticator": "ic_card"' in wrong.detail


@pytest.mark.parametrize("part", ["kiosk", "login", "nonce", "label"])
async def test_a_signature_is_good_for_one_kiosk_login_and_nonce(counter_on_sqlite: Counter, part: str) -> None:
    """What the card signed for another of these, or for another purpose, is a wrong answer."""
    counter = counter_on_sqlite
    card = await bound_card(counter)
    begun = await counter.begun(card)
    parts = {"label": "tegata card login 1", "kiosk": counter.client.kiosk_id, "login": begun.login_id}
    nonce = bytes(32) if part == "nonce" else begun.nonce
    if part in parts:
        parts[part] = "another"
    message = b"\x00".join([*(text.encode() for text in parts.values()), nonce])
    assert await counter.answered(card, begun, proof=Proof(), message=message) == Refused(Reason.WRONG_ANSWER)


async def test_another_kiosk_cant_answer(counter: Counter) -> None:
    """The nonce belongs to the kiosk that asked for it, and stays good there."""
    card, other = await bound_card(counter), await counter.another()
    begun = await counter.begun(card)
    assert await counter.answered(card, begun, proof=Proof(), client=other) == Refused(Reason.LOGIN_OVER)
    assert isinstance(await counter.answered(card, begun, proof=Proof()), Admission)


async def test_another_kiosk_cant_end_what_it_did_not_begin(counter: Counter) -> None:
    """It is answered as for what never was, and the session lives on."""
    card, other = await bound_card(counter), await counter.another()
    async with counter.house.person() as person:
        login_id = await counter.log_in(person, card)
        assert await other.end(login_id) is None
        await person.open("/portal")
        assert person.page == "portal"


async def test_many_answers_at_once_admit_one(counter: Counter) -> None:
    """Twenty right answers to one nonce: one code."""
    card = await bound_card(counter)
    begun, proof = await counter.begun(card), Proof()
    outcomes = await People.at_once(20, lambda: counter.answered(card, begun, proof=proof))
    assert sum(isinstance(one, Admission) for one in outcomes) == 1
    assert {one for one in outcomes if isinstance(one, Refused)} == {Refused(Reason.LOGIN_OVER)}


async def test_many_browsers_with_one_code_and_proof_are_one_admission(counter: Counter) -> None:
    """Twenty at once: one session."""
    card, proof = await bound_card(counter), Proof()
    admission = await counter.admission(card, proof)

    async def go() -> str:
        async with counter.house.person() as person:
            await go_in(person, admission, proof)
            return person.page

    pages = await People.at_once(20, go)
    assert (pages.count("portal"), pages.count("kiosk-over")) == (1, 19)
    assert await Session.all().count() == 1


@pytest.mark.parametrize(
    "spoilt", ["late", "another proof", "another page", "no page", "no proof", "the proof's digest"]
)
async def test_a_code_spoilt_once_is_dead(counter: Counter, spoilt: str) -> None:
    """After 30 s, in another browser or from another page: over, with the way back; the right one comes too late."""
    card, proof = await bound_card(counter), Proof()
    admission = await counter.admission(card, proof)
    if spoilt == "late":
        counter.house.clock.later(seconds=31)
    tried = {"another proof": Proof(), "no proof": Proof(""), "the proof's digest": Proof(proof.digest)}.get(
        spoilt, proof
    )
    origin = {"another page": "http://127.0.0.1:9999", "no page": ""}.get(spoilt, ORIGIN)
    async with counter.house.person() as person, counter.house.person() as rightful:
        await go_in(person, admission, tried, origin=origin)
        assert (person.status, person.page) == (403, "kiosk-over")
        assert f'href="{START}"' in str(person.soup)
        await go_in(rightful, admission, proof)
        assert rightful.page == "kiosk-over"
    assert not await Session.exists()


async def test_a_code_that_never_was_is_over(counter_on_sqlite: Counter) -> None:
    """The same page, with the way to our own start, for nothing else is known."""
    async with counter_on_sqlite.house.person() as person:
        for code in ("", "x" * 43, "\u3042"):
            await go_in(person, Admission("", code), Proof())
            assert (person.status, person.page) == (403, "kiosk-over")


async def test_the_card_taken_away_before_the_browser_goes_in_keeps_it_out(counter: Counter) -> None:
    """A code not yet used is dead with the card."""
    card, proof = await bound_card(counter), Proof()
    begun = await counter.begun(card)
    admission = await counter.answered(card, begun, proof=proof)
    assert isinstance(admission, Admission)
    await counter.client.end(begun.login_id)
    async with counter.house.person() as person:
        await go_in(person, admission, proof)
        assert person.page == "kiosk-over"


async def test_the_next_card_ends_whatever_was_before_it_at_this_kiosk(counter: Counter) -> None:
    """Though we were never told that the one before was taken away; at another kiosk nothing ends."""
    card = await bound_card(counter)
    other, mate = await counter.another(), await counter.house.people.member("hanako")
    theirs = counter.issuer.card("hanako")
    await counter.bound(mate, theirs)
    async with counter.house.person() as person:
        await counter.log_in(person, card)
        assert isinstance(await other.begin(theirs.der), Begun)
        await person.open("/portal")
        assert person.page == "portal"
        await counter.begun(theirs)
        await person.open("/portal")
        assert person.page == "login"


async def test_a_blocked_card_opens_nothing_and_keeps_nothing_open(counter: Counter) -> None:
    """Its session ends at once, what it has begun comes to nothing; unblocked, it is good again."""
    house, card = counter.house, await bound_card(counter)
    fingerprint = ic_cards.fingerprint_of(card.certificate)
    async with house.person() as person:
        await counter.log_in(person, card)
        assert await ic_cards.block(house.hub, house.people.visit(), fingerprint[:8]) == 1
        await person.open("/portal")
        assert person.page == "login"
    assert await counter.client.begin(card.der) == Refused(Reason.BLOCKED)
    await ic_cards.unblock(house.hub, house.people.visit(), fingerprint)
    begun = await counter.begun(card)
    await ic_cards.block(house.hub, house.people.visit(), fingerprint)
    assert await counter.answered(card, begun, proof=Proof()) == Refused(Reason.LOGIN_OVER)


async def test_a_closed_account_is_told_so(counter: Counter) -> None:
    """At the start; and one that is closed between answer and browser is not let in."""
    card, proof = await bound_card(counter), Proof()
    house = counter.house
    admission = await counter.admission(card, proof)
    await accounts.disable(house.hub, house.people.visit(), "taro")
    async with house.person() as person:
        await go_in(person, admission, proof)
        assert person.page == "kiosk-over"
    assert await counter.client.begin(card.der) == Refused(Reason.ACCOUNT_CLOSED)


async def test_the_rule_binds_a_card_to_the_account_it_names(database_url: str, tmp_path: Path) -> None:
    """Once, by its certificate, and the contacts are told; a card that names no account is refused."""
    async with counter_with(database_url, tmp_path, card_rule="subject:CN=(?P<account>[a-z]+)") as counter:
        await counter.house.people.member(contacts=("home",))
        card = counter.issuer.card("taro")
        async with counter.house.person() as person:
            await counter.log_in(person, card)
        assert [one.bound_by for one in await ic_cards.listed("taro")] == ["rule"]
        assert await Delivery.filter(notice=Notice.CARD_BOUND, label="home").count() == 1
        assert await counter.client.begin(counter.issuer.card("nobody").der) == Refused(Reason.NOT_BOUND)
        await ic_cards.block(counter.house.hub, counter.house.people.visit(), ic_cards.fingerprint_of(card.certificate))
        assert await counter.client.begin(card.der) == Refused(Reason.BLOCKED)


async def test_a_card_that_the_rule_bound_is_blocked_when_its_notice_is_disowned(
    database_url: str, tmp_path: Path
) -> None:
    """A disowned letter about the card blocks the card, and the contacts are told that too."""
    async with counter_with(database_url, tmp_path, card_rule="subject:CN=(?P<account>[a-z]+)") as counter:
        await counter.house.people.member(contacts=("home",))
        card = counter.issuer.card("taro")
        await counter.begun(card)
        letter = await Delivery.get(notice=Notice.CARD_BOUND)
        await disavow.disown(counter.house.hub, counter.house.people.visit(), letter.id)
        assert await counter.client.begin(card.der) == Refused(Reason.BLOCKED)
        assert await Delivery.filter(notice=Notice.CARD_BLOCKED).count() == 1


async def test_a_login_with_a_card_is_told_to_all_contacts_and_can_be_disowned(counter_on_sqlite: Counter) -> None:
    """The letter names the kiosk; "This was not me" ends the session there."""
    house = counter_on_sqlite.house
    member = await house.people.member(contacts=("自宅",))
    card = counter_on_sqlite.issuer.card()
    await counter_on_sqlite.bound(member, card)
    async with house.person() as person, house.person() as reader:
        await counter_on_sqlite.log_in(person, card)
        letter = await house.inbox.next_to("taro0@mail.test")
        assert "Library" in letter.text
        found = re.search(r"https?://\S+(/not-me/\S+)", letter.text)
        assert found
        await reader.open(found[1])
        await press_twice(house, reader, "Yes, end it")
        await person.open("/portal")
        assert person.page == "login"


async def test_the_hub_speaks_the_members_language(counter_on_sqlite: Counter) -> None:
    """`begin` says which, and the browser that goes in is given it; one who never chose is greeted in Japanese."""
    house = counter_on_sqlite.house
    card = await bound_card(counter_on_sqlite)
    assert (await counter_on_sqlite.begun(card)).language == "ja"
    await Account.filter(name="taro").update(language="en")
    assert (await counter_on_sqlite.begun(card)).language == "en"
    async with house.person(language="ja") as person:
        await counter_on_sqlite.log_in(person, card)
        assert "You are logged in" in person.text


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ("en", "You are logged in"),
        ("ja", "ログインしています"),
        ("", "ログインしています"),
        ("xx", "ログインしています"),
    ],
)
async def test_what_the_kiosks_screen_spoke_last_is_spoken_on(
    counter_on_sqlite: Counter, chosen: str, said: str
) -> None:
    """Whoever chose another language there goes on in it, whatever the account's is."""
    card = await bound_card(counter_on_sqlite)
    await Account.filter(name="taro").update(language="ja")
    proof = Proof()
    async with counter_on_sqlite.house.person() as person:
        await go_in(person, await counter_on_sqlite.admission(card, proof), proof, language=chosen)
        assert said in person.text


async def test_after_the_log_out_the_way_back_to_the_kiosks_page_is_shown(counter_on_sqlite: Counter) -> None:
    """Logging out by hand leaves the browser at a page that leads to the kiosk's start; other browsers don't see it."""
    card = await bound_card(counter_on_sqlite)
    house = counter_on_sqlite.house
    async with house.person() as person, house.person() as other:
        await counter_on_sqlite.log_in(person, card)
        await person.press("Log out")
        assert person.page == "login"
        assert f'href="{START}"' in str(person.soup)
        await other.open("/")
        assert START not in str(other.soup)


async def test_the_database_gone_is_busy_and_not_a_page(counter_on_sqlite: Counter) -> None:
    """The kiosk is told in its own protocol to come back."""
    (connection,) = get_connections().all()
    await connection.execute_script("ALTER TABLE kiosk_nonce RENAME TO elsewhere")
    assert await counter_on_sqlite.client.hello() == Refused(Reason.BUSY, retry_after=5)


async def test_old_logins_and_nonces_are_dropped(counter: Counter) -> None:
    """Nonces with the time that their request would be taken, logins after a day; a session's own is kept as long."""
    card = await bound_card(counter)
    await counter.begun(card)
    assert await KioskNonce.exists()
    await jobs.prune(counter.house.hub, counter.house.clock() + timedelta(minutes=3))
    assert not await KioskNonce.exists()
    assert await KioskLogin.exists()
    await jobs.prune(counter.house.hub, counter.house.clock() + timedelta(days=2))
    assert not await KioskLogin.exists()


async def test_nothing_secret_of_a_kiosk_rests_in_the_rows(counter_on_sqlite: Counter) -> None:
    """Neither the admission code nor the proof nor the session's token stands in any row."""
    card, proof = await bound_card(counter_on_sqlite), Proof()
    admission = await counter_on_sqlite.admission(card, proof)
    async with counter_on_sqlite.house.person() as person:
        await go_in(person, admission, proof)
        told = str(await rows())
        for secret in (admission.admission_code, proof.proof, *person.cookies().values()):
            if len(secret) > 20 and not secret.startswith("http"):
                assert secret not in told


async def test_an_odd_certificate_is_the_cards_matter_and_not_the_kiosks(counter_on_sqlite: Counter) -> None:
    """What the library can't read is unsuitable, whatever it is; the kiosk that handed it on stays in order."""
    counter = counter_on_sqlite
    odd_ones = odd_certificates(counter.issuer)
    # The kiosk keeps that one to itself.
    odd_ones.pop("a size that no kiosk reads")
    for odd, content in {**odd_ones, "nothing": b"", "zeros": bytes(3)}.items():
        assert await counter.client.begin(content) == Refused(Reason.UNSUITABLE), odd
    assert not isinstance(await counter.client.hello(), Refused)


async def test_every_certificate_that_can_be_bound_reaches_the_hub(counter_on_sqlite: Counter) -> None:
    """Of the largest size that `bind` takes, too."""
    counter = counter_on_sqlite
    member = await counter.house.people.member()
    card = made(counter.issuer.authority.intermediate, LEAF, padding_of(16_000))
    assert 16_300 < len(card.der) <= certificate_validation.LARGEST_CERTIFICATE
    await counter.bound(member, card)
    await counter.begun(card)


async def test_a_login_of_a_clock_that_ran_ahead_is_over_at_a_kiosk(counter_on_sqlite: Counter) -> None:
    """Neither its signature, nor its admission, nor the name that a card gave counts in the hours after."""
    counter = counter_on_sqlite
    card, proof = await bound_card(counter), Proof()
    admitted = await counter.admission(card, proof)
    begun = await counter.begun(card)
    ahead = timedelta(hours=9)
    for row in await KioskLogin.all():
        row.begun_at, row.expires_at, row.ended_at = row.begun_at + ahead, row.expires_at + ahead, None
        row.admission_expires_at = row.admission_expires_at and row.admission_expires_at + ahead
        await row.save()
    assert await counter.answered(card, begun, proof=Proof()) == Refused(Reason.LOGIN_OVER)
    async with counter.house.person() as person:
        await go_in(person, admitted, proof)
        assert person.page == "kiosk-over"
    named = {"named_digest": counter.house.hub.keys.digest("kiosk-named", "token"), "admitted_at": None}
    await KioskLogin.filter(handle=begun.login_id).update(ended_at=None, **named)
    now = counter.house.clock()
    assert await card_login.named(counter.house.hub, "token", now=now) is None
    await KioskLogin.filter(handle=begun.login_id).update(begun_at=now)
    assert await card_login.named(counter.house.hub, "token", now=now) is not None


async def test_a_request_of_a_clock_that_ran_ahead_is_heard_once_when_its_time_comes(
    counter_on_sqlite: Counter,
) -> None:
    """Its nonce is kept until then, and hinders no other request before."""
    kiosk = await kiosks.known(counter_on_sqlite.client.kiosk_id)
    assert isinstance(kiosk, kiosks.Known)
    hub, right_time = counter_on_sqlite.house.hub, counter_on_sqlite.house.clock()
    ahead = kiosks.Signed(right_time + timedelta(hours=9), "a" * 22)
    assert await kiosks.heard(kiosk, ahead, now=ahead.created_at) is None
    await jobs.prune(hub, right_time)
    assert await kiosks.heard(kiosk, kiosks.Signed(right_time, "b" * 22), now=right_time) is None
    await jobs.prune(hub, ahead.created_at)
    again = await kiosks.heard(kiosk, ahead, now=ahead.created_at)
    assert again is not None
    assert again.reason is KioskReason.REPLAYED


async def test_a_kiosk_waits_for_no_card_after_a_clock_that_ran_ahead(counter_on_sqlite: Counter) -> None:
    """It is free for another member, takes no card, and its code of that time enrols nothing."""
    counter = counter_on_sqlite
    house = counter.house
    member, other = await house.people.member(), await house.people.member("hanako")
    ahead = house.clock() + timedelta(hours=9)
    waiting = {"binds_for_id": member.account.id, "binds_until": ahead + NUMBERS.card_binding_life}
    await Kiosk.filter(handle=counter.client.kiosk_id).update(**waiting)
    kiosk = await Kiosk.get(handle=counter.client.kiosk_id)
    assert await binding.account_for(kiosk.id, now=house.clock()) is None
    assert (await checks.rows_from_the_future(now=house.clock()))["kiosk"] == 1
    house.sync()
    session = await house.people.stepped_up(other)
    assert await binding.ask(house.hub, house.people.visit(), session, kiosk.id) == Done()
    added = await kiosks.add(house.hub, replace(house.people.visit(), now=ahead), name="Late", zone=Zone.ON_CAMPUS)
    refused = await hub_client.enrol(counter.client._http, house.hub.settings.origin, added.code, now=house.clock())
    assert isinstance(refused, Refused)
