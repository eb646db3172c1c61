"""The PostgreSQL engine whose every error is the ORM's own.

Tortoise translates what is wrong with a statement; a connection that the server ended, or a server that shuts down, it
lets through as the driver's error, which nobody above the rows knows.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import NestedTransactionContext, TransactionContext, TransactionContextPooled
from tortoise.exceptions import OperationalError

# The last is what the driver says when a connection ends while a statement is being prepared on it.
_TROUBLE = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


class Translated(AsyncpgDBClient):
    """What the pool and a transaction on one of its connections have in common."""

    async def _translate_exceptions(self, func: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any) -> Any:
        try:
            return await super()._translate_exceptions(func, *args, **kwargs)
        except _TROUBLE as error:
            raise OperationalError(error) from error


class TranslatedTransaction(Translated, TransactionWrapper):
    """A transaction on one connection of the pool."""

    def _in_transaction(self) -> TransactionContext:
        return NestedTransactionContext(TranslatedTransaction(self))


class TranslatedClient(Translated):
    """The pool of connections."""

    def _in_transaction(self) -> TransactionContext:
        return TransactionContextPooled(TranslatedTransaction(self), self._pool_init_lock)


client_class = TranslatedClient
