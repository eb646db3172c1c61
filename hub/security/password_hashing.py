"""How many passwords are hashed at once, and who is asked to come back because too many wait."""

import asyncio
import os
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import timedelta
from time import monotonic

from hub.authenticators.password import Cost, Passwords
from hub.domain.outcomes import Busy
from hub.security.password_costs import StoredCosts
from hub.settings import NUMBERS, Settings

# How much one more measurement moves the estimate of what a hash takes.
_SMOOTHING = 0.1
_FIRST_ESTIMATE = 0.02


class PasswordGate:
    """A pool of threads for the dearest step there is, with a queue that is never longer than bearable."""

    def __init__(self, settings: Settings) -> None:
        self.hashing = Passwords(Cost(settings.argon2_memory, settings.argon2_passes, settings.argon2_lanes))
        self._cores = settings.argon2_threads or _cores()
        self._threads = ThreadPoolExecutor(self._cores, thread_name_prefix="argon2")
        # A few more may stand in the doorway, so that their rows are read while the cores hash.
        self._doorway = asyncio.Semaphore(self._cores * 3)
        self._inside = 0
        self._seconds = _FIRST_ESTIMATE
        self.costs = StoredCosts()

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    @property
    def waiting(self) -> int:
        """How many are in the doorway or before it."""
        return self._inside

    def overload(self) -> Busy | None:
        """Tell whether one more would wait longer than a claimant should."""
        wait = timedelta(seconds=self._inside * self._seconds / self._cores)
        return Busy(wait) if wait > NUMBERS.password_queue else None

    @asynccontextmanager
    async def entered(self) -> AsyncIterator[None]:
        """Hold a place in the doorway, waiting for it in turn."""
        self._inside += 1
        try:
            async with self._doorway:
                yield
        finally:
            self._inside -= 1

    async def is_right(self, hashed: str, password: str, *, costs: frozenset[Cost] = frozenset()) -> bool:
        """Verify a password in a thread, a wrong one at each of the costs; argon2 lets go of the interpreter."""
        loop = asyncio.get_running_loop()
        right, seconds = await loop.run_in_executor(self._threads, self._timed, hashed, password, costs)
        self._seconds += _SMOOTHING * (seconds - self._seconds)
        return right

    async def hash(self, password: str) -> str:
        """Hash a new password in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.hashing.hash, password)

    def _timed(self, hashed: str, password: str, costs: frozenset[Cost]) -> tuple[bool, float]:
        began = monotonic()
        return self.hashing.is_right(hashed, password, costs=costs), monotonic() - began


def _cores() -> int:
    """Count the cores that this process may use, which a container may have fewer of than the machine."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
