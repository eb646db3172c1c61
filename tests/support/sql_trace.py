"""The statements that a piece of work asks of the database, without their values."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tortoise.connection import get_connections

_LOGGER = logging.getLogger("tortoise.db_client")
_STATEMENT = re.compile(r"SELECT|INSERT|UPDATE|DELETE|BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE")
_VALUE = re.compile(r"'(?:[^']|'')*'|\b\d+\b|\bNULL\b")


class _Keeper(logging.Handler):
    def __init__(self, seen: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self._seen = seen

    def emit(self, record: logging.LogRecord) -> None:
        asked = str(record.args[0] if isinstance(record.args, tuple) and record.args else record.msg)
        if _STATEMENT.match(asked):
            self._seen.append(asked)


@contextmanager
def statements() -> Iterator[list[str]]:
    """Keep what runs meanwhile: SQLite traces every statement, PostgreSQL's are those that tortoise logs."""
    (connection,) = get_connections().all()
    seen: list[str] = []
    with _logged(seen) if connection.capabilities.dialect == "postgres" else _traced(connection, seen):
        yield seen


@contextmanager
def _traced(connection: Any, seen: list[str]) -> Iterator[None]:
    def keep(statement: str) -> None:
        # SQLite traces statements with their values in place.
        if _STATEMENT.match(statement):
            seen.append(_VALUE.sub("?", statement))

    traced = connection._connection._conn
    traced.set_trace_callback(keep)
    try:
        yield
    finally:
        traced.set_trace_callback(None)


@contextmanager
def _logged(seen: list[str]) -> Iterator[None]:
    keeper, level = _Keeper(seen), _LOGGER.level
    _LOGGER.addHandler(keeper)
    _LOGGER.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        _LOGGER.removeHandler(keeper)
        _LOGGER.setLevel(level)
