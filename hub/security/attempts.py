"""What a process knows of the passwords it is hearing: those under way, those that wait, those of the last minute."""

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from hub.security.attempt_queues import Queues
from hub.settings import NUMBERS

_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)
_MOST = 100_000


class Tries:
    """The tries of one process."""

    def __init__(self) -> None:
        self.queues = Queues()
        self._running: Counter[str] = Counter()
        self._wrong: deque[tuple[datetime, str]] = deque(maxlen=_MOST)
        self._hour = datetime.min.replace(tzinfo=UTC)
        self._recorded: Counter[str] = Counter()
        self._left_out = 0

    def to_record(self, source: str, *, now: datetime) -> int | None:
        """Tell whether the audit takes a wrong password from a source, for strangers must not fill it without end.

        Gives how many were left out since the last one that it took, from whatever source; None for one to leave out.
        """
        if not self._hour <= now < self._hour + _HOUR:
            self._hour = now
            self._recorded.clear()
        if self._recorded[source] >= NUMBERS.recorded_an_hour or self._recorded.total() >= NUMBERS.all_recorded_an_hour:
            self._left_out += 1
            return None
        self._recorded[source] += 1
        left_out, self._left_out = self._left_out, 0
        return left_out

    @contextmanager
    def running(self, *subjects: str) -> Iterator[None]:
        """Count a try with these subjects while it is heard, so that many at once find each other."""
        self._running.update(subjects)
        try:
            yield
        finally:
            self._subtract(subjects)

    @contextmanager
    def paused(self, *subjects: str) -> Iterator[None]:
        """Leave a try that waits elsewhere out of these subjects' tries under way."""
        self._subtract(subjects)
        try:
            yield
        finally:
            self._running.update(subjects)

    def now(self, subject: str) -> int:
        """Tell how many tries are heard for a subject at this moment."""
        return self._running.get(subject, 0)

    def note(self, name: str, *, now: datetime) -> None:
        """Note a wrong password for a name."""
        self._wrong.append((now, name))

    def last_minute(self, *, now: datetime) -> tuple[int, int]:
        """Tell how many passwords were wrong in the last minute, and for how many names."""
        # What a clock that ran ahead has noted goes, too.
        while self._wrong and not now - _MINUTE <= self._wrong[0][0] <= now + _MINUTE:
            self._wrong.popleft()
        return len(self._wrong), len({name for _, name in self._wrong})

    def _subtract(self, subjects: Iterable[str]) -> None:
        self._running.subtract(subjects)
        for subject in subjects:
            if not self._running[subject]:
                del self._running[subject]
