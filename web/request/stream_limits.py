"""How many event streams may be open at once: in all, of one login, from one address."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from aiohttp.web import AppKey
from prometheus_client import Gauge

# A page in some tabs, and the streams of those that were just closed.
A_LOGIN = 8
# A whole campus may be one address.
_AN_ADDRESS = 2
_SAID_AGAIN = 600.0
_log = structlog.get_logger(__name__)
_open = Gauge("tegata_event_streams", "Pages that wait on a stream.")


class Streams:
    """The streams of one process."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._all = 0
        self._held: Counter[str] = Counter()
        self._said_at: float | None = None

    @contextmanager
    def held(self, login: str, address: str) -> Iterator[bool]:
        """Hold a place while a stream lasts; gives False when there is none."""
        subjects = (f"login:{login}", f"address:{address}")
        if not self._has_place(*subjects):
            yield False
            return
        self._count(subjects, 1)
        try:
            yield True
        finally:
            self._count(subjects, -1)

    def _has_place(self, login: str, address: str) -> bool:
        if self._held.get(login, 0) >= A_LOGIN:
            return False
        if self._all < self._most and self._held.get(address, 0) < max(A_LOGIN, self._most // _AN_ADDRESS):
            return True
        now = asyncio.get_running_loop().time()
        if self._said_at is None or now >= self._said_at + _SAID_AGAIN:
            self._said_at = now
            _log.warning("streams.full", open=self._all, most=self._most)
        return False

    def _count(self, subjects: tuple[str, ...], step: int) -> None:
        self._all += step
        _open.set(self._all)
        for subject in subjects:
            self._held[subject] += step
            if not self._held[subject]:
                del self._held[subject]


STREAMS: AppKey[Streams] = AppKey("streams")
