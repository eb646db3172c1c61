"""What an answer to one of our mails does: by the mail's own address, once, and never more than a web page would."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from tortoise.transactions import in_transaction

from hub.contacts import confirmation
from hub.contacts.suspension import Bounce, bounced
from hub.context import Hub
from hub.desk import escalation
from hub.domain import clock
from hub.domain.identifiers import fold_label
from hub.domain.outcomes import Reason, Refused
from hub.domain.request_context import Visit
from hub.inbound import mail_queue
from hub.inbound.mail_queue import Unread
from hub.outbox import notices
from hub.outbox.queue import is_disownable, topic_of
from hub.recovery import disavow
from hub.runtime import locks
from hub.security import audit, challenges
from hub.settings import NUMBERS
from models.contact import Contact
from models.delivery import Delivery
from models.kinds import Answer, Channel, EventKind, Letter, Verdict
from models.login import Challenge

_HOUR = timedelta(hours=1)
_UNCLEAR = "its words are no command"
_NO_DELIVERY = "the mail that it answers is forgotten"


@dataclass(frozen=True, slots=True)
class Confirm:
    """Yes, it is mine."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """No, or: that was not me."""


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


@dataclass(frozen=True, slots=True)
class Unclear:
    """A person's words that are no command."""


@dataclass(frozen=True, slots=True)
class Courtesy:
    """A person's thanks, which ask for nothing."""


@dataclass(frozen=True, slots=True)
class Automatic:
    """Words that a machine may have written, by this sign; `is_absence` when they tell of an absence, too."""

    sign: str
    is_absence: bool = False


Command = Confirm | Refuse | ListContacts | Remove | Help
Said = Command | Unclear | Courtesy | Automatic


@dataclass(frozen=True, slots=True)
class Answered:
    """What an answer says, with what speaks for and against its sender: `is_doubtful` when its domain disowns the mail.

    `identity` is the same for each copy of the mail.
    """

    said: Said
    message_id: str
    identity: str
    is_doubtful: bool
    authentication: str


@dataclass(frozen=True, slots=True)
class _Effect:
    """What was done, and what our letter says of it, if there is one.

    `changed` says that the letter must go out in spite of the limit.
    """

    verdict: Verdict
    answer: Answer | None
    about: str = ""
    told: frozenset[Channel] = frozenset()
    changed: bool = False
    reason: str = ""


async def act(hub: Hub, visit: Visit, unread: Unread, answered: Answered) -> Verdict | None:
    """Do what an answer says and mark it as read, in one transaction; None when another reader did.

    What is written in reply to an answer of ours is meant for the letter that the answer is about.
    """
    async with in_transaction():
        if not await mail_queue.take(unread, Verdict.TOO_LATE, "", now=visit.now):
            return None
        addressed = await _delivery(unread.recipient.delivery_id)
        asked = await _delivery(addressed.asked_id) if addressed and addressed.asked_id else addressed
        if addressed is None or asked is None or asked.account.disabled_at is not None:
            await mail_queue.note(unread, Verdict.TOO_LATE, reason=_NO_DELIVERY, authentication=answered.authentication)
            return Verdict.TOO_LATE
        await locks.take(asked.account_id)
        if await mail_queue.is_repeated(unread, hub.keys.digest("mail-copy", answered.identity), now=visit.now):
            await mail_queue.note(unread, Verdict.REPEATED, reason="", authentication=answered.authentication)
            return Verdict.REPEATED
        effect = await _done(hub, replace(visit, language=asked.language), asked, addressed, answered)
        await _noted(hub, visit, unread, asked, answered, effect)
        if effect.answer is not None and (effect.changed or await _may_answer(asked, visit, answered.said)):
            await hub.outbox.post_answer(effect.answer, asked, visit, about=effect.about, to=answered.message_id)
    await notices.rouse(hub.outbox, effect.told | {Channel.MAIL})
    if asked.challenge_id is not None:
        await hub.wakeups.tell(topic_of(asked.challenge_id))
    return effect.verdict


async def shelve(hub: Hub, visit: Visit, unread: Unread, reason: str) -> Verdict | None:
    """Put an answer aside that could not be taken apart, and send a help letter; None when another reader did."""
    async with in_transaction():
        verdict = await mail_queue.shelve(unread.id, unread.lease, reason, now=visit.now)
        addressed = await _delivery(unread.recipient.delivery_id)
        asked = await _delivery(addressed.asked_id) if addressed and addressed.asked_id else addressed
        if verdict is None or asked is None or asked.account.disabled_at is not None or not is_living(asked, visit.now):
            return verdict
        if await _may_answer(asked, visit, Automatic(reason)):
            await hub.outbox.post_answer(Answer.UNCLEAR, asked, visit, about=asked.label, to="")
    await notices.rouse(hub.outbox, {Channel.MAIL})
    return verdict


def is_living(asked: Delivery, now: datetime) -> bool:
    """Tell whether a letter can still be answered: as long as its URL "This was not me" lives."""
    return now < asked.posted_at + NUMBERS.not_me_life


async def _delivery(delivery_id: int) -> Delivery | None:
    return await Delivery.filter(id=delivery_id).select_related("account", "contact").first()


async def _noted(hub: Hub, visit: Visit, unread: Unread, asked: Delivery, answered: Answered, effect: _Effect) -> None:
    await mail_queue.note(unread, effect.verdict, reason=effect.reason, authentication=answered.authentication)
    await audit.record(
        hub.keys,
        EventKind.MAIL_READ,
        visit,
        asked.account_id,
        verdict=str(effect.verdict),
        delivery=asked.id,
        authentication=answered.authentication,
    )


async def report(hub: Hub, visit: Visit, unread: Unread, bounce: Bounce, *, by: str) -> Verdict | None:
    """Record a delivery report and mark it as read, in one transaction; None when another reader did."""
    async with in_transaction():
        if not await mail_queue.take(unread, Verdict.BOUNCED, f"{bounce.kind} {bounce.status} ({by})", now=visit.now):
            return None
        await bounced(hub, visit, unread.recipient.delivery_id, bounce)
    return Verdict.BOUNCED


async def _done(hub: Hub, visit: Visit, asked: Delivery, addressed: Delivery, answered: Answered) -> _Effect:
    said = answered.said
    if await _is_thanked(said, asked, addressed, visit.now):
        return _Effect(Verdict.THANKED, None)
    if not is_living(asked, visit.now):
        return _Effect(Verdict.TOO_LATE, Answer.TOO_LATE, asked.label)
    if answered.is_doubtful and isinstance(said, Confirm | ListContacts | Remove):
        # A denial is obeyed in doubt, too: the reply address proves that the letter was read, and stopping is safe.
        # The address stays good: the question is answered on a page, or by a mail that its domain stands for.
        return _Effect(Verdict.DOUBTED, Answer.NOT_SURE, asked.label)
    return await _obeyed(hub, visit, asked, addressed, said)


async def _obeyed(hub: Hub, visit: Visit, asked: Delivery, addressed: Delivery, said: Said) -> _Effect:
    match said:
        case Automatic(sign=sign):
            return _Effect(Verdict.AUTOMATIC, Answer.AUTOMATIC, asked.label, reason=sign)
        case Unclear() | Courtesy():
            return _Effect(Verdict.UNCLEAR, Answer.UNCLEAR, asked.label, reason=_UNCLEAR)
        case Help():
            return _helped(asked)
        case Confirm():
            return await _confirmed(hub, visit, asked)
        case Refuse():
            return await _refused(hub, visit, asked)
        case ListContacts() | Remove():
            return await _managed(visit, asked, addressed, said)
        case _:
            assert_never(said)


async def _is_thanked(said: Said, asked: Delivery, addressed: Delivery, now: datetime) -> bool:
    """Tell whether there is nothing to say: thanks, or a yes to the letter that says that it is done.

    A registration that waits for its answer still gets the help, for thanks are none.
    """
    is_yes_to_done = isinstance(said, Confirm) and addressed.notice == Answer.CONFIRMED
    if not (isinstance(said, Courtesy) or is_yes_to_done):
        return False
    if asked.letter is not Letter.CONFIRMATION:
        return True
    challenge = await Challenge.get_or_none(id=asked.challenge_id or 0)
    return challenge is None or not challenges.is_live(challenge, now)


def _helped(asked: Delivery) -> _Effect:
    # A person who learns what can be said must be able to say it: the letter stays valid.
    is_question = asked.letter is Letter.CONFIRMATION
    return _Effect(Verdict.HELPED, Answer.HOW_TO_CONFIRM if is_question else Answer.HELP)


async def _managed(visit: Visit, asked: Delivery, addressed: Delivery, said: ListContacts | Remove) -> _Effect:
    """List the contacts, or lead to the page that removes one; each letter is good for one of these."""
    contact = asked.contact
    # A letter that can only be confirmed offers no more than that.
    if contact is None or contact.confirmed_at is None or contact.suspended_at is not None:
        return _helped(asked)
    if await Delivery.filter(id=addressed.id, replied_at=None).update(replied_at=visit.now) != 1:
        return _Effect(Verdict.TOO_LATE, Answer.TOO_LATE, asked.label)
    if isinstance(said, ListContacts):
        return _Effect(Verdict.LISTED, Answer.LIST)
    # On the web this needs the password again, and so it does here.
    found = await Contact.get_or_none(account_id=asked.account_id, label_folded=fold_label(said.label))
    return _Effect(Verdict.LINKED, Answer.REMOVE_HERE, found.label if found else "")


async def _confirmed(hub: Hub, visit: Visit, asked: Delivery) -> _Effect:
    if asked.letter is not Letter.CONFIRMATION:
        return _helped(asked)
    if asked.challenge_id is None:
        # A registration that was taken away took its challenge with it.
        return _Effect(Verdict.TOO_LATE, Answer.TOO_LATE, asked.label)
    outcome = await confirmation.confirm_by_answer(hub, visit, asked.challenge_id)
    if isinstance(outcome, Refused):
        # Said twice, it is true still.
        is_true = outcome.reason is Reason.ALREADY_CONFIRMED
        return _Effect(Verdict.TOO_LATE, Answer.CONFIRMED if is_true else Answer.TOO_LATE, asked.label)
    confirmed, told = outcome
    await Delivery.filter(id=asked.id).update(replied_at=visit.now)
    return _Effect(Verdict.CONFIRMED, Answer.CONFIRMED, confirmed.label, told, changed=True)


async def _refused(hub: Hub, visit: Visit, asked: Delivery) -> _Effect:
    """Stop what the letter announces, also after a yes; a second denial has the same answer."""
    if not is_disownable(asked):
        return _helped(asked)
    if asked.disowned_at is not None:
        return _Effect(Verdict.REFUSED, _stopped(is_desk_told=await escalation.was_told_of(asked)), asked.label)
    outcome = await disavow.disown(hub, visit, asked.id)
    if isinstance(outcome, Refused):
        return _Effect(Verdict.TOO_LATE, Answer.TOO_LATE, asked.label)
    answer = _stopped(is_desk_told=outcome.is_desk_told)
    return _Effect(Verdict.REFUSED, answer, asked.label, changed=True)


def _stopped(*, is_desk_told: bool) -> Answer:
    return Answer.REFUSED_DESK_TOLD if is_desk_told else Answer.REFUSED


async def _may_answer(asked: Delivery, visit: Visit, said: Said) -> bool:
    """Tell whether one more letter may go out that tells of nothing done: two programs must not write without end."""
    answers = Delivery.filter(letter=Letter.ANSWER)
    if isinstance(said, Automatic) and said.is_absence:
        # A person who writes so looks like a machine; the page and the list of contacts say what it was taken for.
        return False
    most = 1 if isinstance(said, Automatic) else NUMBERS.answers_a_letter
    if await answers.filter(asked_id=asked.id).count() >= most:
        return False
    recent = answers.filter(address_folded=asked.address_folded, posted_at__gt=visit.now - _HOUR)
    recent = recent.filter(posted_at__lte=clock.latest(visit.now))
    return await recent.count() < NUMBERS.answers_an_hour
