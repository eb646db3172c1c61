"""How tries wait where many were wrong: a few at a time, those that were wrong least often first."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from hub.settings import NUMBERS

Pause = Callable[[float], Awaitable[None]]
# Where a try is from, from the widest to the narrowest: network, address, visit.
Source = tuple[str, ...]


class FullError(Exception):
    """The queue is full, and this try is from the source that was wrong most often; `name` is the queue's."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


@dataclass(slots=True)
class Turn:
    """One try's turn; its lane is freed after a pause unless the try was right."""

    is_right: bool = False


@dataclass(slots=True)
class _Place:
    source: Source
    number: int
    called: "asyncio.Future[None]"


@dataclass(slots=True)
class _Line:
    taken: int = 0
    freeing: asyncio.Lock = field(default_factory=asyncio.Lock)
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
    async def turn(self, name: str, interval: timedelta, source: Source, *, lanes: int = 1) -> AsyncIterator[Turn]:
        """Wait for a turn in a queue; FullError when the queue is full or the wait too long.

        The source that was wrong least often goes first, so the noisiest waits longest. Tries are heard in `lanes` at
        once. Lanes with a wrong one are freed one an interval; right ones pass in the others.
        """
        line = self._lines.setdefault(name, _Line())
        await self._called(name, line, source, lanes)
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

    async def _called(self, name: str, line: _Line, source: Source, lanes: int) -> None:
        if line.taken < lanes:
            line.taken += 1
            return
        self._arrived += 1
        place = _Place(source, self._arrived, asyncio.get_running_loop().create_future())
        line.places.append(place)
        if len(line.places) > NUMBERS.queue_places:
            last = max(line.places, key=self._rank)
            line.places.remove(last)
            if last is place:
                raise FullError(name)
            last.called.cancel()
        try:
            async with asyncio.timeout(NUMBERS.queue_wait.total_seconds()):
                await place.called
        except (TimeoutError, asyncio.CancelledError) as error:
            await self._left(name, line, place)
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
                raise
            raise FullError(name) from error

    async def _left(self, name: str, line: _Line, place: _Place) -> None:
        if place in line.places:
            line.places.remove(place)
        elif place.called.done() and not place.called.cancelled():
            # It was called at the moment it left: the next one goes.
            self._next(name, line)

    async def _later(self, name: str, line: _Line, interval: timedelta) -> None:
        try:
            async with line.freeing:
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
        line.taken -= 1
        if not line.taken:
            self._lines.pop(name, None)

    def _rank(self, place: _Place) -> tuple[int, ...]:
        return *(self._wrong.get(part, 0) for part in _parts(place.source)), place.number

    def _note(self, source: Source) -> None:
        for key in _parts(source):
            self._wrong[key] = self._wrong.pop(key, 0) + 1
        while len(self._wrong) > NUMBERS.queue_remembered:
            self._wrong.popitem(last=False)


def _parts(source: Source) -> Iterator[tuple[str, ...]]:
    for length in range(1, len(source) + 1):
        yield source[:length]
