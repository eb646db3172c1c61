"""What a disowned letter's session bound to the account: it goes with the session."""

from datetime import datetime

from tortoise.expressions import Q

from hub.cards import ic_cards
from hub.contacts import contacts
from hub.context import Hub
from hub.domain import policy
from hub.domain.request_context import Visit
from hub.outbox import notices
from hub.verification import soft_tokens
from models.authenticator import SoftToken
from models.contact import Contact
from models.delivery import Delivery
from models.kinds import AuthenticatorKind, Channel, Letter, Notice
from models.kiosk import IcCard
from models.queries import where
from models.session import Session

_WITH_SOFT_TOKEN = (AuthenticatorKind.PASSWORD, AuthenticatorKind.SOFT_TOKEN)


def told_of(delivery: Delivery) -> Q:
    """Choose the sessions that a delivery's login opened, or in which its cause was done."""
    # Ids begin at 1: what the delivery does not name is nobody's.
    return (
        Q(id=delivery.session_id or 0) | Q(login_id=delivery.login_id or 0) | Q(challenge_id=delivery.challenge_id or 0)
    )


def is_greeting(delivery: Delivery) -> bool:
    """PURE: tell whether a letter tells a Slack account that it was linked itself."""
    return delivery.notice == Notice.SLACK_LINKED and delivery.label == delivery.about


async def undo(hub: Hub, visit: Visit, delivery: Delivery) -> frozenset[Channel]:
    """Unbind what those sessions bound, in the caller's transaction; returns the channels to rouse.

    The contact that the letter went to stays: it is what says so. What was confirmed anew and not added stays, too.
    """
    told: frozenset[Channel] = frozenset()
    for session in await Session.filter(told_of(delivery), account_id=delivery.account_id):
        # A Slack account that says it was not linked by its owner is no witness to be kept.
        stays = None if is_greeting(delivery) else delivery.contact_id
        for contact in await _added(session, but=stays):
            told |= await _unbound(hub, visit, contact)
        for token in await _bound(session):
            await _shown_out(session, token, visit.now)
            told |= await soft_tokens.unbind(hub, visit, token)
        for card in await where(IcCard, bound_in=session.id, blocked_at=None).all():
            told |= await _blocked(hub, visit, card)
    for card in await _bound_by_rule(delivery):
        told |= await _blocked(hub, visit, card)
    added = await _added_in_chat(delivery)
    # Who asked for them goes, too: else the next address is added from there.
    for contact in [*added, *await _askers(added, but=delivery.contact_id)]:
        told |= await _unbound(hub, visit, contact)
    return told


async def _unbound(hub: Hub, visit: Visit, contact: Contact) -> frozenset[Channel]:
    # Whoever got in with it goes out with it.
    opened = Session.filter(contact_id=contact.id, ended_at=None)
    await opened.update(ended_at=visit.now, stepped_up_at=None)
    # What was disowned may be a stranger's: nothing is told there.
    return await contacts.unbind(hub, visit, contact, knows=True)


async def _blocked(hub: Hub, visit: Visit, card: IcCard) -> frozenset[Channel]:
    await ic_cards.shut(hub, visit, card)
    return await notices.tell_all(hub.outbox, visit, card.account_id, Notice.CARD_BLOCKED)


async def _bound_by_rule(delivery: Delivery) -> list[IcCard]:
    """Find the card that a notice tells of and no session asked for: the rule bound it at the notice's very moment."""
    if delivery.notice != Notice.CARD_BOUND:
        return []
    mine = where(
        IcCard,
        account_id=delivery.account_id,
        bound_by=ic_cards.RULE,
        bound_at=delivery.posted_at,
        blocked_at=None,
    )
    return await mine.all()


async def _added(session: Session, *, but: int | None) -> list[Contact]:
    """Find the contacts that a session added: it had them confirmed or linked, and they were not there before it."""
    asked = Delivery.filter(session_id=session.id, letter=Letter.CONFIRMATION, contact_id__isnull=False)
    named = {int(str(one)) for one in await asked.values_list("contact_id", flat=True)}
    linked = await Delivery.filter(session_id=session.id, notice=Notice.SLACK_LINKED, contact_id__isnull=False)
    named |= {one.contact_id for one in linked if one.contact_id is not None and is_greeting(one)}
    return await Contact.filter(
        id__in=sorted(named - {but}), account_id=session.account_id, added_at__gte=session.opened_at
    ).order_by("id")


async def _added_in_chat(delivery: Delivery) -> list[Contact]:
    """Find the contact that a notice tells of where no session asked for it: confirmed at the notice's very moment."""
    if delivery.notice != Notice.CONTACT_ADDED or delivery.session_id is not None:
        return []
    asked = Delivery.filter(account_id=delivery.account_id, letter=Letter.CONFIRMATION, contact_id__isnull=False)
    named = {int(str(one)) for one in await asked.filter(session_id=None).values_list("contact_id", flat=True)}
    return await Contact.filter(
        id__in=sorted(named - {delivery.contact_id}), account_id=delivery.account_id, confirmed_at=delivery.posted_at
    )


async def _askers(added: list[Contact], *, but: int | None) -> list[Contact]:
    """Find the chat contacts from which these were asked for."""
    asked = Delivery.filter(contact_id__in=[one.id for one in added], letter=Letter.CONFIRMATION, session_id=None)
    speakers = sorted({str(one) for one in await asked.values_list("asked_from", flat=True)})
    accounts = [one.account_id for one in added]
    mine = Contact.filter(account_id__in=accounts, channel=Channel.SLACK, address__in=speakers)
    return await mine.exclude(id=but or 0).order_by("id")


async def _shown_out(session: Session, token: SoftToken, now: datetime) -> None:
    """End the sessions that a soft token has opened since it was bound."""
    if token.used_at is None or token.bound_at is None:
        return
    # A session does not say which token opened it: of two, both are doubted, and the member logs in anew.
    opened = Session.filter(account_id=session.account_id, challenge_id=None, opened_at__gte=token.bound_at)
    by_token = opened.filter(amr=policy.amr(_WITH_SOFT_TOKEN), ended_at=None)
    await by_token.update(ended_at=now, stepped_up_at=None)


async def _bound(session: Session) -> list[SoftToken]:
    """Find the soft tokens that a session bound: the notice of it was posted at the very moment."""
    notices = Delivery.filter(session_id=session.id, notice=Notice.SOFT_TOKEN_ADDED)
    moments = sorted(set(await notices.values_list("posted_at", flat=True)))
    return await SoftToken.filter(account_id=session.account_id, bound_at__in=moments).order_by("id")
