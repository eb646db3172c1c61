"""PURE: what can stand on the kiosk's screen, a closed union."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from reader_kiosk.hub_client import Admission, Reason, Refused

_MINUTE = 60


class Trouble(StrEnum):
    """What is the matter beside what the hub says."""

    UNREADABLE = "unreadable"
    CARD_IN_USE = "card-in-use"
    DEFECTIVE = "defective"
    UNKNOWN_CARD = "unknown-card"
    NO_CERTIFICATE = "no-certificate"
    CHANGING_NUMBER = "changing-number"
    PIN_WRONG = "pin-wrong"
    HUB_UNREACHABLE = "hub-unreachable"
    PIN_BLOCKED = "pin-blocked"
    LAST_TRY = "last-try"
    NO_READER = "no-reader"
    NO_PAGE = "no-page"
    NOT_LOCKED_DOWN = "not-locked-down"
    BROWSER_CANNOT_OPEN = "browser-cannot-open"
    PAGE_NOT_ALLOWED = "page-not-allowed"


@dataclass(frozen=True, slots=True)
class Idle:
    """Nobody is there: put a card on."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A card is being read."""


@dataclass(frozen=True, slots=True)
class PinAsked:
    """The PIN, please; `tries` is how often it may be tried here, `is_wrong` that the last one was not right."""

    name: str
    tries: int
    is_wrong: bool = False


@dataclass(frozen=True, slots=True)
class Checking:
    """The card signs, the hub verifies."""

    name: str


@dataclass(frozen=True, slots=True)
class Admitting:
    """The browser posts its admission."""

    name: str
    admission: Admission = field(repr=False)


@dataclass(frozen=True, slots=True)
class NotNow:
    """No, with the reason; the card may be taken."""

    why: Reason | Trouble
    retry_after: int = 0


class Ended(StrEnum):
    """Why nothing goes on though the card still lies there."""

    UNTOUCHED = "untouched"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    BROWSER_ENDED = "browser-ended"


@dataclass(frozen=True, slots=True)
class CardForgotten:
    """The card still lies there, and its visit has ended."""

    why: Ended = Ended.UNTOUCHED


@dataclass(frozen=True, slots=True)
class OutOfOrder:
    """Nobody can be let in here now; `minutes` is how far its clock is off."""

    why: Reason | Trouble
    minutes: int = 0


Screen = Idle | Reading | PinAsked | Checking | Admitting | NotNow | CardForgotten | OutOfOrder


def out_of_order(refused: Refused, now: datetime) -> OutOfOrder:
    """Choose the screen for a refusal that is the kiosk's own matter."""
    off = abs(refused.hub_time - now.timestamp()) if refused.reason is Reason.CLOCK else 0
    return OutOfOrder(refused.reason, round(off / _MINUTE))
