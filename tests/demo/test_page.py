"""The demo shows mail, Slack and the browser side by side, and all of it works there."""

import re
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from tests.support.demo_page import side_by_side
from tests.support.ports import free_port

pytestmark = pytest.mark.slow


async def test_a_member_uses_portal_inbox_and_slack_in_one_window(tmp_path: Path) -> None:
    """Slack is linked, an address is confirmed by answering its mail, and a code that came to Slack logs in."""
    async with side_by_side(tmp_path / "demo", free_port(row=10)) as demo:
        found = await Axe().run(demo.page)
        assert found.violations_count == 0, found.generate_report()
        await demo.begin()
        await demo.answer_cells()
        await demo.link_slack("Slack")
        await demo.add_mail("自宅", "taro@mail.example")
        await demo.log_out()
        await demo.ask_for_code("Slack")
        message = demo.slack.get_by_text(re.compile(r"^\d{3} ?\d{3}$")).first
        await expect(message).to_be_visible()
        await demo.portal.get_by_label("One-time password").fill(await message.inner_text())
        await demo.portal.get_by_role("button", name="OK", exact=True).click()
        await demo.at("portal")
        # Nothing but the demo's own page frames the portal.
        outside = await demo.page.request.get(demo.portal.url)
        assert "frame-ancestors 'self'" in outside.headers["content-security-policy"]
