"""How long after how many wrong answers in a row the next one is heard."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

from hub.settings import NUMBERS
from models.kinds import AuthenticatorKind, Purpose
from models.rows import fresh, insert_unless_taken, where
from models.throttle import Throttle

_RACES = 16


@dataclass(frozen=True, slots=True)
class Pace:
    """How a count of wrong answers slows the next one down; `fades` is the quiet after which it starts anew."""

    steps: tuple[tuple[int, float], ...]
    limit: int | None = None
    fades: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Closed:
    """Not until somebody opens it again."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Not before this time has gone by."""

    retry_after: timedelta


ANSWERS = Pace(NUMBERS.answer_steps, limit=NUMBERS.answer_limit)
# Nobody logs in with what confirms a contact: a day's quiet is enough, and no help desk is needed.
CONFIRMATIONS = Pace(NUMBERS.answer_steps, limit=NUMBERS.answer_limit, fades=NUMBERS.confirmation_life)
PASSWORDS = Pace(NUMBERS.password_steps, limit=NUMBERS.password_limit, fades=NUMBERS.password_fades)
ADDRESSES = Pace(NUMBERS.address_steps, fades=NUMBERS.password_fades)
CARD_NUMBERS = Pace(NUMBERS.card_number_steps, fades=NUMBERS.password_fades)
_ANSWERED = (
    AuthenticatorKind.ONE_TIME_PASSWORD,
    AuthenticatorKind.SOFT_TOKEN,
    AuthenticatorKind.MATRIX,
    AuthenticatorKind.APPROVAL,
)


def answer_pace(purpose: Purpose) -> Pace:
    """Give the pace at which answers for a purpose are heard."""
    return CONFIRMATIONS if purpose is Purpose.CONFIRM else ANSWERS


def answer_subject(account_id: int, kind: AuthenticatorKind, purpose: Purpose = Purpose.LOGIN) -> str:
    """Name the count of one account's wrong answers of one kind and purpose, over all logins and doors."""
    return f"{'confirm' if purpose is Purpose.CONFIRM else 'answer'}:{account_id}:{kind}"


def password_subject(folded: str, address: str) -> str:
    """Name the count of wrong passwords of one name from one address bucket."""
    return f"password:{bucket(address)}:{folded}"


def address_subject(address: str) -> str:
    """Name the count of wrong answers from one address bucket."""
    return f"address:{bucket(address)}"


def kiosk_subject(kiosk_id: int) -> str:
    """Name the count of unknown card numbers at one kiosk."""
    return f"kiosk:{kiosk_id}"


@lru_cache(maxsize=4096)
def bucket(address: str) -> str:
    """Give the network that an address counts with: /24, or /64 for IPv6."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address[:45]
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    length = 64 if isinstance(parsed, IPv6Address) else 24
    return str(ip_network(f"{parsed}/{length}", strict=False))


def delay(pace: Pace, wrong: int) -> timedelta:
    """Tell how long after the last of `wrong` wrong answers in a row the next try is heard."""
    seconds = 0.0
    for least, step in pace.steps:
        if wrong >= least:
            seconds = step
    return timedelta(seconds=seconds if wrong else 0)


def hindrance(pace: Pace, row: Throttle | None, now: datetime) -> Wait | Closed | None:
    """Tell what stands against the next try; None when it is heard."""
    if row is None or _faded(pace, row, now):
        return None
    if pace.limit is not None and row.wrong >= pace.limit:
        return Wait(row.open_at + pace.fades - now) if pace.fades else Closed()
    if row.open_at > now:
        return Wait(row.open_at - now)
    return None


async def rows_of(*subjects: str) -> dict[str, Throttle]:
    """Read the counts of some subjects; those never wrong have none."""
    return {row.subject: row for row in await where(Throttle, subject__in=subjects).all()}


async def spend(pace: Pace, subject: str, row: Throttle | None, *, now: datetime) -> Wait | Closed | None:
    """Count a try as wrong before it is verified, so that no crash and no race gives a free one.

    None when the try may be verified; `forgive` takes the count back when it was right. `row` is the subject's count
    as it was read a moment ago.
    """
    for _ in range(_RACES):
        stop = hindrance(pace, row, now)
        if stop is not None:
            return stop
        if await _counted(pace, subject, row, now):
            return None
        row = await where(Throttle, subject=subject).first()
    return Wait(timedelta(seconds=1))


async def count(pace: Pace, subject: str, row: Throttle | None, *, now: datetime) -> None:
    """Count a wrong answer; for a caller that holds the account's row, so that nobody counts beside it."""
    await _counted(pace, subject, row, now)


async def forgive(*subjects: str) -> None:
    """Start the counts of some subjects anew."""
    await where(Throttle, subject__in=subjects).delete()


def lately_wrong(row: Throttle | None, now: datetime) -> int:
    """Tell how many of a count its address may still remember."""
    return 0 if row is None or _faded(ADDRESSES, row, now) else row.wrong


async def lower(pace: Pace, subject: str, *, by: int) -> None:
    """Take some of a subject's counts back, with the wait they made; what others count at the same moment stays."""
    if by <= 0:
        return
    for _ in range(_RACES):
        row = await where(Throttle, subject=subject).first()
        if row is None:
            return
        unchanged = where(Throttle, id=row.id, wrong=row.wrong, open_at=row.open_at)
        left = row.wrong - by
        open_at = row.open_at - delay(pace, row.wrong) + delay(pace, left)
        if await (unchanged.update(wrong=left, open_at=open_at) if left > 0 else unchanged.delete()):
            return


async def reopen(account_id: int) -> int:
    """Open every kind of an account again, for every purpose; returns how many counts were dropped."""
    subjects = [subject for purpose in Purpose for subject in answer_subjects(account_id, purpose)]
    return await Throttle.filter(subject__in=subjects).delete()


def answer_subjects(account_id: int, purpose: Purpose = Purpose.LOGIN) -> list[str]:
    """Name the counts of all kinds of an account that answer for a purpose."""
    return [answer_subject(account_id, kind, purpose) for kind in _ANSWERED]


def _faded(pace: Pace, row: Throttle, now: datetime) -> bool:
    return pace.fades is not None and row.open_at + pace.fades <= now


async def _counted(pace: Pace, subject: str, row: Throttle | None, now: datetime) -> bool:
    if row is None:
        return await insert_unless_taken(fresh(Throttle, subject=subject, wrong=1, open_at=now + delay(pace, 1)))
    wrong = 1 if _faded(pace, row, now) else row.wrong + 1
    unchanged = where(Throttle, id=row.id, wrong=row.wrong, open_at=row.open_at)
    return await unchanged.update(wrong=wrong, open_at=now + delay(pace, wrong)) == 1
