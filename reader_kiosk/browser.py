"""The kiosk's browser: one window for one person, thrown away with everything in it when they go."""

import asyncio
import json
import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import structlog

from reader_kiosk import session
from reader_kiosk.devtools import BrowserGoneError, DevTools, Told
from reader_kiosk.errors import KioskError
from reader_kiosk.launcher import Launcher, homes

_FULL_SCREEN = "--kiosk"
_START, _OPEN = 20.0, 15.0
# The session may still be starting, as it is when the machine has just been switched on.
_SESSION_PATIENCE, _SESSION_PAUSE = 60.0, 0.2
_ATTACH_EVERY, _ATTACH_TIMES = 0.05, 40
# The browser's own: what the address bar would fold out.
_ITS_OWN = ".top-chrome"
_WORLD, _BINDING = "tegata", "tegataKiosk"
_GUARD = files("reader_kiosk").joinpath("static", "guard.js").read_text("utf-8")
_log = structlog.get_logger(__name__)


class Happening(StrEnum):
    """What the browser tells of the window that it shows."""

    TOUCHED = "touched"
    RETURNED = "returned"
    FAILED = "failed"
    NOT_ALLOWED = "not-allowed"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Happened:
    """What happened, and the target of the window in which it happened."""

    what: Happening
    window: str


class Starter(Protocol):
    """Starts a browser and gives the connection to it."""

    name: str
    is_full_screen: bool

    async def start(self) -> socket.socket:
        """Start one; KioskError or OSError when there is none."""

    async def settle(self) -> None:
        """Wait until the browser that was hung up on has left nothing."""


class OwnStarter:
    """Starts the browser as a child, with this program's own user: for trying a kiosk."""

    def __init__(self, command: Sequence[str]) -> None:
        self.name, self.is_full_screen = command[0], _FULL_SCREEN in command
        self._launcher = Launcher(command, homes())
        self._launcher.sweep()
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> socket.socket:
        """Start one."""
        ours, theirs = socket.socketpair()
        self._running = asyncio.create_task(self._launcher.run(theirs))
        return ours

    async def settle(self) -> None:
        """Wait for its end."""
        if self._running is not None:
            with suppress(OSError):
                await self._running


class SessionStarter:
    """Asks the browser's own user for a browser."""

    is_full_screen = True

    def __init__(self, path: Path, *, patience: float = _SESSION_PATIENCE) -> None:
        self.name, self._path, self._patience = str(path), path, patience

    async def start(self) -> socket.socket:
        """Connect to the session, which starts a browser for that."""
        connection = await self._connected()
        if session.peer(connection) in {os.getuid(), 0}:
            connection.close()
            message = f"{self._path}: the browser must run as another user than this program, and not as root."
            raise KioskError(message)
        return connection

    async def _connected(self) -> socket.socket:
        loop = asyncio.get_running_loop()
        until = loop.time() + self._patience
        while True:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.settimeout(0)
            try:
                await loop.sock_connect(connection, str(self._path))
            except OSError as error:
                connection.close()
                if loop.time() > until:
                    message = f"{self._path}: the browser's session is not there ({error.strerror})."
                    raise KioskError(message) from error
                await asyncio.sleep(_SESSION_PAUSE)
            else:
                return connection

    async def settle(self) -> None:
        """Do nothing: the session takes the next connection when it is done with the last."""


@dataclass(frozen=True, slots=True)
class _Window:
    context: str
    target: str
    session: str
    url: str


class Browser:
    """A Chromium that is driven over a pipe; `happened` says what goes on in the window that it shows."""

    def __init__(self, starter: Starter, url: str) -> None:
        self._starter, self._url = starter, url
        self._home = _origin(url)
        self._line: DevTools | None = None
        self._window: _Window | None = None
        self._world = 0
        self._was_away = False
        self._contexts: set[str] = set()
        self._closing: set[asyncio.Task[None]] = set()
        # Pages that are being closed: Chromium tells of a page again when its address or title changes meanwhile.
        self._shut_pages: set[str] = set()
        self._steps: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()
        self.happened: asyncio.Queue[Happened] = asyncio.Queue()

    async def renew(self, window: str = "") -> None:
        """Open a window that knows nothing, and throw the one before away; KioskError when there is no browser.

        With `window`, do so only if that window is still the one that is shown.
        """

        async def step() -> None:
            if window and self._window is not None and self._window.target != window:
                return
            try:
                await self._renew()
            except BrowserGoneError:
                await self._begin_again()

        await self._in_turn(step)

    async def ready(self) -> None:
        """See that exactly the kiosk's own page is open, in full screen; begin with a new browser when it is not."""

        async def step() -> None:
            try:
                if await self._is_alone():
                    return
                _log.error("kiosk.browser-not-alone")
            except BrowserGoneError:
                _log.error("kiosk.browser-gone")
            await self._begin_again()

        await self._in_turn(step)

    async def restart(self) -> None:
        """End the browser, delete its home and begin with a new one."""
        await self._in_turn(self._begin_again)

    async def _in_turn(self, step: Callable[[], Awaitable[None]]) -> None:
        """Do one step to its end, also when the visit that asked for it ends meanwhile."""

        async def turn() -> None:
            async with self._turn:
                await step()

        task = asyncio.create_task(turn())
        self._steps.add(task)
        task.add_done_callback(self._step_done)
        await asyncio.shield(task)

    def _step_done(self, task: asyncio.Task[None]) -> None:
        self._steps.discard(task)
        if not task.cancelled():
            # Read here, because the visit that asked may be over. The next step starts a browser where one is missing.
            task.exception()

    async def trouble_at(self, url: str) -> str:
        """Open an address once; gives what the browser says is wrong with it."""
        async with self._turn:
            window = self._window
            if window is None or self._line is None:
                return "no window"
            self._was_away = False
            try:
                told = await self._line.ask("Page.navigate", session=window.session, patience=_OPEN, url=url)
            except BrowserGoneError as error:
                return str(error) or "no answer"
            return str(told.get("errorText", ""))

    async def remind(self, words: dict[str, str] | None, seconds: float) -> None:
        """Put a reminder over the page that is shown, or take it away."""
        said = f"tegataRemind({json.dumps(words)}, {seconds})"
        if self._line is None or self._window is None or not self._world:
            return
        with suppress(BrowserGoneError):
            await self._line.ask(
                "Runtime.evaluate", session=self._window.session, expression=said, contextId=self._world
            )

    async def close(self) -> None:
        """End the browser."""
        for task in self._steps:
            task.cancel()
        await asyncio.gather(*self._steps, return_exceptions=True)
        await self._end()

    async def _end(self) -> None:
        line, self._line, self._window = self._line, None, None
        self._world = 0
        self._contexts.clear()
        if line is not None:
            with suppress(BrowserGoneError):
                await line.ask("Browser.close", patience=1.0)
            await line.close()
        await self._starter.settle()

    async def _begin_again(self) -> None:
        await self._end()
        try:
            await self._renew()
        except BrowserGoneError as error:
            await self._end()
            message = f"{self._starter.name}: the browser can't be started."
            raise KioskError(message) from error

    async def _renew(self) -> None:
        line = self._line or await self._start()
        self._window = None
        self._was_away = False
        self._world = 0
        context = str((await line.ask("Target.createBrowserContext", disposeOnDetach=True))["browserContextId"])
        self._contexts.add(context)
        made = await line.ask("Target.createTarget", url=self._url, browserContextId=context, newWindow=True)
        target = str(made["targetId"])
        await line.ask("Browser.setDownloadBehavior", behavior="deny", browserContextId=context)
        if self._starter.is_full_screen:
            await self._fill(line, target)
        attached = await self._guard(line, target)
        for before in self._contexts - {context}:
            # Pages, history, cookies, storage and what the back button knows.
            await line.ask("Target.disposeBrowserContext", browserContextId=before)
            self._contexts.discard(before)
        # What happened in the window before does not matter any more.
        while not self.happened.empty():
            self.happened.get_nowait()
        self._window = _Window(context, target, attached, self._url)
        for one in await self._pages(line):
            if one["targetId"] != target:
                self._shut(line, one)

    async def _start(self) -> DevTools:
        line = DevTools(self._hear)
        try:
            await line.open(await self._starter.start())
        except OSError as error:
            raise BrowserGoneError(str(error)) from error
        self._line = line
        task = asyncio.create_task(self._wait_for_the_end(line))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
        await line.ask("Browser.getVersion", patience=_START)
        await line.ask("Target.setDiscoverTargets", discover=True)
        return line

    async def _wait_for_the_end(self, line: DevTools) -> None:
        await line.ended.wait()
        if self._line is line:
            self._post(Happening.ENDED)

    async def _fill(self, line: DevTools, target: str) -> None:
        # Chromium heeds the flag for its first window only.
        window = await line.ask("Browser.getWindowForTarget", targetId=target)
        if window["bounds"].get("windowState") != "fullscreen":
            bounds = {"windowState": "fullscreen"}
            await line.ask("Browser.setWindowBounds", windowId=window["windowId"], bounds=bounds)

    async def _guard(self, line: DevTools, target: str) -> str:
        attached = await self._attached(line, target)
        await line.ask("Runtime.enable", session=attached)
        await line.ask("Page.enable", session=attached)
        await line.ask("Runtime.addBinding", session=attached, name=_BINDING, executionContextName=_WORLD)
        await line.ask(
            "Page.addScriptToEvaluateOnNewDocument",
            session=attached,
            source=_GUARD,
            worldName=_WORLD,
            runImmediately=True,
        )
        return attached

    async def _attached(self, line: DevTools, target: str) -> str:
        for _ in range(_ATTACH_TIMES):
            with suppress(BrowserGoneError):
                told = await line.ask("Target.attachToTarget", targetId=target, flatten=True)
                return str(told["sessionId"])
            # The policy allows it for the kiosk's page; the window is not there yet.
            await asyncio.sleep(_ATTACH_EVERY)
        message = "the page cannot be looked after"
        raise BrowserGoneError(message)

    async def _is_alone(self) -> bool:
        line, window = self._line, self._window
        if line is None or window is None:
            return False
        pages = await self._pages(line)
        is_alone = [(one["targetId"], one["url"]) for one in pages] == [(window.target, window.url)]
        if is_alone and self._starter.is_full_screen:
            await self._fill(line, window.target)
        return is_alone

    async def _pages(self, line: DevTools) -> list[Told]:
        told = await line.ask("Target.getTargets")
        return [one for one in told["targetInfos"] if _is_page(one)]

    def _hear(self, told: Told) -> None:
        given = told["params"]
        match told["method"]:
            case "Target.targetCreated" | "Target.targetInfoChanged":
                self._see(given["targetInfo"])
            case "Target.targetDestroyed" if self._window and given["targetId"] == self._window.target:
                self._post(Happening.ENDED)
            case "Target.targetDestroyed":
                self._shut_pages.discard(given["targetId"])
            case "Target.detachedFromTarget" | "Target.targetCrashed" if self._is_windows(given):
                self._post(Happening.NOT_ALLOWED)
            case "Runtime.executionContextCreated" if given["context"]["name"] == _WORLD:
                context = given["context"]
                if self._window and context["auxData"]["frameId"] == self._window.target:
                    self._world = context["id"]
            case "Runtime.bindingCalled" if self._window and told.get("sessionId") == self._window.session:
                self._listen_to(given["payload"])

    def _is_windows(self, given: Told) -> bool:
        return self._window is not None and (
            given.get("sessionId") == self._window.session or given.get("targetId") == self._window.target
        )

    def _see(self, found: Told) -> None:
        # One that is being made is not known yet; `_renew` looks for strangers when it is done.
        if self._line is None or self._window is None or not _is_page(found):
            return
        if found["targetId"] == self._window.target:
            return
        self._shut(self._line, found)

    def _shut(self, line: DevTools, found: Told) -> None:
        """Close a page that the kiosk did not open, and log it once."""
        if found["targetId"] not in self._shut_pages:
            self._shut_pages.add(found["targetId"])
            _log.warning("kiosk.page-closed", kind=found["type"], scheme=urlsplit(found["url"]).scheme)

        async def close() -> None:
            with suppress(BrowserGoneError):
                await line.ask("Target.closeTarget", targetId=found["targetId"])

        task = asyncio.create_task(close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _post(self, what: Happening) -> None:
        # While a window is being made, the step that makes it gets the error itself.
        if self._window is not None:
            self.happened.put_nowait(Happened(what, self._window.target))

    def _listen_to(self, payload: str) -> None:
        said = json.loads(payload)
        if said["act"] == "touch":
            self._post(Happening.TOUCHED)
        elif said["protocol"] == "chrome-error:":
            self._post(Happening.FAILED)
        elif said["origin"] != self._home:
            self._was_away = True
        elif self._was_away:
            self._post(Happening.RETURNED)


def _is_page(found: Told) -> bool:
    is_shown = found["type"] in {"page", "tab", "other", "webview", "app", "background_page"}
    return is_shown and not (urlsplit(found["url"]).hostname or "").endswith(_ITS_OWN)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
