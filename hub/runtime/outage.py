"""A database that can't be reached: one warning for the whole outage, and longer and longer waits in between."""

import asyncio

import structlog
from tortoise.exceptions import BaseORMException

_FIRST = 1.0
_LONGEST = 8.0
_log = structlog.get_logger(__name__)
# The ORM's own errors, and the system's where not even the server's socket is there.
DATABASE_TROUBLE = (BaseORMException, OSError)


class Outage:
    """What the loops of one worker share: whether their database is away, and how long the next one waits."""

    def __init__(self, worker: str) -> None:
        self._worker = worker
        self._wait = 0.0
        self.trouble = ""

    def note(self, error: BaseException) -> None:
        """Say it once, for a worker whose next try has its time already."""
        if not self.trouble:
            _log.warning("database.away", worker=self._worker, error=said(error))
        self.trouble = f"the database can't be reached: {said(error)}"

    async def wait(self, error: BaseException) -> None:
        """Say it once, and wait before the next try."""
        self.note(error)
        self._wait = min(max(2 * self._wait, _FIRST), _LONGEST)
        await asyncio.sleep(self._wait)

    def over(self) -> None:
        """Note that the database answers."""
        if self.trouble:
            _log.info("database.back", worker=self._worker)
        self.trouble, self._wait = "", 0.0


def said(error: BaseException) -> str:
    """Give what an error says in one line, or at least its kind."""
    return " ".join(str(error).split()) or type(error).__name__
