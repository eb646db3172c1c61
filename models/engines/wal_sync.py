"""Asking the disk to keep what was written to a file, once for everybody who waits for it at the time."""

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

_keep = getattr(os, "fdatasync", os.fsync)
# Seconds.
_MOMENT = 0.002
_Waiting = list["asyncio.Future[None]"]


class Disk:
    """The disk under one file; it answers when it answers, so a thread waits for it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._loop = asyncio.get_running_loop()
        # Each request is who waits for it; None ends the thread.
        self._requests: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._waiting: _Waiting = []
        self._is_asked = False
        # What went wrong, until `repaired`; set by the thread, read by both.
        self._error: OSError | None = None
        Thread(target=self._serve, name="disk", daemon=True).start()

    async def kept(self) -> None:
        """Wait until everything that was written before the call outlasts the machine; an OSError when it may not.

        After one failed sync every call fails until `repaired`: Linux reports the error once and drops the pages, so a
        later sync that succeeds says nothing of what was written before the failure.
        """
        answer = self._loop.create_future()
        self._waiting.append(answer)
        if not self._is_asked:
            # Not at once: whoever writes in this very turn of the loop comes along.
            self._is_asked = True
            self._loop.call_soon(self._ask)
        await answer

    @property
    def has_failed(self) -> bool:
        """Tell whether a sync failed and nothing was repaired since."""
        return self._error is not None

    def fail(self, error: OSError) -> None:
        """Take over a failure that another writer of the same file met."""
        self._error = error

    def repaired(self) -> None:
        """Promise again; call it once everything written so far was made durable by another way."""
        self._error = None

    def close(self) -> None:
        """Let go of the file once what was asked is answered."""
        self._requests.put(None)

    def _ask(self) -> None:
        # What is written from here on, this answer may not hold for.
        waiting, self._waiting = self._waiting, []
        self._requests.put(waiting)

    def _answered(self, waiting: _Waiting, error: OSError | None) -> None:
        self._is_asked = bool(self._waiting)
        if self._waiting:
            # Many are at it: those of the next moment come along too.
            self._loop.call_later(_MOMENT, self._ask)
        for answer in waiting:
            if answer.done():
                continue
            if error is None:
                answer.set_result(None)
            else:
                answer.set_exception(error)

    def _serve(self) -> None:
        file = -1
        while (waiting := self._requests.get()) is not None:
            error = self._error
            try:
                if file < 0:
                    file = os.open(self._path, os.O_RDWR)
                if error is None:
                    _keep(file)
            except OSError as trouble:
                error = self._error = trouble
            # A loop that is closed has nobody left who waits.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._answered, waiting, error)
        if file >= 0:
            os.close(file)
