"""When a server that can't be reached is left alone for a while, and for how long."""

_FIRST = 0.5
_LONGEST = 30.0


class Breaker:
    """Keeps hands off a server that can't be reached: one try at a time, after longer and longer waits."""

    def __init__(self) -> None:
        self._failures = 0
        self._until = 0.0
        self._is_tried = False

    @property
    def is_open(self) -> bool:
        """Whether the server could not be reached when it was last tried."""
        return self._failures > 0

    def is_tried(self, now: float) -> bool:
        """Tell whether one caller tries just now."""
        return self._is_tried and now < self._until

    def wait(self, now: float) -> float:
        """Tell how many seconds are left until the next try; zero when there is nothing to wait for.

        A try under way may need minutes to fail. It may also end well in a second, so nothing waits for longer than
        the longest rest.
        """
        return min(max(0.0, self._until - now), _LONGEST)

    def admits(self, now: float, *, tries_for: float) -> bool:
        """Tell whether a connection may be opened; while the server is down one caller at a time may try."""
        if self._failures and now < self._until:
            return False
        if self._failures:
            self._until, self._is_tried = now + tries_for, True
        return True

    def failed(self, now: float) -> None:
        """Note that the server could not be reached."""
        self._until = now + min(_FIRST * 2**self._failures, _LONGEST)
        self._failures = min(self._failures + 1, 16)
        self._is_tried = False

    def reached(self) -> None:
        """Note that it could."""
        self._failures = 0
        self._until = 0.0
        self._is_tried = False
