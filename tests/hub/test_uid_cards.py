"""Cards without a key: they name somebody and prove nothing, and whatever comes of it ends with them."""

import pytest

from hub.cards import numbers, uid_cards
from hub.domain.errors import RefusedError
from models.event import Event
from models.kinds import EventKind, Zone
from models.kiosk import UidCard
from models.session import Session
from reader_kiosk.hub_client import Named, Reason, Refused
from tests.support.factory import PASSWORD
from tests.support.journeys import answer_matrix
from tests.support.kiosk_hub import START, Counter, Proof, counter_with, go_in, sqlite_copy

UID = "04A1B2C3D4E5F6"


@pytest.fixture
async def counter(database_url, tmp_path):
    """A counter at which cards may name their members."""
    async with counter_with(database_url, tmp_path, uid_cards=True) as made:
        yield made


async def bound(counter: Counter, name: str = "taro", number: str = UID):
    member = await counter.house.people.member(name)
    await uid_cards.bind_for(counter.house.hub, counter.house.people.visit(), name, number)
    return member


async def named(counter: Counter, proof: Proof, number: str = UID) -> Named:
    outcome = await counter.client.name(bytes.fromhex(number), browser=proof.digest, return_url=START)
    assert isinstance(outcome, Named), outcome
    return outcome


async def test_a_number_names_its_account_and_the_page_asks_for_both_factors(counter: Counter):
    """The browser goes on at the hub: no session yet; the password of this account, then one more; then the portal."""
    member, proof = await bound(counter), Proof()
    outcome = await named(counter, proof)
    assert outcome.account_name == "taro"
    async with counter.house.person(address="203.0.113.9") as person:
        await go_in(person, outcome.admission, proof)
        assert person.page == "account"
        assert "This card belongs to taro" in person.text
        assert person.labels() == ["Password"]
        assert not await Session.exists()
        await person.press("OK", password="wrong wrong wrong")
        assert person.page == "account"
        await person.press("OK", password=PASSWORD)
        await answer_matrix(person, member)
        assert person.page == "portal"
    session = await Session.get(account_id=member.account.id)
    assert (session.amr, session.zone, session.browser) == ("pwd matrix mfa", Zone.ON_CAMPUS, "Library")


async def test_the_named_account_is_the_one_that_logs_in(counter: Counter):
    """Another name typed into the form is not heard: the card has named somebody."""
    await bound(counter)
    await counter.house.people.member("hanako")
    proof = Proof()
    outcome = await named(counter, proof)
    async with counter.house.person() as person:
        await go_in(person, outcome.admission, proof)
        await person.press("OK", account="hanako", password=PASSWORD)
    right = await Event.get(kind=EventKind.PASSWORD_RIGHT)
    taro = await UidCard.get()
    assert right.account_id == taro.account_id


async def test_the_card_taken_away_ends_what_it_named(counter: Counter):
    """Before the password, between the factors, and after both: login and session are over."""
    member = await bound(counter)
    for stop in ("account", "matrix", "portal"):
        proof = Proof()
        outcome = await named(counter, proof)
        async with counter.house.person() as person:
            await go_in(person, outcome.admission, proof)
            if stop != "account":
                await person.press("OK", password=PASSWORD)
            if stop == "portal":
                await answer_matrix(person, member)
            assert person.page == stop
            assert await counter.client.end(outcome.login_id) is None
            if stop == "account":
                await person.open("/login/account")
                assert "Account" in person.labels()
            elif stop == "matrix":
                await answer_matrix(person, member)
                assert person.page == "ended"
            else:
                await person.open("/portal")
                assert person.page == "login"
    assert not await Session.filter(ended_at=None).exists()


async def test_the_audit_says_that_it_was_no_more_than_a_name(counter: Counter):
    """Low assurance, at which kiosk; and the number stands nowhere."""
    await bound(counter)
    await named(counter, Proof())
    told = await Event.get(kind=EventKind.CARD_NAMED)
    assert '"assurance": "low"' in told.detail
    assert "Library" in told.detail
    card = await UidCard.get()
    assert UID not in str(dict(card))
    assert UID not in str([event.detail for event in await Event.all()])


async def test_a_number_nobody_has_names_nobody(counter: Counter):
    """Refused by name; so is one that phones draw anew, bound or not."""
    told = await counter.client.name(bytes.fromhex(UID), browser="A" * 43, return_url=START)
    assert told == Refused(Reason.NOT_BOUND)
    told = await counter.client.name(bytes.fromhex("08A1B2C3"), browser="A" * 43, return_url=START)
    assert told == Refused(Reason.RANDOM_UID)


async def test_numbers_that_nobody_has_slow_the_next_one_down(counter: Counter):
    """Whoever stole a kiosk's key can't try them all; known cards count nothing, and a quiet while heals it."""
    await bound(counter)
    for number in range(1, 31):
        await named(counter, Proof())
        told = await counter.client.name(number.to_bytes(7), browser="A" * 43, return_url=START)
        assert told == Refused(Reason.NOT_BOUND)
    told = await counter.client.name(bytes.fromhex(UID), browser="A" * 43, return_url=START)
    assert told == Refused(Reason.THROTTLED, 5)
    counter.house.clock.later(seconds=6)
    await named(counter, Proof())


NOBODYS = {
    "08A1B2C3": "changes each time",
    "01FE5A5B5C5D5E5F": "changes each time",
    "00000000": "no number",
    "FFFFFFFF": "no number",
    "0000000000000000": "no number",
    "8804A1B2": "first half",
    "04": "4, 7, 8 or 10 bytes",
    "04A1B2C3D4": "4, 7, 8 or 10 bytes",
    "04A1B2C3D4E5F60718293A4B": "4, 7, 8 or 10 bytes",
    "4.10E+08": "4, 7, 8 or 10 bytes",
    "not a number": "4, 7, 8 or 10 bytes",
}


@pytest.mark.parametrize(("number", "why"), NOBODYS.items())
async def test_what_is_no_number_of_a_card_is_not_bound(counter_on_sqlite: Counter, number: str, why: str):
    """Too short, too long, empty, cut off, changed each time: refused with the reason."""
    counter = counter_on_sqlite
    await counter.house.people.member()
    with pytest.raises(RefusedError, match=why):
        await uid_cards.bind_for(counter.house.hub, counter.house.people.visit(), "taro", number)


@pytest.mark.parametrize("number", ["01FE5A5B5C5D5E5F", "00000000", "8804A1B2", "04A1B2C3D4"])
async def test_a_number_that_names_nobody_is_refused_at_the_kiosk_though_it_was_bound(counter: Counter, number: str):
    """A row from before the rule was there lets nobody in."""
    hub, visit = counter.house.hub, counter.house.people.visit()
    member = await counter.house.people.member()
    await uid_cards.drafted(hub, visit, member.account.id, number).save()
    told = await counter.client.name(bytes.fromhex(number), browser="A" * 43, return_url=START)
    assert told == Refused(Reason.RANDOM_UID)


@pytest.mark.parametrize(("number", "is_unique"), [("04A1B2C3", False), (UID, True), ("0114A1B2C3D4E5F6", True)])
def test_numbers_of_four_bytes_are_not_unique(number: str, is_unique: bool):
    """MIFARE's short numbers are used again; a FeliCa's IDm and 7 bytes are given once."""
    assert numbers.fault(number) == ""
    assert numbers.is_unique(number) is is_unique


async def test_cards_of_this_kind_are_off_unless_switched_on(sqlite_template, tmp_path):
    """The kiosk is told so, at its greeting as well."""
    async with counter_with(sqlite_copy(sqlite_template, tmp_path), tmp_path) as counter:
        await bound(counter)
        told = await counter.client.name(bytes.fromhex(UID), browser="A" * 43, return_url=START)
        assert told == Refused(Reason.UID_CARDS_OFF)
        greeting = await counter.client.hello()
        assert not isinstance(greeting, Refused)
        assert not greeting.uid_cards


async def test_forgotten_cards_name_nobody_and_end_what_they_opened(counter: Counter):
    """The operator's word ends the session of a card that is lying on the reader."""
    member, proof = await bound(counter), Proof()
    outcome = await named(counter, proof)
    async with counter.house.person() as person:
        await go_in(person, outcome.admission, proof)
        await person.press("OK", password=PASSWORD)
        await answer_matrix(person, member)
        assert person.page == "portal"
        assert await uid_cards.unbind_all(counter.house.hub, counter.house.people.visit(), "taro") == 1
        await person.open("/portal")
        assert person.page == "login"
    told = await counter.client.name(bytes.fromhex(UID), browser="A" * 43, return_url=START)
    assert told == Refused(Reason.NOT_BOUND)


async def test_a_card_is_known_after_the_keys_were_rotated(counter: Counter):
    """And its digest is made anew with the current key the next time it is put on."""
    await bound(counter)
    before = await UidCard.get()
    counter.house.hub.keys.rotated(now=counter.house.clock())
    counter.house.hub.keys.reload()
    await named(counter, Proof())
    after = await UidCard.get()
    assert after.key == counter.house.hub.keys.current != before.key
    assert after.digest != before.digest
