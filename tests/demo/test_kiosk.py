"""The demo with its kiosk: one real process, a card daemon, the kiosk's program, and a newcomer's browser."""

import asyncio
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from playwright.async_api import FrameLocator, Page, expect

from tests.support.browser import chromium
from tests.support.ports import free_port

pytestmark = pytest.mark.slow

PORTS = 9
_LAST = b"Ctrl-C ends the demo"
# Run as `tegata` on a machine where the reader's driver isn't installed.
_BARE = """\
import sys
from pathlib import Path
from demo.card import daemon
daemon.DRIVER = Path("/nonexistent")
from cli.main import main
main()
"""


@dataclass
class Demo:
    """A demo's process and what it said before it was ready."""

    process: asyncio.subprocess.Process
    port: int
    said: str

    async def ended(self) -> int | None:
        """Type Ctrl-C and wait for the end."""
        self.process.send_signal(signal.SIGINT)
        async with asyncio.timeout(20):
            await self.process.communicate()
        return self.process.returncode


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder of a short name: a socket's is at most 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="demo-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def demonstrated(folder: Path, *, program: tuple[str, ...] = ()) -> AsyncIterator[Demo]:
    """Run the demo with its kiosk."""
    words = program or (str(Path(sys.executable).with_name("tegata")),)
    port = free_port(row=PORTS)
    process = await asyncio.create_subprocess_exec(
        *(*words, "demo", "--kiosk", "--folder", str(folder / "demo"), "--port", str(port)), stdout=-1, stderr=-2
    )
    assert process.stdout is not None
    said = b""
    try:
        async with asyncio.timeout(60):
            while not (line := await process.stdout.readline()).startswith(_LAST):
                assert line, said.decode()
                said += line
        yield Demo(process, port, said.decode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def screen(page: Page) -> FrameLocator:
    """What the kiosk shows."""
    return page.frame_locator("iframe[title='The kiosk']").frame_locator("#screen")


def reader(page: Page) -> FrameLocator:
    """The reader and its cards."""
    return page.frame_locator("iframe[title='The card reader']")


async def shows(frame: FrameLocator, name: str) -> None:
    """Expect a page in a frame."""
    await expect(frame.locator("main")).to_have_attribute("data-page", name, timeout=15000)


async def press(frame: FrameLocator, name: str) -> None:
    """Press a button."""
    await frame.get_by_role("button", name=name).click()


def children_in(folder: Path) -> list[psutil.Process]:
    """Find whatever runs for the demo of a folder, whoever's child it is."""
    found = []
    for one in psutil.process_iter():
        try:
            is_ours = any(str(folder) in text for text in (*one.cmdline(), one.environ().get("KIOSK_FOLDER", "")))
        except psutil.Error:
            continue
        if is_ours:
            found.append(one)
    return found


async def test_a_newcomer_puts_a_card_on_and_is_in_takes_it_away_and_is_out(place: Path) -> None:
    """All on the demo's page: Taro's card, its PIN, the portal in the kiosk's frame; away: idle, and the session over.

    Then the card that has only a number, which asks for the rest; Ctrl-C leaves nobody behind.
    """
    async with demonstrated(place) as demo, chromium() as browser:
        assert "/kiosk" in demo.said
        assert "One card is not bound yet" in demo.said
        newcomer = await browser.new_context(locale="en-US", viewport={"width": 1900, "height": 1000})
        page = await newcomer.new_page()
        await page.goto(f"http://127.0.0.1:{demo.port}/demo")
        await shows(screen(page), "idle")
        await press(reader(page), "Put on: Taro's IC card")
        await shows(screen(page), "pin")
        await screen(page).locator("#digits").fill("123456")
        await screen(page).locator("#ok").click()
        await shows(screen(page), "portal")
        other = await newcomer.new_page()
        await other.goto(f"http://127.0.0.1:{demo.port}/settings")
        await expect(other.locator("main")).to_have_attribute("data-page", "settings")
        await press(reader(page), "Take away: Taro's IC card")
        await shows(screen(page), "idle")
        await other.goto(f"http://127.0.0.1:{demo.port}/portal")
        await expect(other.locator("main")).to_have_attribute("data-page", "login")
        await press(reader(page), "Put on: Hanako's card with only a number")
        await shows(screen(page), "account")
        await press(reader(page), "Put on: Hanako's IC card")
        await shows(screen(page), "pin")
        # Two wrong PINs: the last try is not used here, and the reader's page sets the tries back.
        for _ in range(2):
            await screen(page).locator("#digits").fill("654321")
            await screen(page).locator("#ok").click()
            await expect(screen(page).locator("#error")).not_to_be_empty()
            await expect(screen(page).locator("#digits")).to_have_value("")
        await shows(screen(page), "not-now")
        await press(reader(page), "Take away: Hanako's IC card")
        await press(reader(page), "Set the PIN tries back, as the help desk does: Hanako's IC card")
        await press(reader(page), "Put on: Hanako's IC card")
        await shows(screen(page), "pin")
        await press(reader(page), "Put on: A new IC card, not bound to an account")
        await shows(screen(page), "not-now")
        assert len(children_in(place)) > 2
        assert await demo.ended() == 0
        assert not children_in(place)


async def test_a_demo_that_is_killed_takes_its_daemon_and_its_kiosk_with_it(place: Path) -> None:
    """Nothing is left that would keep the ports of the next start, which finds its cards and its kiosk again."""
    async with demonstrated(place) as demo:
        demo.process.kill()
        await demo.process.wait()
        async with asyncio.timeout(10):
            while children_in(place):
                await asyncio.sleep(0.05)
    kept = (place / "demo" / "cards" / "taro.pem").read_bytes()
    async with demonstrated(place) as demo:
        assert await demo.ended() == 0
    assert (place / "demo" / "cards" / "taro.pem").read_bytes() == kept


async def test_a_machine_without_a_virtual_reader_is_told_how_to_get_one(place: Path) -> None:
    """One command to type, and the demo goes on without the kiosk."""
    async with demonstrated(place, program=(sys.executable, "-c", _BARE)) as demo:
        assert "sudo apt-get install pcscd vsmartcard-vpcd" in demo.said
        assert "goes on without the kiosk" in demo.said
        assert "/kiosk" not in demo.said.replace("without the kiosk", "")
        assert await demo.ended() == 0
