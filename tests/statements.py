"""The statements that a piece of work asks of the database, without their values."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

_LOGGER = logging.getLogger("tortoise.db_client")


class _Keeper(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        said = str(record.msg)
        asked = str(record.args[0]) if isinstance(record.args, tuple) and record.args else said
        if re.match(r"(SELECT|INSERT|UPDATE|DELETE|BEGIN|COMMIT|SAVEPOINT)", asked):
            self.seen.append(asked)


@contextmanager
def statements() -> Iterator[list[str]]:
    """Keep the statements of what runs meanwhile."""
    keeper, level = _Keeper(), _LOGGER.level
    _LOGGER.addHandler(keeper)
    _LOGGER.setLevel(logging.DEBUG)
    try:
        yield keeper.seen
    finally:
        _LOGGER.removeHandler(keeper)
        _LOGGER.setLevel(level)
