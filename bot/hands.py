"""The hands that do what was heard: so many at once, and none left at work when the hub closes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

# What was acknowledged must go out before the work of all who came after.
_AT_ONCE = 4
_GRACE = 5.0


class Hands:
    """The work under way of one process."""

    def __init__(self) -> None:
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._under_way: set[asyncio.Task[object]] = set()

    @asynccontextmanager
    async def free(self) -> AsyncIterator[None]:
        """Wait for a free hand, and hold it."""
        async with self.busy(), self._room:
            yield

    @asynccontextmanager
    async def busy(self) -> AsyncIterator[None]:
        """Work at once: somebody waits for the answer."""
        task = asyncio.current_task()
        if task is not None:
            self._under_way.add(task)
        try:
            yield
        finally:
            if task is not None:
                self._under_way.discard(task)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Let what is under way be finished at the end, for a while."""
        try:
            yield
        finally:
            if self._under_way:
                await asyncio.wait(self._under_way, timeout=_GRACE)
            late = list(self._under_way)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
