"""The page on which somebody acts as a member: with and without scripts, with the keyboard, and with hostile words."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from demo.slack.acting import StandIn
from demo.slack.sending import Timing
from demo.slack.stand_in import standing_in
from tests.support.browser import chromium
from tests.support.slack_app import Client, app_in, button, field, modal, words, wrong_once

OPTIONS = [{"text": words(text), "value": text} for text in ("one", "two")]
FORM = modal(
    field("digits", "Two digits", hint=words("They stand on the page.")),
    field("radio", "Radio", element={"type": "radio_buttons", "options": OPTIONS}),
    field("menu", "Menu", element={"type": "static_select", "options": OPTIONS}),
    field("ticks", "Ticks", element={"type": "checkboxes", "options": OPTIONS}, optional=True),
    field("more", "More", element={"type": "plain_text_input", "multiline": True}, optional=True),
)
HOSTILE = "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">"


# As an app writes it that knows how to.
ESCAPED = HOSTILE.replace("<", "&lt;").replace(">", "&gt;")


# One browser for all of them: it is started in the loop that they all run in.
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """A browser."""
    async with chromium() as started:
        yield started


@asynccontextmanager
async def looking(browser: Browser, **context: Any) -> AsyncIterator[tuple[StandIn, Client, Page]]:
    """A workspace with an app in it, and a window on the page of a member."""
    async with app_in("sockets") as (slack, client):
        opened = await browser.new_context(viewport={"width": 320, "height": 800}, base_url=slack.core.url, **context)
        page = await opened.new_page()
        await page.goto("/as/UTARO")
        yield slack, client, page
        await opened.close()


async def approved(page: Page) -> None:
    """Expect axe to find nothing, and the page to fit its window."""
    found = await Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide == 0, "the page is wider than the window"


async def type_in(page: Page, text: str) -> None:
    """Type a message or a command and send it."""
    await page.get_by_label("Message or command").fill(text)
    await page.get_by_role("button", name="Send").click()


async def test_a_member_acts_from_command_to_modal_on_the_page(browser: Browser) -> None:
    """Everything appears by itself; what was wrong stands beside its field; each state fits 320 pixels and axe."""
    async with looking(browser) as (slack, client, page):
        client.view = FORM
        sent: list[dict[str, Any]] = []
        client.on_view = lambda view: sent.append(view["state"]["values"]) or {}  # type: ignore[func-returns-value]
        await page.goto("/")
        await approved(page)
        await page.get_by_role("link", name="Taro").click()
        await type_in(page, "/try list")
        await expect(page.get_by_text("heard list")).to_be_visible()
        await expect(page.get_by_text("Only you can see this")).to_be_visible()
        await expect(page.get_by_text("In the notification: Somebody logs in")).to_be_visible()
        await approved(page)
        await page.get_by_role("button", name="Approve").click()
        form = page.get_by_role("dialog", name="Form")
        await form.get_by_label("Two digits").fill("42")
        await form.get_by_role("checkbox", name="two").check()
        await form.get_by_role("button", name="OK").click()
        await expect(form.get_by_role("alert")).to_contain_text("Menu: Please complete this required field.")
        await expect(form.get_by_label("Two digits")).to_have_value("42")
        await approved(page)
        await form.get_by_role("radio", name="one").check()
        await form.get_by_label("Menu").select_option("two")
        await form.get_by_label("More").fill("自宅\nand more")
        await form.get_by_role("button", name="OK").click()
        await expect(page.get_by_text("Approved")).to_be_visible()
        await expect(form).to_have_count(0)
        assert sent[0]["digits"]["digits"]["value"] == "42"
        assert sent[0]["radio"]["radio"]["selected_option"]["value"] == "one"
        assert sent[0]["menu"]["menu"]["selected_option"]["value"] == "two"
        assert [one["value"] for one in sent[0]["ticks"]["ticks"]["selected_options"]] == ["two"]
        assert sent[0]["more"]["more"]["value"] == "自宅\nand more"
        await page.get_by_role("button", name="Home").click()
        await expect(page.get_by_role("heading", name="State")).to_be_visible()
        await approved(page)
        await page.get_by_role("button", name="Add").click()
        await expect(form).to_be_visible()
        await form.get_by_role("button", name="Close").click()
        await expect(form).to_have_count(0)
        assert not slack.views("UTARO")


async def test_the_page_works_without_scripts(browser: Browser) -> None:
    """The same by forms alone; the page looks again by itself, but not while a form is filled in."""
    async with looking(browser, java_script_enabled=False) as (slack, client, page):
        client.on_view = wrong_once
        again = page.locator("noscript meta[http-equiv=refresh]")
        await expect(again).to_have_count(1)
        await type_in(page, "/try")
        await expect(page.get_by_role("button", name="Approve")).to_be_visible(timeout=10_000)
        await page.get_by_role("button", name="Approve").click()
        await expect(page.get_by_role("dialog", name="Form")).to_be_visible(timeout=10_000)
        await expect(again).to_have_count(0)
        await page.get_by_label("Two digits").fill("11")
        await page.get_by_label("Two digits").press("Enter")
        await expect(page.get_by_role("alert")).to_contain_text("These are not the digits.")
        await page.get_by_label("Two digits").fill("42")
        await page.get_by_role("button", name="OK").click()
        await expect(page.get_by_text("Approved")).to_be_visible(timeout=10_000)
        await expect(again).to_have_count(1)
        assert not slack.views("UTARO")


async def test_what_is_being_typed_outlives_what_arrives(browser: Browser) -> None:
    """A message comes in while a command and a modal are filled in: both keep their words, and the cursor stays."""
    async with looking(browser) as (slack, _, page):
        await type_in(page, "/try")
        await page.get_by_role("button", name="Approve").click()
        await page.get_by_label("Message or command").fill("/try half a com")
        await page.get_by_label("Two digits").fill("4")
        await Client(slack).web.chat_postMessage(channel="UTARO", text="Something new")
        await expect(page.get_by_text("Something new")).to_be_visible()
        await expect(page.get_by_label("Two digits")).to_have_value("4")
        await expect(page.get_by_label("Two digits")).to_be_focused()
        await expect(page.get_by_label("Message or command")).to_have_value("/try half a com")
        await page.get_by_role("button", name="Deny").focus()
        await Client(slack).web.chat_postMessage(channel="UTARO", text="Something newer")
        await expect(page.get_by_text("Something newer")).to_be_visible()
        await expect(page.get_by_role("button", name="Deny")).to_be_focused()


async def test_the_page_is_used_with_the_keyboard_alone(browser: Browser) -> None:
    """Type, Enter, Tab to the button, Enter; the modal takes the cursor."""
    async with looking(browser) as (_, client, page):
        # A button further up must not take the Enter that is meant to send the form.
        others = {"type": "actions", "elements": [button("other", "Other")]}
        client.view = modal(others, field("digits", "Two digits"))
        await page.get_by_label("Message or command").focus()
        await page.keyboard.type("/try")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("button", name="Approve")).to_be_visible()
        await page.get_by_label("Message or command").focus()
        await page.keyboard.press("Tab")
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("button", name="Approve")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("button", name="Other")).to_be_focused()
        await page.keyboard.press("Tab")
        await page.keyboard.type("42")
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("Approved")).to_be_visible()


async def test_hostile_words_are_shown_and_do_nothing(browser: Browser) -> None:
    """Scripts in texts, names, labels and values; links to anything but the web and mail; nothing runs."""
    async with looking(browser) as (slack, client, page):
        slack.workspace.users["UTARO"].real_name = HOSTILE
        client.message = [
            {"type": "header", "text": words(HOSTILE)},
            {"type": "section", "text": {"type": "mrkdwn", "text": f"{HOSTILE} *{ESCAPED}* `{ESCAPED}`"}},
            {
                "type": "section",
                "text": {"type": "mrkdwn", "text": "<javascript:alert(1)|press> <https://a.test|here>"},
            },
            {"type": "actions", "elements": [button("approve", HOSTILE[:75], value=HOSTILE)]},
        ]
        client.view = modal(
            field("digits", HOSTILE, element={"type": "plain_text_input", "initial_value": f'"{HOSTILE}'}),
            private_metadata=HOSTILE,
        )
        await type_in(page, "/try")
        await expect(page.get_by_role("heading", name="<script>")).to_be_visible()
        await page.locator("article button").first.click()
        await expect(page.get_by_role("dialog")).to_be_visible()
        await page.reload()
        await expect(page.locator("main script, main img")).to_have_count(0)
        assert "taken" not in (await page.title()).replace(HOSTILE, "")
        assert await page.get_by_role("dialog").locator("input:not([type=hidden])").input_value() == f'"{HOSTILE}'
        hrefs = await page.locator("article a").evaluate_all("links => links.map((link) => link.href)")
        assert hrefs == ["https://a.test/"]


async def test_a_button_that_asks_first_does_so(browser: Browser) -> None:
    """The question has the app's own words; no leaves everything as it was."""
    confirm = {"title": words("Sure?"), "text": words("All of them."), "confirm": words("End"), "deny": words("Keep")}
    async with looking(browser) as (_, client, page):
        client.message = [{"type": "actions", "elements": [button("deny", "End them", confirm=confirm)]}]
        await type_in(page, "/try")
        await page.get_by_role("button", name="End them").click()
        await page.get_by_role("dialog", name="Sure?").get_by_role("link", name="Keep").click()
        await expect(page.get_by_role("dialog")).to_have_count(0)
        assert len(client.heard) == 1
        await page.get_by_role("button", name="End them").click()
        await page.get_by_role("button", name="End", exact=True).click()
        await expect(page.get_by_text("Denied")).to_be_visible()


async def test_a_button_with_a_link_opens_it_and_tells_the_app(browser: Browser) -> None:
    """A new window, and the same action as without a link."""
    async with looking(browser) as (slack, client, page):
        client.message = [{"type": "actions", "elements": [button("deny", "Open", url=f"{slack.core.url}/")]}]
        await type_in(page, "/try")
        async with page.expect_popup() as opening:
            await page.get_by_role("button", name="Open").click()
        await expect((await opening.value).get_by_role("heading", name="Who are you?")).to_be_visible()
        await expect(page.get_by_text("Denied")).to_be_visible()


async def test_an_app_that_is_away_is_told_of(browser: Browser) -> None:
    """A command and a button with nobody behind: the member sees that, and no traceback."""
    async with standing_in(timing=Timing(0.3, ())) as slack:
        message = {"type": "actions", "elements": [button("approve", "Approve")]}
        await Client(slack).web.chat_postMessage(channel="UTARO", text="x", blocks=[message])
        page = await browser.new_page(base_url=slack.core.url)
        await page.goto("/as/UTARO")
        await page.get_by_role("button", name="Approve").click()
        await expect(page.get_by_role("status")).to_contain_text("The app did not answer")
        await type_in(page, "/try")
        await expect(page.get_by_text("/try failed with the error")).to_be_visible()
        await page.goto("/")
        await page.get_by_role("button", name="Deactivate Taro").click()
        await expect(page.get_by_text("deactivated")).to_be_visible()
        await page.goto("/as/UTARO")
        await type_in(page, "/try")
        await expect(page.get_by_role("status")).to_contain_text("user_disabled")


async def test_pages_from_elsewhere_act_for_nobody() -> None:
    """Another site's form is refused, a person or message that is not there is not found."""
    async with app_in("sockets") as (slack, client), aiohttp.ClientSession(slack.core.url) as session:

        async def post(path: str, site: str = "same-origin", **form: str) -> int:
            headers = {"Sec-Fetch-Site": site}
            async with session.post(path, data=form, headers=headers, allow_redirects=False) as answer:
                return answer.status

        assert await post("/as/UTARO/say", "cross-site", text="/try") == 403
        assert not client.heard
        assert await post("/as/UTARO/say", text="/try") == 303
        assert len(client.heard) == 1
        assert await post("/as/UTARO/press", where="1.2", action_id="approve") == 303
        assert await post("/as/UTARO/submit", where="VNONE") == 303
        assert (await session.get("/as/UNOBODY")).status == 404
        policy = (await session.get("/")).headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "'unsafe" not in policy
