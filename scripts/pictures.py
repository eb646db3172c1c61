"""Takes the pictures of `docs/pictures`: python -m scripts.pictures [FOLDER]."""

import asyncio
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Literal

from playwright.async_api import Page

from demo.card.authority import KeyKind
from demo.card.daemon import Daemon
from demo.card.piv import PIN
from demo.card.slot import Slot
from models.database import migrate
from tests.e2e.test_browser import NAMES, Walk, walking
from tests.e2e.test_journeys import WORDS
from tests.e2e.test_kiosk_journey import library_with
from tests.support.cards import SOCKET
from tests.support.demo_page import side_by_side
from tests.support.kiosk_hub import counter_with
from tests.support.ports import free_port
from tests.support.running_hub import ELSEWHERE, House, open_house, url_in


async def _walk(house: House, walk: Walk, name: str, scheme: Literal["light", "dark"]) -> None:
    member = await house.people.member(name)
    page, words = walk.page, WORDS[walk.language]
    await walk.log_in(member)
    await walk.matrix(member)
    await walk.open_settings()
    await page.locator("main").get_by_role("link", name=words["email"], exact=True).click()
    await walk.at("add-mail")
    await walk.fill("label", "自宅")
    await walk.fill("email", f"{name}@mail.example")
    await walk.press("add")
    letter = await house.inbox.next_to(f"{name}@mail.example")
    await page.wait_for_timeout(300)
    await walk.at("waiting")
    context = await page.context.browser.new_context(  # type: ignore[union-attr]
        base_url=house.url, viewport=page.viewport_size, locale=NAMES[walk.language], color_scheme=scheme
    )
    other = Walk(await context.new_page(), walk.language)
    other.shots = walk.shots
    await other.page.goto(url_in(letter))
    await other.at("confirm-elsewhere")
    await page.goto(url_in(letter))
    await walk.at("confirm")
    await walk.press("confirm")
    await walk.at("confirmed")
    await walk.follow("list")
    await walk.at("contacts")
    await page.locator("main").get_by_role("link", name=words["remove"]).click()
    await walk.at("remove")
    await page.goto("/settings/soft-token")
    await walk.at("soft-token-setup")
    await page.get_by_role("button", name=words["log out"], exact=True).first.click()
    await walk.log_in(member)
    await walk.at("choice")
    await walk.press("OK")
    await house.inbox.next_to(f"{name}@mail.example", after=letter.number)
    await page.wait_for_timeout(300)
    await walk.at("code")
    await walk.fill("code", "000000")
    await walk.press("OK")
    await page.screenshot(path=walk.shots / "code-wrong.png", full_page=True)  # type: ignore[operator]
    away = await page.context.browser.new_context(  # type: ignore[union-attr]
        base_url=house.url,
        viewport=page.viewport_size,
        locale=NAMES[walk.language],
        color_scheme=scheme,
        extra_http_headers={"X-Forwarded-For": ELSEWHERE},
    )
    off = Walk(await away.new_page(), walk.language)
    off.shots, off.seen = walk.shots, {"login", "account", "matrix", "portal"}
    second = await house.people.member(f"{name}2")
    await off.log_in(second)
    await off.matrix(second)
    await off.follow("settings")
    await off.at("refused-here")


async def _demo(file: Path) -> None:
    """Take the README's picture: a code that was asked for in the portal stands in Slack, beside the inbox."""
    with tempfile.TemporaryDirectory() as kept:
        async with side_by_side(Path(kept) / "demo", free_port(row=10)) as demo:
            await demo.begin()
            await demo.answer_cells()
            await demo.link_slack("研究室")
            await demo.add_mail("自宅", "taro@mail.example")
            await demo.log_out()
            await demo.ask_for_code("研究室")
            await demo.slack.get_by_text(re.compile(r"^\d{3} ?\d{3}$")).first.wait_for()
            await demo.page.wait_for_timeout(500)
            await demo.page.screenshot(path=file)


async def _kiosk(folder: Path) -> None:
    """Take the kiosk's screens: a card is put on, its PIN is typed, and a wrong one before."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as kept:
        place, port = Path(kept), free_port()
        url = f"sqlite:///{place}/tegata.db"
        await migrate(url)
        where = {"origin": f"http://localhost:{port}", "listen": f"127.0.0.1:{port}"}
        daemon = Daemon(place / "reader", free_port(row=2))
        os.environ[SOCKET] = str(daemon.socket)
        await daemon.start()
        slot = Slot(daemon.port)
        try:
            async with counter_with(url, place, **where) as counter, library_with(counter, slot, place) as library:
                await _shot(await library.page("idle"), folder / "idle.png")
                await slot.put_on(await library.card(KeyKind.P256))
                page = await library.page("pin")
                await _shot(page, folder / "pin.png")
                await _pin(page, "000000")
                await page.locator("#error:not(:empty)").wait_for()
                await _shot(page, folder / "pin-wrong.png")
                await _pin(page, PIN)
                await _shot(await library.page("portal"), folder / "portal.png")
                await slot.take_away()
                await library.page("idle")
        finally:
            await daemon.stop()


async def _pin(page: Page, digits: str) -> None:
    for digit in digits:
        await page.click(f"#pad button:text-is('{digit}')")
    await page.click("#ok")


async def _shot(page: Page, file: Path) -> None:
    await page.set_viewport_size({"width": 1280, "height": 800})
    await page.wait_for_timeout(300)
    await page.screenshot(path=file)


async def _take(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    await _demo(folder / "readme.png")
    await _kiosk(folder / "kiosk")
    with tempfile.TemporaryDirectory() as kept:
        url = f"sqlite:///{kept}/tegata.db"
        await migrate(url)
        async with open_house(url, Path(kept)) as house:
            for language, width, dark in (("en", 1000, False), ("ja", 390, False), ("ja", 320, True)):
                place = folder / f"{language}-{width}{'-dark' if dark else ''}"
                place.mkdir(parents=True, exist_ok=True)
                async with walking(house, language, width=width, dark=dark) as walk:
                    walk.shots = place
                    await _walk(house, walk, f"taro{width}", "dark" if dark else "light")


if __name__ == "__main__":
    asyncio.run(_take(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/pictures")))
