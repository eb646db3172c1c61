"""What only a browser shows of J3, J10 and J12: pages that turn by themselves, and pages that axe approves of."""

import email
import email.policy
from dataclasses import replace

import pytest
from playwright.async_api import expect

from hub.contacts import suspension
from hub.contacts.suspension import Bounce, BounceKind
from mail_gateway.outbound.messages import write
from models.contact import Contact
from models.delivery import Delivery
from models.kinds import Answer, Letter, Notice, Verdict
from tests.e2e.test_browser import Walk, walking
from tests.hub.test_disavow import WORDS, not_me_in
from tests.mail.test_messages import HOUSE, LETTER
from tests.support.browser import chromium
from tests.support.inbound_smtp import Postman
from tests.support.running_hub import House

pytestmark = pytest.mark.slow

languages = pytest.mark.parametrize("language", ["en", "ja"])


@languages
async def test_j3_the_waiting_page_turns_when_its_mail_is_answered(office_on_sqlite: Postman, language: str) -> None:
    """Nobody touches the page: a yes from the mailbox turns it into the one that says it is registered."""
    office, house = office_on_sqlite, office_on_sqlite.house
    member = await house.people.member()
    async with walking(house, language) as walk:
        await walk.log_in(member)
        await walk.matrix(member)
        await walk.open_settings()
        await walk.page.goto("/settings/email")
        await walk.at("add-mail")
        await walk.fill("label", "自宅")
        await walk.fill("email", "taro@mail.test")
        await walk.press("add")
        await walk.at("waiting")
        letter = await house.inbox.next_to("taro@mail.test")
        row = await office.answer(letter, {"en": "yes", "ja": "はい"}[language])
        assert row.verdict is Verdict.CONFIRMED
        await walk.at("confirmed")


@languages
async def test_no_letter_is_wider_than_a_small_telephone(language: str) -> None:
    """Every letter, notice and answer fits 320 pixels, with a label and a name that have no place to break."""
    async with chromium() as browser:
        page = await browser.new_page(viewport={"width": 320, "height": 600})
        for kind, what in [
            (Letter.CODE, ""),
            (Letter.CONFIRMATION, ""),
            *((Letter.NOTICE, one) for one in Notice),
            *((Letter.ANSWER, one) for one in Answer),
        ]:
            long = replace(LETTER, letter=kind, language=language, notice=what, label="W" * 32, subject_label="W" * 32)
            long = replace(long, account="a" * 64, asked_with="B" * 60, labels=("W" * 32,))
            message = email.message_from_bytes(write(long, HOUSE), policy=email.policy.default)
            part = message.get_body(("html",))
            assert part is not None
            await page.set_content(part.get_content())
            wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wide == 0, f"{kind} {what}"


@languages
async def test_j10_the_strangers_page_turns_when_its_letter_is_disowned(house_on_sqlite: House, language: str) -> None:
    """The reader presses one button in a browser of their own; the stranger's code page ends by itself."""
    house = house_on_sqlite
    member = await house.people.member(contacts=("自宅",))
    async with walking(house, language) as stranger:
        await stranger.log_in(member)
        await stranger.press("OK")
        await stranger.at("code")
        letter = await house.inbox.next_to("taro0@mail.test")
        browser = stranger.page.context.browser
        assert browser is not None
        reader = Walk(
            await (await browser.new_context(locale=f"{language}", viewport={"width": 320, "height": 800})).new_page(),
            language,
        )
        await reader.page.goto(f"{house.url}{not_me_in(letter)}")
        await reader.at("not-me")
        await reader.press(WORDS[language]["end"])
        await reader.at("not-me-again")
        house.clock.later(seconds=4)
        await reader.press(WORDS[language]["end"])
        await reader.at("not-me-done")
        await expect(stranger.page.locator("main")).to_have_attribute("data-page", "ended")


async def test_j12_the_code_page_tells_of_a_bounce_as_it_comes(house_on_sqlite: House) -> None:
    """Handed over first, then slow, then not delivered: the line changes by itself, with another way beside it."""
    house = house_on_sqlite
    member = await house.people.member(contacts=("home", "phone"))
    async with walking(house, "en") as walk:
        await walk.log_in(member)
        await walk.press("OK")
        line = walk.page.locator(".live")
        await expect(line).to_have_attribute("data-state", "accepted")
        delivery = await Delivery.filter(contact_id=member.contacts["home"]).first()
        assert delivery is not None
        house.sync()
        for kind, state in ((BounceKind.DELAYED, "delayed"), (BounceKind.HARD, "failed")):
            await suspension.bounced(house.hub, house.people.visit(), delivery.id, Bounce(kind, "5.1.1", "no"))
            await expect(line).to_have_attribute("data-state", state)
        await walk.page.get_by_role("link", name="Choose another way").click()
        await walk.at("choice")
        await expect(walk.page.get_by_text("phone", exact=True)).to_be_visible()
        await expect(walk.page.get_by_text("home", exact=True)).to_have_count(0)


@languages
async def test_j12_a_suspended_contacts_actions_have_room_for_a_finger(house_on_sqlite: House, language: str) -> None:
    """Confirm again, rename and remove stand side by side in the list, each 44 pixels high."""
    house = house_on_sqlite
    member = await house.people.member(contacts=("自宅", "携帯"))
    await Contact.filter(id=member.contacts["自宅"]).update(suspended_at=house.clock(), suspended_why="5.1.1")
    async with walking(house, language) as walk:
        await walk.log_in(member)
        await walk.page.get_by_role("radio", name=walk.words("matrix"), exact=True).check()
        await walk.press("OK")
        await walk.matrix(member)
        await walk.open_settings()
        await walk.page.goto("/settings/contacts")
        await walk.at("contacts")
        actions = walk.page.locator("main .acts :is(a, button)")
        await expect(actions).to_have_count(5)
        for action in await actions.all():
            box = await action.bounding_box()
            assert box is not None
            assert box["height"] >= 44, await action.inner_text()
