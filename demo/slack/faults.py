"""What goes wrong on request: calls refused, broken, held or cut off, posts held to Slack's rate, sockets dropped."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

ANY = "*"


@dataclass(frozen=True, slots=True)
class Refuse:
    """Answer with an error of Slack's."""

    error: str


@dataclass(frozen=True, slots=True)
class Limit:
    """Answer 429."""

    retry_after: int = 1


@dataclass(frozen=True, slots=True)
class Break:
    """Answer with a status that is no answer of the method's, in words of a kind that proxies use."""

    status: int = 500
    kind: Literal["text/html", "text/plain", "application/json"] = "text/html"


@dataclass(frozen=True, slots=True)
class Hang:
    """Do not answer; after the work is done, if `when` says so."""

    when: Literal["before", "after"] = "before"


@dataclass(frozen=True, slots=True)
class Drop:
    """Cut the connection; after the work is done, if `when` says so."""

    when: Literal["before", "after"] = "before"


@dataclass(frozen=True, slots=True)
class Slow:
    """Answer late."""

    seconds: float


Fault = Refuse | Limit | Break | Hang | Drop | Slow


@dataclass(frozen=True, slots=True)
class Rate:
    """How often a method may be called, and how long to wait after one call too many."""

    a_minute: float
    burst: int
    retry_after: int


class Faults:
    """The faults that are due, and the rate that is kept."""

    def __init__(self) -> None:
        self._due: dict[str, list[Fault]] = {}
        self._always: dict[str, Fault] = {}
        self.posts_per_second = 0.0
        self.burst = 1
        self._room: dict[str, tuple[float, datetime]] = {}
        self._limits: dict[str, Rate] = {}

    def next_calls(self, method: str, fault: Fault, *, times: int = 1) -> None:
        """Have the next calls of a method (or of any, ANY) go wrong."""
        self._due.setdefault(method, []).extend([fault] * times)

    def all_calls(self, method: str, fault: Fault) -> None:
        """Have every call of a method (or of any, ANY) go wrong until `mend`."""
        self._always[method] = fault

    def mend(self) -> None:
        """Have everything work again."""
        self._due.clear()
        self._always.clear()
        self.posts_per_second = 0.0
        self._limits.clear()

    def take(self, method: str) -> Fault | None:
        """Give what goes wrong with a call, if something does."""
        for name in (method, ANY):
            if self._due.get(name):
                return self._due[name].pop(0)
        return self._always.get(method) or self._always.get(ANY)

    def limit_posts(self, per_second: float = 1.0, *, burst: int = 1) -> None:
        """Hold posts to a rate in each channel, as Slack does at about one a second with short bursts."""
        self.posts_per_second, self.burst = per_second, burst
        self._room.clear()

    def limit_calls(self, method: str, a_minute: float, *, burst: int, retry_after: int = 30) -> None:
        """Hold a method to a rate, as Slack does by its tiers."""
        self._limits[method] = Rate(a_minute, burst, retry_after)
        self._room.pop(method, None)

    def wait_before_call(self, method: str, *, now: datetime) -> int:
        """Count a call of a method; gives the seconds that Slack asks to wait if it is one too many, else 0."""
        limit = self._limits.get(method)
        if limit is None or not self._wait(method, limit.a_minute / 60, limit.burst, now=now):
            return 0
        return limit.retry_after

    def wait_before_post(self, channel: str, *, now: datetime) -> int:
        """Count a post; gives the whole seconds to wait if it is one too many, else 0."""
        if not self.posts_per_second:
            return 0
        return self._wait(channel, self.posts_per_second, self.burst, now=now)

    def _wait(self, name: str, per_second: float, burst: int, *, now: datetime) -> int:
        room, since = self._room.get(name, (float(burst), now))
        room = min(float(burst), room + (now - since) / timedelta(seconds=1) * per_second)
        if room < 1:
            self._room[name] = (room, now)
            return max(1, math.ceil((1 - room) / per_second))
        self._room[name] = (room - 1, now)
        return 0
