"""The demo's card reader: the cards beside it, and which of them lies on it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from demo.card.slot import Slot
from demo.ic_cards import Labelled

_LOOK_EVERY = 15.0
_SEEN_EMPTY = 0.45


@dataclass
class Reader:
    """The reader, the cards beside it, and which of them lies on it; `changes` counts what happened."""

    slot: Slot
    cards: Sequence[Labelled]
    on: Labelled | None = None
    changes: int = 0
    removals: int = 0
    _free_at: float = 0.0
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _hand: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def put_on(self, card: Labelled) -> None:
        """Put a card on, in place of any other; OSError when there is no reader."""
        async with self._hand:
            await self._lift()
            # The daemon looks every 400 ms, and has to have seen the reader empty.
            await asyncio.sleep(max(0.0, self._free_at - asyncio.get_running_loop().time()))
            await self.slot.put_on(card.card)
            await self._now(card)

    async def take_away(self) -> None:
        """Take the card away."""
        async with self._hand:
            await self._lift()

    async def change(self, seen: int) -> None:
        """Wait until something happened that hasn't been seen, for a while."""
        try:
            async with asyncio.timeout(_LOOK_EVERY), self._changed:
                await self._changed.wait_for(lambda: self.changes != seen)
        except TimeoutError:
            return

    async def _lift(self) -> None:
        if self.on is None:
            return
        await self.slot.take_away()
        self._free_at = asyncio.get_running_loop().time() + _SEEN_EMPTY
        self.removals += 1
        await self._now(None)

    async def _now(self, card: Labelled | None) -> None:
        async with self._changed:
            self.on = card
            self.changes += 1
            self._changed.notify_all()
