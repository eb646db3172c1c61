"""What is bound to an account, read from its rows for the policy to decide on."""

from hub import matrix_cards
from hub.hub import Hub
from hub.policy import Bound, BoundContact
from models.account import Account
from models.authenticator import SoftToken
from models.contact import Contact
from models.kinds import Channel


async def of(hub: Hub, account: Account) -> Bound:
    """Read what an account has beside its password; contacts in the order they are offered, the last used first."""
    rows = await Contact.filter(account_id=account.id, confirmed_at__isnull=False, suspended_at=None).values_list(
        "id", "label", "channel", "used_at", "confirmed_at"
    )
    # A contact never used stands behind those that were, in the order they were confirmed.
    used = sorted((row for row in rows if row[3]), key=lambda row: row[3], reverse=True)
    fresh = sorted((row for row in rows if not row[3]), key=lambda row: row[4])
    return Bound(
        contacts=tuple(BoundContact(row[0], row[1], Channel(row[2])) for row in (*used, *fresh)),
        soft_tokens=await SoftToken.filter(account_id=account.id, bound_at__isnull=False).count(),
        matrix_card=await matrix_cards.usable(hub, account.id) is not None,
        matrix_off=account.matrix_off_at is not None,
    )
