"""Whether a password is right, heard at a pace that guessing can't bear."""

import hmac
from dataclasses import dataclass
from datetime import timedelta

from tortoise.transactions import in_transaction

from hub import audit, throttle, turns
from hub.hub import Hub
from hub.outcome import Busy, Reason, Refused, Throttled
from hub.throttle import ADDRESSES, PASSWORDS, Closed, Wait
from hub.visit import Visit
from models.account import Account
from models.kinds import EventKind
from models.rows import where
from models.throttle import Throttle

_CLOSED_FOR = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Proved:
    """The password is right; so many before it, from the same network, were not."""

    wrong_before: int


async def prove(
    hub: Hub, visit: Visit, *, folded: str, account: Account | None, password: str
) -> Proved | Refused | Throttled | Busy:
    """Tell whether this is the account's password; for nobody's account along the same path, in the same time.

    A try is counted as wrong before it is verified; when it was right, the caller takes it back with `forgive`.
    """
    busy = hub.passwords.overload()
    if busy is not None:
        return busy
    async with hub.passwords.entered():
        mine = throttle.password_subject(folded, visit.address)
        near = throttle.address_subject(visit.address)
        counts = await throttle.rows_of(mine, near)
        stop = await _hindrance(counts, mine, near, visit)
        if stop is not None:
            return stop
        known = account if account is not None and account.disabled_at is None else None
        hashed = known.password_hash if known else hub.passwords.hashing.nobody
        right = await hub.passwords.is_right(hashed, password)
        if known is None or not right:
            await _wrong(hub, visit, account, near)
            return Refused(Reason.PASSWORD_WRONG)
        await _renew(hub, known, password)
        return Proved(throttle.lately_wrong(counts.get(mine), visit.now))


async def forgive(visit: Visit, folded: str, proof: Proved) -> None:
    """Take the counted tries of a right password back, in the transaction of what it opened.

    Of its network's count only what this account had wrong goes: others may be guessing there.
    """
    await throttle.forgive(throttle.password_subject(folded, visit.address))
    await throttle.lower(ADDRESSES, throttle.address_subject(visit.address), by=proof.wrong_before)


async def is_still(account: Account) -> bool:
    """Lock the account and tell whether the password that was verified is still its password.

    Call it in the transaction of what the password opens: a password set meanwhile ends what the old one opened.
    """
    await turns.take(account.id)
    current = await where(Account, id=account.id, disabled_at=None).first()
    return current is not None and hmac.compare_digest(current.password_hash, account.password_hash)


async def _hindrance(counts: dict[str, Throttle], mine: str, near: str, visit: Visit) -> Throttled | None:
    stop = throttle.hindrance(ADDRESSES, counts.get(near), visit.now)
    if stop is None:
        stop = await throttle.spend(PASSWORDS, mine, counts.get(mine), now=visit.now)
    match stop:
        case None:
            return None
        case Wait(retry_after):
            return Throttled(retry_after)
        case Closed():
            return Throttled(_CLOSED_FOR)


async def _wrong(hub: Hub, visit: Visit, account: Account | None, near: str) -> None:
    """Count a wrong password with its address, and tell it; the same statements whether the account exists."""
    async with in_transaction():
        counts = await throttle.rows_of(near)
        await throttle.spend(ADDRESSES, near, counts.get(near), now=visit.now)
        await audit.record(hub.keys, EventKind.PASSWORD_WRONG, visit, account.id if account else None)


async def _renew(hub: Hub, account: Account, password: str) -> None:
    """Hash a password anew that was hashed at another cost than today's."""
    if not hub.passwords.hashing.needs_rehash(account.password_hash):
        return
    renewed = await hub.passwords.hash(password)
    # Only over the very hash that was verified: a password set meanwhile stays.
    if await Account.filter(id=account.id, password_hash=account.password_hash).update(password_hash=renewed):
        account.password_hash = renewed
