"""Asking the disk to keep what was written to a file, once for everybody who waits for it at the time."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_keep = getattr(os, "fdatasync", os.fsync)


class Disk:
    """The disk under one file; asking it takes as long as it takes, so a thread does."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="disk")
        self._under_way: asyncio.Future[None] | None = None
        self._next: asyncio.Future[None] | None = None

    async def kept(self) -> None:
        """Wait until everything that was written before the call outlasts the machine; an OSError when it may not."""
        if self._next is None:
            self._next = asyncio.ensure_future(self._asked(self._under_way))
        # Others wait for the same answer: who is cancelled must not take it from them.
        await asyncio.shield(self._next)

    async def close(self) -> None:
        """Let go of the file once nobody waits for it."""
        waited_for = [one for one in (self._under_way, self._next) if one is not None]
        if waited_for:
            await asyncio.wait(waited_for)
        self._thread.shutdown(wait=False)
        if self._file is not None:
            os.close(self._file)
            self._file = None

    async def _asked(self, before: "asyncio.Future[None] | None") -> None:
        if before is not None:
            await asyncio.wait([before])
        # What is written from here on, the disk may not be asked for yet.
        self._under_way, self._next = self._next, None
        await asyncio.get_running_loop().run_in_executor(self._thread, self._ask)

    def _ask(self) -> None:
        if self._file is None:
            self._file = os.open(self._path, os.O_RDWR)
        _keep(self._file)
