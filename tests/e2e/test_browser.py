"""The journeys of the guide in a real Chromium, with what only a browser shows: axe, live lines, the Back button."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pyotp
import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect
from tortoise.connection import get_connections

from tests.e2e.test_journeys import WORDS
from tests.support.browser import chromium
from tests.support.factory import PASSWORD, Member
from tests.support.running_hub import House, code_in, url_in

pytestmark = pytest.mark.slow

NAMES = {"en": "en-US", "ja": "ja-JP"}
FIELDS = {
    "en": {
        "account": "Account",
        "password": "Password",
        "label": "Label",
        "email": "Email",
        "code": "One-time password",
    },
    "ja": {
        "account": "アカウント",
        "password": "パスワード",
        "label": "ラベル",
        "email": "メールアドレス",
        "code": "ワンタイムパスワード",
    },
}


class Walk:
    """Somebody at a page, who is told what axe finds on each one that is new."""

    def __init__(self, page: Page, language: str) -> None:
        self.page = page
        self.language = language
        self.seen: set[str] = set()
        self.shots: Path | None = None

    def words(self, name: str) -> str:
        """The word of this language for a button or a field."""
        return {**WORDS[self.language], **FIELDS[self.language]}[name]

    async def at(self, name: str) -> None:
        """Expect a page, and let axe look at it the first time."""
        await expect(self.page.locator("main")).to_have_attribute("data-page", name)
        if name in self.seen:
            return
        self.seen.add(name)
        found = await Axe().run(self.page)
        assert found.violations_count == 0, f"{name}: {found.generate_report()}"
        wide = await self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide == 0, f"{name} is wider than the window"
        if self.shots:
            await self.page.screenshot(path=self.shots / f"{name}.png", full_page=True)

    async def press(self, name: str) -> None:
        """Press a button of the page by its words."""
        words = self.words(name) if name in {**WORDS["en"], **FIELDS["en"]} else name
        await self.page.locator("main").get_by_role("button", name=words, exact=True).click()

    async def follow(self, name: str) -> None:
        """Follow a link of the page by its words."""
        await self.page.locator("main").get_by_role("link", name=self.words(name), exact=True).click()

    async def fill(self, name: str, value: str) -> None:
        """Fill a field by its label."""
        await self.page.get_by_label(self.words(name), exact=True).fill(value)

    async def log_in(self, member: Member) -> None:
        """Enter account and password."""
        await self.page.goto("/")
        await self.at("login")
        await self.follow("authentication")
        await self.at("account")
        await self.fill("account", member.name)
        await self.fill("password", PASSWORD)
        await self.press("OK")

    async def matrix(self, member: Member) -> None:
        """Paste the three cells in one go."""
        await self.at("matrix")
        cells = [text.strip("[]") for text in await self.page.locator(".cells label").all_inner_texts()]
        await self.page.locator("#cell1").focus()
        await self.page.keyboard.type("".join(member.cells[cell] for cell in cells).lower())
        await self.press("OK")
        await self.at("portal")

    async def open_settings(self) -> None:
        """Open the settings with the password again."""
        await self.follow("settings")
        await self.at("step-up")
        await self.fill("password", PASSWORD)
        await self.press("authenticate")
        await self.at("settings")


@asynccontextmanager
async def walking(house: House, language: str, *, width: int = 320, dark: bool = False) -> AsyncIterator[Walk]:
    """Open a browser window on a house."""
    async with chromium() as browser:
        context = await browser.new_context(
            base_url=house.url,
            locale=NAMES[language],
            viewport={"width": width, "height": 800},
            color_scheme="dark" if dark else "light",
        )
        context.set_default_timeout(10_000)
        yield Walk(await context.new_page(), language)


@pytest.mark.parametrize(("language", "dark"), [("en", False), ("ja", True)])
async def test_the_guide_in_a_browser(house_on_sqlite: House, language: str, dark: bool) -> None:
    """J1, J2, J5 and J7 in one sitting; axe finds nothing on any page, and none is wider than 320 pixels."""
    house = house_on_sqlite
    member = await house.people.member()
    async with walking(house, language, dark=dark) as walk:
        page = walk.page
        await walk.log_in(member)
        await walk.matrix(member)
        await walk.open_settings()
        await page.locator("main").get_by_role("link", name=WORDS[language]["email"], exact=True).click()
        await walk.at("add-mail")
        await walk.fill("label", "自宅")
        await walk.fill("email", "taro@mail.test")
        await walk.press("add")
        await walk.at("waiting")
        letter = await house.inbox.next_to("taro@mail.test")
        await expect(page.locator(".live")).to_have_attribute("data-state", "accepted")
        await page.goto(url_in(letter))
        await walk.at("confirm")
        await walk.press("confirm")
        await walk.at("confirmed")
        await walk.follow("list")
        await walk.at("contacts")
        await expect(page.get_by_text("taro@mail.test")).to_be_visible()
        await page.goto("/settings/soft-token")
        await walk.at("soft-token-setup")
        secret = (await page.locator(".secret-groups").inner_text()).replace(" ", "")
        await walk.fill("label", "phone")
        await walk.fill("code", pyotp.TOTP(secret).at(house.clock()))
        await walk.press("OK")
        await walk.at("settings")
        await page.goto("/settings/soft-token")
        await page.locator("main .acts a").click()
        await walk.at("remove-soft-token")
        await page.get_by_role("button", name=walk.words("log out"), exact=True).first.click()
        await walk.log_in(member)
        await walk.at("choice")
        await walk.press("OK")
        await walk.at("code")
        letter = await house.inbox.next_to("taro@mail.test", after=letter.number)
        await expect(page.locator(".live")).to_have_attribute("data-state", "accepted")
        await walk.fill("code", code_in(letter))
        await walk.press("OK")
        await walk.at("portal")


@pytest.mark.parametrize(("language", "dark"), [("en", False), ("ja", True)])
async def test_back_to_matrix_in_a_browser(house_on_sqlite: House, language: str, dark: bool) -> None:
    """J8: Matrix can be chosen and is not the default; after the last address is removed it is all that is asked."""
    member = await house_on_sqlite.people.member(contacts=("自宅",))
    async with walking(house_on_sqlite, language, dark=dark) as walk:
        page = walk.page
        await walk.log_in(member)
        await walk.at("choice")
        await expect(page.get_by_role("radio", name="自宅")).to_be_checked()
        await page.get_by_role("radio", name=walk.words("matrix"), exact=True).check()
        await walk.press("OK")
        await walk.matrix(member)
        await walk.open_settings()
        await page.goto("/settings/contacts")
        await page.locator("main .acts a").last.click()
        await walk.at("remove")
        await expect(page.locator(".note")).to_be_visible()
        await walk.press("remove")
        await walk.at("contacts")
        await page.get_by_role("button", name=walk.words("log out"), exact=True).first.click()
        await walk.log_in(member)
        await walk.at("matrix")


@pytest.mark.parametrize(("language", "dark"), [("en", True), ("ja", False)])
async def test_the_other_pages_in_a_browser(house_on_sqlite: House, language: str, dark: bool) -> None:
    """Axe finds nothing on the pages beside the way either, and none is wider than 320 pixels."""
    house = house_on_sqlite
    member = await house.people.member(contacts=("自宅",))
    async with walking(house, language, dark=dark) as walk:
        page = walk.page
        for path, name in (
            ("/help", "help"),
            ("/login/ic-card", "ic-card"),
            ("/nowhere", "not-found"),
            ("/login/code", "ended"),
            ("/confirm/1-nobody", "refused"),
            ("/confirm/1-nobody/refuse", "not-me"),
        ):
            await page.goto(path)
            await walk.at(name)
        await page.context.clear_cookies()
        await walk.press(await page.locator("main button.main").inner_text())
        await walk.at("forged")
        await walk.log_in(member)
        await walk.at("choice")
        await page.get_by_role("radio", name=walk.words("matrix"), exact=True).check()
        await walk.press("OK")
        await walk.matrix(member)
        await walk.open_settings()
        await page.goto(f"/settings/contacts/{member.contacts['自宅']}/rename")
        await walk.at("rename")
        await page.goto("/settings/email")
        await walk.fill("label", "携帯")
        await walk.fill("email", "taro@phone.test")
        await walk.press("add")
        await walk.at("waiting")
        letter = await house.inbox.next_to("taro@phone.test")
        await page.context.clear_cookies()
        await page.goto(url_in(letter))
        await walk.at("confirm-elsewhere")
        await page.goto(f"{url_in(letter)}/refuse")
        await page.locator("main button.main").click()
        await walk.at("not-me-again")
        house.clock.later(seconds=4)
        await page.locator("main button.main").click()
        await walk.at("not-me-done")


@pytest.mark.parametrize(("language", "dark"), [("en", False), ("ja", True)])
async def test_the_pages_of_trouble_in_a_browser(house_on_sqlite: House, language: str, dark: bool) -> None:
    """What can't be read, and a database in trouble, each have a page with a way on that anybody can use."""
    async with walking(house_on_sqlite, language, dark=dark) as walk:
        page = walk.page
        await page.goto("/login/account")
        await page.evaluate("document.querySelector('main form').enctype = 'multipart/form-data'")
        await walk.fill("account", "taro")
        await walk.fill("password", PASSWORD)
        await walk.press("OK")
        await walk.at("bad-request")
        await page.goto("/login/account")
        (connection,) = get_connections().all()
        await connection.execute_script('ALTER TABLE "account" RENAME TO "account_elsewhere"')
        await walk.fill("account", "taro")
        await walk.fill("password", PASSWORD)
        await walk.press("OK")
        await walk.at("error")
        assert await page.locator("main code").inner_text()


async def test_back_after_logout_shows_nothing(house_on_sqlite: House) -> None:
    """On a shared computer the Back button after a logout shows no page of the member who left."""
    member = await house_on_sqlite.people.member()
    async with walking(house_on_sqlite, "en") as walk:
        await walk.log_in(member)
        await walk.matrix(member)
        await walk.page.locator("nav").get_by_role("button", name="Log out").click()
        await walk.at("login")
        await walk.page.go_back()
        await expect(walk.page.locator("main")).to_have_attribute("data-page", "login")
        assert member.name not in await walk.page.content()


async def test_what_was_typed_outlasts_a_switch_of_the_language(house_on_sqlite: House) -> None:
    """The account and the method that was picked stand there again; a password does not."""
    member = await house_on_sqlite.people.member(contacts=("home",))
    async with walking(house_on_sqlite, "en") as walk:
        await walk.page.goto("/login/account")
        await walk.page.locator("#account").fill(member.name)
        await walk.page.locator("#password").fill(PASSWORD)
        await walk.page.get_by_role("button", name="日本語").click()
        await expect(walk.page.locator("html")).to_have_attribute("lang", "ja")
        await expect(walk.page.locator("#account")).to_have_value(member.name)
        await expect(walk.page.locator("#password")).to_have_value("")
        await walk.page.locator("#password").fill(PASSWORD)
        await walk.page.locator("main button.main").click()
        await walk.page.locator("input[value=matrix]").check()
        await walk.page.get_by_role("button", name="English").click()
        await expect(walk.page.locator("html")).to_have_attribute("lang", "en")
        await expect(walk.page.locator("input[value=matrix]")).to_be_checked()


@pytest.mark.parametrize("label", ["<script>alert(1)</script>"[:32], "😀" * 32, "a<b>'\"&"])
async def test_a_label_is_only_text(house_on_sqlite: House, label: str) -> None:
    """Markup in a label is shown and not run, and the page stays within the window."""
    house = house_on_sqlite
    member = await house.people.member(contacts=(label,))
    async with walking(house, "en") as walk:
        alerts: list[str] = []
        walk.page.on("dialog", lambda dialog: alerts.append(dialog.message))
        await walk.log_in(member)
        await walk.at("choice")
        await expect(walk.page.get_by_text(label, exact=True)).to_be_visible()
        assert not alerts


async def test_the_code_page_turns_when_the_mail_is_handed_over(house_on_sqlite: House) -> None:
    """The line on the code page changes by itself, and the browser reports nothing blocked or broken."""
    house = house_on_sqlite
    member = await house.people.member(contacts=("home",))
    async with walking(house, "en", width=1100) as walk:
        told: list[str] = []
        walk.page.on("console", lambda message: told.append(message.text))
        walk.page.on("pageerror", lambda error: told.append(str(error)))
        await walk.log_in(member)
        await walk.press("OK")
        await walk.at("code")
        await expect(walk.page.locator(".live")).to_contain_text("handed to the mail server")
        assert not told


async def test_the_waiting_page_turns_when_confirmed_elsewhere(house_on_sqlite: House) -> None:
    """The waiting page shows "Registered" by itself when the URL was opened in another window."""
    house = house_on_sqlite
    member = await house.people.member()
    async with walking(house, "en") as walk:
        await walk.log_in(member)
        await walk.matrix(member)
        await walk.open_settings()
        await walk.page.goto("/settings/email")
        await walk.fill("label", "home")
        await walk.fill("email", "taro@mail.test")
        await walk.press("add")
        await walk.at("waiting")
        letter = await house.inbox.next_to("taro@mail.test")
        other = await walk.page.context.new_page()
        await other.goto(url_in(letter))
        await other.get_by_role("button", name="Confirm", exact=True).click()
        await expect(walk.page.locator("main")).to_have_attribute("data-page", "confirmed")
