"""The whole demo as a newcomer sees it: one real process, one window, portal, inbox and Slack in it."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Frame, Page, expect

from tests.support.browser import chromium

PASSWORD = "tegata-demo"
_LAST = b"Ctrl-C ends the demo"
# Milliseconds; other tests run beside this one.
_TURNS_WITHIN = 15_000


class SideBySide:
    """The demo's own page, and somebody who uses all of it."""

    def __init__(self, page: Page, cells: dict[str, str]) -> None:
        self.page = page
        self._cells = cells

    @property
    def portal(self) -> Frame:
        """The portal's frame."""
        return self.page.frames[1]

    @property
    def inbox(self) -> Frame:
        """The inbox's."""
        return self.page.frames[2]

    @property
    def slack(self) -> Frame:
        """Slack's."""
        return self.page.frames[3]

    async def at(self, name: str) -> None:
        """Expect a page of the portal."""
        await expect(self.portal.locator("main")).to_have_attribute("data-page", name, timeout=_TURNS_WITHIN)

    async def begin(self) -> None:
        """Enter Taro's account and password."""
        await self.portal.get_by_role("link", name="Matrix/OTP/Soft Token Authentication").click()
        await self.portal.get_by_label("Account", exact=True).fill("taro")
        await self.portal.get_by_label("Password", exact=True).fill(PASSWORD)
        await self.portal.get_by_role("button", name="OK", exact=True).click()

    async def answer_cells(self) -> None:
        """Read three cells off Taro's card."""
        await self.at("matrix")
        for label in await self.portal.locator("main form label").all_inner_texts():
            await self.portal.get_by_label(label, exact=True).fill(self._cells[label.strip("[]")])
        await self.portal.get_by_role("button", name="OK", exact=True).click()
        await self.at("portal")

    async def link_slack(self, label: str) -> None:
        """Ask in Slack for the page, and link the account there."""
        await self.slack.get_by_label("Message or command").fill("/tegata link")
        await self.slack.get_by_role("button", name="Send", exact=True).click()
        # The message's own link comes before the one in its notification's text.
        link = self.slack.get_by_role("link", name="Open the page").first
        await self.portal.goto(str(await link.get_attribute("href")))
        await self.portal.get_by_label("Password", exact=True).fill(PASSWORD)
        await self.portal.get_by_role("button", name="Authenticate").click()
        await self.portal.get_by_label("Label", exact=True).fill(label)
        await self.portal.get_by_role("button", name="Link", exact=True).click()

    async def add_mail(self, label: str, address: str) -> None:
        """Add an address, and say yes by answering the mail."""
        await self.portal.get_by_role("link", name="One-Time Password & Soft Token Settings").click()
        await self.portal.locator("main").get_by_role("link", name="Email", exact=True).click()
        await self.portal.get_by_label("Label", exact=True).fill(label)
        await self.portal.get_by_label("Email", exact=True).fill(address)
        await self.portal.get_by_role("button", name="Add", exact=True).click()
        await self.at("waiting")
        mail = self.inbox.locator("article", has_text=address).filter(has_text="code").first
        await mail.get_by_label("Answer").fill("はい")
        await mail.get_by_role("button", name="Send the answer").click()
        await self.at("confirmed")

    async def log_out(self) -> None:
        """Leave the portal."""
        await self.portal.get_by_role("button", name="Log out").first.click()
        await self.at("login")

    async def ask_for_code(self, label: str) -> None:
        """Choose where the code goes."""
        await self.begin()
        await self.at("choice")
        await self.portal.get_by_role("radio", name=label).check()
        await self.portal.get_by_role("button", name="OK", exact=True).click()
        await self.at("code")


@asynccontextmanager
async def side_by_side(folder: Path, port: int, *, width: int = 1500, height: int = 950) -> AsyncIterator[SideBySide]:
    """Run the demo and open its page."""
    program = Path(sys.executable).with_name("tegata")
    process = await asyncio.create_subprocess_exec(
        program, "demo", "--folder", folder, "--port", str(port), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout
    try:
        async with asyncio.timeout(60):
            while not (line := await process.stdout.readline()).startswith(_LAST):
                assert line, "the demo ended"
        cells = json.loads((folder / "cards.json").read_text(encoding="utf-8"))["taro"]
        async with chromium() as browser:
            page = await browser.new_page(locale="en-US", viewport={"width": width, "height": height})
            await page.goto(f"http://127.0.0.1:{port}/demo")
            yield SideBySide(page, cells)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
