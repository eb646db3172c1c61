"""Which process holds a lease: a number for each process, and how others learn that the process has ended.

On PostgreSQL a process keeps an advisory lock of its number for as long as its listening connection lives; the server
releases it when the process is killed. On SQLite there is one hub process, so at its start every lease is a dead one's.
"""

import secrets
from datetime import datetime, timedelta
from typing import Any

from models.queries import read

# Names our locks apart from other programs' in the same database.
_CLASS = 0x7E6A7A
_DIGITS = 8
# A lease this young may be of a process that has not taken its lock yet, or lost its connection a moment ago.
_YOUNG = timedelta(seconds=3)

_TABLES = ("delivery", "inbound_mail")
_DEAD = {
    "sqlite": "",
    "postgres": f"""
 AND "due_at" <= {{young}} AND length("lease") = {2 * _DIGITS} AND NOT EXISTS (
 SELECT 1 FROM pg_locks WHERE "locktype" = 'advisory' AND "classid" = {_CLASS}
 AND "database" = (SELECT "oid" FROM pg_database WHERE "datname" = current_database())
 AND "objid"::bigint = ('x' || substr("lease", 1, {_DIGITS}))::bit(32)::bigint)
""",  # noqa: S608 - our own numbers
}
_FREE = """
UPDATE "{table}" SET "lease" = '', "due_at" = {{now}} WHERE "due_at" > {{now}} AND "lease" <> ''{dead}
 RETURNING "id"
"""


class Holder:
    """One process as a holder of leases."""

    def __init__(self) -> None:
        # Positive in 32 bits, as the lock's key is.
        self._number = secrets.randbelow(2**31)

    def lease(self) -> str:
        """Give a new lease of this process: its number, then random digits."""
        return f"{self._number:0{_DIGITS}x}{secrets.token_hex(_DIGITS // 2)}"

    async def lock(self, listener: Any) -> None:
        """Hold this process's lock on an asyncpg connection, until that ends."""
        await listener.execute("SELECT pg_try_advisory_lock($1, $2)", _CLASS, self._number)


async def free_abandoned(dialect: str, *, now: datetime, longest: timedelta) -> int:
    """Make what ended processes have leased due at once; returns how many rows.

    `longest` is the time that a lease is given for. On SQLite call it at the start only.
    """
    freed = 0
    for table in _TABLES:
        text = _FREE.format(table=table, dead=_DEAD[dialect])
        values = {"now": now} if dialect == "sqlite" else {"now": now, "young": now + longest - _YOUNG}
        freed += len(await read(text, **values))
    return freed
