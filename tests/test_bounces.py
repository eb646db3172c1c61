"""J12, the address died: the contact is suspended, the member told elsewhere, the login offers what lives."""

import aiohttp
import pytest

from hub import bounces, contacts, login, registering
from hub.bounces import Bounce, BounceKind
from hub.outcome import Asked, Choose, DeliveryState
from models.contact import Contact
from models.delivery import Delivery
from tests.house import House, Person, code_in
from tests.people import PASSWORD, Member, People

WORDS = {
    "en": {
        "login": "Matrix/OTP/Soft Token Authentication",
        "failed": "could not be delivered",
        "other": "Choose another way",
        "settings": "One-Time Password & Soft Token Settings",
        "authenticate": "Authenticate",
        "suspended": "suspended",
        "why": "the address does not exist any more",
        "again": "Confirm again",
        "told": "so it is suspended",
        "log out": "Log out",
    },
    "ja": {
        "login": "マトリクス・OTP・ソフトトークン認証",
        "failed": "届けられませんでした",
        "other": "ほかの方法",
        "settings": "ワンタイムパスワード・ソフトトークン設定",
        "authenticate": "認証",
        "suspended": "停止中",
        "why": "このアドレスは存在しないようです",
        "again": "もう一度確認する",
        "told": "送信を止めました",
        "log out": "ログアウト",
    },
}
languages = pytest.mark.parametrize("language", ["en", "ja"])


async def to_choice(person: Person, member: Member, language: str) -> None:
    """Log in as far as the choice."""
    await person.open("/")
    await person.follow(WORDS[language]["login"])
    await person.press("OK", account=member.name, password=PASSWORD)
    assert person.page == "choice", person.text


async def stand_at(person: Person, state: str) -> None:
    """Wait until the live line of the page came to a state."""
    import asyncio

    async with asyncio.timeout(15):
        while True:
            await person.open(person.at)
            line = person.soup.select_one(".live")
            if line is not None and line["data-state"] == state:
                return
            await asyncio.sleep(0.05)


async def the_address_died(house: House, member: Member, language: str) -> None:
    """Walk J12 in a house where taro0@mail.test is dead and taro1@mail.test lives."""
    words = WORDS[language]
    async with house.person(language=language) as person:
        await to_choice(person, member, language)
        dead = person.option("自宅")
        await person.press("OK", way=dead)
        assert person.page == "code"
        await stand_at(person, "failed")
        assert words["failed"] in person.text
        letter = await house.inbox.next_to("taro1@mail.test")
        assert "自宅" in letter.text
        assert words["told"] in letter.text
        await person.follow(words["other"])
        assert person.page == "choice"
        assert "自宅" not in person.text
        await person.press("OK", way=dead)
        assert person.page == "choice"
        await person.press("OK", way=person.option("携帯"))
        letter = await house.inbox.next_to("taro1@mail.test", after=letter.number)
        await person.press("OK", code=code_in(letter))
        assert person.page == "portal", person.text
        await person.follow(words["settings"])
        await person.press(words["authenticate"], password=PASSWORD)
        await person.open("/settings/contacts")
        assert words["suspended"] in person.text
        assert words["why"] in person.text
        house.inbox.refusals.clear()
        house.clock.later(minutes=2)
        last = house.inbox.received[-1].number
        await person.press(words["again"])
        assert person.page == "waiting", person.text
        letter = await house.inbox.next_to("taro0@mail.test", after=last)
        await person.press("OK", code=code_in(letter))
        assert person.page == "confirmed", person.text
        await person.open("/settings/contacts")
        assert words["suspended"] not in person.text
        await person.press(words["log out"])
        await to_choice(person, member, language)
        assert "自宅" in person.text


@languages
async def test_j12_the_address_died(house: House, language: str) -> None:
    """The mail server itself knows the address is dead: it is never offered again until it is confirmed anew."""
    member = await house.people.member(contacts=("自宅", "携帯"))
    house.inbox.refusals["taro0@mail.test"] = "550 5.1.1 no such user"
    await the_address_died(house, member, language)


async def _asked(people: People, *labels: str) -> tuple[Member, str, int]:
    member = await people.member(contacts=labels or ("home", "phone"))
    pending = await people.asked_for_code(member, "home")
    delivery = await Delivery.filter(contact_id=member.contacts["home"]).order_by("-id").first()
    assert delivery is not None
    return member, pending.token, delivery.id


async def _state(people: People, token: str) -> DeliveryState:
    asked = await login.asked(people.hub, token, now=people.now)
    assert isinstance(asked, Asked)
    assert asked.delivery is not None
    return asked.delivery.state


async def test_a_hard_bounce_after_acceptance_is_the_last_word(people: People) -> None:
    """A code handed over and bounced later is shown as failed; the other contact is told once, however often."""
    member, token, delivery = await _asked(people)
    assert await _state(people, token) is DeliveryState.ACCEPTED
    for _ in range(2):
        await bounces.bounced(people.hub, people.visit(), delivery, Bounce(BounceKind.HARD, "5.1.1", "no such user"))
    assert await _state(people, token) is DeliveryState.FAILED
    told = await people.delivered()
    assert [(one.notice, one.label, one.not_me) for one in told] == [("contact-suspended", "phone", "")]
    offered = await login.offered(people.hub, token, now=people.now)
    assert isinstance(offered, Choose)
    assert "home" not in [offer.label for offer in offered.offers]
    assert "phone" in [offer.label for offer in offered.offers]
    contact = await Contact.get(id=member.contacts["home"])
    assert contact.suspended_why == bounces.Suspended.NO_MAILBOX


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        (BounceKind.SOFT, DeliveryState.FAILED),
        (BounceKind.DELAYED, DeliveryState.DELAYED),
        (BounceKind.POLICY, DeliveryState.FAILED),
    ],
)
async def test_what_is_not_the_addresss_fault_suspends_nothing(
    people: People, kind: BounceKind, state: DeliveryState
) -> None:
    """A full mailbox, a delay and a refusal of us are shown on the page, and the contact goes on."""
    member, token, delivery = await _asked(people)
    await bounces.bounced(people.hub, people.visit(), delivery, Bounce(kind, "4.2.2", "later"))
    assert await _state(people, token) is state
    assert (await Contact.get(id=member.contacts["home"])).suspended_at is None
    assert await people.delivered() == []
    alarm = people.hub.alarms.standing(bounces.ALARM, now=people.now)
    assert bool(alarm) is (kind is BounceKind.POLICY)
    people.later(hours=1)
    assert not people.hub.alarms.standing(bounces.ALARM, now=people.now)


async def test_an_old_letters_bounce_does_not_suspend_what_was_confirmed_since(people: People) -> None:
    """A report that comes days late is about the address as it was then."""
    member, _, delivery = await _asked(people)
    people.later(hours=1)
    await Contact.filter(id=member.contacts["home"]).update(confirmed_at=people.now)
    await bounces.bounced(people.hub, people.visit(), delivery, Bounce(BounceKind.HARD, "5.1.1"))
    assert (await Contact.get(id=member.contacts["home"])).suspended_at is None


async def test_a_bounced_confirmation_is_shown_and_suspends_nothing(people: People) -> None:
    """An address that was never confirmed has nothing to suspend: its page says that mail could not be delivered."""
    member = await people.member(contacts=("phone",))
    session = await people.stepped_up(member)
    added = await registering.add(people.hub, people.visit(), session, label="typo", address="typo@mail.test")
    assert not isinstance(added, contacts.Refused)
    delivery = await Delivery.filter(letter="confirmation").first()
    assert delivery is not None
    await people.delivered()
    await bounces.bounced(people.hub, people.visit(), delivery.id, Bounce(BounceKind.HARD, "5.1.1"))
    waiting = await registering.waiting(people.hub, session, delivery.contact_id or 0, now=people.now)
    assert isinstance(waiting, registering.Waiting)
    assert waiting.delivery is not None
    assert waiting.delivery.state is DeliveryState.FAILED
    assert (await Contact.get(id=delivery.contact_id)).suspended_at is None
    assert await people.delivered() == []


async def test_a_refusal_of_our_mail_degrades_readiness(house_on_sqlite: House) -> None:
    """The mail server says 5.7.1 of our mail: no contact is suspended, the readiness page says degraded and why."""
    house = house_on_sqlite
    member = await house.people.member(contacts=("home",))
    house.inbox.refusals["taro0@mail.test"] = "554 5.7.1 relay access denied"
    async with house.person() as person, aiohttp.ClientSession() as client:
        await to_choice(person, member, "en")
        await person.press("OK", way=person.option("home"))
        await stand_at(person, "retrying")
        async with client.get(f"{house.url}/health/ready") as answer:
            ready = await answer.json()
    assert ready["status"] == "degraded"
    assert "5.7.1" in ready["parts"]["mail"]["what"]
    assert (await Contact.get(id=member.contacts["home"])).suspended_at is None
