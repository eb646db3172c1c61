"""What an answer to one of our mails does: by the mail's own address, once, and never more than a web page would."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import assert_never

from tortoise.transactions import in_transaction

from hub import audit, confirming, intake, not_me, notices, turns
from hub.bounces import Bounce, bounced
from hub.hub import Hub
from hub.intake import Unread
from hub.labels import fold_label
from hub.outbox import topic_of
from hub.outcome import Refused
from hub.settings import NUMBERS
from hub.visit import Visit
from models.contact import Contact
from models.delivery import Delivery
from models.kinds import Answer, Channel, EventKind, Letter, Verdict

_HOUR = timedelta(hours=1)
_NO_DELIVERY = "the mail that it answers is forgotten"


@dataclass(frozen=True, slots=True)
class Confirm:
    """Yes, it is mine."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """No, that was not me."""


@dataclass(frozen=True, slots=True)
class Deny:
    """No."""


@dataclass(frozen=True, slots=True)
class ListContacts:
    """Tell me what is registered."""


@dataclass(frozen=True, slots=True)
class Remove:
    """Take this one away."""

    label: str


@dataclass(frozen=True, slots=True)
class Help:
    """Tell me what I can say."""


Command = Confirm | Refuse | Deny | ListContacts | Remove | Help


@dataclass(frozen=True, slots=True)
class Answered:
    """A command with what speaks for and against its sender: `is_doubtful` when its domain disowns the mail."""

    command: Command
    message_id: str
    is_doubtful: bool
    authentication: str


@dataclass(frozen=True, slots=True)
class _Effect:
    verdict: Verdict
    answer: Answer
    about: str = ""
    told: frozenset[Channel] = frozenset()


async def act(hub: Hub, visit: Visit, unread: Unread, answered: Answered) -> Verdict | None:
    """Do what an answer says and mark it as read, in one transaction; None when another reader did.

    The address it came to is good for one command: the delivery's row says whether that was given.
    """
    async with in_transaction():
        if not await intake.take(unread, Verdict.TOO_LATE, "", now=visit.now):
            return None
        asked = await Delivery.filter(id=unread.recipient.delivery_id).select_related("account", "contact").first()
        if asked is None or asked.account.disabled_at is not None:
            await intake.note(unread, Verdict.TOO_LATE, reason=_NO_DELIVERY, authentication=answered.authentication)
            return Verdict.TOO_LATE
        await turns.take(asked.account_id)
        as_member = replace(visit, language=asked.language)
        effect = await _done(hub, as_member, asked, answered)
        await intake.note(unread, effect.verdict, reason="", authentication=answered.authentication)
        await audit.record(
            hub.keys,
            EventKind.MAIL_READ,
            visit,
            asked.account_id,
            verdict=str(effect.verdict),
            delivery=asked.id,
            authentication=answered.authentication,
        )
        if await _may_answer(asked, visit):
            await hub.outbox.post_answer(effect.answer, asked, visit, about=effect.about, to=answered.message_id)
    await notices.rouse(hub, effect.told | {Channel.MAIL})
    if asked.challenge_id is not None:
        await hub.wakeups.tell(topic_of(asked.challenge_id))
    return effect.verdict


async def report(hub: Hub, visit: Visit, unread: Unread, bounce: Bounce, *, by: str) -> Verdict | None:
    """Record a delivery report and mark it as read, in one transaction; None when another reader did."""
    async with in_transaction():
        if not await intake.take(unread, Verdict.BOUNCED, f"{bounce.kind} {bounce.status} ({by})", now=visit.now):
            return None
        await bounced(hub, visit, unread.recipient.delivery_id, bounce)
    return Verdict.BOUNCED


async def _done(hub: Hub, visit: Visit, asked: Delivery, answered: Answered) -> _Effect:
    if answered.is_doubtful and not isinstance(answered.command, Refuse | Deny):
        # A denial is obeyed in doubt, too: the reply address proves that the letter was read, and stopping is safe.
        # The address stays good: the question is answered on a page, or by a mail that its domain stands for.
        return _Effect(Verdict.DOUBTED, Answer.NOT_SURE, asked.label)
    command = answered.command
    if not _fits(asked, command):
        # The address stays good here, too: who learns what can be said must be able to say it.
        is_asked = asked.letter is Letter.CONFIRMATION
        return _Effect(Verdict.HELPED, Answer.HOW_TO_CONFIRM if is_asked else Answer.HELP)
    if await Delivery.filter(id=asked.id, replied_at=None).update(replied_at=visit.now) != 1:
        return _Effect(Verdict.TOO_LATE, Answer.TOO_LATE, asked.label)
    match command:
        case Confirm():
            return await _confirmed(hub, visit, asked)
        case Refuse() | Deny():
            return await _refused(hub, visit, asked)
        case ListContacts():
            return _Effect(Verdict.LISTED, Answer.LIST)
        case Remove(label):
            # On the web this needs the password again, and so it does here.
            found = await Contact.get_or_none(account_id=asked.account_id, label_folded=fold_label(label))
            return _Effect(Verdict.LINKED, Answer.REMOVE_HERE, found.label if found else "")
        case Help():
            return _Effect(Verdict.HELPED, Answer.HELP)
        case _:
            assert_never(command)


def _fits(asked: Delivery, command: Command) -> bool:
    """Tell whether a command means something as an answer to this letter; where it doesn't, help is the answer."""
    match command:
        case Confirm() | Deny():
            # "No" to "is this address yours?" is clear; to a code or a notice it may mean anything.
            return asked.letter is Letter.CONFIRMATION and asked.challenge_id is not None
        case Refuse():
            return True
        case ListContacts() | Remove():
            # Whoever only may confirm is told no more than that.
            contact = asked.contact
            return contact is not None and contact.confirmed_at is not None and contact.suspended_at is None
        case Help():
            return False
        case _:
            assert_never(command)


async def _confirmed(hub: Hub, visit: Visit, asked: Delivery) -> _Effect:
    outcome = await confirming.confirm_by_answer(hub, visit, asked.challenge_id or 0)
    if isinstance(outcome, Refused):
        return _Effect(Verdict.TOO_LATE, Answer.TOO_LATE, asked.label)
    confirmed, told = outcome
    return _Effect(Verdict.CONFIRMED, Answer.CONFIRMED, confirmed.label, told)


async def _refused(hub: Hub, visit: Visit, asked: Delivery) -> _Effect:
    outcome = await not_me.disown(hub, visit, asked.id)
    if isinstance(outcome, Refused):
        return _Effect(Verdict.TOO_LATE, Answer.TOO_LATE, asked.label)
    return _Effect(Verdict.REFUSED, Answer.REFUSED, asked.label)


async def _may_answer(asked: Delivery, visit: Visit) -> bool:
    recent = Delivery.filter(address_folded=asked.address_folded, letter=Letter.ANSWER, posted_at__gt=visit.now - _HOUR)
    return await recent.count() < NUMBERS.answers_an_hour
