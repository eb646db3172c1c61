"""Everything waiting to be delivered, for every channel: posted with its cause, claimed once, reported on."""

import random
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from typing import Any, assert_never

from tortoise.expressions import Q
from tortoise.queryset import QuerySet
from tortoise.transactions import in_transaction

from hub.domain import clock
from hub.domain.identifiers import domain_of
from hub.domain.request_context import Visit
from hub.outbox import message_tokens, reply_addresses
from hub.outbox.messages import Accepted, Claimed, Deferred, Failed, Report, Unknown
from hub.runtime.notifier import Bell, Wakeups
from hub.security import challenges
from hub.security.keyring import KeyRing
from hub.settings import NUMBERS, Settings
from models.account import Account
from models.contact import Contact
from models.delivery import Delivery
from models.fields import instant
from models.kinds import FOR_DESK, OF_LOGINS, Answer, AuthenticatorKind, Channel, Letter, Notice
from models.login import Challenge
from models.queries import Row, change, fresh, insert, read, where, write_each
from models.slack import SlackMember

_URGENCY = {Letter.CODE: 0, Letter.APPROVAL: 0, Letter.CONFIRMATION: 1, Letter.ANSWER: 1, Letter.NOTICE: 2}
# Letters that no challenge is behind.
_OF_THEIR_OWN = {Letter.ANSWER, Letter.NOTICE}
# No person did these, so no person can disown them; the letter to the help desk must not end anything either.
SUSPENSIONS = {Notice.CONTACT_SUSPENDED, Notice.SLACK_SUSPENDED, Notice.PASSWORDS_WRONG, *FOR_DESK}
_LOCKED = "lock"
_FIRST_RETRY = timedelta(seconds=1)
_LONGEST_RETRY = timedelta(seconds=30)
_NOTICE_LIFE = timedelta(days=2)
_REPLY_LENGTH = 200
_EXPIRED = "its time was over"
_EXPIRED_AT_ONCE = 500
_HURRIED_AT_ONCE = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOT_NEEDED = "it was no longer needed"

# Which urgencies have something due: a look that costs next to nothing beside claiming in vain.
_DUE = """
SELECT "urgency" FROM (SELECT 0 AS "urgency" UNION ALL SELECT 1 UNION ALL SELECT 2) AS "all_urgencies"
 WHERE "urgency" <= {least} AND EXISTS (SELECT 1 FROM "delivery" WHERE "channel" = {channel}
 AND "delivery"."urgency" = "all_urgencies"."urgency" AND "due_at" <= {now} AND "expires_at" > {now})
 ORDER BY "urgency"
"""

# One statement claims on both engines: the rows that it touched come back, and no other worker's among them.
# A lease that ran out means that no report was written: the letter may have gone out, so it counts as a copy.
# It looks for one urgency, so that the index gives the rows in order, however many wait.
_CLAIM = """
UPDATE "delivery" SET "lease" = {lease}, "due_at" = {until}, "attempts" = "attempts" + 1,
 "copies" = "copies" + CASE WHEN "lease" = '' THEN 0 ELSE 1 END WHERE "id" IN (
 SELECT "id" FROM "delivery" WHERE "channel" = {channel} AND "urgency" = {urgency} AND "due_at" <= {now}
 AND "expires_at" > {now} ORDER BY "due_at" LIMIT {limit} {skip_locked}) RETURNING {columns}
"""


# Both leave the index by channel aside, by which nearly every row is found: || '' makes it another expression.
_BACKLOG = """
SELECT "channel" || '' AS "due_on", COUNT(*) AS "due", MIN("posted_at") AS "since" FROM "delivery"
 WHERE "due_at" > {never} AND "expires_at" > {now} GROUP BY "channel" || ''
"""
_PUT_OFF = """
SELECT "id" FROM "delivery" WHERE "due_at" > {now} AND "expires_at" > {now} AND "lease" = '' AND "copies" = 0
 AND "channel" || '' = {channel}
"""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is due on a channel and not delivered; `since` when the oldest of it was posted."""

    due: int
    since: datetime | None


class Outbox:
    """The rows to deliver, and who waits for them."""

    def __init__(self, settings: Settings, keys: KeyRing, wakeups: Wakeups) -> None:
        self._origin = settings.origin
        self._domain = _message_domain(settings)
        self._mail_domain = settings.mail_domain
        self._keys = keys
        self._wakeups = wakeups

    async def post_challenge(
        self,
        challenge: Challenge,
        contact: Contact,
        account: Account,
        visit: Visit,
        *,
        login_id: int | None = None,
        session_id: int | None = None,
    ) -> Delivery:
        """Write the delivery of a code, an approval or a confirmation, in the transaction of what caused it.

        `login_id` or `session_id` is what asked for it, for whoever reads the letter and knows nothing of it.
        """
        letter = _letter_of(challenge)
        delivery = self._drafted(letter, contact, account, visit, await _language(contact, account, visit))
        delivery.challenge_id = challenge.id
        delivery.login_id = login_id
        delivery.session_id = session_id
        delivery.expires_at = challenge.expires_at or visit.now + _NOTICE_LIFE
        await insert(delivery)
        return delivery

    async def post_notice(
        self, notice: Notice, contact: Contact, account: Account, visit: Visit, *, about: str, session_id: int | None
    ) -> Delivery:
        """Write the delivery of a notice, in the transaction of what it tells.

        `about` is the label it is about, `session_id` the session in which it was done.
        """
        language = await _language(contact, account, visit)
        delivery = self._drafted(Letter.NOTICE, contact, account, visit, language)
        delivery.notice = notice
        delivery.about = about
        delivery.session_id = session_id
        delivery.expires_at = visit.now + _NOTICE_LIFE
        await insert(delivery)
        return delivery

    async def post_answer(self, answer: Answer, asked: Delivery, visit: Visit, *, about: str, to: str) -> Delivery:
        """Write the answer to a mail that answered a delivery, in the transaction of what it tells.

        It goes where the delivery went, whoever wrote; `about` is the label it is about, `to` the mail's Message-ID.
        """
        # A registration that was refused took its contact with it.
        contact_id = asked.contact_id if await Contact.exists(id=asked.contact_id or 0) else None
        delivery = fresh(
            Delivery,
            account_id=asked.account_id,
            contact_id=contact_id,
            channel=asked.channel,
            letter=Letter.ANSWER,
            urgency=_URGENCY[Letter.ANSWER],
            notice=answer,
            about=about,
            address=asked.address,
            address_folded=asked.address_folded,
            label=asked.label,
            language=asked.language,
            message_id=f"<{secrets.token_hex(16)}@{self._domain}>",
            answers_to=to,
            answered=_answered(asked),
            asked_id=asked.id,
            asked_from="",
            asked_with="",
            posted_at=visit.now,
            due_at=visit.now,
            expires_at=visit.now + _NOTICE_LIFE,
        )
        await insert(delivery)
        return delivery

    async def post_to_desk(
        self, channel: Channel, address: str, account: Account, disowned: Delivery | None, visit: Visit
    ) -> Delivery:
        """Write the delivery that tells the help desk of a disowning, in the transaction that disowns.

        `address` is a mail address or the id of a Slack channel; `disowned` is the letter that was disowned, None for
        an account that its member locked.
        """
        about, answered = (disowned.about, disowned.notice or disowned.letter) if disowned else ("", _LOCKED)
        delivery = self._drafted_to_desk(channel, address, account.id, visit, Notice.DISOWNED, about=about)
        delivery.answered, delivery.asked_id = answered, disowned.id if disowned else None
        await insert(delivery)
        return delivery

    async def post_unreachable(self, channel: Channel, address: str, contact: Contact, visit: Visit) -> Delivery:
        """Write the delivery that tells the help desk of a contact that was suspended, in the same transaction."""
        delivery = self._drafted_to_desk(
            channel, address, contact.account_id, visit, Notice.CONTACT_UNREACHABLE, about=contact.label
        )
        delivery.answered = contact.channel
        await insert(delivery)
        return delivery

    def _drafted_to_desk(
        self, channel: Channel, address: str, account_id: int, visit: Visit, notice: Notice, *, about: str
    ) -> Delivery:
        return fresh(
            Delivery,
            account_id=account_id,
            channel=channel,
            letter=Letter.NOTICE,
            # It overtakes all other notices: an intruder may be in the account.
            urgency=_URGENCY[Letter.ANSWER],
            notice=notice,
            about=about,
            address=address,
            address_folded=address.casefold(),
            label="",
            language="ja",
            message_id=f"<{secrets.token_hex(16)}@{self._domain}>",
            asked_from=visit.address,
            asked_with=visit.browser,
            posted_at=visit.now,
            due_at=visit.now,
            expires_at=visit.now + _NOTICE_LIFE,
        )

    async def cut_to_now(self, *, now: datetime) -> int:
        """Make due at once what a clock that ran ahead has posted; returns how many deliveries."""
        late = clock.latest(now)
        cut = 0
        for channel in Channel:
            for urgency in set(_URGENCY.values()):
                ahead = Delivery.filter(channel=channel, urgency=urgency, due_at__gt=late, posted_at__gt=late)
                cut += await ahead.update(due_at=now, lease="", posted_at=now)
        return cut

    async def rouse(self, channel: Channel) -> None:
        """Wake the channel's sender; call it after the commit."""
        await self._wakeups.tell(f"outbox:{channel}")

    @asynccontextmanager
    async def waiting(self, channel: Channel) -> AsyncIterator[Bell]:
        """Hold the bell that rings when rows of a channel are posted; begin before claiming."""
        with self._wakeups.listening(f"outbox:{channel}") as bell:
            yield bell

    async def claim(
        self, channel: Channel, *, limit: int, now: datetime, least: Letter = Letter.NOTICE
    ) -> list[Claimed]:
        """Take up to `limit` due rows, the most urgent first, each for one worker and one lease.

        `least` is the least urgent letter to take.
        """
        lease = self._wakeups.holder.lease()
        until = now + NUMBERS.delivery_lease
        rows: list[Delivery] = []
        for due in await read(_DUE, least=_URGENCY[least], channel=str(channel), now=now):
            left, urgency = limit - len(rows), due["urgency"]
            if left > 0:
                rows += await change(
                    Delivery,
                    _CLAIM,
                    lease=lease,
                    until=until,
                    channel=str(channel),
                    urgency=urgency,
                    now=now,
                    limit=left,
                )
        if not rows:
            return []
        referred = await _referred(rows)
        needed = []
        for row in sorted(rows, key=lambda one: (one.urgency, one.id)):
            challenge = referred.challenges.get(row.challenge_id or 0)
            if (challenge is None and row.letter not in _OF_THEIR_OWN) or (
                challenge is not None and not challenges.is_live(challenge, now)
            ):
                await self._drop(row, now)
            elif row.channel is Channel.MAIL and row.copies >= NUMBERS.letter_leases:
                # It was sent as often as it may be, and no worker lived to say what became of it.
                await where(Delivery, id=row.id).update(due_at=None, lease="", unknown_at=row.unknown_at or now)
            else:
                needed.append(self._opened(row, referred, labels=await _labels_for(row)))
        return needed

    async def renew(self, claimed: Sequence[Claimed], *, now: datetime) -> None:
        """Hold on to deliveries whose server needs long: their leases begin again."""
        until = now + NUMBERS.delivery_lease
        for one in claimed:
            await where(Delivery, id=one.id, lease=one.lease).update(due_at=until)

    async def release(self, claimed: Sequence[Claimed], *, now: datetime) -> None:
        """Give deliveries back that were claimed and not begun."""
        for one in claimed:
            await where(Delivery, id=one.id, lease=one.lease).update(due_at=now, lease="")

    async def report_all(self, reports: Sequence[tuple[Claimed, Report]], *, now: datetime) -> None:
        """Write what became of several deliveries, in one transaction."""
        accepted = [(one, report) for one, report in reports if isinstance(report, Accepted)]
        async with in_transaction() as connection:
            if accepted:
                await write_each(
                    _accepted(connection.capabilities.dialect == "postgres"),
                    [
                        [instant(now), _short(report.reply), report.remote, _fades_at(one), one.id, one.lease]
                        for one, report in accepted
                    ],
                )
            for one, report in reports:
                if not isinstance(report, Accepted):
                    await self._written(one, report, now)
        for one, _ in reports:
            if one.challenge_id is not None:
                await self._wakeups.tell(topic_of(one.challenge_id))

    async def report(self, claimed: Claimed, report: Report, *, now: datetime) -> None:
        """Write what became of a claimed delivery, unless its lease went to another worker meanwhile."""
        await self._written(claimed, report, now)
        if claimed.challenge_id is not None:
            await self._wakeups.tell(topic_of(claimed.challenge_id))

    async def _written(self, claimed: Claimed, report: Report, now: datetime) -> None:
        mine = where(Delivery, id=claimed.id, lease=claimed.lease)
        match report:
            case Accepted(reply, remote):
                fades_at = claimed.expires_at if _fades_at(claimed) else None
                await mine.update(
                    accepted_at=now, due_at=None, delayed_at=None, reply=_short(reply), remote=remote, fades_at=fades_at
                )
            case Failed(reply):
                await mine.update(failed_at=now, due_at=None, reply=_short(reply))
            case Deferred(reply, retry_after, is_stopped):
                due_at = now + _retry_in(claimed.attempt, retry_after)
                if due_at < claimed.expires_at:
                    # The page says at once that another way is better than waiting.
                    delayed_at = now if is_stopped else None
                    await mine.update(due_at=due_at, delayed_at=delayed_at, lease="", reply=_short(reply))
                elif claimed.copies:
                    await mine.update(due_at=None, lease="", reply=_short(reply))
                else:
                    await mine.update(failed_at=now, due_at=None, reply=_short(reply))
            case Unknown(reply):
                copies = claimed.copies + 1
                again_at = _after_unknown(copies, claimed, now)
                await mine.update(due_at=again_at, lease="", unknown_at=now, copies=copies, reply=_short(reply))
            case _:
                assert_never(report)

    async def backlog(self, *, now: datetime) -> dict[Channel, Backlog]:
        """Count what is due and not delivered, by channel."""
        found = {str(row["due_on"]): row for row in await read(_BACKLOG, never=_EPOCH, now=now)}
        return {channel: _backlog(found.get(str(channel))) for channel in Channel}

    async def hurry(self, channel: Channel, *, now: datetime) -> int:
        """Have what was put off on a channel made at once, for what stood against it is over; returns how many."""
        waiting = [int(row["id"]) for row in await read(_PUT_OFF, channel=str(channel), now=now)]
        hurried = 0
        for start in range(0, len(waiting), _HURRIED_AT_ONCE):
            ids = waiting[start : start + _HURRIED_AT_ONCE]
            hurried += await where(Delivery, id__in=ids, due_at__gt=now, lease="", copies=0).update(due_at=now)
        await self.rouse(channel)
        return hurried

    async def expire(self, *, now: datetime) -> int:
        """Close what was not delivered in its time; returns how many rows."""
        closed = 0
        # What a worker has in hand may just be arriving: its report tells.
        over = _due().filter(Q(lease="") | Q(due_at__lte=now), expires_at__lte=now)
        while ids := await over.limit(_EXPIRED_AT_ONCE).values_list("id", flat=True):
            page = over.filter(id__in=list(ids))
            # The server's last words say more than that the time was over.
            done = await page.filter(unknown_at=None, reply="").update(failed_at=now, due_at=None, reply=_EXPIRED)
            done += await page.filter(unknown_at=None).update(failed_at=now, due_at=None)
            done += await page.filter(unknown_at__isnull=False).update(due_at=None)
            closed += done
            if not done:
                break
        return closed

    def _drafted(self, letter: Letter, contact: Contact, account: Account, visit: Visit, language: str) -> Delivery:
        return fresh(
            Delivery,
            account_id=account.id,
            contact_id=contact.id,
            channel=contact.channel,
            letter=letter,
            urgency=_URGENCY[letter],
            address=contact.address,
            address_folded=contact.address_folded,
            label=contact.label,
            language=language,
            message_id=f"<{secrets.token_hex(16)}@{self._domain}>",
            asked_from=visit.address,
            asked_with=visit.browser,
            posted_at=visit.now,
            due_at=visit.now,
        )

    def _opened(self, row: Delivery, referred: "_Referred", *, labels: tuple[str, ...]) -> Claimed:
        challenge = referred.challenges.get(row.challenge_id or 0)
        contact = referred.contacts.get(row.contact_id or 0)
        asked = referred.asked.get(row.asked_id or 0)
        is_for_desk = row.notice in FOR_DESK
        disowned = asked if is_for_desk else None
        # The member's link and addresses that take commands are not for the help desk.
        asked = None if is_for_desk else asked
        confirms = challenge is not None and row.letter is Letter.CONFIRMATION
        return Claimed(
            id=row.id,
            lease=row.lease,
            channel=row.channel,
            letter=row.letter,
            address=row.address,
            message_id=row.message_id,
            language=row.language,
            account=referred.accounts[row.account_id].name,
            label=row.label,
            code=challenges.code_of(self._keys, challenge)
            if challenge is not None and row.letter is not Letter.APPROVAL
            else "",
            url=f"{self._origin}/confirm/{challenges.token_of(self._keys, challenge)}"
            if challenge is not None and confirms
            else "",
            not_me=self._not_me(asked or row) if is_disownable(asked or row) else "",
            asked_at=row.posted_at,
            named_at=challenge.issued_at if challenge is not None else None,
            asked_from=row.asked_from,
            asked_with=row.asked_with,
            expires_at=row.expires_at,
            attempt=row.attempts,
            notice=row.notice,
            subject_label=row.about,
            challenge_id=row.challenge_id,
            thread=self._thread(asked or row),
            envelope_sender=reply_addresses.bounce_address(self._keys, row, self._mail_domain)
            if self._mail_domain and not is_for_desk
            else "",
            reply_to=reply_addresses.reply_address(self._keys, row, self._mail_domain)
            if self._mail_domain and not is_for_desk
            else "",
            disowned_at=disowned.posted_at if disowned else None,
            disowned_from=disowned.asked_from if disowned else "",
            disowned_with=disowned.asked_with if disowned else "",
            answers_to=row.answers_to,
            answered=row.answered,
            labels=labels,
            hides_code=contact is not None and contact.hides_code,
            copies=row.copies,
        )

    def _thread(self, row: Delivery) -> str:
        """Name the conversation a letter belongs to: its challenge's, or the notices to its contact."""
        about = f"challenge:{row.challenge_id}" if row.challenge_id else f"contact:{row.contact_id or row.address}"
        return f"<{self._keys.digest('thread', about)[:32]}@{self._domain}>"

    def _not_me(self, row: Delivery) -> str:
        return f"{self._origin}/not-me/{message_tokens.token_of(self._keys, row)}"

    async def _drop(self, row: Delivery, now: datetime) -> None:
        await where(Delivery, id=row.id).update(failed_at=now, due_at=None, reply=row.reply or _NOT_NEEDED)


def _answered(asked: Delivery) -> str:
    """Name what an answer is about: the first letter of the conversation."""
    if asked.letter is Letter.ANSWER:
        return asked.answered
    return asked.notice if asked.notice in OF_LOGINS else asked.letter


async def _language(contact: Contact, account: Account, visit: Visit) -> str:
    """Choose a letter's language: the member's choice, else that of the channel it goes by, else the page's."""
    if account.language:
        return account.language
    if contact.channel is Channel.SLACK:
        member = await where(SlackMember, contact_id=contact.id).first()
        if member and member.language:
            return member.language
    if visit.operator:
        # A command has no page: the member's last letter says what the member reads.
        last = await where(Delivery, contact_id=contact.id).first(order_by="-posted_at")
        return last.language if last else visit.language
    return visit.language


def _letter_of(challenge: Challenge) -> Letter:
    if challenge.kind is AuthenticatorKind.APPROVAL:
        return Letter.APPROVAL
    return Letter.CODE if challenge.contact_id and challenge.purpose == "login" else Letter.CONFIRMATION


async def _labels_for(row: Delivery) -> tuple[str, ...]:
    """Give the account's confirmed contacts for the one letter that lists them."""
    if row.notice != Answer.LIST:
        return ()
    living = Contact.filter(account_id=row.account_id, confirmed_at__isnull=False, suspended_at=None)
    return tuple([contact.label for contact in await living.order_by("id")])


def topic_of(challenge_id: int) -> str:
    """Name the topic that tells of a challenge's delivery and of its answer."""
    return f"challenge:{challenge_id}"


async def was_sent_again(*, now: datetime, **of: int | str) -> bool:
    """Tell whether the newest of several messages was posted within the last seconds: its button was pressed twice."""
    sent = await where(Delivery, **of).all(order_by="-id", limit=2)
    return len(sent) > 1 and now < sent[0].posted_at + NUMBERS.repeat_life


def is_disownable(delivery: Delivery) -> bool:
    """Tell whether a letter announced an act of a person who can be disowned by its reader.

    A contact that the help desk removed may be a stranger's, who must end nothing of the member's.
    """
    is_of_desk = delivery.session_id is None and delivery.contact_id is None
    if delivery.notice == Notice.CONTACT_REMOVED and is_of_desk:
        return False
    return delivery.notice not in SUSPENSIONS and delivery.letter is not Letter.ANSWER


@dataclass(frozen=True, slots=True)
class _Referred:
    """What some deliveries refer to, by id."""

    accounts: dict[int, Account]
    challenges: dict[int, Challenge]
    # Only where a contact says how it wants its messages.
    contacts: dict[int, Contact]
    # The letters that answers are about.
    asked: dict[int, Delivery]


async def _referred(rows: Sequence[Delivery]) -> _Referred:
    """Read what claimed rows refer to, all in one go."""
    accounts = await where(Account, id__in=sorted({one.account_id for one in rows})).all()
    named = sorted({one.challenge_id for one in rows if one.challenge_id})
    asked = await where(Challenge, id__in=named).all() if named else []
    reached = sorted({one.contact_id for one in rows if one.contact_id and one.channel is Channel.SLACK})
    contacts = await where(Contact, id__in=reached).all() if reached else []
    about = sorted({one.asked_id for one in rows if one.asked_id})
    letters = await where(Delivery, id__in=about).all() if about else []
    return _Referred(_by_id(accounts), _by_id(asked), _by_id(contacts), _by_id(letters))


def _by_id(rows: Sequence[Row]) -> dict[int, Row]:
    return {int(row.pk): row for row in rows}


def _fades_at(claimed: Claimed) -> int | None:
    """Tell when a message that stays where others may read it loses its code, if nothing ends it sooner."""
    stays = claimed.channel is Channel.SLACK and claimed.letter in {Letter.CODE, Letter.APPROVAL}
    return instant(claimed.expires_at) if stays else None


def _accepted(is_postgres: bool) -> str:  # noqa: FBT001 - the one thing that the two engines' spelling hangs on
    marks = [f"${place}" for place in range(1, 7)] if is_postgres else ["?"] * 6
    at, reply, remote, fades_at, number, lease = marks
    return (
        f'UPDATE "delivery" SET "accepted_at" = {at}, "due_at" = NULL, "reply" = {reply},'  # noqa: S608 - only marks
        f' "remote" = {remote}, "fades_at" = {fades_at} WHERE "id" = {number} AND "lease" = {lease}'
    )


def _retry_in(attempt: int, retry_after: timedelta | None) -> timedelta:
    """Double the wait with each attempt, with jitter, so that a server coming back isn't met by all at once."""
    doubled = min(_FIRST_RETRY * 2 ** min(attempt - 1, 10), _LONGEST_RETRY)
    wait: timedelta = doubled * random.uniform(0.75, 1.25)  # noqa: S311 - jitter, not a secret
    return max(wait, retry_after or timedelta())


def _after_unknown(copies: int, claimed: Claimed, now: datetime) -> datetime | None:
    """Tell when a letter that may have arrived is sent once more; None for never."""
    if copies >= NUMBERS.letter_copies:
        return None
    due_at = now + NUMBERS.unknown_pause * 4 ** (copies - 1)
    return due_at if due_at < claimed.expires_at else None


def _backlog(row: dict[str, Any] | None) -> Backlog:
    if row is None:
        return Backlog(0, None)
    return Backlog(int(row["due"]), _EPOCH + timedelta(microseconds=int(row["since"])))


def _due() -> QuerySet[Delivery]:
    """Choose what is not delivered yet; a range, for which there is an index of the few rows that are due."""
    return Delivery.filter(due_at__gt=_EPOCH)


def _short(reply: str) -> str:
    if not reply.isprintable():
        reply = "".join(sign if sign.isprintable() else " " for sign in reply)
    return reply[:_REPLY_LENGTH] or "-"


def _message_domain(settings: Settings) -> str:
    address = parseaddr(settings.mail_from)[1]
    return domain_of(address) or "tegata.invalid"
