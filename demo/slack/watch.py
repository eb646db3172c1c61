"""Waiting until something has changed, for tests and for the page."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


class Watch:
    """A bell that is rung at each change; `number` counts them."""

    def __init__(self) -> None:
        self.number = 0
        self._rung = asyncio.Condition()

    async def ring(self) -> None:
        """Tell everybody who waits."""
        self.number += 1
        async with self._rung:
            self._rung.notify_all()

    async def until(self, look: Callable[[], Found | None], *, timeout: float) -> Found:
        """Wait until a look finds something; TimeoutError when it never does."""
        async with asyncio.timeout(timeout), self._rung:
            while True:
                found = look()
                if found is not None and found is not False:
                    return found
                await self._rung.wait()
