"""The PostgreSQL engine whose every error is the ORM's own, and whose failed BEGIN leaves nothing behind.

Tortoise translates what is wrong with a statement; a connection that the server ended, or a server that shuts down, it
lets through as the driver's error, which no caller above the rows knows. It also enters a transaction into the task's
context before BEGIN is sent, and keeps it there when BEGIN fails: in a task that lives long, every later transaction
would nest into the dead one. Here the context is entered after BEGIN has succeeded.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import (
    NestedTransactionContext,
    TransactionalDBClient,
    TransactionContext,
    TransactionContextPooled,
)
from tortoise.connection import get_connections
from tortoise.exceptions import OperationalError, TransactionManagementError

# InternalClientError is what the driver says when a connection ends while a statement is being prepared on it;
# OSError when the server's socket is missing or refuses.
_TROUBLE = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except _TROUBLE as error:
        raise OperationalError(error) from error


class Translated(AsyncpgDBClient):
    """What the pool and a transaction on one of its connections have in common."""

    async def _translate_exceptions(self, func: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any) -> Any:
        with _translated():
            return await super()._translate_exceptions(func, *args, **kwargs)


class TranslatedTransaction(Translated, TransactionWrapper):
    """A transaction on one connection of the pool."""

    async def commit(self) -> None:
        """Commit; an OperationalError when the connection was lost, and it is unknown what became of it."""
        with _translated():
            await super().commit()

    async def rollback(self) -> None:
        """Roll back; an OperationalError when the connection was lost, where the server has rolled back."""
        with _translated():
            await super().rollback()

    def _in_transaction(self) -> TransactionContext:
        return NestedTransactionContext(TranslatedTransaction(self))


class SafeContext(TransactionContextPooled):
    """A transaction's frame: entering either succeeds or leaves neither a connection nor a context behind."""

    async def __aenter__(self) -> TransactionalDBClient:
        with _translated():
            await self.ensure_connection()
            pool = self.client._parent._pool  # noqa: SLF001 - the client keeps it there for its contexts
            self.client._connection = await pool.acquire()  # noqa: SLF001 - the same
        try:
            await self.client.begin()
        except BaseException:
            await self._give_back()
            raise
        self.token = get_connections().set(self.connection_name, self.client)
        return self.client

    async def __aexit__(self, exc_type: type[BaseException] | None, exc_val: object, exc_tb: object) -> None:
        get_connections().reset(self.token)
        try:
            if self.client._finalized:  # noqa: SLF001 - the same
                return
            if exc_type is None:
                await self.client.commit()
            elif not issubclass(exc_type, TransactionManagementError):
                # What failed is told; that the connection is lost as well adds nothing: the server rolls back.
                with suppress(OperationalError):
                    await self.client.rollback()
        finally:
            await self._give_back()

    async def _give_back(self) -> None:
        pool = self.client._parent._pool  # noqa: SLF001 - the same
        if pool:
            # The pool ends a connection that it can't reset, and makes another.
            with suppress(*_TROUBLE):
                await pool.release(self.client._connection)  # noqa: SLF001 - the same


class TranslatedClient(Translated):
    """The pool of connections."""

    def _in_transaction(self) -> TransactionContext:
        return SafeContext(TranslatedTransaction(self), self._pool_init_lock)


client_class = TranslatedClient
