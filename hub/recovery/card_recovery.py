"""What a member may do alone, who has just logged in with card and PIN, that otherwise takes the help desk."""

from tortoise.transactions import in_transaction

from hub.authenticators import matrix
from hub.authenticators.password import is_acceptable
from hub.context import Hub
from hub.domain.outcomes import Busy, Done, Reason, Refused
from hub.domain.request_context import Visit
from hub.outbox import notices
from hub.runtime import locks
from hub.security import audit
from hub.sessions import ending
from hub.sessions.sessions import Current
from hub.settings import NUMBERS
from hub.verification import code_block, matrix_cards
from hub.verification.matrix_cards import Printed
from models.account import Account
from models.authenticator import MatrixCard
from models.kinds import EventKind, Notice
from models.queries import where


def hindrance(session: Current, visit: Visit) -> Reason | None:
    """Tell what stands against it: the card must have opened this very session, and not long ago."""
    if not session.has_card_proved or visit.now >= session.opened_at + NUMBERS.step_up_life:
        return Reason.CARD_NEEDED
    return None


async def set_password(hub: Hub, visit: Visit, session: Current, *, password: str, again: str) -> Done | Refused | Busy:
    """Set a new password without the old one; the account's other sessions end."""
    reason = hindrance(session, visit)
    if reason is not None:
        return Refused(reason)
    if not is_acceptable(password):
        return Refused(Reason.PASSWORD_BAD)
    if password != again:
        return Refused(Reason.PASSWORDS_DIFFER)
    busy = hub.passwords.overload()
    if busy is not None:
        return busy
    async with hub.passwords.entered():
        hashed = await hub.passwords.hash(password)
    async with in_transaction():
        await locks.take(session.account_id)
        if await _was_set(hub, visit, session, password):
            return Done()
        await where(Account, id=session.account_id).update(password_hash=hashed)
        ended = await ending.end_all(session.account_id, now=visit.now, spare=session)
        await audit.record(
            hub.keys,
            EventKind.PASSWORD_SET,
            visit,
            session.account_id,
            by="card",
            session=session.id,
            sessions=ended.sessions,
        )
        told = await notices.tell_all(hub.outbox, visit, session.account_id, Notice.PASSWORD_SET, by=session.id)
    await notices.rouse(hub.outbox, told)
    await ending.announce(hub, ended)
    return Done()


async def _was_set(hub: Hub, visit: Visit, session: Current, password: str) -> bool:
    """Tell whether the same form set this password within the last seconds: it was sent twice."""
    lately = visit.now - NUMBERS.repeat_life
    if not await audit.was_done(EventKind.PASSWORD_SET, session.account_id, session=session.id, since=lately):
        return False
    account = await where(Account, id=session.account_id).one()
    return await hub.passwords.is_right(account.password_hash, password)


async def issue_matrix_card(hub: Hub, visit: Visit, session: Current) -> Done | Refused:
    """Issue a new matrix card; the one before it stops working."""
    reason = hindrance(session, visit)
    if reason is not None:
        return Refused(reason)
    async with in_transaction():
        await locks.take(session.account_id)
        card = await where(MatrixCard, account_id=session.account_id, revoked_at=None).first(order_by="-id")
        earliest = max(session.opened_at, visit.now - NUMBERS.repeat_life)
        if card is not None and card.issued_at >= earliest:
            # The same form, sent twice: the first card is the one to print.
            return Done()
        told = await matrix_cards.issue(hub, visit, session.account_id, by=session.id)
    await notices.rouse(hub.outbox, told)
    return Done()


async def issued_card(hub: Hub, visit: Visit, session: Current) -> Printed | Refused:
    """Show the card that was issued in this session, as long as a new one could be issued as well."""
    reason = hindrance(session, visit)
    if reason is not None:
        return Refused(reason)
    card = await where(MatrixCard, account_id=session.account_id, revoked_at=None).first(order_by="-id")
    if card is None or card.issued_at < session.opened_at:
        return Refused(Reason.NOT_FOUND)
    cells = matrix.unpack(hub.keys.unseal(card.cells, identity=matrix_cards.identity_of(card)))
    return Printed(session.account, card.serial, cells)


async def unlock(hub: Hub, visit: Visit, session: Current) -> Done | Refused:
    """Forget the account's wrong answers and let codes go to it again; where nothing is locked, nothing is told."""
    reason = hindrance(session, visit)
    if reason is not None:
        return Refused(reason)
    async with in_transaction():
        reopened = await code_block.reopen(session.account_id, now=visit.now)
        if not reopened.has_changed:
            return Done()
        await audit.record(
            hub.keys,
            EventKind.KIND_REOPENED,
            visit,
            session.account_id,
            by="card",
            session=session.id,
            counts=reopened.counts,
        )
        told = await notices.tell_all(hub.outbox, visit, session.account_id, Notice.UNLOCKED, by=session.id)
    await notices.rouse(hub.outbox, told)
    return Done()
