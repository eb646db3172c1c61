"""The kiosk as it stands in a library: the real program, its real browser, a real card daemon, a played hub."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psutil
import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, Playwright, async_playwright
from playwright.async_api import Error as PlaywrightError

from demo.card.authority import Authority, KeyKind
from demo.card.daemon import daemon
from demo.card.slot import Slot
from reader_kiosk import identity
from reader_kiosk.browser import Browser as Window
from reader_kiosk.browser import OwnStarter
from tests.support.browser import ARGUMENTS
from tests.support.cards import CardByOthers, Maker
from tests.support.fake_hub import HubHouse, played_hub
from tests.support.kiosk_process import enrolled, settled
from tests.support.lockdown import program, unlocked
from tests.support.paths import ROOT
from tests.support.ports import free_port

# A browser takes seconds to start, so the tests share two kiosks, one of which is soon tired of waiting.
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]


@dataclass
class Kiosk:
    """A kiosk's process, and its browser seen from outside."""

    process: asyncio.subprocess.Process
    browser: Browser
    house: HubHouse
    slot: Slot
    driver: Playwright
    port: int

    async def seen_again(self) -> None:
        """Look at the browser that was started in place of another."""
        async with asyncio.timeout(20):
            while True:
                try:
                    self.browser = await self.driver.chromium.connect_over_cdp(f"http://127.0.0.1:{self.port}")
                except PlaywrightError:
                    await asyncio.sleep(0.1)
                else:
                    return

    async def page(self, name: str, timeout: float = 10.0) -> Page:
        """Wait until the kiosk shows this page."""
        seen: list[str] = []
        try:
            async with asyncio.timeout(timeout):
                while True:
                    for page in [one for context in self.browser.contexts for one in context.pages]:
                        seen[:] = [page.url, await named(page)]
                        if seen[1] == name:
                            return page
                    await asyncio.sleep(0.02)
        except TimeoutError:
            message = f"waiting for {name}, saw {seen}"
            raise AssertionError(message) from None

    async def heading(self, name: str) -> str:
        """Read the heading of this page, also where the kiosk is just putting a new window in its place."""
        while True:
            page = await self.page(name)
            with suppress(PlaywrightError):
                return await page.inner_text("h1")


async def named(page: Page) -> str:
    """Read the page's stable name; empty while it is on its way."""
    try:
        return str(await page.evaluate("document.querySelector('main')?.dataset.page ?? ''"))
    except Exception:
        return ""


@asynccontextmanager
async def started(
    folder: Path, command: Sequence[str], **variables: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, HubHouse, int]]:
    """Start the real program with a browser of its own, before a hub on another site, over HTTPS."""
    certificate, port = folder / "hub.security.pem", free_port()
    async with played_hub(certificate=certificate) as house:
        identity.save(folder / "kiosk", enrolled(house.hub))
        words = ["chromium", "--headless=new", f"--remote-debugging-port={port}"]
        environment = {
            **os.environ,
            "KIOSK_FOLDER": str(folder / "kiosk"),
            "KIOSK_LISTEN": f"127.0.0.1:{free_port()}",
            "KIOSK_HUB_CA": str(certificate),
            "KIOSK_BROWSER": " ".join([*words, *ARGUMENTS]),
            **variables,
        }
        process = await asyncio.create_subprocess_exec(*command, stdout=-1, stderr=-2, env=environment, cwd=ROOT)
        assert process.stdout is not None
        said = b""
        try:
            while not said.startswith(b"The kiosk is ready"):
                said = await asyncio.wait_for(process.stdout.readline(), 30)
                assert said, await process.stdout.read()
            # The page's token is nobody's business but the browser's.
            assert b"#" not in said
            yield process, house, port
        finally:
            if process.returncode is None:
                process.terminate()
                told, _ = await asyncio.wait_for(process.communicate(), 20)
                assert b"Traceback" not in told, told.decode()


@asynccontextmanager
async def kiosk(card_folder: Path, folder: Path, **variables: str) -> AsyncIterator[Kiosk]:
    """Start a card daemon and the program with the policy in force, and look at its browser."""
    async with (
        daemon(card_folder, free_port(row=2)) as cards,
        started(folder, program(), PCSCLITE_CSOCK_NAME=str(cards.socket), **variables) as (process, house, port),
        async_playwright() as playwright,
    ):
        browser = await playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{port}")
        yield Kiosk(process, browser, house, Slot(cards.port), playwright, port)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def patient(card_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Kiosk]:
    """A kiosk with the spans of time that it has by itself."""
    async with kiosk(card_folder / "patient", tmp_path_factory.mktemp("patient")) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def made(patient: Kiosk) -> AsyncIterator[Kiosk]:
    """A kiosk that waits for a card, and a hub that has seen nothing yet."""
    async with waiting(patient):
        yield patient


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tiring(card_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Kiosk]:
    """A kiosk that reminds after 1 s and ends after 3 s without a touch."""
    spans = {"KIOSK_REMIND_AFTER": "1", "KIOSK_IDLE_AFTER": "3"}
    async with kiosk(card_folder / "tiring", tmp_path_factory.mktemp("tiring"), **spans) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def hasty(tiring: Kiosk) -> AsyncIterator[Kiosk]:
    """A kiosk that is soon tired of waiting."""
    async with waiting(tiring):
        yield tiring


@asynccontextmanager
async def waiting(kiosk: Kiosk) -> AsyncIterator[None]:
    """Begin with the idle screen, and clear up for the next test."""
    await kiosk.page("idle")
    kiosk.house.hub.forget()
    try:
        yield
    finally:
        await kiosk.slot.take_away()
        await kiosk.house.open()


async def test_tap_name_pin_in_and_card_away_out(made: Kiosk, card_maker: Maker, issuer: Authority, tmp_path):
    """J9: card on, the name, the PIN on the pad, the portal; card away: idle, and the next one finds nothing left."""
    kinds = [KeyKind.P256, KeyKind.P384, KeyKind.RSA2048]
    cards = [*map(card_maker.card, kinds), CardByOthers(issuer, tmp_path)]
    for number, card in enumerate(cards, start=1):
        await made.slot.put_on(card)
        page = await made.page("pin")
        assert await page.inner_text("h1") == "手形 太郎 さん"
        for digit in "123456":
            await page.click(f"#pad button:text-is('{digit}')")
        await page.click("#ok")
        page = await made.page("portal")
        assert page.url == f"{made.house.hub.url}/portal"
        assert "手形 太郎" in await page.inner_text("h1")
        assert len(made.house.hub.admitted) == number
        await made.slot.take_away()
        await made.page("idle")
        await settled(lambda count=number: len(made.house.hub.ended) == count)
        await nothing_is_left(await made.page("idle"))
    assert made.house.hub.ended == made.house.hub.admitted
    assert len({one.session for one in made.house.hub.logins.values()}) == len(cards)


async def nothing_is_left(page: Page) -> None:
    """See that this browser knows nobody: no cookie, no way back, nothing stored, no other page."""
    assert await page.evaluate("history.length") == 1
    assert await page.evaluate("localStorage.length + sessionStorage.length") == 0
    assert not await page.context.cookies()
    # The window before is thrown away once this one is there.
    await settled(lambda: [one.url for one in page.context.pages] == [page.url])
    await page.go_back()
    assert await named(page) == "idle"
    assert "太郎" not in await page.content()


async def test_the_card_goes_while_the_hub_is_down(made: Kiosk, card_maker: Maker):
    """The portal is off the screen all the same, before anybody could hear of it."""
    await logged_in(made, card_maker.card())
    await made.house.close()
    await made.slot.take_away()
    await made.page("idle")


async def logged_in(made: Kiosk, card) -> Page:
    """Log in by the keyboard alone."""
    await made.slot.put_on(card)
    page = await made.page("pin")
    await page.keyboard.type("123456")
    await page.keyboard.press("Enter")
    return await made.page("portal")


async def test_the_admission_is_in_no_address(made: Kiosk, card_maker: Maker):
    """Neither code nor proof stands in a URL that the browser asked for."""
    urls: list[str] = []
    page = await made.page("idle")
    page.context.on("request", lambda request: urls.append(request.url))
    await logged_in(made, card_maker.card())
    assert f"{made.house.hub.url}/kiosk/admit" in urls
    assert not [one for one in urls if "?" in one]


async def test_pin_pad_and_keyboard_show_no_digit(made: Kiosk, card_maker: Maker):
    """What is typed is dots; deleting works; a screen reader hears how many, never which; letters don't count."""
    await made.slot.put_on(card_maker.card())
    page = await made.page("pin")
    assert await page.evaluate("document.activeElement.id") == "digits"
    assert await page.get_attribute("#digits", "type") == "password"
    await page.keyboard.type("12a3")
    await page.click("#pad button:text-is('4')")
    assert await page.inner_text("#typed") == "4桁入力しました"
    await page.click("#delete")
    assert await page.inner_text("#typed") == "3桁入力しました"
    assert "123" not in (await page.inner_text("#main")).replace("\n", "").replace("123456789", "")
    await page.click("#ok")
    assert await page.inner_text("#error") == "暗証番号は6桁から8桁の数字です。"
    assert await page.input_value("#digits") == ""


async def test_the_pages_can_be_used_by_everybody(made: Kiosk, card_maker: Maker):
    """Idle and PIN pages pass axe, in both languages, light and dark; buttons are large enough for any finger."""
    page = await made.page("idle")
    await no_barrier(page)
    await made.slot.put_on(card_maker.card())
    page = await made.page("pin")
    await no_barrier(page)
    await page.click("#language")
    await page.wait_for_selector("text=Please enter your card's PIN.")
    assert await page.get_attribute("html", "lang") == "en"
    await page.emulate_media(color_scheme="dark")
    await no_barrier(page)
    for button in await page.query_selector_all("#pad button"):
        box = await button.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 60
    size = await page.evaluate("parseFloat(getComputedStyle(document.querySelector('h1')).fontSize)")
    assert size >= 32


async def no_barrier(page: Page) -> None:
    """See that axe finds nothing."""
    found = await Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


async def test_the_kiosk_reminds_and_counts_down_before_the_login_ends(hasty: Kiosk, card_maker: Maker):
    """Untouched for a while: on the screen and in the live region, with the seconds that are left; then it ends."""
    page = await hasty.page("idle")
    await hasty.slot.put_on(card_maker.card())
    await page.wait_for_selector("#reminder:has-text('あと2秒で終了します。続けるには画面に触れてください。')")
    assert await page.get_attribute("#reminder", "aria-live") == "polite"
    await page.set_viewport_size({"width": 1280, "height": 800})
    assert await page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    await page.eval_on_selector(
        "#error", "at => { at.textContent = '暗証番号が違います。ここで入力できるのはあと1回です。'; }"
    )
    assert await page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    # The touch that takes the reminder away still meets its digit.
    moved = "pad => { const at = pad.offsetTop; reminder.textContent = ''; return pad.offsetTop - at; }"
    assert await page.eval_on_selector("#pad", moved) == 0
    await hasty.page("take-card")
    await asyncio.wait_for(hasty.house.hub.ended_event.wait(), 2)


async def test_a_card_left_after_login_ends_the_session(hasty: Kiosk, card_maker: Maker):
    """A touch on the portal counts; then a reminder stands over it; then the window goes and the hub is told.

    The window that says to take the card is the one that waits for the next person.
    """
    page = await logged_in(hasty, card_maker.card())
    for _ in range(5):
        await asyncio.sleep(0.7)
        await page.mouse.click(200, 200)
    assert not hasty.house.hub.ended
    await page.wait_for_function("document.documentElement.lastElementChild.tagName === 'DIV'")
    # The keyboard of the hub's pages is at the lower edge.
    lowest = "document.documentElement.lastElementChild.getBoundingClientRect().bottom / innerHeight"
    assert await page.evaluate(lowest) < 0.5
    await page.mouse.click(210, 210)
    await page.wait_for_function("document.documentElement.lastElementChild.tagName === 'BODY'")
    assert not hasty.house.hub.ended
    taking = await hasty.page("take-card")
    assert await taking.inner_text("#text") == "しばらく操作がなかったため終了しました。"
    assert len(hasty.house.hub.ended) == 1
    await hasty.slot.take_away()
    await nothing_is_left(await hasty.page("idle"))
    await hasty.slot.put_on(card_maker.card())
    assert await hasty.page("pin") is taking
    assert page.is_closed()


async def test_back_to_the_start_says_take_your_card(made: Kiosk, card_maker: Maker):
    """The return address has no token: the session ends, and the screen is idle once the card is gone."""
    page = await logged_in(made, card_maker.card())
    (origin,) = {one.origin for one in made.house.hub.logins.values()}
    await page.evaluate(f"location.href = '{origin}/'")
    await asyncio.wait_for(made.house.hub.ended_event.wait(), 2)
    assert await made.heading("take-card") == "カードをお取りください"
    await made.slot.take_away()
    await made.page("idle")


async def test_a_field_for_a_file_does_nothing(made: Kiosk, card_maker: Maker):
    """Not even the browser's own strip is shown that says that there is no dialog; other fields work."""
    page = await logged_in(made, card_maker.card())
    fields = "<p><input type=checkbox id=box><p><label for=file>A</label><input type=file id=file>"
    await page.evaluate(f"() => {{ globalThis.seen = []; document.body.innerHTML = '{fields}' }}")
    await page.evaluate("() => { document.body.onclick = (one) => { seen.push(one.target.id) } }")
    await page.click("#file")
    await page.click("label")
    await page.click("#box")
    assert "file" not in await page.evaluate("seen")
    assert await page.is_checked("#box")


async def test_a_page_that_may_not_be_opened_ends_the_visit(made: Kiosk, card_maker: Maker):
    """The browser's own error page is never shown: the screen says what happened, in the person's language."""
    page = await logged_in(made, card_maker.card())
    await page.evaluate("location.href = 'http://foreign.example/'")
    page = await made.page("not-now")
    assert await page.inner_text("#error") == "このページはこの端末では開けません。"
    await asyncio.wait_for(made.house.hub.ended_event.wait(), 2)


async def test_a_hub_that_is_gone_shows_no_error_page_of_the_browser(made: Kiosk, card_maker: Maker):
    """What cannot be loaded ends the visit with the kiosk's own words."""
    page = await logged_in(made, card_maker.card())
    await made.house.close()
    await page.evaluate("location.reload()")
    page = await made.page("not-now")
    assert await page.inner_text("#error") == "認証サーバーに接続できません。"


@pytest.mark.parametrize(
    ("command", "variables", "said"),
    [
        (unlocked(), {}, "ブラウザの利用制限が設定されていません。"),
        # The program trusts the hub's CA in another way, of which the browser does not know.
        (
            program(),
            {"KIOSK_HUB_CA": "", "SSL_CERT_FILE": "hub.security.pem"},
            "ブラウザで認証サーバーのページを開けません。",
        ),
    ],
    ids=["no policy", "a CA that the browser does not know"],
)
async def test_a_kiosk_whose_browser_is_not_in_order_asks_for_no_pin(
    command: Sequence[str],
    variables: Mapping[str, str],
    said: str,
    card_folder: Path,
    card_maker: Maker,
    tmp_path: Path,
):
    """Neither in a browser that opens everything nor in one that cannot open the hub: the screen is out of order."""
    files = {name: str(tmp_path / text) if text else "" for name, text in variables.items()}
    async with (
        daemon(card_folder / "disorder", free_port(row=2)) as cards,
        started(tmp_path, command, PCSCLITE_CSOCK_NAME=str(cards.socket), **files) as (_, house, port),
    ):
        await settled_text(port, said)
        slot = Slot(cards.port)
        await slot.put_on(card_maker.card())
        # The daemon looks every 400 ms.
        await asyncio.sleep(1)
        await settled_text(port, said)
        await slot.take_away()
        assert "hello" in house.hub.asked
        assert "begin" not in house.hub.asked


async def settled_text(port: int, wanted: str) -> None:
    """Wait until the kiosk's page says this; Playwright itself cannot attach to the browser's own parts."""
    said = {"id": 1, "method": "Runtime.evaluate", "params": {"expression": "document.body.innerText"}}
    async with asyncio.timeout(10), aiohttp.ClientSession() as http:
        while True:
            async with http.get(f"http://127.0.0.1:{port}/json/list") as response:
                pages = [one for one in await response.json() if one["type"] == "page" and "/#" in one["url"]]
            if len(pages) != 1:
                await asyncio.sleep(0.1)
                continue
            (page,) = pages
            async with http.ws_connect(page["webSocketDebuggerUrl"]) as line:
                await line.send_json(said)
                told = await line.receive_json()
            if wanted in told["result"]["result"].get("value", ""):
                return
            await asyncio.sleep(0.1)


async def test_a_kiosk_without_its_browser_says_so(card_folder, tmp_path):
    """A name that is misspelt in the settings: one sentence, and the program ends."""
    async with played_hub() as house:
        identity.save(tmp_path, enrolled(house.hub))
        variables = {"KIOSK_FOLDER": str(tmp_path), "KIOSK_BROWSER": "/nonexistent/chromium --kiosk"}
        port = {"KIOSK_LISTEN": f"127.0.0.1:{free_port()}"}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "reader_kiosk"),
            stdout=-1,
            stderr=-2,
            env={**os.environ, **variables, **port},
            cwd=ROOT,
        )
        told, _ = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 1
    assert told.decode() == "/nonexistent/chromium: the browser can't be started.\n"


async def test_a_browser_that_ends_is_started_again(made: Kiosk, card_maker: Maker):
    """Killed under somebody who is logged in: their login ends, a new window opens, the next one logs in."""
    await logged_in(made, card_maker.card())
    (child,) = [one for one in psutil.Process(made.process.pid).children() if "--headless=new" in one.cmdline()]
    child.kill()
    await asyncio.wait_for(made.house.hub.ended_event.wait(), 5)
    await made.seen_again()
    taking = await made.page("take-card")
    assert "ブラウザが停止したため終了しました。" in await taking.inner_text("#text")
    await made.slot.take_away()
    await made.page("idle")
    await logged_in(made, card_maker.card())


async def test_a_visit_that_ends_while_a_window_is_made_leaves_no_window_behind():
    """What was begun is brought to its end: the next person finds one window, and no other person's cookies."""
    port = free_port()
    command = ["chromium", "--headless=new", f"--remote-debugging-port={port}", *ARGUMENTS]
    browser = Window(OwnStarter(command), "about:blank")
    await browser.renew()
    try:
        for moment in (0, 0.01, 0.03, 0.06):
            visit = asyncio.create_task(browser.renew())
            await asyncio.sleep(moment)
            visit.cancel()
            await browser.renew()
        async with async_playwright() as playwright:
            seen = await playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{port}")
            told = await (await seen.new_browser_cdp_session()).send("Target.getBrowserContexts")
        assert len(told["browserContextIds"]) == 1
    finally:
        await browser.close()
