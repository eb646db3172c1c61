"""How many lines of one kind a log takes in a minute, where strangers decide how often something happens."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from structlog import DropEvent
from structlog.typing import EventDict, WrappedLogger

_MOST = 10
_MINUTE = 60.0
# What anybody brings about without a login, and how many lines a minute it may write; what has a reference that a
# member has read is not among them.
_OF_STRANGERS = {
    "web.malformed": _MOST,
    "web.forged": _MOST,
    "mail.report_too_late": _MOST,
    "login.refused": 6 * _MOST,
    "settings.refused": 6 * _MOST,
    "registration.refused": _MOST,
}


@dataclass(slots=True)
class _Count:
    since: float
    lines: int = 0
    left_out: int = 0


class Bound:
    """The lines of each kind in this minute, and how many were left out since the last one that was written."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: dict[str, _Count] = {}

    def taken(self, kind: str, most: int = _MOST) -> int | None:
        """Count a line; gives how many were left out before it, None when it is to be left out itself."""
        now = self._clock()
        count = self._counts.setdefault(kind, _Count(now))
        if now >= count.since + _MINUTE:
            count.since, count.lines = now, 0
        if count.lines >= most:
            count.left_out += 1
            return None
        count.lines += 1
        left_out, count.left_out = count.left_out, 0
        return left_out


class Events:
    """Bounds our own events, as a step of structlog's."""

    def __init__(self, bound: Bound | None = None) -> None:
        self._bound = bound or Bound()

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        """Leave out what is too much; the next line says how many were."""
        name = str(event.get("event"))
        most = _OF_STRANGERS.get(name)
        if most is None:
            return event
        left_out = self._bound.taken(name, most)
        if left_out is None:
            raise DropEvent
        return {**event, "left_out": left_out} if left_out else event


class Records(logging.Filter):
    """Bounds what each library logs."""

    def __init__(self) -> None:
        super().__init__()
        self._bound = Bound()

    def filter(self, record: logging.LogRecord) -> bool:
        """Leave out what is too much; the next line says how many were."""
        left_out = self._bound.taken(record.name)
        if left_out:
            record.msg, record.args = f"{record.getMessage()} ({left_out} lines left out before)", ()
        return left_out is not None
