"""One hub process on one SQLite file: a second one is refused."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from hub.domain.errors import HubError
from hub.settings import Settings
from models.database import sqlite_file


@contextmanager
def only_process(settings: Settings) -> Iterator[None]:
    """Hold the SQLite file for this process; HubError when another hub process has it. Nothing on PostgreSQL.

    The system releases the lock however the process ends.
    """
    file = sqlite_file(settings.database_url)
    if file is None:
        yield
        return
    lock = os.open(file.with_name(f"{file.name}.lock"), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = (
                f"{file}: another hub process uses this SQLite file, which is for one process."
                " Stop the other one, or use PostgreSQL (TEGATA_DATABASE_URL) for several."
            )
            raise HubError(message) from error
        yield
    finally:
        os.close(lock)
