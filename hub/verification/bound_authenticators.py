"""What is bound to an account, read from its rows for the policy to decide on."""

from hub.context import Hub
from hub.domain.policy import Bound, BoundContact
from hub.verification import matrix_cards
from models.account import Account
from models.kinds import Channel
from models.queries import read

# One row for each contact, or one without any. One never used stands behind those that were, as it was confirmed.
_BOUND = """
SELECT "contact"."id", "contact"."label", "contact"."channel",
 (SELECT COUNT(*) FROM "soft_token" WHERE "account_id" = {account} AND "bound_at" IS NOT NULL) AS "soft_tokens",
 EXISTS (SELECT 1 FROM "matrix_card" WHERE "account_id" = {account} AND "revoked_at" IS NULL) AS "has_card"
 FROM (SELECT 1 AS "one") AS "account" LEFT JOIN "contact" ON "contact"."account_id" = {account}
 AND "contact"."confirmed_at" IS NOT NULL AND "contact"."suspended_at" IS NULL
 ORDER BY "contact"."used_at" IS NULL, "contact"."used_at" DESC, "contact"."confirmed_at", "contact"."id"
"""


async def of(hub: Hub, account: Account) -> Bound:
    """Read what an account has beside its password; contacts in the order they are offered, the last used first."""
    rows = await read(_BOUND, account=account.id)
    has_card = bool(rows[0]["has_card"])
    return Bound(
        contacts=tuple(
            BoundContact(row["id"], row["label"], Channel(row["channel"])) for row in rows if row["id"] is not None
        ),
        soft_tokens=rows[0]["soft_tokens"],
        # A card may be spent, which its own row tells.
        matrix_card=has_card and await matrix_cards.usable(hub, account.id) is not None,
        matrix_off=account.matrix_off_at is not None,
    )
