"""Who speaks in a chat: the account is that of the confirmed contact, whatever is said about it.

A speaker is the address of a contact, TEAM/USER, as the signed payload names it; nothing that was typed counts.
"""

from models.account import Account
from models.contact import Contact
from models.kinds import Channel
from models.rows import where


async def contact_of(speaker: str) -> Contact | None:
    """Find the contact of a speaker with its account; None when it is not confirmed, suspended, or nobody's.

    Where one user stands in the lists of several accounts, the one confirmed last speaks.
    """
    living = await where(
        Contact, channel=Channel.SLACK, address=speaker, confirmed_at__isnull=False, suspended_at=None
    ).all(order_by="-confirmed_at")
    for contact in living:
        account = await where(Account, id=contact.account_id, disabled_at=None).first()
        if account is not None:
            contact.account = account
            return contact
    return None


async def owns(speaker: str, contact_id: int | None) -> bool:
    """Tell whether a contact is this speaker's, confirmed and not suspended, of an account that may log in."""
    mine = await where(
        Contact,
        id=contact_id or 0,
        channel=Channel.SLACK,
        address=speaker,
        confirmed_at__isnull=False,
        suspended_at=None,
    ).first()
    return mine is not None and await where(Account, id=mine.account_id, disabled_at=None).first() is not None
