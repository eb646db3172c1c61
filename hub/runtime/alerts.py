"""What an operator must look at, said on the readiness page for a while after it happened."""

from datetime import datetime, timedelta

_STANDS = timedelta(hours=1)


class Alarms:
    """The alarms of one process."""

    def __init__(self) -> None:
        self._raised: dict[str, tuple[datetime, str]] = {}

    def sound(self, name: str, what: str, *, now: datetime) -> None:
        """Raise an alarm, or raise it anew."""
        self._raised[name] = (now, what)

    def was_sounded(self, name: str) -> bool:
        """Tell whether this process ever raised an alarm."""
        return name in self._raised

    def standing(self, name: str, *, now: datetime) -> str:
        """Give what is wrong by this alarm; empty when it was not raised of late."""
        at, what = self._raised.get(name, (now - _STANDS, ""))
        return what if now < at + _STANDS else ""
