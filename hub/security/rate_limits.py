"""How long after how many wrong answers in a row the next one is heard."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from hub.domain import clock
from hub.settings import NUMBERS
from models.indexes import BeginningIndex
from models.indexes import beginning as beginning_of
from models.kinds import AuthenticatorKind, Purpose
from models.queries import beginning, fresh, insert_unless_taken, read, where
from models.throttle import Throttle

_RACES = 16


@dataclass(frozen=True, slots=True)
class Pace:
    """How a count of wrong answers slows the next one down.

    `fades` is the quiet after which it starts at zero; `leaks` is the time in which it goes down by one by itself.
    """

    steps: tuple[tuple[int, float], ...]
    limit: int | None = None
    fades: timedelta | None = None
    leaks: timedelta | None = None


class Scope(StrEnum):
    """What is counted; a subject begins with it."""

    PASSWORD = "password"
    ACCOUNT = "account"
    BROWSER = "browser"
    ADDRESS = "address"
    WELCOME = "welcome"
    PROXY = "proxy"
    ANSWER = "answer"
    KNOWN = "known"
    CONFIRM = "confirm"
    ENROL = "enrol"
    KIOSK = "kiosk"


# How long after its last time a count is kept. A closed kind has to outlast the guesser who closed it.
LIVES = {
    Scope.PASSWORD: NUMBERS.password_fades,
    Scope.ACCOUNT: NUMBERS.account_fades,
    Scope.BROWSER: NUMBERS.known_browser,
    Scope.ADDRESS: NUMBERS.network_fades,
    Scope.WELCOME: NUMBERS.welcome_life,
    Scope.PROXY: NUMBERS.kept_logins,
    Scope.ANSWER: NUMBERS.known_browser,
    Scope.KNOWN: NUMBERS.known_browser,
    Scope.CONFIRM: NUMBERS.confirmation_life,
    Scope.ENROL: NUMBERS.password_fades,
    Scope.KIOSK: NUMBERS.password_fades,
}
_LIVES = {str(scope)[: BeginningIndex.LETTERS]: life for scope, life in LIVES.items()}
_LONGEST_LIFE = max(LIVES.values())


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
# A browser that the account was used in: at the limit it is forgotten, which its caller does.
BROWSERS = Pace(NUMBERS.password_steps, fades=NUMBERS.account_fades)
# These three make tries wait in queues (`hub/security/attempt_queues.py`), so that no right password is refused.
PASSWORDS = Pace(((0, 0.0),), fades=NUMBERS.password_fades)
ACCOUNTS = Pace(NUMBERS.account_steps, leaks=NUMBERS.account_leaks)
ADDRESSES = Pace(((0, 0.0),), leaks=NUMBERS.network_leaks)
ENROLMENTS = Pace(NUMBERS.password_steps, limit=NUMBERS.password_limit, fades=NUMBERS.password_fades)
CARD_NUMBERS = Pace(NUMBERS.card_number_steps, fades=NUMBERS.password_fades)
_ANSWERED = (
    AuthenticatorKind.ONE_TIME_PASSWORD,
    AuthenticatorKind.SOFT_TOKEN,
    AuthenticatorKind.MATRIX,
    AuthenticatorKind.APPROVAL,
)


# As an operator is shown them; where logins are remembered nothing is wrong.
PACES = {
    Scope.PASSWORD: PASSWORDS,
    Scope.ACCOUNT: ACCOUNTS,
    Scope.BROWSER: BROWSERS,
    Scope.ADDRESS: ADDRESSES,
    Scope.ANSWER: ANSWERS,
    Scope.KNOWN: ANSWERS,
    Scope.CONFIRM: CONFIRMATIONS,
    Scope.ENROL: ENROLMENTS,
    Scope.KIOSK: CARD_NUMBERS,
}


def answer_pace(purpose: Purpose) -> Pace:
    """Give the pace at which answers for a purpose are heard."""
    return CONFIRMATIONS if purpose is Purpose.CONFIRM else ANSWERS


def answer_subject(account_id: int, kind: AuthenticatorKind, purpose: Purpose = Purpose.LOGIN, known: str = "") -> str:
    """Name the count of one account's wrong answers of one kind and purpose, over all logins and doors.

    A browser that the account was used in before (`known` is its digest) has a count of its own.
    """
    if known and purpose is Purpose.LOGIN:
        return f"{Scope.KNOWN}:{account_id}:{kind}:{known[:32]}"
    return f"{Scope.CONFIRM if purpose is Purpose.CONFIRM else Scope.ANSWER}:{account_id}:{kind}"


def password_subject(folded: str, address: str) -> str:
    """Name the count of wrong passwords of one name from one address, or a /64."""
    return f"{Scope.PASSWORD}:{single(address)}:{folded}"


def account_subject(folded: str) -> str:
    """Name the count of wrong passwords of one name over all networks."""
    return f"{Scope.ACCOUNT}:{folded}"


def browser_subject(digest: str) -> str:
    """Name the count of wrong passwords from a browser that an account was used in before."""
    return f"{Scope.BROWSER}:{digest}"


def address_subject(address: str) -> str:
    """Name the count of wrong answers from one network."""
    return f"{Scope.ADDRESS}:{bucket(address)}"


def address_subjects(address: str) -> tuple[str, ...]:
    """Name the counts of wrong answers of an address's networks, the narrowest first."""
    return tuple(subject for subject, _ in budgets(address))


def budgets(address: str) -> Iterator[tuple[str, int]]:
    """Name the counts of an address's networks, and how many wrong ones each may have before it is slowed down."""
    parsed = _parsed(address)
    if parsed is None or not isinstance(parsed, IPv6Address):
        yield address_subject(address), NUMBERS.network_budget
        return
    for length, times in ((64, 1), (56, 2), (48, 5)):
        network = ip_network(f"{parsed}/{length}", strict=False)
        yield f"{Scope.ADDRESS}:{network}", NUMBERS.network_budget * times


def interval(wrong: int, budget: int) -> timedelta:
    """Tell how long each wrong one keeps the queue of a network that is over its budget."""
    return NUMBERS.network_pause * (1 if wrong < 5 * budget else 2)


def pause(wrong: int) -> timedelta:
    """Tell how long each wrong password for one name from one address keeps their queue."""
    return _step(NUMBERS.password_pauses, wrong)


async def welcome(address: str, account_id: int, *, now: datetime) -> None:
    """Remember that an account was logged in to from a network, whose budget grows with their number."""
    subject = f"{_welcomes(address)}{account_id}"
    row = await where(Throttle, subject=subject).first()
    if row is None:
        await insert_unless_taken(fresh(Throttle, subject=subject, wrong=0, open_at=now))
    elif row.open_at + NUMBERS.welcome_life / 4 <= now or not clock.has_come(row.open_at, now):
        await where(Throttle, id=row.id).update(open_at=now)


async def welcomed(address: str, *, now: datetime) -> int:
    """Count the different accounts that were lately logged in to from a network."""
    lately = now - NUMBERS.welcome_life
    return (
        await beginning(Throttle, "subject", _welcomes(address))
        .filter(open_at__gt=lately, open_at__lte=clock.latest(now))
        .count()
    )


async def next_scope(after: str) -> str:
    """Give how the subjects of the next scope begin that has counts; empty behind the last one."""
    begins = beginning_of("subject")
    text = f'SELECT {begins} AS "scope" FROM "throttle" WHERE {begins} > {{after}} ORDER BY {begins} LIMIT 1'  # noqa: S608
    found = await read(text, after=after)
    return str(found[0]["scope"]) if found else ""


async def over(scope: str, *, now: datetime, limit: int) -> list[int]:
    """Name some counts of a scope that need not be kept any longer; what is no scope of ours is kept the longest."""
    text = (
        f'SELECT "id" FROM "throttle" WHERE {beginning_of("subject")} = {{scope}} AND "open_at" < {{before}}'  # noqa: S608
        ' ORDER BY "open_at" LIMIT {limit}'
    )
    found = await read(text, scope=scope, before=life_ended(scope, now), limit=limit)
    return [int(row["id"]) for row in found]


def life_ended(scope: str, now: datetime) -> datetime:
    """Tell which counts of a scope need not be kept any longer: those whose time is before this."""
    return now - _LIVES.get(scope, _LONGEST_LIFE)


def _welcomes(address: str) -> str:
    parsed = _parsed(address)
    wide = ip_network(f"{parsed}/48", strict=False) if isinstance(parsed, IPv6Address) else bucket(address)
    return f"{Scope.WELCOME}:{wide}:"


def kiosk_subject(kiosk_id: int) -> str:
    """Name the count of unknown card numbers at one kiosk."""
    return f"kiosk:{kiosk_id}"


@lru_cache(maxsize=4096)
def bucket(address: str) -> str:
    """Give the network that an address counts with: /24, or /64 for IPv6."""
    parsed = _parsed(address)
    if parsed is None:
        return address[:45]
    length = 64 if isinstance(parsed, IPv6Address) else 24
    return str(ip_network(f"{parsed}/{length}", strict=False))


def source(address: str, visit: str) -> tuple[str, str, str]:
    """Name where a try is from: its /56 (IPv4: the address), its address or /64, its visit."""
    parsed = _parsed(address)
    wide = str(ip_network(f"{parsed}/56", strict=False)) if isinstance(parsed, IPv6Address) else single(address)
    return wide, single(address), visit


def single(address: str) -> str:
    """Give what one subscriber's machine counts with: its address, or its /64."""
    parsed = _parsed(address)
    return str(parsed) if isinstance(parsed, IPv4Address) else bucket(address)


@lru_cache(maxsize=4096)
def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed


def delay(pace: Pace, wrong: int) -> timedelta:
    """Tell how long after the last of `wrong` wrong answers in a row the next try is heard."""
    return _step(pace.steps, wrong)


def _step(steps: tuple[tuple[int, float], ...], wrong: int) -> timedelta:
    reached = [seconds for least, seconds in steps if wrong >= least]
    return timedelta(seconds=reached[-1] if wrong else 0)


def hindrance(pace: Pace, row: Throttle | None, now: datetime) -> Wait | Closed | None:
    """Tell what stands against the next try; None when it is heard.

    A time that no count can have was written by a clock that was ahead: it hinders no login, and the next count
    replaces it.
    """
    if row is None or _faded(pace, row, now):
        return None
    if is_ahead(pace, row, now) and (pace.fades is not None or pace.limit is None or row.wrong < pace.limit):
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
    return 0 if row is None or row.open_at + NUMBERS.network_fades <= now else row.wrong


async def lower(pace: Pace, subject: str, *, by: int, now: datetime) -> None:
    """Take some of a subject's counts back, with the wait they made; what others count at the same moment stays."""
    if by <= 0:
        return
    for _ in range(_RACES):
        row = await where(Throttle, subject=subject).first()
        if row is None:
            return
        unchanged = where(Throttle, id=row.id, wrong=row.wrong, open_at=row.open_at)
        left = row.wrong - by if not _faded(pace, row, now) else 0
        open_at = row.open_at if pace.leaks else row.open_at - delay(pace, row.wrong) + delay(pace, left)
        if await (unchanged.update(wrong=left, open_at=open_at) if left > 0 else unchanged.delete()):
            return


async def reopen(account_id: int) -> int:
    """Open every kind of an account again, for every purpose; returns how many counts were dropped."""
    subjects = [subject for purpose in Purpose for subject in answer_subjects(account_id, purpose)]
    known = await beginning(Throttle, "subject", f"{Scope.KNOWN}:{account_id}:").delete()
    return known + await Throttle.filter(subject__in=subjects).delete()


async def forget_passwords(folded: str) -> int:
    """Drop the counts of wrong passwords of a name, from all addresses; returns how many."""
    near = beginning(Throttle, "subject", f"{Scope.PASSWORD}:").filter(subject__endswith=f":{folded}")
    return await near.delete() + await Throttle.filter(subject=account_subject(folded)).delete()


def answer_subjects(account_id: int, purpose: Purpose = Purpose.LOGIN) -> list[str]:
    """Name the counts of all kinds of an account that answer for a purpose."""
    return [answer_subject(account_id, kind, purpose) for kind in _ANSWERED]


async def add(pace: Pace, subject: str, row: Throttle | None, *, now: datetime) -> None:
    """Count a wrong answer in any state of the count, also when others count at the same moment."""
    for _ in range(_RACES):
        if await _counted(pace, subject, row, now):
            return
        row = await where(Throttle, subject=subject).first()


def standing(pace: Pace, row: Throttle | None, now: datetime) -> int:
    """Tell how many of a count are left by now; of one that a clock ahead has written, none where it would go down."""
    if row is None or _faded(pace, row, now):
        return 0
    if (pace.fades or pace.leaks) and is_ahead(pace, row, now):
        return 0
    return max(0, row.wrong - _leaked(pace, row, now))


def is_ahead(pace: Pace, row: Throttle, now: datetime) -> bool:
    """Tell whether a count's time is later than any that could be written now."""
    return not clock.has_come(row.open_at - delay(pace, row.wrong), now)


def _leaked(pace: Pace, row: Throttle, now: datetime) -> int:
    return max(0, (now - row.open_at) // pace.leaks) if pace.leaks else 0


def _faded(pace: Pace, row: Throttle, now: datetime) -> bool:
    return pace.fades is not None and row.open_at + pace.fades <= now


async def _counted(pace: Pace, subject: str, row: Throttle | None, now: datetime) -> bool:
    if row is None:
        open_at = now + (timedelta() if pace.leaks else delay(pace, 1))
        return await insert_unless_taken(fresh(Throttle, subject=subject, wrong=1, open_at=open_at))
    left = standing(pace, row, now)
    wrong = left + 1
    if pace.leaks is None:
        open_at = now + delay(pace, wrong)
    else:
        # The time up to which the count has leaked; what is left of an interval counts for the next.
        open_at = min(row.open_at + _leaked(pace, row, now) * pace.leaks, now) if left else now
    unchanged = where(Throttle, id=row.id, wrong=row.wrong, open_at=row.open_at)
    return await unchanged.update(wrong=wrong, open_at=open_at) == 1
