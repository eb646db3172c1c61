"""The SQLite engine with transactions that neither fail as "locked" nor keep their lock for ever, and quick statements.

Tortoise begins with a deferred BEGIN, so a read-then-write transaction beside a second process fails at once
whatever `busy_timeout` says; and a task that is cancelled, or refused, while it enters a transaction leaves the
connection's lock taken. Here BEGIN is IMMEDIATE, and entering either succeeds or leaves nothing behind.

A statement that touches a few indexed rows takes microseconds; handing it to the connection's thread and back takes ten
times as long. So those may be run where they stand, BEGIN among them while no other process holds the lock, and COMMIT
where it asks the disk for nothing: the disk is asked after it, once for all who have committed meanwhile, and nobody
goes on before it has answered. What waits, for that lock or for the disk, is a thread's always.

The log is moved into the file beside all this, by a connection of its own (models/engines/wal_mover.py).

When the disk fails to keep the log, every transaction that waits for it fails, and no later one begins until a
checkpoint in the thread has written everything to the file itself.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiosqlite
from tortoise.backends.base.client import (
    ConnectionWrapper,
    NestedTransactionContext,
    TransactionalDBClient,
    TransactionContext,
)
from tortoise.backends.sqlite.client import (
    SqliteClient,
    SqliteTransactionContext,
    SqliteTransactionWrapper,
)
from tortoise.connection import get_connections
from tortoise.exceptions import DBConnectionError, IntegrityError, OperationalError

from models.engines.wal_mover import LogMover, is_of_disk
from models.engines.wal_sync import Disk

# Milliseconds; what Python's sqlite3 waits for a lock unless told.
_DEFAULT_WAIT = 5000
# Seconds; what is at it for longer than any lock is waited for has gone wrong.
_PATIENCE = 10.0
# So many rows are written in no time; a COMMIT of more is the thread's.
_FEW = 200
# After so many changed rows the log is moved into the file: a few pages each.
_ROWS_IN_LOG = 300


class ImmediateWrapper(SqliteTransactionWrapper):
    """A transaction that takes the write lock when it begins."""

    async def at_once(self, text: str, values: Sequence[Any]) -> list[sqlite3.Row]:
        """Run a quick statement where it stands, writes too: the lock is held, and the disk waits for COMMIT."""
        if self._connection is not None and not self._lock.locked():
            return _fetched(self._connection, text, values)
        async with self.acquire_connection() as connection:
            return _fetched(connection, text, values)

    async def each_at_once(self, text: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run a quick write for each of some rows where it stands."""
        async with self.acquire_connection() as connection:
            self.log.debug("%s: %d rows", text, len(rows))
            _wrote_each(connection, text, rows)

    def _in_transaction(self) -> TransactionContext:
        return NestedTransactionContext(ImmediateWrapper(self))

    # Where its COMMIT leaves the disk to be asked afterwards; None where COMMIT itself waits for it.
    _disk: Disk | None = None
    _changes = 0

    def begun_at_once(self) -> bool:
        """Take the write lock where it is free; False when it has to be waited for, or the file is in trouble."""
        parent = self._parent
        if not isinstance(parent, ImmediateClient) or self._connection is None:
            return False
        try:
            disk = parent.lighten()
            if disk is not None:
                connection = self._connection._conn  # noqa: SLF001 - the way round its thread
                connection.execute("BEGIN IMMEDIATE")
                self._disk, self._changes = disk, connection.total_changes
                return True
        except sqlite3.Error:
            # The thread's attempt waits, and says what is wrong.
            pass
        parent.weigh()
        return False

    def commits_at_once(self) -> bool:
        """Commit, if that is done in no time; the disk is to be asked then. An OperationalError when it can't be."""
        connection = self._connection._conn  # noqa: SLF001
        if self._disk is None or self._finalized or connection.total_changes - self._changes > _FEW:
            return False
        try:
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise OperationalError(error) from error
        self._finalized = True
        return True

    async def kept(self) -> None:
        """Wait for the disk, if COMMIT did not; an OperationalError when it does not answer well."""
        if self._disk is None:
            return
        try:
            await self._disk.kept()
        except OSError as error:
            raise OperationalError(error) from error

    def note(self, error: sqlite3.Error) -> None:
        """Remember that SQLite's own COMMIT failed on the disk: what waits for the same file may be lost as well."""
        disk = self._parent.disk if isinstance(self._parent, ImmediateClient) else None
        if disk is not None and is_of_disk(error):
            disk.fail(OSError(str(error)))

    async def begin(self) -> None:
        """Begin at once as a writer; an OperationalError when the database stays locked."""
        parent = self._parent
        try:
            if isinstance(parent, ImmediateClient):
                await parent.repair(self._connection)
                await parent.help_move(self._connection)
            await self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise OperationalError(error) from error


class ImmediateContext(SqliteTransactionContext):
    """A transaction's frame, safe against cancellation while it is entered."""

    async def __aenter__(self) -> TransactionalDBClient:
        await self._trxlock.acquire()
        if not self.connection.begun_at_once():
            beginning = asyncio.ensure_future(self._begin())
            try:
                await asyncio.shield(beginning)
            except BaseException:
                await self._leave(beginning)
                raise
        self.token = get_connections().set(self.connection_name, self.connection)
        connection: TransactionalDBClient = self.connection
        return connection

    async def __aexit__(self, exc_type: object, exc_val: object, exc_tb: object) -> None:
        get_connections().reset(self.token)
        failed = exc_type is not None
        try:
            is_over = not failed and self.connection.commits_at_once()
        except OperationalError:
            await self._ended(failed=True)
            raise
        if is_over:
            self._trxlock.release()
        else:
            await self._ended(failed=failed)
        if not failed:
            await self.connection.kept()

    async def _begin(self) -> None:
        await self.ensure_connection()
        await self.connection.begin()

    async def _ended(self, *, failed: bool) -> None:
        # A commit under way is finished even when the waiting task is cancelled: the lock must outlast it.
        await asyncio.shield(asyncio.ensure_future(self._end(failed=failed)))

    async def _end(self, *, failed: bool) -> None:
        try:
            if self.connection._finalized:  # noqa: SLF001 - the client keeps it there for its contexts
                return
            if failed:
                await self.connection.rollback()
                return
            try:
                await self.connection.commit()
            except sqlite3.Error as error:
                self.connection.note(error)
                await self.connection.rollback()
                raise OperationalError(error) from error
        finally:
            self._trxlock.release()

    async def _leave(self, beginning: "asyncio.Future[None]") -> None:
        """Undo a half-entered transaction, then give the lock back."""

        async def undo() -> None:
            try:
                await asyncio.wait([beginning])
                if not beginning.cancelled() and beginning.exception() is None:
                    await self.connection.rollback()
            finally:
                self._trxlock.release()

        await asyncio.shield(asyncio.ensure_future(undo()))


class SafeWrapper(ConnectionWrapper[Any]):
    """The connection's frame; a file that can't be opened is an error each time, never a wait for ever."""

    async def __aenter__(self) -> Any:
        await self._lock.acquire()
        # It may have been closed while this one waited.
        self.connection = self.client._connection  # noqa: SLF001 - as the wrapper's own maker has it
        try:
            await self.ensure_connection()
            if isinstance(self.client, ImmediateClient):
                self.client.weigh()
                await self.client.repair(self.connection)
        except BaseException:
            self._lock.release()
            raise
        return self.connection

    async def __aexit__(self, exc_type: type[BaseException] | None, exc_val: object, exc_tb: object) -> None:
        if exc_type is None or not issubclass(exc_type, asyncio.CancelledError):
            self._lock.release()
            return
        # Nobody waits any more, but the thread may be at it still: nobody else may come near meanwhile.
        asyncio.ensure_future(self._idle()).add_done_callback(lambda _: self._lock.release())

    async def _idle(self) -> None:
        with suppress(sqlite3.Error, ValueError):
            await self.connection.execute("SELECT 1")


class ImmediateClient(SqliteClient):
    """The embedded engine: one connection, immediate transactions; what was closed stays closed."""

    _is_closed = False
    _disk: Disk | None = None
    _mover: LogMover | None = None
    _is_light = False
    _has_begun = False
    _moved_at = 0

    async def create_connection(self, with_db: bool) -> None:  # noqa: ARG002, FBT001 - tortoise's own signature
        """Open the file, for the connection's thread and for the event loop's; sqlite itself keeps them apart."""
        if self._connection is not None:
            return
        if self._is_closed:
            message = f"{self.filename}: it was closed"
            raise DBConnectionError(message)
        opening = aiosqlite.connect(self.filename, isolation_level=None, check_same_thread=False)
        try:
            connection = await opening
            connection.row_factory = sqlite3.Row
            for pragma, value in self.pragmas.items():
                await connection.execute_fetchall(f"PRAGMA {pragma}={value}")
        except sqlite3.Error as error:
            await opening.close()
            message = f"{self.filename}: {error}"
            raise DBConnectionError(message) from error
        if self.pragmas.get("synchronous") == "FULL" and self.pragmas.get("journal_mode") == "WAL":
            self._disk = Disk(Path(f"{self.filename}-wal"))
            self._mover = LogMover(Path(self.filename), _failing(self._disk))
            # The mover does it: inside a COMMIT it would keep everybody waiting.
            await connection.execute_fetchall("PRAGMA wal_autocheckpoint=0")
        self._connection = connection
        await self._post_connect()

    def lighten(self) -> Disk | None:
        """Have COMMIT ask the disk for nothing and BEGIN wait for nobody, until `weigh`; gives the disk to ask then.

        None, and nothing is changed, where that can't be. The caller holds the lock.
        """
        self._shorten_log()
        if self._disk is None or self._connection is None or self._disk.has_failed or self._needs_help:
            return None
        if not self._has_begun:
            # The first COMMIT may have to begin the log, which waits for the disk.
            self._has_begun = True
            return None
        if not self._is_light:
            self._is_light = True
            # None of them may be changed in a transaction, and each takes its time.
            for pragma in ("synchronous=NORMAL", "busy_timeout=0"):
                self._connection._conn.execute(f"PRAGMA {pragma}")  # noqa: SLF001 - the way round its thread
        return self._disk

    def weigh(self) -> None:
        """Have what comes next wait for others' locks and for the disk; the caller holds the lock."""
        self._shorten_log()
        if not self._is_light or self._connection is None:
            return
        self._is_light = False
        wait = self.pragmas.get("busy_timeout", _DEFAULT_WAIT)
        # What is broken or closed by now says so to whoever comes next.
        with suppress(sqlite3.Error, ValueError):
            for pragma in ("synchronous=FULL", f"busy_timeout={wait}"):
                self._connection._conn.execute(f"PRAGMA {pragma}")  # noqa: SLF001 - the same way

    def _shorten_log(self) -> None:
        """Have the log moved into the file once enough was written."""
        if self._mover is None or self._disk is None or self._connection is None or self._disk.has_failed:
            return
        changes = self._connection._conn.total_changes  # noqa: SLF001 - a count that SQLite keeps
        if changes - self._moved_at >= _ROWS_IN_LOG:
            self._moved_at = changes
            self._mover.ask()

    @property
    def _needs_help(self) -> bool:
        return self._mover is not None and self._mover.needs_help

    async def help_move(self, connection: aiosqlite.Connection) -> None:
        """Move what is left of a log that writers kept long; the caller holds the lock, so they wait."""
        if self._mover is None or not self._mover.needs_help:
            return
        self._mover.needs_help = False
        await connection.execute_fetchall("PRAGMA wal_checkpoint(PASSIVE)")

    @property
    def disk(self) -> Disk | None:
        """The disk that COMMIT leaves to be asked; None where COMMIT waits for it itself."""
        return self._disk

    async def repair(self, connection: aiosqlite.Connection) -> None:
        """After a failed sync, move the whole log into the file and sync that; an OperationalError when it fails too.

        Linux reports a failed sync once and drops the pages, so the log on the disk may have a hole that no later sync
        fills. A checkpoint writes every page once more, to the file, and empties the log. Until it has succeeded no
        statement is run and nothing is promised. The caller holds the lock.
        """
        if self._disk is None or not self._disk.has_failed:
            return
        try:
            (result,) = await connection.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:
            raise OperationalError(error) from error
        if result[0] != 0:
            message = "the disk failed to keep the log, and another program holds the file: nothing can be written yet"
            raise OperationalError(message)
        self._disk.repaired()
        try:
            # The disk must answer well once more before anything is promised.
            await self._disk.kept()
        except OSError as error:
            raise OperationalError(error) from error

    async def close(self) -> None:
        """Close the file once nobody is at it: the thread must not take it away under a statement on the loop."""
        self._is_closed = True
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE), self._lock:
                await self._shut()
                return
        await self._shut()

    async def _shut(self) -> None:
        if self._mover is not None:
            # Who closes the file last moves the log and drops it: that is the connection's thread, as ever.
            await asyncio.to_thread(self._mover.close)
        await super().close()
        if self._disk is not None:
            self._disk.close()

    def acquire_connection(self) -> ConnectionWrapper[Any]:
        """Hold the connection for one statement."""
        return SafeWrapper(self._lock, self)

    async def at_once(self, text: str, values: Sequence[Any]) -> list[sqlite3.Row]:
        """Run a quick read where it stands; a write outside a transaction would make everybody wait for the disk."""
        if not self._lock.locked() and self._connection is not None:
            # Nobody is at it, and nobody can come to it before this has ended: there is nothing to wait for.
            return _fetched(self._connection, text, values)
        async with self._lock:
            if self._connection is not None:
                return _fetched(self._connection, text, values)
        async with self.acquire_connection() as connection:
            return _fetched(connection, text, values)

    def _in_transaction(self) -> TransactionContext:
        return ImmediateContext(ImmediateWrapper(self), self._lock)


def _failing(disk: Disk) -> Callable[[sqlite3.Error], None]:
    return lambda error: disk.fail(OSError(str(error)))


def _fetched(connection: aiosqlite.Connection, text: str, values: Sequence[Any]) -> list[sqlite3.Row]:
    try:
        return connection._conn.execute(text, values).fetchall()  # noqa: SLF001 - the way round its thread
    except sqlite3.IntegrityError as error:
        raise IntegrityError(error) from error
    except sqlite3.Error as error:
        raise OperationalError(error) from error


def _wrote_each(connection: aiosqlite.Connection, text: str, rows: Sequence[Sequence[Any]]) -> None:
    try:
        connection._conn.executemany(text, rows)  # noqa: SLF001 - the same way
    except sqlite3.IntegrityError as error:
        raise IntegrityError(error) from error
    except sqlite3.Error as error:
        raise OperationalError(error) from error


client_class = ImmediateClient
