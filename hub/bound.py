"""What is bound to an account, read from its rows for the policy to decide on."""

from hub import matrix_cards
from hub.hub import Hub
from hub.policy import Bound, BoundContact
from models.account import Account
from models.authenticator import SoftToken
from models.contact import Contact
from models.rows import where


async def of(hub: Hub, account: Account) -> Bound:
    """Read what an account has beside its password; contacts in the order they are offered, the last used first."""
    rows = await where(Contact, account_id=account.id, confirmed_at__isnull=False, suspended_at=None).all()
    return Bound(
        contacts=tuple(BoundContact(row.id, row.label, row.channel) for row in sorted(rows, key=_place)),
        soft_tokens=await where(SoftToken, account_id=account.id, bound_at__isnull=False).count(),
        matrix_card=await matrix_cards.usable(hub, account.id) is not None,
        matrix_off=account.matrix_off_at is not None,
    )


def _place(contact: Contact) -> tuple[bool, float]:
    """A contact never used stands behind those that were, in the order they were confirmed."""
    if contact.used_at is not None:
        return False, -contact.used_at.timestamp()
    return True, contact.confirmed_at.timestamp() if contact.confirmed_at else 0.0
