"""How tries wait where many were wrong: one at a time, those that were wrong least often first."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from hub.settings import NUMBERS

Pause = Callable[[float], Awaitable[None]]
Source = tuple[str, str]


class FullError(Exception):
    """The queue is full, and this try is from the source that was wrong most often."""


@dataclass(slots=True)
class Turn:
    """One try's turn; it costs the queue a pause unless the try was right."""

    is_right: bool = False


@dataclass(slots=True)
class _Place:
    source: Source
    number: int
    called: "asyncio.Future[None]"


@dataclass(slots=True)
class _Line:
    is_taken: bool = False
    places: list[_Place] = field(default_factory=list)


class Queues:
    """The queues of one process, one for each network and account that is hot; `pause` is how time goes by."""

    def __init__(self, pause: Pause = asyncio.sleep) -> None:
        self.pause = pause
        self._lines: dict[str, _Line] = {}
        self._wrong: OrderedDict[tuple[str, ...], int] = OrderedDict()
        self._pausing: set[asyncio.Task[None]] = set()
        self._arrived = 0

    @property
    def waiting(self) -> int:
        """How many tries wait for their turn."""
        return sum(len(line.places) for line in self._lines.values())

    @asynccontextmanager
    async def turn(self, name: str, interval: timedelta, source: Source) -> AsyncIterator[Turn]:
        """Wait for a turn in a queue; FullError when the queue is full or the wait too long.

        A source is an address and a visit. Who was wrong least often goes first, so the noisiest waits longest.
        """
        line = self._lines.setdefault(name, _Line())
        await self._called(name, line, source)
        turn = Turn()
        try:
            yield turn
        finally:
            if turn.is_right:
                self._next(name, line)
            else:
                self._note(source)
                task = asyncio.create_task(self._later(name, line, interval))
                self._pausing.add(task)
                task.add_done_callback(self._pausing.discard)

    async def _called(self, name: str, line: _Line, source: Source) -> None:
        if not line.is_taken:
            line.is_taken = True
            return
        self._arrived += 1
        place = _Place(source, self._arrived, asyncio.get_running_loop().create_future())
        line.places.append(place)
        if len(line.places) > NUMBERS.queue_places:
            last = max(line.places, key=self._rank)
            line.places.remove(last)
            if last is place:
                raise FullError
            last.called.cancel()
        try:
            async with asyncio.timeout(NUMBERS.queue_wait.total_seconds()):
                await place.called
        except (TimeoutError, asyncio.CancelledError) as error:
            await self._left(name, line, place)
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
                raise
            raise FullError from error

    async def _left(self, name: str, line: _Line, place: _Place) -> None:
        if place in line.places:
            line.places.remove(place)
        elif place.called.done() and not place.called.cancelled():
            # It was called at the moment it left: the next one goes.
            self._next(name, line)

    async def _later(self, name: str, line: _Line, interval: timedelta) -> None:
        try:
            await self.pause(interval.total_seconds())
        finally:
            self._next(name, line)

    def _next(self, name: str, line: _Line) -> None:
        while line.places:
            first = min(line.places, key=self._rank)
            line.places.remove(first)
            if not first.called.done():
                first.called.set_result(None)
                return
        line.is_taken = False
        self._lines.pop(name, None)

    def _rank(self, place: _Place) -> tuple[int, int, int]:
        address, visit = place.source
        return self._wrong.get((address,), 0), self._wrong.get((address, visit), 0), place.number

    def _note(self, source: Source) -> None:
        for key in ((source[0],), source):
            self._wrong[key] = self._wrong.pop(key, 0) + 1
        while len(self._wrong) > NUMBERS.queue_remembered:
            self._wrong.popitem(last=False)
