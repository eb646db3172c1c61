"""What became of the last answer to a letter that went to a contact."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from models.inbound import InboundMail
from models.kinds import MailUse, Verdict


@dataclass(frozen=True, slots=True)
class CameIn:
    """An answer to one of our letters, and what it was taken for."""

    at: datetime
    verdict: Verdict


async def last_answers(contact_ids: Sequence[int]) -> dict[int, CameIn]:
    """Give, for each of these contacts, what became of the last answer to a letter that went there."""
    rows = (
        await InboundMail.filter(delivery__contact_id__in=list(contact_ids), use=MailUse.REPLY, verdict__isnull=False)
        .exclude(verdict=Verdict.REPEATED)
        .order_by("id")
        .values_list("delivery__contact_id", "received_at", "verdict")
    )
    return {int(contact_id): CameIn(at, Verdict(verdict)) for contact_id, at, verdict in rows}
