"""Work that is cheaper done together: whoever waits is served in one turn."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import copy_context
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_PATIENCE = 0.003


class Gathering(Generic[Item, Result]):
    """Gathers what is asked while a turn runs, and does it all in the next."""

    def __init__(self, work: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]], *, most: int) -> None:
        self._work = work
        self._most = most
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._turns: asyncio.Task[None] | None = None
        # A server's callbacks may run outside the context in which the database was opened.
        self._context = copy_context()

    async def ask(self, item: Item) -> Result:
        """Have one item done; what went wrong with its turn is raised to each who waited for it."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._turns is None:
            self._turns = asyncio.get_running_loop().create_task(self._run(), context=self._context.copy())
        return await future

    async def _run(self) -> None:
        try:
            while self._waiting:
                # A moment's patience: a turn for ten costs little more than a turn for one.
                await asyncio.sleep(_PATIENCE)
                turn, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                await self._turn(turn)
        finally:
            self._turns = None

    async def _turn(self, turn: "list[tuple[Item, asyncio.Future[Result]]]") -> None:
        try:
            results = await self._work([item for item, _ in turn])
        except Exception as error:
            # Whoever waits must hear of it; nobody else can.
            for _, future in turn:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), result in zip(turn, results, strict=True):
            if not future.done():
                future.set_result(result)
