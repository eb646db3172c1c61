"""A kiosk on a screen that is not there: real key presses, a real window manager, and two users."""

import asyncio
import json
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from reader_kiosk import identity
from tests.support.fake_hub import HubHouse, played_hub
from tests.support.kiosk_process import enrolled
from tests.support.lockdown import namespace
from tests.support.paths import ROOT
from tests.support.ports import free_port

# The browser's user; the program's is root here, because the tests are.
NOBODY = 65534
_AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
# The Python of the tests may lie in a home that nobody else enters.
_ENTERS = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
_HOLD = 'mount -t tmpfs -o mode=755 none /etc/chromium && "$0" -m reader_kiosk policy && exec sleep infinity'
_CHROMIUM = ("chromium", "--kiosk", "--no-sandbox", "--disable-gpu", "--disable-quic")
_KEPT = {"profile", "tmp", "config", "cache", "data", ".pki"}


@dataclass
class Standing:
    """A kiosk, its hub, and the keyboard before its screen."""

    house: HubHouse
    display: str
    port: int
    homes: Path
    folder: Path
    program: asyncio.subprocess.Process
    origin: str

    async def press(self, *keys: str) -> None:
        """Press keys one after the other."""
        await self._xdotool("key", "--delay", "4", *keys)

    async def press_all(self, keys: Sequence[str]) -> None:
        """Press keys and mouse buttons fast, and wait until the page has seen the last of them."""
        watch = "globalThis.seen = 0; addEventListener('keydown', (one) => { seen += one.key === 'z' }, true)"
        await self.said("Runtime.evaluate", expression=watch)
        mouse = ["mousemove", "640", "300", *chain.from_iterable(("click", one) for one in ("2", "3", "8", "9"))]
        await self._xdotool("key", "--delay", "2", *keys, *mouse, "key", "z")
        async with asyncio.timeout(10):
            while True:
                with suppress(aiohttp.ClientError, ValueError, KeyError):
                    told = await self.said("Runtime.evaluate", expression="seen")
                    if told["result"].get("value"):
                        return
                await asyncio.sleep(0.05)

    async def type(self, text: str) -> None:
        """Type a text."""
        await self._xdotool("type", "--delay", "12", text)

    async def click(self, *buttons: int) -> None:
        """Press mouse buttons in the middle of the screen."""
        for button in buttons:
            await self._xdotool("mousemove", "640", "300", "click", str(button))

    async def _xdotool(self, *words: str) -> None:
        environment = {**os.environ, "DISPLAY": self.display}
        process = await asyncio.create_subprocess_exec("xdotool", *words, env=environment, stderr=-3)
        assert await asyncio.wait_for(process.wait(), 60) == 0

    async def pages(self) -> list[dict[str, Any]]:
        """List the pages that are open, without the browser's own parts."""
        async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{self.port}/json/list") as response:
            found = json.loads(await response.text())
        own = ".top-chrome"
        return [
            one for one in found if one["type"] == "page" and not (urlsplit(one["url"]).hostname or "").endswith(own)
        ]

    async def said(self, method: str, **given: object) -> Any:
        """Ask the page that is open."""
        (page,) = await self.pages()
        async with aiohttp.ClientSession() as http, http.ws_connect(page["webSocketDebuggerUrl"]) as line:
            await line.send_json({"id": 1, "method": method, "params": given})
            return (await line.receive_json())["result"]

    async def only(self, url: str, name: str = "", timeout: float = 20.0) -> None:
        """See that this address is the only page that is open, and that it is this page."""
        seen: object = None
        try:
            async with asyncio.timeout(timeout):
                while True:
                    with suppress(aiohttp.ClientError, ValueError, KeyError):
                        seen = [one["url"].partition("#")[0] for one in await self.pages()]
                        if seen == [url]:
                            asked = "document.querySelector('main')?.dataset.page ?? ''"
                            told = await self.said("Runtime.evaluate", expression=asked)
                            seen = (url, told["result"].get("value"))
                            if not name or seen == (url, name):
                                return
                    await asyncio.sleep(0.1)
        except TimeoutError:
            message = f"waiting for {url} {name}, saw {seen}"
            raise AssertionError(message) from None

    async def log(self) -> str:
        """Read what the program has logged since it was ready."""
        assert self.program.stdout is not None
        return (await self.program.stdout.read(2**16)).decode()

    def left_behind(self) -> list[Path]:
        """List what lies in the browsers' homes beside what Chromium keeps of itself."""
        found = [one for home in self.homes.glob("kiosk-browser-*") for one in home.iterdir()]
        return [one for one in found if one.name not in _KEPT]


@asynccontextmanager
async def standing(session: str) -> AsyncIterator[Standing]:
    """Start a screen, `openbox` or `cage` on it, the browser's session as its own user, and the program."""
    place = Path(tempfile.mkdtemp(prefix="screen-"))
    place.chmod(0o711)
    homes = place / "run"
    homes.mkdir(mode=0o700)
    os.chown(homes, NOBODY, NOBODY)
    certificate, port, local = place / "hub.security.pem", free_port(), free_port()
    async with AsyncExitStack() as stack:
        stack.callback(shutil.rmtree, place, ignore_errors=True)
        house = await stack.enter_async_context(played_hub(certificate=certificate))
        identity.save(place / "kiosk", enrolled(house.hub))
        given = {
            "KIOSK_FOLDER": str(place / "kiosk"),
            "KIOSK_LISTEN": f"127.0.0.1:{local}",
            "KIOSK_HUB_CA": str(certificate),
            "KIOSK_BROWSER_SOCKET": str(homes / "socket"),
        }
        variables = {**os.environ, **given}
        display = await _display(stack)
        holder = await _run(stack, *namespace(), "sh", "-c", _HOLD, sys.executable, env=variables, is_heard=True)
        assert holder.stdout is not None
        assert b"tegata-kiosk.json" in await asyncio.wait_for(holder.stdout.readline(), 20)
        inside = ("nsenter", f"--mount=/proc/{holder.pid}/ns/mnt", f"--wdns={ROOT}")
        words = [sys.executable, "-m", "reader_kiosk", "session", "--socket", given["KIOSK_BROWSER_SOCKET"]]
        words += ["--program-user", "root", "--", *_CHROMIUM, f"--remote-debugging-port={port}"]
        environment = {"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": str(homes), "DISPLAY": display}
        if session == "cage":
            environment |= {"WLR_BACKENDS": "x11", "WLR_RENDERER": "pixman", "WLR_LIBINPUT_NO_DEVICES": "1"}
            words = ["cage", "--", "env", "-u", "DISPLAY", *words]
        else:
            await _run(stack, "openbox", env={**os.environ, "DISPLAY": display})
        await _run(stack, *inside, *_AS_NOBODY, *_ENTERS, *words, env=environment)
        async with asyncio.timeout(20):
            while not (homes / "socket").exists():
                await asyncio.sleep(0.05)
        program = await _run(stack, *inside, sys.executable, "-m", "reader_kiosk", env=variables, is_heard=True)
        assert program.stdout is not None
        said = b""
        while not said.startswith(b"The kiosk is ready"):
            said = await asyncio.wait_for(program.stdout.readline(), 40)
            assert said, "the kiosk ended"
        made = Standing(house, display, port, homes, place, program, f"http://127.0.0.1:{local}")
        await made.only(f"{made.origin}/", "idle")
        # The window has the keyboard.
        await made.click(1)
        yield made


async def _display(stack: AsyncExitStack) -> str:
    read, write = os.pipe()
    stack.callback(os.close, read)
    await _run(
        stack, "Xvfb", "-displayfd", str(write), "-ac", "-screen", "0", "1280x800x24", "-nolisten", "tcp", fds=(write,)
    )
    os.close(write)
    told = await asyncio.wait_for(asyncio.to_thread(os.read, read, 16), 20)
    return f":{told.decode().strip()}"


async def _run(
    stack: AsyncExitStack,
    *words: str,
    fds: tuple[int, ...] = (),
    env: dict[str, str] | None = None,
    is_heard: bool = False,
) -> asyncio.subprocess.Process:
    # A pipe that nobody reads would be held open by the browser's own children.
    out = asyncio.subprocess.PIPE if is_heard else asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*words, stdout=out, stderr=-3, cwd=ROOT, env=env, pass_fds=fds)

    async def end() -> None:
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(8):
                await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()

    stack.push_async_callback(end)
    return process
