"""Who speaks in a chat: the account is that of the linked contact, whatever is said about it.

A speaker is the address of a contact, TEAM/USER, as the signed payload names it; nothing that was typed counts.
"""

from hub.domain.outcomes import Reason, Refused
from models.account import Account
from models.contact import Contact
from models.queries import where
from models.slack import SlackMember

_WHY = {str(why): why for why in (Reason.SLACK_GONE, Reason.SLACK_LEFT, Reason.SLACK_AWAY)}


async def contact_of(speaker: str) -> Contact | None:
    """Find the contact of a speaker with its account; None when it is not confirmed, suspended, or nobody's."""
    linked = await where(SlackMember, address=speaker).first()
    if linked is None:
        return None
    contact = await where(Contact, id=linked.contact_id, confirmed_at__isnull=False, suspended_at=None).first()
    account = await where(Account, id=contact.account_id, disabled_at=None).first() if contact else None
    if contact is None or account is None:
        return None
    contact.account = account
    return contact


async def missing(speaker: str) -> Refused:
    """Say why a speaker has no contact: none was linked, or it is suspended and why."""
    linked = await where(SlackMember, address=speaker).first()
    contact = await where(Contact, id=linked.contact_id, suspended_at__isnull=False).first() if linked else None
    return Refused(_WHY.get(contact.suspended_why, Reason.SLACK_GONE) if contact else Reason.NOT_LINKED)
