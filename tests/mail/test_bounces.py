"""J12, the address died: the contact is suspended, the member told elsewhere, the login offers what lives."""

import re

import aiohttp
import pytest

from hub.contacts import contacts, registration, suspension
from hub.contacts.suspension import Bounce, BounceKind
from hub.domain.outcomes import Asked, Choose, DeliveryState
from hub.login import password_login
from mail_gateway.inbound.delivery_reports import Finding, kind_of
from mail_gateway.inbound.parsing import parse
from mail_gateway.mailbox_refusals import STATUS
from mail_gateway.outbound.reply_codes import Meaning, meaning_of
from models.contact import Contact
from models.delivery import Delivery
from models.kinds import Verdict
from tests.mail.test_answers import asked_to_confirm
from tests.support.factory import PASSWORD, Member, People
from tests.support.inbound_smtp import SAMPLES, Postman, reply_to
from tests.support.running_hub import House, Person, code_in

WORDS = {
    "en": {
        "login": "Matrix/OTP/Soft Token Authentication",
        "failed": "could not be delivered",
        "other": "Choose another way",
        "settings": "One-Time Password & Soft Token Settings",
        "authenticate": "Authenticate",
        "suspended": "suspended",
        "why": "the address no longer exists",
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
        "why": "アドレスが存在しないようです",
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
    asked = await password_login.asked(people.hub, token, now=people.now)
    assert isinstance(asked, Asked)
    assert asked.delivery is not None
    return asked.delivery.state


async def test_a_hard_bounce_after_acceptance_is_the_last_word(people: People) -> None:
    """A code handed over and bounced later is shown as failed; the other contact is told once, however often."""
    member, token, delivery = await _asked(people)
    assert await _state(people, token) is DeliveryState.ACCEPTED
    for _ in range(2):
        await suspension.bounced(people.hub, people.visit(), delivery, Bounce(BounceKind.HARD, "5.1.1", "no such user"))
    assert await _state(people, token) is DeliveryState.FAILED
    told = await people.delivered()
    assert [(one.notice, one.label, one.not_me) for one in told] == [("contact-suspended", "phone", "")]
    offered = await password_login.offered(people.hub, token, now=people.now)
    assert isinstance(offered, Choose)
    assert "home" not in [offer.label for offer in offered.offers]
    assert "phone" in [offer.label for offer in offered.offers]
    contact = await Contact.get(id=member.contacts["home"])
    assert contact.suspended_why == suspension.Suspended.NO_MAILBOX


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
    await suspension.bounced(people.hub, people.visit(), delivery, Bounce(kind, "4.2.2", "later"))
    assert await _state(people, token) is state
    assert (await Contact.get(id=member.contacts["home"])).suspended_at is None
    assert await people.delivered() == []
    alarm = people.hub.alarms.standing(suspension.ALARM, now=people.now)
    assert bool(alarm) is (kind is BounceKind.POLICY)
    people.later(hours=1)
    assert not people.hub.alarms.standing(suspension.ALARM, now=people.now)


async def test_an_old_letters_bounce_does_not_suspend_what_was_confirmed_since(people: People) -> None:
    """A report that comes days late is about the address as it was then."""
    member, _, delivery = await _asked(people)
    people.later(hours=1)
    await Contact.filter(id=member.contacts["home"]).update(confirmed_at=people.now)
    await suspension.bounced(people.hub, people.visit(), delivery, Bounce(BounceKind.HARD, "5.1.1"))
    assert (await Contact.get(id=member.contacts["home"])).suspended_at is None


async def test_a_bounced_confirmation_is_shown_and_suspends_nothing(people: People) -> None:
    """An address that was never confirmed has nothing to suspend: its page says that mail could not be delivered."""
    member = await people.member(contacts=("phone",))
    session = await people.stepped_up(member)
    added = await registration.add(people.hub, people.visit(), session, label="typo", address="typo@mail.test")
    assert not isinstance(added, contacts.Refused)
    delivery = await Delivery.filter(letter="confirmation").first()
    assert delivery is not None
    await people.delivered()
    await suspension.bounced(people.hub, people.visit(), delivery.id, Bounce(BounceKind.HARD, "5.1.1"))
    waiting = await registration.waiting(people.hub, session, delivery.contact_id or 0, now=people.now)
    assert isinstance(waiting, registration.Waiting)
    assert waiting.delivery is not None
    assert waiting.delivery.state is DeliveryState.FAILED
    assert (await Contact.get(id=delivery.contact_id)).suspended_at is None
    assert await people.delivered() == []


async def test_a_refusal_of_our_mail_degrades_readiness(house_on_sqlite: House) -> None:
    """5.7.1 for one mailbox may be its own rule; for two readiness says degraded and why. None is suspended."""
    house = house_on_sqlite
    await house.people.member(contacts=("home", "phone"))
    member = await house.people.member("hanako", contacts=("home", "phone"))
    for number in range(4):
        house.inbox.refusals[f"taro{number}@mail.test"] = "554 5.7.1 relay access denied"
        house.inbox.refusals[f"hanako{number}@mail.test"] = "554 5.7.1 relay access denied"
    async with house.person() as person, aiohttp.ClientSession() as client:
        for label, status in (("home", "ok"), ("phone", "degraded")):
            await to_choice(person, member, "en") if label == "home" else await person.open("/login/choice")
            await person.press("OK", way=person.option(label))
            await stand_at(person, "failed")
            async with client.get(f"{house.url}/health/ready") as answer:
                ready = await answer.json()
            assert ready["status"] == status
    assert "5.7.1" in ready["parts"]["mail"]["what"]
    assert not await Contact.filter(suspended_at__isnull=False).exists()


RATE = (
    "550-5.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages from"
    " being delivered."
)


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        ("5.1.1", "550 5.1.1 no such user", BounceKind.HARD),
        ("5.4.4", "unable to look up host gmial.example: Host or domain name not found. Name service error", "hard"),
        ("5.0.0", "554 delivery error: dd This user doesn't have a yahoo.co.jp account (x@y.org) [-5]", "hard"),
        ("5.0.0", "554 30 Sorry, your message to x cannot be delivered. This mailbox is disabled (554.30).", "hard"),
        ("5.0.0", "550 Requested action not taken: mailbox unavailable", "hard"),
        ("5.0.0", "550 unknown recipient", "hard"),
        ("5.3.0", "553 5.3.0 <taro@example.org>... User unknown", "hard"),
        ("5.2.1", "550 5.2.1 The email account that you tried to reach is disabled", "hard"),
        ("5.1.0", "550 \u8a72\u5f53\u3059\u308b\u30e6\u30fc\u30b6\u304c\u3042\u308a\u307e\u305b\u3093", "hard"),
        ("5.7.1", "550 5.7.1 no such user here", "hard"),
        ("5.2.1", RATE, "soft"),
        ("5.2.2", "552 5.2.2 The mailbox is full and disabled", "soft"),
        ("5.0.0", "554 user is over quota", "soft"),
        ("5.1.1", "550 5.1.1 mailbox temporarily unavailable", "soft"),
        ("5.0.0", "554 something", "soft"),
        ("5.4.4", "554 5.4.4 no route", "soft"),
        ("4.4.4", "Host or domain name not found", "soft"),
        ("5.7.1", "550 5.7.1 Recipient address rejected: Access denied", "policy"),
        ("5.7.26", "550 5.7.26 unauthenticated, user unknown to SPF", "policy"),
        ("5.1.1", "550 5.1.1 blocked, listed at spamhaus", "policy"),
        ("5.2.1", "550 5.2.1 The user is receiving mail too quickly. Resend it at a later time.", "soft"),
        ("5.0.0", "550 Account temporarily suspended, try again later", "soft"),
        ("5.0.0", "550 User inbox is full", "soft"),
        ("5.0.0", "550 メールボックスが満杯です", "soft"),
        ("5.0.0", "550 taro@mail.test is no longer valid", "hard"),
        ("5.0.0", "550 This address no longer accepts mail", "hard"),
        ("5.0.0", "550 Account suspended", "hard"),
        ("5.0.0", "550 The mail account has been suspended", "hard"),
        ("5.0.0", "550 User taro not known here", "hard"),
        ("5.0.0", "550 Empfänger unbekannt", "hard"),
        ("5.0.0", "550 No MX record found for mail.test", "hard"),
        ("5.0.0", "554 Message rejected due to spam content", "policy"),
        ("5.0.0", "550 Message rejected as spam by Content Filtering", "policy"),
        ("5.0.0", "554 IP address blocked", "policy"),
        ("5.0.0", "550 message contains a virus", "policy"),
        ("5.0.0", "550 Sender address rejected: Domain not found", "policy"),
        ("5.0.0", "550 Sender verify failed: no such user bounce+1@portal.test", "policy"),
        ("5.0.0", "550 sender unknown", "policy"),
        ("5.0.0", "550 Relaying denied", "policy"),
        ("5.0.0", "550 reverse DNS does not exist for your host", "policy"),
        ("5.0.0", "550 HELO domain does not exist", "policy"),
    ],
)  # fmt: skip
def test_a_reports_words_count_beside_its_status(status: str, said: str, kind: str) -> None:
    """The dead are suspended and the living are kept, whatever code their server gives."""
    assert kind_of(status, said) == kind
    code, _, words = said.partition(" ")
    if code.rstrip("-").isdecimal() and status[0] == "5" and code[:3] != "4":
        wanted = {"hard": Meaning.DEAD, "policy": Meaning.POLICY}.get(kind, Meaning.NEVER)
        assert meaning_of(int(code[:3]), words if STATUS.search(words) else f"{status} {words}") is wanted


@pytest.mark.parametrize("at", ["the bounce address", "the reply address"])
async def test_a_report_counts_at_either_address_with_the_null_sender_and_in_time(
    office_on_sqlite: Postman, at: str
) -> None:
    """RFC 3464's report suspends; one with a sender, or five days after the letter, does not."""
    house = office_on_sqlite.house
    member = await house.people.member(contacts=("home",))
    await house.people.begun(member)
    async with house.person() as person:
        await to_choice(person, member, "en")
        await person.press("OK", way=person.option("home"))
        letter = await house.inbox.next_to("taro0@mail.test")
    to = letter.sender if at == "the bounce address" else reply_to(letter)
    report = (SAMPLES / "hard/postfix-user-unknown.eml").read_bytes()
    await office_on_sqlite.bring(report, to=to, sender="evil@mail.test")
    await office_on_sqlite.read()
    assert not await Contact.filter(suspended_at__isnull=False).exists()
    house.clock.later(days=6)
    await office_on_sqlite.bring(report, to=to, sender="")
    await office_on_sqlite.read(number=2)
    assert not await Contact.filter(suspended_at__isnull=False).exists()
    house.clock.later(days=-6)
    await office_on_sqlite.bring(report, to=to, sender="")
    assert (await office_on_sqlite.read(number=3)).verdict is Verdict.BOUNCED
    assert await Contact.filter(suspended_at__isnull=False).count() == 1


async def test_words_with_a_sender_are_no_report(office_on_sqlite: Postman) -> None:
    """Plain mail that says that there is no such user, to the bounce address, changes nothing."""
    letter, contact = await asked_to_confirm(office_on_sqlite)
    plain = b"From: x@mail.test\r\nSubject: failed\r\n\r\n550 5.1.1 user unknown\r\n"
    await office_on_sqlite.bring(plain, to=letter.sender, sender="x@mail.test")
    await office_on_sqlite.read()
    assert (await Delivery.get(contact_id=contact.id)).failed_at is None


def test_a_report_that_says_it_in_another_alphabet_is_understood() -> None:
    """Servers write UTF-8 into the diagnosis as it is; it is read as text."""
    report = (SAMPLES / "hard/postfix-user-unknown.eml").read_bytes()
    told = re.sub(rb"(?m)^Status:.*$", b"Status: 5.0.0", report)
    told = re.sub(
        rb"(?m)^Diagnostic-Code:.*(?:\r?\n[ \t].*)*", "Diagnostic-Code: smtp; 550 宛先不明です".encode(), told
    )
    found = parse(told).report
    assert isinstance(found, Finding)
    assert (found.bounce.kind, found.bounce.said) == (BounceKind.HARD, "550 宛先不明です")
