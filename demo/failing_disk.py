"""A disk that fails: what one failed sync should have kept never reaches the platter, as on Linux.

Linux reports a failed sync once, marks the pages clean and drops them: a later sync succeeds and says nothing of them.
Give an instance to `models.disk` in place of its sync, and read `platter` after a power cut.
"""

import errno
from pathlib import Path


class FailingDisk:
    """The disk under one SQLite file's write-ahead log."""

    def __init__(self, file: Path) -> None:
        self._log = file.with_name(f"{file.name}-wal")
        self._kept = 0
        self._hole: tuple[bytes, int, int] | None = None
        self.fails_next = False

    def __call__(self, _descriptor: int) -> None:
        """Sync, or fail once when `fails_next` is set; an OSError then."""
        written = self._log.read_bytes()
        if self.fails_next:
            self.fails_next = False
            self._hole = (_salt(written), self._kept, len(written))
            raise OSError(errno.EIO, "Input/output error")
        self._kept = len(written)

    @property
    def platter(self) -> bytes:
        """The log as it is after a power cut: with the hole, unless the log was begun again since."""
        written = self._log.read_bytes()
        if self._hole is None or self._hole[0] != _salt(written):
            return written
        _, first, last = self._hole
        return written[:first] + bytes(last - first) + written[last:]


def _salt(log: bytes) -> bytes:
    # SQLite draws it when it begins the log again; https://www.sqlite.org/fileformat2.html#the_write_ahead_log
    return log[16:24]
