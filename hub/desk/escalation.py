"""Tell the help desk by mail and in its Slack channel that a member said "this was not me", or is not reached."""

from datetime import datetime, timedelta

import structlog

from hub.context import Hub
from hub.domain.request_context import Visit
from hub.settings import Settings
from models.account import Account
from models.contact import Contact
from models.delivery import Delivery
from models.kinds import Channel, Letter, Notice
from models.queries import where

# Repeated presses for one account within this time send one letter.
_QUIET = timedelta(minutes=10)
# A mail server that refuses everybody must not bury the help desk: so many letters of unreachable contacts an hour.
_UNREACHABLE_AN_HOUR = 20
_HOUR = timedelta(hours=1)
_log = structlog.get_logger(__name__)


def places_of(settings: Settings) -> dict[Channel, str]:
    """PURE: name where the help desk is told; empty when nowhere."""
    slack = settings.desk_slack if settings.has_slack else ""
    return {channel: place for channel, place in ((Channel.MAIL, settings.desk_mail), (Channel.SLACK, slack)) if place}


async def tell(hub: Hub, visit: Visit, account_id: int, disowned: Delivery | None) -> bool:
    """Post the letter to the help desk in the caller's transaction; False when no place of the desk is set.

    `disowned` is the letter that the member disowned, None for an account that its member locked. The caller holds
    the account's turn.
    """
    places = places_of(hub.settings)
    if not places:
        return False
    is_registration = disowned is not None and disowned.letter is Letter.CONFIRMATION
    if not await was_told(account_id, since=visit.now - _QUIET, is_registration=is_registration):
        account = await where(Account, id=account_id).one()
        for channel, place in places.items():
            await hub.outbox.post_to_desk(channel, place, account, disowned, visit)
    return True


async def tell_unreachable(hub: Hub, visit: Visit, contact: Contact) -> bool:
    """Post that a contact was suspended because it is not reached, in the caller's transaction; once for each.

    False when no place of the desk is set, or the hour's letters are used up.
    """
    _log.warning("contact.unreachable", account_id=contact.account_id, contact=contact.id, channel=contact.channel)
    places = places_of(hub.settings)
    lately = Delivery.filter(notice=Notice.CONTACT_UNREACHABLE, posted_at__gt=visit.now - _HOUR)
    if not places or await lately.count() >= _UNREACHABLE_AN_HOUR * len(places):
        return False
    for channel, place in places.items():
        await hub.outbox.post_unreachable(channel, place, contact, visit)
    return True


async def was_told(account_id: int, *, since: datetime, is_registration: bool = False) -> bool:
    """Tell whether a letter about the account went to the help desk since then.

    A refused registration, which a stranger may cause, never stands for a login that was disowned.
    """
    told = Delivery.filter(account_id=account_id, notice=Notice.DISOWNED, posted_at__gt=since)
    return await (told if is_registration else told.exclude(answered=Letter.CONFIRMATION)).exists()


async def was_told_of(disowned: Delivery) -> bool:
    """Tell whether the help desk was told when this letter was disowned."""
    return disowned.disowned_at is not None and await was_told(disowned.account_id, since=disowned.disowned_at - _QUIET)


async def rouse(hub: Hub, *, is_told: bool) -> None:
    """Wake the senders of the desk's places; call it after the commit."""
    for channel in places_of(hub.settings) if is_told else ():
        await hub.outbox.rouse(channel)
