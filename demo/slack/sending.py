"""What is sent to an app, and what became of it."""

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import uuid4

from demo.slack.wire import Payload

# Slack waits three seconds for an app, then says that the operation timed out.
ACKNOWLEDGED_WITHIN = 3.0
# Events come again at once, after a minute and after five.
RETRY_AFTER = (0.0, 60.0, 300.0)


class Kind(StrEnum):
    """What an envelope holds."""

    COMMAND = "slash_commands"
    INTERACTIVE = "interactive"
    EVENT = "events_api"


@dataclass(frozen=True, slots=True)
class Envelope:
    """One thing to send, the same however often it is sent."""

    kind: Kind
    payload: Payload = field(repr=False)
    id: str = field(default_factory=lambda: str(uuid4()))
    # Slack tells whether the app may answer with more than "received".
    takes_answer: bool = True


@dataclass(frozen=True, slots=True)
class Retry:
    """Which repetition it is, and why; number 0 for the first time."""

    number: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Dispatched:
    """What became of it: `error` is empty when the app acknowledged it, `answer` is what came with that."""

    envelope: Envelope
    answer: Payload | None = field(default=None, repr=False)
    seconds: float = 0.0
    attempts: int = 1
    error: str = ""

    @property
    def is_acknowledged(self) -> bool:
        """Whether the app said in time that it has it."""
        return not self.error


@dataclass(slots=True)
class Timing:
    """How long Slack waits, and when it tries events again; tests shorten it."""

    acknowledged_within: float = ACKNOWLEDGED_WITHIN
    retry_after: tuple[float, ...] = RETRY_AFTER
