"""PURE: how long each step of a mail server is waited for: short at first, RFC 5321's time where a server needs it."""

from enum import StrEnum


class Step(StrEnum):
    """A step of the dialogue, with its own time."""

    GREETING = "greeting"
    COMMAND = "command"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    END = "the end of the letter"


# RFC 5321, 4.5.3.2: what a client should wait at least.
_LONGEST = {Step.GREETING: 300.0, Step.COMMAND: 300.0, Step.MAIL: 300.0, Step.RCPT: 300.0, Step.DATA: 120.0}


class Patience:
    """The times for one mail server.

    Before the end of a letter a wait may be given up, for nothing was sent: each time that happens, the next wait for
    that step is twice as long. After the end it is not known what became of the letter, so that wait is long at once.
    """

    def __init__(self, shortest: float, *, end: float = 600.0) -> None:
        self._shortest = shortest
        self._end = end
        self._seconds = dict.fromkeys(_LONGEST, shortest)
        # How many waits were given up.
        self.given_up = 0

    def of(self, step: Step) -> float:
        """Give the seconds to wait for a step."""
        return self._end if step is Step.END else self._seconds[step]

    def was_short(self, step: Step) -> None:
        """Note that a wait was given up."""
        self.given_up += 1
        if step is not Step.END:
            self._seconds[step] = max(self._shortest, min(2 * self._seconds[step], _LONGEST[step]))

    def was_enough(self, step: Step, seconds: float) -> None:
        """Note how long an answer took; a server that answers quickly again is waited for less."""
        if step is not Step.END and seconds < self._shortest / 2:
            self._seconds[step] = max(self._shortest, self._seconds[step] / 2)
