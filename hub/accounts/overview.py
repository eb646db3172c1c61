"""What an account will be asked at its next login, and whether Matrix is part of it."""

from dataclasses import dataclass
from datetime import datetime

from tortoise.transactions import in_transaction

from hub.context import Hub
from hub.domain import policy
from hub.domain.outcomes import ByApproval, Done, Offer, Reason, Refused
from hub.domain.request_context import Visit
from hub.outbox import notices
from hub.runtime import locks
from hub.security import audit
from hub.sessions import sessions
from hub.sessions.sessions import Current
from hub.verification import bound_authenticators, code_block, matrix_cards, one_time_passwords
from models.account import Account
from models.kinds import Channel, EventKind, Notice
from models.queries import where


@dataclass(frozen=True, slots=True)
class Overview:
    """What is bound, and what follows from it."""

    offers: tuple[Offer, ...]
    contacts: int
    slack_accounts: int
    has_slack: bool
    has_cards: bool
    soft_tokens: int
    has_matrix_card: bool
    is_matrix_off: bool
    may_switch_matrix_off: bool
    matrix_needs_renewal: bool
    codes_kept_until: datetime | None
    may_allow_codes: bool


async def overview(hub: Hub, session: Current, *, now: datetime) -> Overview:
    """Tell what is bound to the session's account."""
    account = await where(Account, id=session.account_id).one()
    found = await bound_authenticators.of(hub, account)
    card = await matrix_cards.usable(hub, account.id) if found.matrix_card else None
    kept_until = one_time_passwords.kept_until(account, now=now)
    return Overview(
        # An approval is asked of a contact that is named already.
        offers=tuple(offer for offer in policy.offers(found) if not isinstance(offer.way, ByApproval)),
        contacts=len(found.contacts),
        slack_accounts=sum(contact.channel is Channel.SLACK for contact in found.contacts),
        has_slack=hub.settings.has_slack,
        has_cards=hub.settings.card_cas is not None,
        soft_tokens=found.soft_tokens,
        has_matrix_card=found.matrix_card,
        is_matrix_off=found.matrix_off,
        may_switch_matrix_off=policy.may_switch_matrix_off(found),
        matrix_needs_renewal=card is not None and matrix_cards.needs_renewal(hub, card),
        codes_kept_until=kept_until,
        may_allow_codes=kept_until is not None and code_block.may_allow(session, kept_until),
    )


async def switch_matrix(hub: Hub, visit: Visit, session: Current, *, on: bool) -> Done | Refused:
    """Switch Matrix on or off; off only while another authenticator is bound."""
    reason = sessions.hindrance(session, visit)
    if reason is not None:
        return Refused(reason)
    async with in_transaction():
        await locks.take(session.account_id)
        account = await Account.get(id=session.account_id)
        if on == (account.matrix_off_at is None):
            return Done()
        if not on and not policy.may_switch_matrix_off(await bound_authenticators.of(hub, account)):
            return Refused(Reason.LAST_WAY)
        await Account.filter(id=account.id).update(matrix_off_at=None if on else visit.now)
        await audit.record(hub.keys, EventKind.MATRIX_SWITCHED, visit, account.id, on=int(on))
        told = await notices.tell_all(
            hub.outbox, visit, account.id, Notice.MATRIX_ON if on else Notice.MATRIX_OFF, about="Matrix", by=session.id
        )
    await notices.rouse(hub.outbox, told)
    return Done()
