"""J9 whole: the kiosk's program and its real browser, a real card daemon, our card, and the real hub."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import pytest
from playwright.async_api import Page, async_playwright

from demo.card.authority import KeyKind
from demo.card.piv import PIN, PivCard
from demo.card.slot import Card, Slot
from demo.card.uid import UidCard
from hub.cards import kiosks, uid_cards
from hub.domain.outcomes import Begun
from hub.login import password_login
from models.session import Session
from reader_kiosk import identity
from tests.kiosk.test_browser import ROOT, Kiosk
from tests.support.browser import ARGUMENTS
from tests.support.cards import CardByOthers
from tests.support.factory import PASSWORD as OLD
from tests.support.factory import Member
from tests.support.kiosk_hub import Counter, counter_with, sqlite_copy
from tests.support.lockdown import program
from tests.support.ports import free_port

pytestmark = pytest.mark.slow

NEW = "another horse battery"


@dataclass
class Library:
    """A kiosk that stands in a library, its reader, and the hub that it was enrolled at."""

    counter: Counter
    kiosk: Kiosk
    slot: Slot
    member: Member

    async def page(self, name: str) -> Page:
        """Wait until the kiosk shows this page."""
        return await self.kiosk.page(name, timeout=20)

    async def card(self, kind: KeyKind) -> PivCard:
        """Give the member a card."""
        issued = self.counter.issuer.authority.card("taro", kind, now=datetime.now(UTC))
        await self.counter.bound(self.member, issued)
        return PivCard(issued)

    async def log_in(self, card: Card) -> Page:
        """Put a card on and type its PIN."""
        await self.slot.put_on(card)
        page = await self.page("pin")
        for digit in PIN:
            await page.click(f"#pad button:text-is('{digit}')")
        await page.click("#ok")
        return await self.page("portal")

    async def out(self) -> float:
        """Take the card away; gives after how many seconds the session was over, with the kiosk idle again."""
        await self.slot.take_away()
        gone_at = monotonic()
        while await Session.filter(ended_at=None).exists():
            assert monotonic() - gone_at < 10
            await asyncio.sleep(0.02)
        took = monotonic() - gone_at
        await self.page("idle")
        return took


@asynccontextmanager
async def library_with(counter: Counter, slot: Slot, folder: Path) -> AsyncIterator[Library]:
    """Start the real program with a browser of its own."""
    identity.save(folder / "kiosk", counter.identity)
    port = free_port()
    words = ["chromium", "--headless=new", f"--remote-debugging-port={port}", *ARGUMENTS]
    environment = {
        **os.environ,
        "KIOSK_FOLDER": str(folder / "kiosk"),
        "KIOSK_LISTEN": f"127.0.0.1:{free_port()}",
        "KIOSK_BROWSER": " ".join(words),
    }
    process = await asyncio.create_subprocess_exec(*program(), stdout=-1, stderr=-2, env=environment, cwd=ROOT)
    assert process.stdout is not None
    member = await counter.house.people.member(contacts=("自宅",))
    try:
        ready = await asyncio.wait_for(process.stdout.readline(), 30)
        assert b"The kiosk is ready" in ready, ready
        async with async_playwright() as playwright:
            browser = await playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{port}")
            made = Library(counter, Kiosk(process, browser, None, slot, playwright, port), slot, member)
            await made.page("idle")
            yield made
    finally:
        if process.returncode is None:
            process.terminate()
            told, _ = await asyncio.wait_for(process.communicate(), 20)
            assert b"Traceback" not in told, told.decode()


@pytest.fixture
async def library(sqlite_template: Path, tmp_path: Path, slot: Slot) -> AsyncIterator[Library]:
    """A kiosk whose hub is another site than its own page, as it is in a library."""
    port = free_port()
    where = {"origin": f"http://localhost:{port}", "listen": f"127.0.0.1:{port}"}
    async with (
        counter_with(sqlite_copy(sqlite_template, tmp_path), tmp_path, uid_cards=True, **where) as counter,
        library_with(counter, slot, tmp_path) as made,
    ):
        yield made


async def test_tap_pin_in_card_away_out(library: Library, tmp_path: Path) -> None:
    """J9 with three kinds of keys and a card by others: the name, the PIN, the portal; the card is taken: out."""
    cards = [await library.card(kind) for kind in (KeyKind.P256, KeyKind.P384, KeyKind.RSA2048)]
    foreign = CardByOthers(library.counter.issuer.authority, tmp_path)
    await library.counter.bound(library.member, foreign.issued)
    for card in (*cards, foreign):
        page = await library.log_in(card)
        assert page.url == f"{library.counter.house.hub.settings.origin}/portal"
        assert "taro" in await page.inner_text("main")
        session = await Session.get(ended_at=None)
        assert session.amr == "sc pin hwk mfa"
        # A second on a machine of its own; here other tests run beside it.
        assert await library.out() < 3
        page = await library.page("idle")
        assert await page.evaluate("history.length") == 1
        assert not [one for context in library.kiosk.browser.contexts for one in await context.cookies()]


async def test_the_portal_speaks_as_the_kiosks_screen_did(library: Library) -> None:
    """Whatever the kiosk's browser would ask for by itself, and another language once that was chosen there."""
    card = await library.card(KeyKind.P256)
    page = await library.log_in(card)
    assert await page.evaluate("document.documentElement.lang") == "ja"
    await library.out()
    await library.slot.put_on(card)
    page = await library.page("pin")
    await page.click("#language")
    await page.locator("html[lang=en]").wait_for()
    for digit in PIN:
        await page.click(f"#pad button:text-is('{digit}')")
    await page.click("#ok")
    page = await library.page("portal")
    assert await page.evaluate("document.documentElement.lang") == "en"
    await library.out()


async def test_a_lost_password_is_set_anew_at_the_kiosk(library: Library) -> None:
    """Card, PIN, settings, the new password twice; the old one opens nothing any more."""
    page = await library.log_in(await library.card(KeyKind.P256))
    await page.click("main a[href='/settings']")
    page = await library.page("settings")
    await page.click("a[href='/settings/password']")
    page = await library.page("new-password")
    for field in ("password", "again"):
        await page.fill(f"#{field}", NEW)
    await page.click("form[action='/settings/password'] button.main")
    await library.page("password-set")
    await library.out()
    house = library.counter.house
    house.sync()
    right = await password_login.begin(house.hub, house.people.visit(), name="taro", password=NEW)
    assert isinstance(right, Begun)
    wrong = await password_login.begin(house.hub, house.people.visit(), name="taro", password=OLD)
    assert not isinstance(wrong, Begun)


async def test_a_card_without_a_key_names_and_the_page_asks_for_the_rest(library: Library) -> None:
    """The name, the password, the matrix card, the portal; the card is taken and the session is over."""
    house = library.counter.house
    await uid_cards.bind_for(house.hub, house.people.visit(), "taro", "04A1B2C3D4E5F6")
    await library.slot.put_on(UidCard(bytes.fromhex("04A1B2C3D4E5F6")))
    page = await library.page("account")
    await type_by_touch(page, "#password", OLD)
    await page.click("main form button.main")
    page = await library.page("choice")
    await page.check("input[value='matrix']")
    await page.click("main form button.main")
    page = await library.page("matrix")
    labels = [text.strip("[]") for text in await page.locator(".cells label").all_inner_texts()]
    for number, cell in enumerate(labels, 1):
        await page.fill(f"#cell{number}", library.member.cells[cell])
    await page.click("main form button.main")
    await library.page("portal")
    assert (await Session.get(ended_at=None)).kiosk_login_id is not None
    assert await library.out() < 3


async def type_by_touch(page: Page, field: str, text: str) -> None:
    """Type with the keyboard on the screen, as at a kiosk without one; a capital and a sign are taken back again."""
    await page.click(field)
    for key in ("⇧", "Q", "⇧", "#+=", "!", "⌫", "abc", "⌫", *text.replace(" ", "␣")):
        await page.click(f".keyboard button:text-is('{key}')")
    assert await page.input_value(field) == text


async def test_a_kiosk_taken_out_of_service_says_so_and_its_session_is_over(library: Library) -> None:
    """Revoked while somebody is in: the next page is the login, and the next card is told."""
    page = await library.log_in(await library.card(KeyKind.P256))
    house = library.counter.house
    assert await kiosks.revoke(house.hub, house.people.visit(), "Library") == 1
    await page.reload()
    await library.page("login")
    await library.slot.take_away()
    await library.page("idle")
    await library.slot.put_on(await library.card(KeyKind.P384))
    await library.page("out-of-order")
