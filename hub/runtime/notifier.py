"""How a waiter is told that rows arrived: by an event here, by NOTIFY from other processes, by a look at the file."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

from tortoise.connection import get_connection
from tortoise.context import TortoiseContext

from hub.runtime.background import beside
from hub.runtime.outage import DATABASE_TROUBLE, Outage
from models.holders import Holder

_CHANNEL = "tegata"
_LOOK_EVERY = 0.25
_RECONNECT_AFTER = 1.0


class Bell:
    """What one waiter listens to; it rings on until it was heard."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self) -> None:
        """Wake the waiter, now or when it waits next."""
        self._event.set()

    async def heard(self, *, timeout: float) -> bool:
        """Wait for the next ring; False when none came within `timeout` seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._event.wait()
        rang = self._event.is_set()
        self._event.clear()
        return rang


class Wakeups:
    """The topics of one process, and who listens to them."""

    def __init__(self) -> None:
        self.holder = Holder()
        self._bells: defaultdict[str, set[Bell]] = defaultdict(set)
        self._postgres: str | None = None

    @contextmanager
    def listening(self, topic: str) -> Iterator[Bell]:
        """Hold a bell that rings at each `tell` of the topic; begin before reading what it tells of."""
        bell = Bell()
        self._bells[topic].add(bell)
        try:
            yield bell
        finally:
            self._bells[topic].discard(bell)
            if not self._bells[topic]:
                del self._bells[topic]

    async def tell(self, topic: str) -> None:
        """Wake the topic's waiters, here and in other processes; call it after the commit."""
        self._ring(topic)
        if self._postgres is not None:
            await get_connection(self._postgres).execute_query("SELECT pg_notify($1, $2)", [_CHANNEL, topic])

    @asynccontextmanager
    async def open(self, context: TortoiseContext) -> AsyncIterator[None]:
        """Hear what other processes tell, while this lasts."""
        (connection,) = context.connections.all()
        if connection.capabilities.dialect == "postgres":
            self._postgres = connection.connection_name
            listening = self._hear_notifications(connection)
        else:
            listening = self._look_at_file(connection)
        async with beside(listening):
            yield

    def _ring(self, topic: str) -> None:
        for bell in tuple(self._bells.get(topic, ())):
            bell.ring()

    def _ring_all(self) -> None:
        for topic in tuple(self._bells):
            self._ring(topic)

    async def _look_at_file(self, connection: Any) -> None:
        """Ring for what commands beside this process wrote: SQLite counts others' commits, never our own."""
        seen: int | None = None
        outage = Outage("wake-up")
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            try:
                (row,) = await connection.execute_query_dict("PRAGMA data_version")
            except DATABASE_TROUBLE as error:
                await outage.wait(error)
                continue
            outage.over()
            version = int(row["data_version"])
            if seen is not None and version != seen:
                self._ring_all()
            seen = version

    async def _hear_notifications(self, connection: Any) -> None:
        """Hold one connection of our own to PostgreSQL that listens, and make it again when it is lost."""
        outage = Outage("wake-up")
        while True:
            try:
                await self._listen_once(connection, outage)
            except Exception as error:
                # The loop must live on: a page that waits still looks by itself, only later.
                await outage.wait(error)
            await asyncio.sleep(_RECONNECT_AFTER)

    async def _listen_once(self, connection: Any, outage: Outage) -> None:
        lost = asyncio.Event()

        def rang(_connection: object, _process: int, _channel: str, topic: str) -> None:
            self._ring(topic)

        def ended(_connection: object) -> None:
            lost.set()

        async with connection.acquire_connection() as listener:
            listener.add_termination_listener(ended)
            await self.holder.lock(listener)
            await listener.add_listener(_CHANNEL, rang)
            outage.over()
            self._ring_all()
            try:
                await lost.wait()
            finally:
                if not listener.is_closed():
                    listener.remove_termination_listener(ended)
                    await listener.remove_listener(_CHANNEL, rang)
