"""PURE: one delivery as doors and pages see it: what is in it, what can be told of it, how it stands."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hub.domain.outcomes import DeliveryLine, DeliveryState
from models.delivery import Delivery
from models.kinds import Channel, Letter


@dataclass(frozen=True, slots=True)
class Claimed:
    """One delivery, leased to the caller, with all that a letter needs; `code` and `url` rest nowhere else.

    An approval carries no code: what is typed is to be read on the page.
    """

    id: int
    lease: str
    channel: Channel
    letter: Letter
    address: str
    message_id: str
    language: str
    account: str
    label: str
    code: str = field(repr=False)
    url: str = field(repr=False)
    not_me: str = field(repr=False)
    asked_at: datetime
    asked_from: str
    asked_with: str
    expires_at: datetime
    attempt: int
    notice: str
    subject_label: str
    challenge_id: int | None = None
    thread: str = ""
    envelope_sender: str = ""
    reply_to: str = ""
    answers_to: str = ""
    # What kind of letter an answer is about.
    answered: str = ""
    labels: tuple[str, ...] = ()
    hides_code: bool = False
    # Of a letter to the help desk: the letter that was disowned, when it was asked for and from where.
    disowned_at: datetime | None = None
    disowned_from: str = ""
    disowned_with: str = ""
    # The moment that the letter names: of a code sent again, when it was first asked for, as on its page.
    named_at: datetime | None = None
    # How many copies went out of which it is not known whether they arrived.
    copies: int = 0


@dataclass(frozen=True, slots=True)
class Accepted:
    """The next server took it over; `remote` is where the message can be found there, if it can."""

    reply: str
    remote: str = ""


@dataclass(frozen=True, slots=True)
class Deferred:
    """Not now; try again, at the earliest after `retry_after`; `is_stopped` when an operator may have to mend it."""

    reply: str
    retry_after: timedelta | None = None
    is_stopped: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """Never, as it is; `is_dead` when the reply says that there is no such mailbox."""

    reply: str
    is_dead: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """It went out whole, and the server did not say whether it took it: it may have been delivered."""

    reply: str


Report = Accepted | Deferred | Failed | Unknown


def line_of(delivery: Delivery, now: datetime) -> DeliveryLine:
    """Tell how a delivery stands."""
    state, at = _stand(delivery, now)
    return DeliveryLine(state, at, delivery.posted_at, delivery.reply)


def _stand(delivery: Delivery, now: datetime) -> tuple[DeliveryState, datetime]:
    # What was accepted may come back later: the last word counts.
    if delivery.failed_at is not None:
        return DeliveryState.FAILED, delivery.failed_at
    if delivery.delayed_at is not None:
        return DeliveryState.DELAYED, delivery.delayed_at
    if delivery.accepted_at is not None:
        return DeliveryState.ACCEPTED, delivery.accepted_at
    if delivery.expires_at <= now:
        return DeliveryState.EXPIRED, delivery.expires_at
    if delivery.unknown_at is not None:
        return DeliveryState.UNKNOWN, delivery.unknown_at
    # A reply without an end is a server's "not now".
    if delivery.reply:
        return DeliveryState.RETRYING, delivery.due_at or now
    return DeliveryState.WAITING, delivery.posted_at
