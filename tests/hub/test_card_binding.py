"""A card that its member binds: a strong session asks, the kiosk waits, the card proves its key."""

import asyncio
import re

from demo.card.authority import Issued
from hub.cards import kiosks
from models.event import Event
from models.kinds import EventKind
from models.kiosk import IcCard
from models.session import Session
from reader_kiosk.hub_client import Reason, Refused
from tests.support.factory import Member
from tests.support.journeys import log_in, press_twice, step_up
from tests.support.kiosk_hub import Counter, Proof, go_in
from tests.support.running_hub import Person


async def asking(counter: Counter, person: Person, member: Member, kiosk: str = "Library") -> None:
    """Log in, give the password again, and have a kiosk wait for the card."""
    await log_in(person, member)
    await step_up(person)
    await person.follow("Register or block a card")
    await person.press("OK", kiosk=person.option(kiosk))


async def put_on(counter: Counter, person: Person, card: Issued) -> None:
    """Put the card on and go in."""
    proof = Proof()
    admission = await counter.admission(card, proof)
    await go_in(person, admission, proof)


async def test_a_member_binds_a_card_at_the_kiosk(counter: Counter) -> None:
    """The page says where it waits; card and PIN bind it and let its member in; the contacts are told."""
    house = counter.house
    member = await house.people.member(contacts=("自宅",))
    card = counter.issuer.card()
    assert await counter.client.begin(card.der) == Refused(Reason.NOT_BOUND)
    async with house.person() as person, house.person() as at_kiosk:
        await asking(counter, person, member)
        assert "Library is waiting for your card" in person.text
        assert (await counter.begun(card)).account_name == "taro"
        assert not await IcCard.exists()
        await put_on(counter, at_kiosk, card)
        assert at_kiosk.page == "portal"
        await person.open("/settings/ic-card")
        assert "CN=taro" in person.text
        assert "is waiting" not in person.text.partition("Register a card")[0]
    bound = await IcCard.get()
    assert (bound.bound_by, bound.account_id) == ("member", member.account.id)
    async with asyncio.timeout(10):
        while not any("An IC card was registered" in one.text for one in house.inbox.to("taro0@mail.test")):
            await house.inbox.changed(timeout=5)
    async with house.person() as again:
        await counter.log_in(again, card)


async def test_the_kiosk_waits_for_one_card(counter: Counter) -> None:
    """The next card that nobody has is refused as ever, though the three minutes are not over."""
    member = await counter.house.people.member()
    async with counter.house.person() as person, counter.house.person() as at_kiosk:
        await asking(counter, person, member)
        await put_on(counter, at_kiosk, counter.issuer.card())
    assert await counter.client.begin(counter.issuer.card().der) == Refused(Reason.NOT_BOUND)


async def test_it_waits_three_minutes_and_at_that_kiosk_alone(counter_on_sqlite: Counter) -> None:
    """Elsewhere, or later, the card is nobody's."""
    counter = counter_on_sqlite
    member, other, card = await counter.house.people.member(), await counter.another(), counter.issuer.card()
    async with counter.house.person() as person:
        await asking(counter, person, member)
    assert await other.begin(card.der) == Refused(Reason.NOT_BOUND)
    counter.house.clock.later(minutes=2, seconds=30)
    begun = await counter.begun(card)
    counter.house.clock.later(seconds=31)
    assert await counter.client.begin(card.der) == Refused(Reason.NOT_BOUND)
    assert await counter.answered(card, begun, proof=Proof()) == Refused(Reason.LOGIN_OVER)


async def test_a_session_that_has_ended_asks_for_nothing_any_more(counter: Counter) -> None:
    """Logged out, or disowned, before the card lies there or while it signs: nothing is bound."""
    member, card = await counter.house.people.member(), counter.issuer.card()
    async with counter.house.person() as person:
        await asking(counter, person, member)
        begun = await counter.begun(card)
        await person.press("Log out")
    assert await counter.answered(card, begun, proof=Proof()) == Refused(Reason.LOGIN_OVER)
    async with counter.house.person() as person:
        await asking(counter, person, member)
        await person.press("Log out")
    assert await counter.client.begin(card.der) == Refused(Reason.NOT_BOUND)
    assert not await IcCard.exists()


async def test_a_card_that_doesnt_sign_is_not_bound(counter: Counter) -> None:
    """A certificate alone, which anybody may show, binds nothing; nor does a card that is taken away before."""
    member = await counter.house.people.member()
    card, thief = counter.issuer.card(), counter.issuer.card("thief")
    async with counter.house.person() as person:
        await asking(counter, person, member)
        begun = await counter.begun(card)
        wrong = await counter.answered(thief, begun, proof=Proof())
        assert wrong == Refused(Reason.WRONG_ANSWER)
        begun = await counter.begun(card)
        await counter.client.end(begun.login_id)
        assert await counter.answered(card, begun, proof=Proof()) == Refused(Reason.LOGIN_OVER)
    assert not await IcCard.exists()


async def test_a_card_that_is_somebody_elses_stays_theirs(counter: Counter) -> None:
    """Bound cards log their own members in, whoever the kiosk waits for."""
    taro, hanako = await counter.house.people.member(), await counter.house.people.member("hanako")
    theirs = counter.issuer.card("hanako")
    await counter.bound(hanako, theirs)
    async with counter.house.person() as person:
        await asking(counter, person, taro)
        assert (await counter.begun(theirs)).account_name == "hanako"


async def test_a_kiosk_waits_for_one_member_at_a_time(counter_on_sqlite: Counter) -> None:
    """The second one is told to come back, and asking elsewhere frees the first place."""
    counter = counter_on_sqlite
    taro, hanako = await counter.house.people.member(), await counter.house.people.member("hanako")
    await counter.another()
    async with counter.house.person() as person, counter.house.person() as other:
        await asking(counter, person, taro)
        await asking(counter, other, hanako)
        assert other.status == 422
        assert "A card of another member is being registered" in other.error
        await person.press("OK", kiosk=person.option("Second"))
        assert "Second is waiting" in person.text
        await other.press("OK", kiosk=other.option("Library"))
        assert "Library is waiting" in other.text


async def test_a_session_that_may_not_enrol_has_no_kiosk_wait(counter_on_sqlite: Counter) -> None:
    """Without the step-up, and with a matrix card from off campus: neither page nor form."""
    counter = counter_on_sqlite
    member = await counter.house.people.member()
    async with counter.house.person() as person, counter.house.person(address="203.0.113.7") as far:
        await log_in(person, member)
        token = person.token()
        await person.send("/settings/ic-card", {"csrf": token, "kiosk": "1"})
        assert person.page == "step-up"
        await log_in(far, member)
        await far.send("/settings/ic-card", {"csrf": far.token(), "kiosk": "1"})
        assert far.page == "refused-here"
    assert not await Event.filter(kind=EventKind.CARD_BINDING_ASKED).exists()


async def test_a_revoked_kiosk_waits_for_nobody(counter_on_sqlite: Counter) -> None:
    """It isn't offered, and a number sent all the same is refused."""
    counter = counter_on_sqlite
    member = await counter.house.people.member()
    async with counter.house.person() as person:
        await asking(counter, person, member)
        token = person.token()
        await kiosks.revoke(counter.house.hub, counter.house.people.visit(), "Library")
        for kiosk in ("1", "99", "x", ""):
            await person.send("/settings/ic-card", {"csrf": token, "kiosk": kiosk})
            assert person.status == 422
        assert "There is no kiosk yet" in person.text


async def test_a_lost_card_is_blocked_by_its_member(counter: Counter) -> None:
    """From any strong session; what it opened ends, the contacts are told; nobody blocks another's."""
    house = counter.house
    member, other = await house.people.member(contacts=("自宅",)), await house.people.member("hanako")
    card, theirs = counter.issuer.card(), counter.issuer.card("hanako")
    await counter.bound(member, card)
    await counter.bound(other, theirs)
    async with house.person() as person, house.person() as at_kiosk:
        await counter.log_in(at_kiosk, card)
        await log_in(person, member)
        await step_up(person)
        await person.open("/settings/ic-card")
        assert "hanako" not in person.text
        await person.press("Lost: block this card")
        assert "blocked" in person.text
        await at_kiosk.open("/portal")
        assert at_kiosk.page == "login"
        foreign = (await IcCard.get(account_id=other.account.id)).fingerprint
        await person.send("/settings/ic-card/block", {"csrf": person.token(), "card": foreign})
        assert person.status == 422
    assert await counter.client.begin(card.der) == Refused(Reason.BLOCKED)
    assert not isinstance(await counter.client.begin(theirs.der), Refused)


async def test_disowning_the_notice_takes_the_card_with_it(counter_on_sqlite: Counter) -> None:
    """The session that asked ends, the card is blocked, and so is what it opened."""
    house = counter_on_sqlite.house
    member, card = await house.people.member(contacts=("自宅",)), counter_on_sqlite.issuer.card()
    async with house.person() as thief, house.person() as at_kiosk, house.person() as reader:
        await asking(counter_on_sqlite, thief, member)
        await put_on(counter_on_sqlite, at_kiosk, card)
        assert at_kiosk.page == "portal"
        while not (found := [one for one in house.inbox.to("taro0@mail.test") if "card was registered" in one.text]):
            await house.inbox.changed(timeout=5)
        path = re.search(r"https?://\S+(/not-me/\S+)", found[0].text)
        assert path
        await reader.open(path[1])
        await press_twice(house, reader, "Yes, end it")
        for person in (thief, at_kiosk):
            await person.open("/portal")
            assert person.page == "login"
    assert await counter_on_sqlite.client.begin(card.der) == Refused(Reason.BLOCKED)
    assert not await Session.filter(ended_at=None).exists()
