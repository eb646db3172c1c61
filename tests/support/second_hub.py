"""A second hub on the same database, as another process has it: its own connections, keys and bells."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from hub.context import Hub, opened
from hub.settings import Settings

Result = TypeVar("Result")
Work = Callable[[Hub], Awaitable[Result]]


class OtherHub:
    """Runs work in a task of its own, for the database's context belongs to a task."""

    def __init__(self, orders: "asyncio.Queue[tuple[Work[object], asyncio.Future[object]] | None]") -> None:
        self._orders = orders

    async def does(self, work: Work[Result]) -> Result:
        """Do some work over there, and give what came of it."""
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        await self._orders.put((work, done))  # type: ignore[arg-type]
        return await done


@asynccontextmanager
async def other_hub(settings: Settings) -> AsyncIterator[OtherHub]:
    """Hold a second hub open."""
    orders: asyncio.Queue[tuple[Work[object], asyncio.Future[object]] | None] = asyncio.Queue()
    ready = asyncio.Event()

    async def live() -> None:
        async with opened(settings) as hub, asyncio.TaskGroup() as group:
            ready.set()
            while (order := await orders.get()) is not None:
                group.create_task(_done(hub, *order))

    life = asyncio.create_task(live())
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait({life, waiting}, return_when=asyncio.FIRST_COMPLETED)
    if life.done():
        waiting.cancel()
        await life
    try:
        yield OtherHub(orders)
    finally:
        await orders.put(None)
        await life


async def _done(hub: Hub, work: Work[object], done: "asyncio.Future[object]") -> None:
    try:
        result = await work(hub)
    except Exception as error:  # the caller waits for it
        done.set_exception(error)
        return
    done.set_result(result)
