"""Moving SQLite's write-ahead log into the database file, by a connection and a thread of its own.

A checkpoint writes every page of the log to the file and waits for the disk. Inside a COMMIT it would hold the hub's
one connection for as long, and with it every page that reads a row. On a connection of its own it delays no other
transaction.

The first write behind a log that was moved whole begins the log again, which waits until the disk has kept its header.
The mover does that as well, so that a COMMIT on the event loop seldom has to.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

# SQLite's own default: a longer log makes reading slower.
_MOST_PAGES = 1000
# Seconds; closing waits as long for a move that is under way.
_PATIENCE = 10.0
# SQLite's extended error codes hold the primary one in their low byte.
_PRIMARY = 0xFF


class LogMover:
    """Moves the log of one file; `failed` is called in its thread when the disk failed under it.

    `needs_help` tells that writers add to a long log faster than it can be moved beside them.
    """

    def __init__(self, path: Path, failed: Callable[[sqlite3.Error], None]) -> None:
        self._path = path
        self._failed = failed
        # "move", or "end" for the thread.
        self._asked: SimpleQueue[str] = SimpleQueue()
        self._thread: Thread | None = None
        self.needs_help = False

    def ask(self) -> None:
        """Have the log moved soon; costs the caller nothing."""
        if self._thread is None:
            self._thread = Thread(target=self._serve, name="log mover", daemon=True)
            self._thread.start()
        if self._asked.empty():
            self._asked.put("move")

    def close(self) -> None:
        """Let go of the file; blocks while a move is under way."""
        if self._thread is not None:
            self._asked.put("end")
            self._thread.join(_PATIENCE)

    def _serve(self) -> None:
        while self._asked.get() == "move":
            try:
                with closing(_opened(self._path)) as connection:
                    self.needs_help = not move(connection)
            except sqlite3.Error as error:
                # Full, gone, or locked by another program: the log keeps everything, and the next time may go better.
                if is_of_disk(error):
                    self._failed(error)


def move(connection: sqlite3.Connection) -> bool:
    """Move the log into the file beside its writers and begin it again; False when a long one was not moved whole.

    An error of SQLite's when it can't be moved at all.
    """
    pages, moved = _checkpoint(connection)
    if 0 < pages == moved:
        _begin_again(connection)
    if pages < _MOST_PAGES:
        return True
    # A log that was begun again is short; one that got new pages meanwhile goes on.
    now, _ = _checkpoint(connection)
    return now < pages


def is_of_disk(error: sqlite3.Error) -> bool:
    """Tell whether the disk failed, so that what was written may be lost."""
    return error.sqlite_errorcode & _PRIMARY == sqlite3.SQLITE_IOERR


def _checkpoint(connection: sqlite3.Connection) -> tuple[int, int]:
    _, pages, moved = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return int(pages), int(moved)


def _begin_again(connection: sqlite3.Connection) -> None:
    """Write one page as it is, unless another writer is quicker and so begins the log again itself."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    try:
        connection.execute(f"PRAGMA user_version = {int(version)}")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & _PRIMARY != sqlite3.SQLITE_BUSY:
            raise


def _opened(path: Path) -> sqlite3.Connection:
    # A file that is gone is not made again.
    uri = f"{path.absolute().as_uri()}?mode=rw"
    connection = sqlite3.connect(uri, uri=True, timeout=0, isolation_level=None)
    # The log and the file are on the disk before the log is begun again.
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    return connection
