"""The one path by which every door's answers are verified: paced, spent, compared, consumed."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from hub.authenticators import approval, one_time_password
from hub.context import Hub
from hub.domain.identifiers import typed_code
from hub.domain.outcomes import Hold, Reason, Refused, Throttled
from hub.domain.request_context import Visit
from hub.outbox import notices
from hub.runtime import locks
from hub.security import audit, challenges, rate_limits
from hub.security.rate_limits import ADDRESSES, Closed, Wait
from hub.sessions import known_browsers
from hub.settings import NUMBERS
from hub.verification import matrix_cards, soft_tokens
from models.contact import Contact
from models.delivery import Delivery
from models.kinds import AuthenticatorKind, Channel, EventKind, Notice, Purpose
from models.login import Challenge, Login
from models.queries import where
from models.throttle import Throttle

_COUNTED = {Reason.CLOCK_OFF, Reason.ANSWER_WRONG, Reason.ANSWER_STALE, Reason.TRIES_SPENT, Reason.DIGITS_WRONG}
_REMEMBERED = timedelta(hours=24)
_OLDER_CODES = 5
_DELIVERED = {AuthenticatorKind.ONE_TIME_PASSWORD, AuthenticatorKind.APPROVAL}


@dataclass(frozen=True, slots=True)
class Right:
    """The answer was right and is consumed; it can't be right again."""


@dataclass(frozen=True, slots=True)
class Question:
    """What an answer belongs to: whose it is, of which kind, for what; no challenge for a soft token.

    `login_id` is the login that is answered: what was delivered for another one is no answer to it.
    """

    account_id: int
    kind: AuthenticatorKind
    challenge: Challenge | None
    purpose: Purpose = Purpose.LOGIN
    login_id: int | None = None


async def verify(hub: Hub, visit: Visit, question: Question, typed: str) -> Right | Refused | Throttled:
    """Verify one answer, in the caller's transaction, which holds whatever comes of it.

    The account's turn is taken first, so all answers of an account are heard one after another, whichever door they
    came by. Nothing is told before the transaction has ended, so a crash gives no free guess.
    """
    await locks.take(question.account_id)
    # Strangers behind the right password have counts of their own: they never close a way in the member's browser.
    known = await known_browsers.known_as(hub, visit, question.account_id)
    subject = _subject(question, known)
    # A confirmation has counts of its own: whoever adds contacts neither closes a way to log in nor opens one.
    mine = rate_limits.answer_subjects(question.account_id, question.purpose)
    counts = await rate_limits.rows_of(*mine, subject)
    match rate_limits.hindrance(rate_limits.answer_pace(question.purpose), counts.get(subject), visit.now):
        case Wait(retry_after):
            return Throttled(retry_after, Hold.ANSWER)
        case Closed():
            return Refused(Reason.KIND_CLOSED)
        case None:
            pass
    verdict = await _compared(hub, visit, question, typed)
    if isinstance(verdict, Right):
        # Of this kind only: what was guessed with another is for the member to look at.
        if subject in counts:
            await rate_limits.forgive(subject)
            # Of its network's count only what was its own: a guesser with an account must not clear the rest.
            by = rate_limits.lately_wrong(counts[subject], visit.now)
            for near in rate_limits.address_subjects(visit.address):
                await rate_limits.lower(ADDRESSES, near, by=by, now=visit.now)
        return verdict
    if verdict.reason in _COUNTED:
        await _count(hub, visit, question, subject, counts)
    return verdict


async def rouse(hub: Hub, verdict: object) -> None:
    """Wake the senders when an answer was counted as wrong, for the member may be told; call it after the commit."""
    if isinstance(verdict, Refused) and verdict.reason in _COUNTED:
        await notices.rouse(hub.outbox, Channel)


async def count_denied(account_id: int, *, now: datetime) -> None:
    """Count a denied approval as a wrong answer, in the caller's transaction; whoever denies is no guesser."""
    await locks.take(account_id)
    mine = rate_limits.answer_subject(account_id, AuthenticatorKind.APPROVAL)
    await rate_limits.count(rate_limits.ANSWERS, mine, (await rate_limits.rows_of(mine)).get(mine), now=now)


async def redeem(question: Question, *, now: datetime) -> Right | Refused:
    """Consume an approval that was given elsewhere, in the caller's transaction; asking too soon costs nothing.

    Nothing is compared here, so nothing is paced: the digits went through `verify` where they were typed.
    """
    await locks.take(question.account_id)
    current = await _current(question)
    if current is None or not challenges.is_live(current, now):
        return Refused(Reason.APPROVAL_OVER)
    if current.approved_at is None:
        return Refused(Reason.NOT_APPROVED)
    return Right() if await challenges.consume(current, now=now) else Refused(Reason.APPROVAL_OVER)


def _subject(question: Question, known: str) -> str:
    return rate_limits.answer_subject(question.account_id, question.kind, question.purpose, known)


async def _compared(hub: Hub, visit: Visit, question: Question, typed: str) -> Right | Refused:
    if question.kind is AuthenticatorKind.SOFT_TOKEN:
        return await _soft_token(hub, visit, question, typed_code(typed))
    if question.challenge is None:
        return Refused(Reason.CHALLENGE_OVER)
    current = await _current(question)
    if current is None:
        return Refused(Reason.CHALLENGE_OVER)
    if question.kind is AuthenticatorKind.APPROVAL:
        return await _digits(hub, visit, current, typed_code(typed))
    if not challenges.is_live(current, visit.now):
        return await _told_apart(hub, current, typed_code(typed), visit.now)
    if question.kind is AuthenticatorKind.MATRIX:
        return await _cells(hub, visit, current, typed)
    return await _code(hub, visit, current, typed_code(typed))


async def _current(question: Question) -> Challenge | None:
    """Read the challenge anew behind the account's row: it may have been answered, or removed, meanwhile."""
    current = await where(
        Challenge,
        id=question.challenge.id if question.challenge else 0,
        account_id=question.account_id,
        kind=question.kind,
        purpose=question.purpose,
    ).first()
    if current is None or question.purpose is Purpose.CONFIRM or question.kind not in _DELIVERED:
        return current
    # A code or an approval opens the login that asked for it (ASVS 6.6.2).
    return current if current.login_id is not None and current.login_id == question.login_id else None


async def _digits(hub: Hub, visit: Visit, challenge: Challenge, typed: str) -> Right | Refused:
    """Compare once only: two digits can be guessed, so a wrong number ends what it was typed for."""
    if challenge.approved_at is not None:
        return Refused(Reason.ALREADY_APPROVED)
    if not challenges.is_live(challenge, visit.now):
        return Refused(Reason.APPROVAL_OVER)
    if approval.is_right(challenges.digits_of(hub.keys, challenge), typed):
        return Right() if await challenges.approve(challenge, now=visit.now) else Refused(Reason.APPROVAL_OVER)
    await challenges.revoke(challenge, now=visit.now)
    return Refused(Reason.DIGITS_WRONG)


async def _soft_token(hub: Hub, visit: Visit, question: Question, typed: str) -> Right | Refused:
    if not one_time_password.can_be(typed):
        return Refused(Reason.CODE_MISSHAPEN)
    refusal = await soft_tokens.answered(hub, question.account_id, typed, now=visit.now)
    return Right() if refusal is None else Refused(refusal)


async def _cells(hub: Hub, visit: Visit, challenge: Challenge, typed: str) -> Right | Refused:
    refusal = await matrix_cards.answered(hub, challenge, typed)
    if refusal is not None:
        return Refused(refusal)
    return Right() if await challenges.consume(challenge, now=visit.now) else Refused(Reason.CHALLENGE_OVER)


async def _code(hub: Hub, visit: Visit, challenge: Challenge, typed: str) -> Right | Refused:
    if not one_time_password.can_be(typed):
        # A slip of the fingers, no guess: it spends no try.
        return Refused(Reason.CODE_MISSHAPEN)
    if one_time_password.is_right(challenges.code_of(hub.keys, challenge), typed):
        return Right() if await challenges.consume(challenge, now=visit.now) else Refused(Reason.CHALLENGE_OVER)
    await challenges.spend(challenge, now=visit.now)
    if await _is_older_code(hub, visit, challenge, typed):
        newer_at = await _sent_at(challenge)
        return Refused(Reason.ANSWER_STALE, challenge.tries_left, newer_at, await _label_of(challenge))
    if challenge.tries_left == 0:
        await Challenge.filter(id=challenge.id).update(slot=None, revoked_at=visit.now)
        return Refused(Reason.TRIES_SPENT, 0)
    return Refused(Reason.ANSWER_WRONG, challenge.tries_left)


async def _told_apart(hub: Hub, dead: Challenge, typed: str, now: datetime) -> Refused:
    """Say what a dead challenge died of; no live one is compared, so nothing can be guessed here."""
    if dead.contact_id is not None:
        same = where(Challenge, contact_id=dead.contact_id, purpose=dead.purpose, login_id=dead.login_id)
        newer = await same.first(order_by="-id")
        if newer is not None and newer.id != dead.id and challenges.is_live(newer, now):
            was_right = one_time_password.is_right(challenges.code_of(hub.keys, dead), typed)
            reason = Reason.ANSWER_STALE if was_right else Reason.CHALLENGE_OVER
            return Refused(reason, newer.tries_left, await _sent_at(newer), await _label_of(newer))
    reason = Reason.TRIES_SPENT if dead.tries_left <= 0 else Reason.CHALLENGE_OVER
    return Refused(reason, 0)


async def _is_older_code(hub: Hub, visit: Visit, challenge: Challenge, typed: str) -> bool:
    """Tell whether a code was typed that this contact was sent before; it opens nothing any more.

    Of a login's codes only those count that this browser asked for: no stranger learns that a code is a member's.
    """
    sent = Challenge.filter(
        contact_id=challenge.contact_id,
        purpose=challenge.purpose,
        issued_at__gt=visit.now - _REMEMBERED,
        id__lt=challenge.id,
    )
    if challenge.login_id is not None:
        digests = known_browsers.digests_of(hub, visit, challenge.account_id)
        mine = Login.filter(account_id=challenge.account_id, known_by__in=digests) if digests else Login.filter(id=0)
        logins = [int(str(one)) for one in await mine.values_list("id", flat=True)]
        sent = sent.filter(login_id__in=[challenge.login_id, *logins])
    older = await sent.order_by("-id").limit(_OLDER_CODES)
    return any(one_time_password.is_right(challenges.code_of(hub.keys, one), typed) for one in older)


async def _sent_at(challenge: Challenge) -> datetime:
    last = await Delivery.filter(challenge_id=challenge.id).order_by("-id").first()
    return last.posted_at if last else challenge.issued_at


async def _label_of(challenge: Challenge) -> str:
    contact = await Contact.get_or_none(id=challenge.contact_id)
    return contact.label if contact else ""


async def _count(hub: Hub, visit: Visit, question: Question, subject: str, counts: dict[str, Throttle]) -> None:
    pace = rate_limits.answer_pace(question.purpose)
    await rate_limits.count(pace, subject, counts.get(subject), now=visit.now)
    # The account's row is held, the address's is not: others may count there at the same moment.
    nets = rate_limits.address_subjects(visit.address)
    near = await rate_limits.rows_of(*nets)
    for net in nets:
        await rate_limits.add(ADDRESSES, net, near.get(net), now=visit.now)
    await audit.record(
        hub.keys,
        EventKind.ANSWER_WRONG,
        visit,
        question.account_id,
        authenticator=str(question.kind),
        purpose=str(question.purpose),
    )
    wrong = 1 + sum(rate_limits.standing(pace, row, visit.now) for row in counts.values())
    if question.purpose is Purpose.LOGIN and wrong in NUMBERS.told_at_wrong:
        # The caller wakes the senders after its commit, with `rouse`.
        await notices.tell_all(hub.outbox, visit, question.account_id, Notice.ANSWERS_WRONG)
