"""What the hub answers: closed unions that a door must match whole."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from models.kinds import AuthenticatorKind, Channel


class Reason(StrEnum):
    """Why something was refused; the page has one sentence for each."""

    PASSWORD_WRONG = "password-wrong"
    PASSWORD_MISSING = "password-missing"
    NOTHING_BOUND = "nothing-bound"
    LOGIN_OVER = "login-over"
    NOT_OFFERED = "not-offered"
    ANSWER_WRONG = "answer-wrong"
    ANSWER_STALE = "answer-stale"
    CODE_USED = "code-used"
    CLOCK_OFF = "clock-off"
    CODE_MISSHAPEN = "code-misshapen"
    CELLS_MISSING = "cells-missing"
    CELLS_TOO_MANY = "cells-too-many"
    CODES_BLOCKED = "codes-blocked"
    CHALLENGE_OVER = "challenge-over"
    APPROVAL_OVER = "approval-over"
    NOT_APPROVED = "not-approved"
    ALREADY_APPROVED = "already-approved"
    DIGITS_WRONG = "digits-wrong"
    DIGITS_MISSING = "digits-missing"
    NOT_LINKED = "not-linked"
    SLACK_GONE = "slack-gone"
    SLACK_LEFT = "slack-left"
    SLACK_AWAY = "slack-away"
    NO_LOGIN_WAITS = "no-login-waits"
    LOGINS_WAIT = "logins-wait"
    TRIES_SPENT = "tries-spent"
    KIND_CLOSED = "kind-closed"
    STEP_UP_NEEDED = "step-up-needed"
    MATRIX_OFF_CAMPUS = "matrix-off-campus"
    LABEL_BAD = "label-bad"
    LABEL_TAKEN = "label-taken"
    ADDRESS_BAD = "address-bad"
    ADDRESS_DOTS = "address-dots"
    ADDRESS_DOMAIN = "address-domain"
    ADDRESS_OURS = "address-ours"
    ADDRESS_TAKEN = "address-taken"
    ADDRESS_REFUSED = "address-refused"
    ADDRESS_GUARDED = "address-guarded"
    TOO_MANY = "too-many"
    NOT_FOUND = "not-found"
    ALREADY_CONFIRMED = "already-confirmed"
    LAST_WAY = "last-way"
    LOGIN_OLDER = "login-older"
    LINK_OVER = "link-over"
    LINKED_ALREADY = "linked-already"
    CARD_NEEDED = "card-needed"
    KIOSK_TAKEN = "kiosk-taken"
    PASSWORD_BAD = "password-bad"
    PASSWORDS_DIFFER = "passwords-differ"


class KioskReason(StrEnum):
    """Why a kiosk was turned away; the names stand in the kiosk's protocol."""

    SIGNATURE = "signature"
    KIOSK_UNKNOWN = "kiosk-unknown"
    KIOSK_REVOKED = "kiosk-revoked"
    CLOCK = "clock"
    REPLAYED = "replayed"
    MALFORMED = "malformed"
    CODE_WRONG = "code-wrong"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    REVOKED = "revoked"
    FOREIGN_CA = "foreign-ca"
    UNSUPPORTED = "unsupported"
    CA_EXPIRED = "ca-expired"
    WEAK_KEY = "weak-key"
    UNSUITABLE = "unsuitable"
    NOT_BOUND = "not-bound"
    BLOCKED = "blocked"
    UID_CARDS_OFF = "uid-cards-off"
    RANDOM_UID = "random-uid"
    ACCOUNT_CLOSED = "account-closed"
    WRONG_ANSWER = "wrong-answer"
    LOGIN_OVER = "login-over"
    THROTTLED = "throttled"
    BUSY = "busy"


class DeliveryState(StrEnum):
    """Where a delivery is."""

    WAITING = "waiting"
    RETRYING = "retrying"
    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    DELAYED = "delayed"
    FAILED = "failed"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Refused:
    """No, with the reason; `tries_left`, `newer_at` and `until` where they help the claimant and nobody else."""

    reason: Reason
    tries_left: int | None = None
    newer_at: datetime | None = None
    label: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """A kiosk's request that comes to nothing.

    `retry_after` where the same may be tried again, `hub_time` for a clock that is off, `field` for what is malformed.
    """

    reason: KioskReason
    retry_after: timedelta | None = None
    hub_time: datetime | None = None
    field: str = ""


class Hold(StrEnum):
    """What makes a try wait; the page has one sentence for each."""

    ANSWER = "answer"
    PASSWORD = "password"
    ACCOUNT = "account"
    NETWORK = "network"
    SENT = "sent"
    SENT_ELSEWHERE = "sent-elsewhere"
    SENT_AN_HOUR = "sent-an-hour"
    SENT_A_DAY = "sent-a-day"
    SENT_TO_ACCOUNT = "sent-to-account"
    SENT_TO_ACCOUNT_A_DAY = "sent-to-account-a-day"
    CODES_LIVE = "codes-live"
    APPROVALS = "approvals"
    CONFIRMATION = "confirmation"
    CONFIRMATIONS_THERE = "confirmations-there"
    CONFIRMATIONS = "confirmations"
    LINKS = "links"


@dataclass(frozen=True, slots=True)
class Throttled:
    """Not now: the same may be tried after a while, and why; `ago` is how long ago a code was asked for."""

    retry_after: timedelta
    why: Hold | None = field(default=None, compare=False)
    ago: timedelta | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Busy:
    """The hub has more to do than it can in time; come back."""

    retry_after: timedelta


@dataclass(frozen=True, slots=True)
class ByContact:
    """A code sent to this contact."""

    contact_id: int


@dataclass(frozen=True, slots=True)
class ByApproval:
    """An approval asked of this contact."""

    contact_id: int


@dataclass(frozen=True, slots=True)
class BySoftToken:
    """A code of any soft token that is bound."""


@dataclass(frozen=True, slots=True)
class ByMatrix:
    """Three cells of the matrix card."""


Way = ByContact | ByApproval | BySoftToken | ByMatrix


@dataclass(frozen=True, slots=True)
class Offer:
    """One way to go on; `label` and `channel` where a contact is behind it, `paused_until` while nothing goes there."""

    way: Way
    label: str = ""
    channel: Channel | None = None
    paused_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Choose:
    """Pick one of these; the first is the default, unless it is paused."""

    account: str
    offers: tuple[Offer, ...]
    others_wait: bool = False


@dataclass(frozen=True, slots=True)
class DeliveryLine:
    """How a delivery stands; `at` is when it came to that."""

    state: DeliveryState
    at: datetime
    posted_at: datetime
    reply: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked now, to be answered.

    `cells` for a matrix card; `label`, `channel`, `delivery` and the times for a delivered code, which may be sent
    again from `resend_at` and ends at `expires_at`. An approval has these too, with the `digits` to be typed there.
    """

    challenge_id: int | None
    kind: AuthenticatorKind
    account: str
    label: str = ""
    channel: Channel | None = None
    cells: tuple[str, ...] = ()
    signs: int = 0
    digits: str = field(default="", repr=False)
    is_approved: bool = False
    delivery: DeliveryLine | None = None
    resend_at: datetime | None = None
    expires_at: datetime | None = None
    other_ways: bool = True
    # What the letter says of the login that asked for it.
    asked_at: datetime | None = None
    asked_from: str = ""
    asked_with: str = ""
    # Whether another login to the account waits for its second step.
    others_wait: bool = False


@dataclass(frozen=True, slots=True)
class Approved:
    """The digits were right: the browser that shows them may go in, and nobody else."""

    account: str
    label: str


@dataclass(frozen=True, slots=True)
class Begun:
    """The password was right: a login of this token goes on with `step`."""

    token: str = field(repr=False)
    step: Choose | Asked


@dataclass(frozen=True, slots=True)
class Admitted:
    """In: a session of this token is open."""

    token: str = field(repr=False)
    account: str
    language: str


@dataclass(frozen=True, slots=True)
class SteppedUp:
    """Proved again: the session goes on under this new token."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Added:
    """A contact stands in the list and waits for its confirmation."""

    contact_id: int


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A contact is confirmed; `is_first` asks for a second way at once."""

    contact_id: int
    label: str
    is_first: bool


@dataclass(frozen=True, slots=True)
class Done:
    """It is done; there is nothing more to say."""
