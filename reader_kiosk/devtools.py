"""A Chromium's DevTools protocol over one connection: questions, answers and events."""

import asyncio
import json
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

_LIMIT = 2**24
_PATIENCE = 5.0
Told = dict[str, Any]


class BrowserGoneError(Exception):
    """The browser ended, does not answer, or refuses what it was asked."""


class DevTools:
    """One browser's line; `heard` is called for each event, `ended` is set when the browser is gone."""

    def __init__(self, heard: Callable[[Told], None]) -> None:
        self._heard = heard
        self._writer: asyncio.StreamWriter | None = None
        self._listening: asyncio.Task[None] | None = None
        self._asked: dict[int, asyncio.Future[Told]] = {}
        self._number = 0
        self.ended = asyncio.Event()

    async def open(self, connection: socket.socket) -> None:
        """Begin to listen."""
        reader, self._writer = await asyncio.open_connection(sock=connection, limit=_LIMIT)
        self._listening = asyncio.create_task(self._listen(reader))

    async def close(self) -> None:
        """Hang up."""
        if self._listening is not None:
            self._listening.cancel()
        if self._writer is not None:
            self._writer.close()
            with suppress(OSError):
                await self._writer.wait_closed()

    async def ask(self, method: str, *, session: str = "", patience: float = _PATIENCE, **given: object) -> Told:
        """Ask something; BrowserGoneError when there is no answer or the answer is no."""
        if self._writer is None or self.ended.is_set():
            raise BrowserGoneError(method)
        self._number += 1
        number = self._number
        self._asked[number] = answer = asyncio.get_running_loop().create_future()
        said: Told = {"id": number, "method": method, "params": given}
        if session:
            said["sessionId"] = session
        try:
            self._writer.write(json.dumps(said).encode() + b"\x00")
            async with asyncio.timeout(patience):
                told: Told = await answer
        except (TimeoutError, OSError) as error:
            raise BrowserGoneError(method) from error
        finally:
            self._asked.pop(number, None)
        return told

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        try:
            with suppress(asyncio.IncompleteReadError, OSError):
                while True:
                    told = json.loads((await reader.readuntil(b"\x00"))[:-1])
                    if "id" in told:
                        self._answer(told)
                    else:
                        self._heard(told)
        finally:
            self.ended.set()
            for answer in self._asked.values():
                if not answer.done():
                    answer.set_exception(BrowserGoneError())

    def _answer(self, told: Told) -> None:
        answer = self._asked.get(told["id"])
        if answer is None or answer.done():
            return
        if "error" in told:
            answer.set_exception(BrowserGoneError(str(told["error"].get("message"))))
        else:
            answer.set_result(told.get("result", {}))
