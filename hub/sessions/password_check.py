"""Whether a password is right, heard at a pace that guessing can't bear."""

import hmac
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import structlog
from tortoise.transactions import in_transaction

from hub.context import Hub
from hub.domain.outcomes import Busy, Hold, Reason, Refused, Throttled
from hub.domain.request_context import Visit
from hub.runtime import locks
from hub.security import audit, rate_limits
from hub.security.attempt_queues import FullError, Turn
from hub.security.rate_limits import ACCOUNTS, ADDRESSES, BROWSERS, PASSWORDS, Pace, Wait
from hub.sessions import known_browsers
from hub.settings import NUMBERS
from models.account import Account
from models.kinds import EventKind
from models.queries import where
from models.throttle import Throttle

ALARM = "guessing"
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Proved:
    """The password is right; so many before it, from the same address, were not; `counts` are what it takes back."""

    wrong_before: int
    counts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Subjects:
    """What a try of an unknown browser counts with: its name from its address, its account, its networks."""

    mine: str
    everywhere: str
    nets: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        """All of them."""
        return (self.mine, self.everywhere, *self.nets)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What stands against a try: the rows of its subjects, and how many others are under way for each."""

    subjects: _Subjects
    counts: dict[str, Throttle]
    ahead: dict[str, int]

    def wrong(self, pace: Pace, subject: str, visit: Visit) -> int:
        """Count the wrong ones of a subject; those under way may be."""
        return rate_limits.standing(pace, self.counts.get(subject), visit.now) + self.ahead[subject]


class _FullQueueError(Exception):
    """A queue is full for this try; `why` is what it is for."""

    def __init__(self, why: Hold) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class _Queue:
    """A queue that a try has to go through, and how long each wrong one keeps it."""

    name: str
    interval: timedelta
    why: Hold
    lanes: int = 1


async def prove(
    hub: Hub, visit: Visit, *, folded: str, account: Account | None, password: str
) -> Proved | Refused | Throttled | Busy:
    """Tell whether this is the account's password; for nobody's account along the same path, in the same time.

    A try is counted as wrong before it is verified; when it was right, the caller takes it back with `forgive`.
    A browser that the account was used in has a count of its own, and what strangers did wrong does not hinder it.
    """
    busy = hub.passwords.overload()
    if busy is not None:
        return busy
    known = await known_browsers.known_as(hub, visit, account.id if account else 0)
    if known:
        return await _from_known(hub, visit, folded, account, password, known)
    return await _from_unknown(hub, visit, folded, account, password)


async def forgive(visit: Visit, proof: Proved) -> None:
    """Take the counted tries of a right password back, in the transaction of what it opened.

    Of its network's count only what this account had wrong goes: others may be guessing there.
    """
    await rate_limits.forgive(*proof.counts)
    if proof.wrong_before:
        for near in rate_limits.address_subjects(visit.address):
            await rate_limits.lower(ADDRESSES, near, by=proof.wrong_before, now=visit.now)


async def is_still(account: Account) -> bool:
    """Lock the account and tell whether the password that was verified is still its password.

    Call it in the transaction of what the password opens: a password set meanwhile ends what the old one opened.
    """
    await locks.take(account.id)
    current = await where(Account, id=account.id, disabled_at=None).first()
    return current is not None and hmac.compare_digest(current.password_hash, account.password_hash)


async def _from_known(
    hub: Hub, visit: Visit, folded: str, account: Account | None, password: str, known: str
) -> Proved | Refused | Throttled | Busy:
    mine = rate_limits.browser_subject(known)
    async with hub.passwords.entered():
        stop = await rate_limits.spend(BROWSERS, mine, (await rate_limits.rows_of(mine)).get(mine), now=visit.now)
        if isinstance(stop, Wait):
            return Throttled(stop.retry_after, Hold.PASSWORD)
        if await _is_right(hub, visit, account, password):
            return Proved(0, (mine,))
    hub.tries.note(folded, now=visit.now)
    _watch(hub, visit)
    async with in_transaction():
        row = (await rate_limits.rows_of(mine)).get(mine)
        if row is not None and row.wrong >= NUMBERS.password_limit:
            # The holder of its cookie guesses: from now on it is a stranger's browser.
            await known_browsers.forget(known)
        await audit.record(hub.keys, EventKind.PASSWORD_WRONG, visit, account.id if account else None)
    return Refused(Reason.PASSWORD_WRONG)


async def _from_unknown(
    hub: Hub, visit: Visit, folded: str, account: Account | None, password: str
) -> Proved | Refused | Throttled | Busy:
    subjects = _subjects(folded, visit)
    with hub.tries.running(*subjects.all):
        seen = await _look(hub, subjects)
        before = rate_limits.lately_wrong(seen.counts.get(subjects.mine), visit.now)
        try:
            async with _turns(hub, seen, visit) as turns, hub.passwords.entered():
                # Before it is verified, so that no crash gives a free try.
                await rate_limits.add(PASSWORDS, subjects.mine, seen.counts.get(subjects.mine), now=visit.now)
                right = await _is_right(hub, visit, account, password)
                for turn in turns:
                    turn.is_right = right
                if not right:
                    await _wrong(hub, visit, account, folded, subjects)
                    return Refused(Reason.PASSWORD_WRONG)
        except _FullQueueError as full:
            return Throttled(NUMBERS.queue_retry, full.why)
    return Proved(before, (subjects.mine, subjects.everywhere))


def _subjects(folded: str, visit: Visit) -> _Subjects:
    return _Subjects(
        rate_limits.password_subject(folded, visit.address),
        rate_limits.account_subject(folded),
        rate_limits.address_subjects(visit.address),
    )


async def _look(hub: Hub, subjects: _Subjects) -> _Seen:
    """See what stands against a try that is counted as under way.

    Others under way are counted before the rows are read, so that one that ends meanwhile is in one of the two.
    """
    ahead = {subject: hub.tries.now(subject) - 1 for subject in subjects.all}
    return _Seen(subjects, await rate_limits.rows_of(*subjects.all), ahead)


@asynccontextmanager
async def _turns(hub: Hub, seen: _Seen, visit: Visit) -> AsyncIterator[list[Turn]]:
    """Wait for the turns of a try, the narrowest queue first: who waits in one holds no turn in a wider one.

    The queues are its name's at its address and its account's, where these were wrong too often, and a hot network's.
    """
    source = rate_limits.source(visit.address, visit.visit_token)
    subjects = seen.subjects
    wider = {_name_queue: (subjects.everywhere, *subjects.nets), _account_queue: subjects.nets, _network_queue: ()}
    turns: list[Turn] = []
    async with AsyncExitStack() as stack:
        for queue_of, not_yet in wider.items():
            queue = await queue_of(seen, visit)
            if queue is None:
                continue
            turn = hub.tries.queues.turn(queue.name, queue.interval, source, lanes=queue.lanes)
            try:
                with hub.tries.paused(*not_yet):
                    turns.append(await stack.enter_async_context(turn))
            except FullError as full:
                raise _FullQueueError(queue.why) from full
            # Others were heard meanwhile.
            seen = await _look(hub, subjects)
        yield turns


async def _name_queue(seen: _Seen, visit: Visit) -> _Queue | None:
    pause = rate_limits.pause(seen.wrong(PASSWORDS, seen.subjects.mine, visit))
    return _Queue(seen.subjects.mine, pause, Hold.PASSWORD) if pause else None


async def _account_queue(seen: _Seen, visit: Visit) -> _Queue | None:
    pause = rate_limits.delay(ACCOUNTS, seen.wrong(ACCOUNTS, seen.subjects.everywhere, visit))
    return _Queue(seen.subjects.everywhere, pause, Hold.ACCOUNT) if pause else None


async def _network_queue(seen: _Seen, visit: Visit) -> _Queue | None:
    for near, budget in reversed(list(rate_limits.budgets(visit.address))):
        here = seen.wrong(ADDRESSES, near, visit)
        if here < budget:
            continue
        grown = budget + 2 * await rate_limits.welcomed(visit.address, now=visit.now)
        if here >= grown:
            return _Queue(near, rate_limits.interval(here, grown), Hold.NETWORK, NUMBERS.queue_lanes)
    return None


async def _is_right(hub: Hub, visit: Visit, account: Account | None, password: str) -> bool:
    known = account if account is not None and account.disabled_at is None else None
    hashed = known.password_hash if known else hub.passwords.hashing.nobody
    # An imported hash may take longer than ours: without this the time would tell whose name it is.
    costs = await hub.passwords.costs.now_stored(now=visit.now)
    right = await hub.passwords.is_right(hashed, password, costs=costs)
    if known is None or not right:
        return False
    await _renew(hub, known, password)
    return True


async def _wrong(hub: Hub, visit: Visit, account: Account | None, folded: str, subjects: _Subjects) -> None:
    """Count a wrong password and tell it; the same statements whether the account exists."""
    hub.tries.note(folded, now=visit.now)
    _watch(hub, visit)
    paces = {subjects.everywhere: ACCOUNTS, **dict.fromkeys(subjects.nets, ADDRESSES)}
    async with in_transaction():
        counts = await rate_limits.rows_of(*paces)
        for subject, pace in paces.items():
            await rate_limits.add(pace, subject, counts.get(subject), now=visit.now)
        left_out = hub.tries.to_record(rate_limits.single(visit.address), now=visit.now)
        if left_out is not None:
            number = account.id if account else None
            await audit.record(hub.keys, EventKind.PASSWORD_WRONG, visit, number, left_out=left_out or None)


def _watch(hub: Hub, visit: Visit) -> None:
    """Alarm when this process hears more wrong passwords than members type."""
    wrong, names = hub.tries.last_minute(now=visit.now)
    if wrong < NUMBERS.alarm_wrong:
        return
    if not hub.alarms.standing(ALARM, now=visit.now):
        _log.warning("passwords.guessed", wrong_a_minute=wrong, names_a_minute=names)
    hub.alarms.sound(ALARM, f"{wrong} wrong passwords of {names} names in a minute", now=visit.now)


async def _renew(hub: Hub, account: Account, password: str) -> None:
    """Hash a password anew that was hashed at another cost than today's."""
    if not hub.passwords.hashing.needs_rehash(account.password_hash):
        return
    renewed = await hub.passwords.hash(password)
    # Only over the very hash that was verified: a password set meanwhile stays.
    if await Account.filter(id=account.id, password_hash=account.password_hash).update(password_hash=renewed):
        account.password_hash = renewed
