"""The kiosk's browser: one window for one person, thrown away with everything in it when they go."""

import asyncio
import fcntl
import json
import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from signal import SIGKILL, SIGTERM, Signals
from typing import Any

from reader_kiosk.errors import KioskError

_ARGUMENTS = (
    # A pipe and not a port: through a port every program of this machine could read the pages.
    "--remote-debugging-pipe",
    "--no-startup-window",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-pinch",
    "--overscroll-history-navigation=0",
    "--password-store=basic",
)
_FULL_SCREEN = "--kiosk"
_OURS = 10
_START, _ANSWER = 20.0, 5.0
_LIMIT = 2**24


class BrowserGoneError(Exception):
    """The browser ended, or doesn't answer."""


class Browser:
    """A Chromium that is driven over a pipe (the DevTools protocol)."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._profile = tempfile.TemporaryDirectory(prefix="kiosk-browser-", ignore_cleanup_errors=True)
        self._process: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._listening: asyncio.Task[None] | None = None
        self._asked: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._number = 0
        self._context = ""

    async def renew(self, url: str) -> None:
        """Open a window that knows nothing, and throw the one before away; KioskError when there is no browser."""
        try:
            await self._renew(url)
        except BrowserGoneError:
            # It crashed, or somebody closed it: begin with a new one.
            await self.close()
            try:
                await self._renew(url)
            except BrowserGoneError as error:
                message = f"{self._command[0]}: the browser can't be started."
                raise KioskError(message) from error

    async def ended(self) -> None:
        """Wait until the browser ends by itself."""
        while (process := self._process) is not None:
            await process.wait()
            if process is self._process:
                return

    async def close(self) -> None:
        """End the browser."""
        process, self._process, self._context = self._process, None, ""
        if process is not None and process.returncode is None:
            _signal(process, SIGTERM)
            with suppress(TimeoutError):
                async with asyncio.timeout(_ANSWER):
                    await process.wait()
            if process.returncode is None:
                _signal(process, SIGKILL)
                await process.wait()
        if self._writer is not None:
            self._writer.close()
        if self._listening is not None:
            self._listening.cancel()
        self._profile.cleanup()

    async def _renew(self, url: str) -> None:
        if self._process is None:
            await self._start()
        before = self._context
        made = await self._ask("Target.createBrowserContext", disposeOnDetach=True)
        self._context = str(made["browserContextId"])
        target = await self._ask("Target.createTarget", url=url, browserContextId=self._context, newWindow=True)
        if _FULL_SCREEN in self._command:
            # Chromium heeds the flag for its first window only.
            window = await self._ask("Browser.getWindowForTarget", targetId=target["targetId"])
            bounds = {"windowState": "fullscreen"}
            await self._ask("Browser.setWindowBounds", windowId=window["windowId"], bounds=bounds)
        if before:
            # Pages, history, cookies, storage and what the back button knows.
            await self._ask("Target.disposeBrowserContext", browserContextId=before)

    async def _start(self) -> None:
        self._profile = tempfile.TemporaryDirectory(prefix="kiosk-browser-", ignore_cleanup_errors=True)
        to_browser, from_us = _pipe()
        to_us, from_browser = _pipe()
        # Chromium reads at 3 and writes at 4; dash would take no number above 9 here.
        inside = f'exec "$@" 3<&{to_browser} 4>&{from_browser} {to_browser}<&- {from_browser}>&-'
        try:
            self._process = await asyncio.create_subprocess_exec(
                *("bash", "-c", inside, "bash", *self._command, *_ARGUMENTS, f"--user-data-dir={self._profile.name}"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                pass_fds=(to_browser, from_browser),
            )
        finally:
            os.close(to_browser)
            os.close(from_browser)
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=_LIMIT)
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(to_us, "rb", 0))
        transport, protocol = await loop.connect_write_pipe(
            asyncio.streams.FlowControlMixin, os.fdopen(from_us, "wb", 0)
        )
        self._writer = asyncio.StreamWriter(transport, protocol, None, loop)
        self._listening = asyncio.create_task(self._listen(reader))
        await self._ask("Browser.getVersion", patience=_START)

    async def _ask(self, method: str, *, patience: float = _ANSWER, **given: object) -> dict[str, Any]:
        if self._writer is None:
            raise BrowserGoneError
        self._number += 1
        number = self._number
        self._asked[number] = answer = asyncio.get_running_loop().create_future()
        said = json.dumps({"id": number, "method": method, "params": given}).encode()
        try:
            self._writer.write(said + b"\x00")
            async with asyncio.timeout(patience):
                told: dict[str, Any] = await answer
        except (TimeoutError, OSError) as error:
            raise BrowserGoneError(method) from error
        finally:
            self._asked.pop(number, None)
        return told

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        with suppress(asyncio.IncompleteReadError, OSError):
            while True:
                told = json.loads((await reader.readuntil(b"\x00"))[:-1])
                answer = self._asked.get(told.get("id", 0))
                if answer is None or answer.done():
                    continue
                if "error" in told:
                    answer.set_exception(BrowserGoneError(str(told["error"].get("message"))))
                else:
                    answer.set_result(told.get("result", {}))
        self._writer = None
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(BrowserGoneError())


def _signal(process: asyncio.subprocess.Process, number: Signals) -> None:
    # Not `terminate`: that asks first whether the child has ended, and then asyncio hears no more of its end.
    with suppress(ProcessLookupError):
        os.kill(process.pid, number)


def _pipe() -> tuple[int, int]:
    """Open a pipe whose ends have numbers that don't stand in the browser's way."""
    ends = os.pipe()
    moved = tuple(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, _OURS) for end in ends)
    for end in ends:
        os.close(end)
    return moved[0], moved[1]
