"""The hands that do what was heard: what is urgent never waits for what is not, and none is left at work at the end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from enum import StrEnum

# What was acknowledged must go out before the work of all who came after.
_EVENTS_AT_ONCE = 4
_ANSWERS_AT_ONCE = 16
_GRACE = 5.0


class Lane(StrEnum):
    """How long something may wait: not at all, for other answers, or for other events."""

    NOW = "now"
    ANSWER = "answer"
    EVENT = "event"


class Hands:
    """The work under way of one process."""

    def __init__(self) -> None:
        self._rooms = {Lane.ANSWER: asyncio.Semaphore(_ANSWERS_AT_ONCE), Lane.EVENT: asyncio.Semaphore(_EVENTS_AT_ONCE)}
        self._under_way: set[asyncio.Task[object]] = set()

    @asynccontextmanager
    async def free(self, lane: Lane) -> AsyncIterator[None]:
        """Wait for a free hand of a lane, and hold it."""
        async with self.busy(), self._rooms.get(lane) or nullcontext():
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
