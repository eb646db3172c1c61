"""PURE: which stored times a right clock can have written, so that a clock that ran ahead hinders no member later."""

from datetime import datetime, timedelta

# Clocks of several machines differ, and a request keeps its time while it waits.
SKEW = timedelta(minutes=2)


def latest(now: datetime) -> datetime:
    """Give the latest time that can have been written by now."""
    return now + SKEW


def has_come(at: datetime, now: datetime) -> bool:
    """Tell whether a time can have been written by now."""
    return at <= latest(now)
