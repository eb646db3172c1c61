"""Members with a Slack account, for tests of what is decided about them; nothing of Slack itself."""

from dataclasses import dataclass

from hub.domain.identifiers import fold_label
from hub.domain.outcomes import Approved, Asked, ByApproval, Refused, Throttled
from hub.domain.request_context import Visit
from hub.login import approvals, password_login
from hub.outbox.messages import Accepted, Claimed
from models.contact import Contact
from models.delivery import Delivery
from models.kinds import Channel, Letter, Zone
from models.slack import SlackMember
from tests.support.factory import Member, People

TARO = "T0CAMPUS/U0TARO"
HANAKO = "T0CAMPUS/U0HANAKO"


def said(people: People, speaker: str = TARO) -> Visit:
    """Something done in Slack at the present time."""
    return Visit(people.now, speaker, Zone.OFF_CAMPUS, "Slack", "en")


async def in_slack(people: People, member: Member, *, label: str = "chat", speaker: str = TARO) -> int:
    """Give a member a Slack contact that counts; returns its id."""
    contact = await Contact.create(
        account_id=member.account.id,
        channel=Channel.SLACK,
        label=label,
        label_folded=fold_label(label),
        address=speaker,
        address_folded=speaker,
        added_at=people.now,
        confirmed_at=people.now,
    )
    await SlackMember.create(address=speaker, contact_id=contact.id)
    member.contacts[label] = contact.id
    return contact.id


@dataclass(frozen=True)
class Ringing:
    """A login that waits for an approval, with what its page shows."""

    token: str
    asked: Asked
    delivery_id: int
    message_id: str

    @property
    def digits(self) -> str:
        """What the page shows."""
        return self.asked.digits

    @property
    def wrong(self) -> str:
        """What it does not show."""
        return f"{(int(self.digits) + 1) % 100:02d}"


async def ringing(people: People, member: Member, label: str = "chat") -> Ringing:
    """Log in as far as the approval."""
    begun = await people.begun(member)
    outcome = await password_login.choose(people.hub, people.visit(), begun.token, ByApproval(member.contacts[label]))
    assert isinstance(outcome, Asked), outcome
    delivery = await Delivery.filter(challenge_id=outcome.challenge_id).order_by("-id").first()
    assert delivery is not None
    assert delivery.letter is Letter.APPROVAL
    return Ringing(begun.token, outcome, delivery.id, delivery.message_id.strip("<>"))


async def typed(people: People, ring: Ringing, digits: str, *, speaker: str = TARO) -> Approved | Refused | Throttled:
    """Type digits into the message of a request."""
    return await approvals.approve(people.hub, said(people, speaker), speaker, ring.message_id, digits)


async def received(people: People) -> list[Claimed]:
    """Take what waits for Slack and report it as accepted, as a sender does."""
    claimed = await people.hub.outbox.claim(Channel.SLACK, limit=100, now=people.now)
    for one in claimed:
        await people.hub.outbox.report(one, Accepted("ok"), now=people.now)
    return claimed
