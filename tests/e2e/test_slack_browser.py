"""J6 in a real browser beside Slack: linked, logged in with the code from the message, live, in both languages."""

import pytest
from playwright.async_api import expect

from tests.e2e.test_browser import walking
from tests.support.factory import PASSWORD
from tests.support.slack_hub import Chat, code_in, link_in

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("language", "user"), [("en", "UTARO"), ("ja", "UHANAKO")])
async def test_login_by_slack_in_a_browser(chat: Chat, language: str, user: str) -> None:
    """J6: the command, the page, the button; then the code: its line says when it was posted, it admits, it is gone."""
    member = await chat.house.people.member()
    await chat.slack.slash(user, "/tegata", "link")
    path = link_in(await chat.slack.next_ephemeral(user))
    async with walking(chat.house, language) as walk:
        page = walk.page
        await page.goto(path)
        await walk.at("account")
        await walk.fill("account", member.name)
        await walk.fill("password", PASSWORD)
        await walk.press("OK")
        await walk.at("matrix")
        cells = [text.strip("[]") for text in await page.locator(".cells label").all_inner_texts()]
        await page.locator("#cell1").focus()
        await page.keyboard.type("".join(member.cells[cell] for cell in cells))
        await walk.press("OK")
        await walk.at("step-up")
        await walk.fill("password", PASSWORD)
        await walk.press("authenticate")
        await walk.at("slack-link")
        await walk.fill("label", "チャット")
        await page.locator("main button.main").click()
        await walk.at("confirmed")
        await page.goto("/settings/contacts")
        await walk.at("contacts")
        await page.goto("/settings")
        await walk.at("settings")
        greeting = await chat.slack.next_message(user)
        await page.get_by_role("button", name=walk.words("log out"), exact=True).first.click()
        await walk.log_in(member)
        await walk.at("choice")
        await walk.press("OK")
        await walk.at("code")
        message = await chat.next_code(user, after=greeting.ts)
        await expect(page.locator(".live")).to_have_attribute("data-state", "accepted")
        await expect(page.locator(".live")).to_contain_text(
            "posted in Slack" if language == "en" else "Slackへ送信しました"
        )
        await walk.fill("code", code_in(message))
        await walk.press("OK")
        await walk.at("portal")
        await chat.slack.next_update(message)
        assert code_in(message) == ""
