"""Forms that a real Chromium sends twice on a slow line, with scripts and without, and pages it goes back to."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest
from playwright.async_api import Browser, Page, expect

from hub.domain.outcomes import ByContact, ByMatrix, BySoftToken, Way
from hub.domain.request_context import Visit
from hub.login import password_login
from hub.sessions.sessions import Current
from models.event import Event
from models.kinds import EventKind
from models.session import Session
from tests.support.browser import chromium
from tests.support.factory import PASSWORD, Member
from tests.support.running_hub import House, code_in, url_in
from web.request.client_info import browser_of

pytestmark = pytest.mark.slow

# Milliseconds that each request takes on the line; the longer one leaves half a second on either side of a press
# that must come between an answer and its page.
_LATENCY, _LONG_LATENCY = 200, 1000
_AT_ONCE = 4
_TWICE = "() => { const form = document.querySelector('main form'); form.requestSubmit(); form.requestSubmit(); }"


@dataclass
class Window:
    """A member's window of the browser."""

    house: House
    page: Page
    member: Member
    agent: str

    def visit(self) -> Visit:
        """Give a request of this very browser."""
        self.house.sync()
        return replace(self.house.people.visit(address="127.0.0.1"), browser=browser_of(self.agent))

    async def cookie(self, name: str, value: str) -> None:
        """Have the browser hold a cookie of the hub."""
        await self.page.context.add_cookies([{"name": f"tegata-{name}", "value": value, "url": self.house.url}])

    async def login(self, way: Way, path: str) -> str:
        """Log in as far as the answer, and open its page; give the login's token."""
        begun = await self.house.people.begun(self.member, visit=self.visit())
        await password_login.choose(self.house.hub, self.visit(), begun.token, way)
        await self.cookie("login", begun.token)
        await self.page.goto(path)
        return begun.token

    async def session(self, path: str, *, amr: str = "") -> Current:
        """Be logged in with the password just given again, and open a page."""
        session = await self.house.people.stepped_up(self.member, visit=self.visit())
        if amr:
            await Session.filter(id=session.id).update(amr=amr)
        await self.cookie("session", session.token)
        await self.page.goto(path)
        return session

    async def slow(self, latency: int) -> None:
        """Have each request take so many milliseconds more from now on."""
        line = await self.page.context.new_cdp_session(self.page)
        await line.send("Network.enable")
        slow = {"offline": False, "latency": latency, "downloadThroughput": -1, "uploadThroughput": -1}
        await line.send("Network.emulateNetworkConditions", slow)

    async def fill(self, **fields: str) -> None:
        """Fill fields in by their ids."""
        for name, value in fields.items():
            await self.page.locator(f"#{name}").fill(value)

    async def cells(self) -> None:
        """Fill the cells in that the page asks for."""
        asked = [text.strip("[]") for text in await self.page.locator(".cells label").all_inner_texts()]
        await self.fill(**{f"cell{at}": self.member.cells[cell] for at, cell in enumerate(asked, 1)})

    async def at(self, name: str) -> None:
        """Expect a page."""
        await expect(self.page.locator("main")).to_have_attribute("data-page", name)

    async def says(self, name: str, sentence: str) -> None:
        """Expect a page with a sentence on it."""
        await self.at(name)
        await expect(self.page.locator("main")).to_contain_text(sentence)

    async def press(self, *, times: int = 1, pause: float = 0.0) -> None:
        """Tap the page's main button, or the one that has the focus."""
        focused = self.page.locator("main button:focus")
        button = focused if await focused.count() else self.page.locator("main form button.main").first
        await button.scroll_into_view_if_needed()
        box = await button.bounding_box()
        assert box is not None
        for _ in range(times):
            await self.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
            await asyncio.sleep(pause)

    async def enter(self, pause: float) -> None:
        """Press Enter twice, in the last field or on the button."""
        if not await self.page.locator("main button:focus").count():
            await self.page.locator("main form :is(input:not([type=hidden], [hidden]), button.main)").last.focus()
        await self.page.keyboard.press("Enter")
        await asyncio.sleep(pause)
        await self.page.keyboard.press("Enter")


Prepare = Callable[[Window], Awaitable[object]]
Send = Callable[[Window], Awaitable[object]]


async def _matrix(window: Window) -> None:
    await window.login(ByMatrix(), "/login/matrix")
    await window.cells()


async def _code(window: Window) -> None:
    await window.login(ByContact(window.member.contacts["home"]), "/login/code")
    await window.fill(code=code_in(await window.house.inbox.next_to(f"{window.member.name}0@mail.test")))


async def _soft_token(window: Window) -> None:
    window.house.sync()
    device = await window.house.people.soft_token(window.member)
    await Session.filter(account_id=window.member.account.id).delete()
    window.house.clock.later(seconds=30)
    await window.login(BySoftToken(), "/login/soft-token")
    await window.fill(code=device.code(window.house.clock()))


async def _step_up(window: Window) -> None:
    session = await window.session("/portal")
    await Session.filter(id=session.id).update(stepped_up_at=None)
    await window.page.goto("/settings")
    await window.fill(password=PASSWORD)


async def _add(window: Window) -> None:
    await window.session("/settings/email")
    await window.fill(label="new", email=f"{window.member.name}@new.test")


async def _mailed(window: Window) -> str:
    await _add(window)
    await window.press()
    await window.at("waiting")
    path = url_in(await window.house.inbox.next_to(f"{window.member.name}@new.test"))
    await window.page.goto(path)
    await window.at("confirm")
    return path


async def _not_me(window: Window) -> None:
    await window.page.goto(f"{await _mailed(window)}/refuse")
    await window.press()
    await window.at("not-me-again")
    window.house.clock.later(seconds=4)


async def _remove(window: Window) -> None:
    await window.session(f"/settings/contacts/{window.member.contacts['home']}/remove")


async def _rename(window: Window) -> None:
    await window.session(f"/settings/contacts/{window.member.contacts['home']}/rename")
    await window.fill(label="flat")


async def _password(window: Window) -> None:
    await window.session("/settings/password", amr="sc pin")
    await window.fill(password="another horse battery", again="another horse battery")


async def _unlock(window: Window) -> None:
    await window.session("/settings", amr="sc pin")
    await window.page.locator('form[action="/settings/unlock"] button').focus()


async def _log_out(window: Window) -> None:
    await window.session("/portal")
    await window.page.locator('main form[action="/logout"] button').focus()


async def _tap(window: Window) -> None:
    await window.press(times=2, pause=0.15)


async def _slow_tap(window: Window) -> None:
    # The second one comes when the first answer's cookies are there and its page is not.
    await window.press(times=2, pause=1.5 * _LONG_LATENCY / 1000)


async def _enter(window: Window) -> None:
    await window.enter(0.04)


async def _slow_enter(window: Window) -> None:
    await window.enter(0.1)


async def _submit(window: Window) -> None:
    await window.page.evaluate(_TWICE)


@dataclass(frozen=True)
class Row:
    """A form, how it is sent twice, where that leads, and how many sessions are open then."""

    prepare: Prepare
    send: Send
    page: str
    sessions: int = 1
    scripts: bool = True

    @property
    def latency(self) -> int:
        """Tell how many milliseconds each request takes."""
        return _LONG_LATENCY if self.send is _slow_tap else _LATENCY


ROWS = (
    Row(_matrix, _tap, "portal"),
    Row(_matrix, _enter, "portal", scripts=False),
    Row(_matrix, _slow_enter, "portal"),
    Row(_matrix, _submit, "portal"),
    Row(_code, _slow_tap, "portal"),
    Row(_soft_token, _tap, "portal", scripts=False),
    Row(_step_up, _slow_tap, "settings"),
    Row(_add, _tap, "waiting"),
    Row(_mailed, _enter, "confirmed", scripts=False),
    Row(_not_me, _slow_tap, "not-me-done", scripts=False),
    Row(_remove, _tap, "contacts"),
    Row(_rename, _slow_enter, "contacts", scripts=False),
    Row(_password, _tap, "password-set"),
    Row(_unlock, _slow_enter, "unlocked", scripts=False),
    Row(_log_out, _slow_tap, "login", 0),
)


@asynccontextmanager
async def _window(house: House, browser: Browser, name: str, *, scripts: bool = True) -> AsyncIterator[Window]:
    member = await house.people.member(name, contacts=("home",))
    context = await browser.new_context(base_url=house.url, locale="en-US", java_script_enabled=scripts)
    context.set_default_timeout(30_000)
    page = await context.new_page()
    yield Window(house, page, member, await page.evaluate("navigator.userAgent"))
    await context.close()


async def _twice(house: House, browser: Browser, number: int, row: Row) -> list[object]:
    """Send a form twice; give what is there in the end."""
    async with _window(house, browser, f"taro{number}", scripts=row.scripts) as window:
        await row.prepare(window)
        await window.slow(row.latency)
        await row.send(window)
        await window.page.wait_for_selector(f"main[data-page={row.page}]")
        # A second answer may follow.
        await window.page.wait_for_timeout(4 * row.latency)
        await window.page.wait_for_load_state()
        page = await window.page.locator("main").get_attribute("data-page")
        said = await window.page.locator("#summary, p.note[role=status]").all_inner_texts()
        sessions = await Session.filter(account_id=window.member.account.id, ended_at=None).count()
        return [page, sessions, [one for one in said if "not" in one or "tab" in one]]


async def test_a_form_that_is_sent_twice_is_done_once_and_says_so(house_on_sqlite: House) -> None:
    """Whatever it is: its page comes, with no complaint, and one session is open."""
    # All rows share the hub's clock, and a form is the same one for seconds only: who moves it goes first and alone.
    moving = [row for row in ROWS if row.prepare in {_soft_token, _not_me}]
    others = [row for row in ROWS if row not in moving]
    places = asyncio.Semaphore(_AT_ONCE)
    async with chromium() as browser:

        async def send(number: int, row: Row) -> list[object]:
            async with places:
                return await _twice(house_on_sqlite, browser, number, row)

        ended = [await send(number, row) for number, row in enumerate(moving)]
        ended += await asyncio.gather(*(send(number, row) for number, row in enumerate(others, len(moving))))
    assert ended == [[row.page, row.sessions, []] for row in (*moving, *others)]


async def test_tabs_back_and_reload_tell_what_happened(house_on_sqlite: House) -> None:
    """A tab that was left behind leads on, a reload costs no attempt, and Back from the portal shows a page."""
    house = house_on_sqlite
    async with chromium() as browser, _window(house, browser, "taro") as window:
        await _code(window)
        other = replace(window, page=await window.page.context.new_page())
        await _matrix(other)
        await window.press()
        await window.says("matrix", "You continued in another tab")
        await window.fill(cell1="zz", cell2="zz", cell3="zz")
        await window.press()
        await window.says("matrix", "Those characters are not correct.")
        await window.page.reload()
        await expect(window.page.locator("#summary")).to_have_count(0)
        assert await Event.filter(kind=EventKind.ANSWER_WRONG).count() == 1
        house.clock.later(seconds=11)
        await other.press()
        await other.at("portal")
        await other.page.go_back()
        await other.says("ended", "You are logged in as taro")
        house.clock.later(seconds=11)
        await window.fill(cell1="zz", cell2="zz", cell3="zz")
        await window.press()
        await window.says("portal", "You continued in another tab")


@pytest.mark.usefixtures("looking_often")
async def test_the_line_of_a_code_does_not_turn_a_page_whose_answer_is_on_its_way(house_on_sqlite: House) -> None:
    """The stream tells that the login is over before the slow answer is there; the member is in all the same."""
    house = house_on_sqlite
    async with chromium() as browser, _window(house, browser, "taro") as window:
        await _code(window)
        await window.slow(_LONG_LATENCY)
        await window.press()
        await window.page.wait_for_timeout(4 * _LONG_LATENCY)
        await window.at("portal")
