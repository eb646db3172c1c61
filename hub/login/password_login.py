"""One login from account and password to admission: begin, choose, answer; the only file that knows its order."""

import secrets
from dataclasses import replace
from datetime import datetime
from typing import Any

from tortoise.transactions import in_transaction

from hub.context import Hub
from hub.domain import clock, policy
from hub.domain.identifiers import fold_account
from hub.domain.outcomes import (
    Admitted,
    Asked,
    Begun,
    Busy,
    ByApproval,
    ByContact,
    ByMatrix,
    BySoftToken,
    Choose,
    Offer,
    Reason,
    Refused,
    Throttled,
    Way,
)
from hub.domain.request_context import Visit
from hub.login import approvals, card_login, login_alerts
from hub.outbox import notices
from hub.outbox.messages import line_of
from hub.outbox.queue import topic_of
from hub.runtime import metrics
from hub.security import audit, challenges
from hub.sessions import known_browsers, password_check, sessions
from hub.settings import NUMBERS
from hub.verification import bound_authenticators, matrix_cards, one_time_passwords, verify
from hub.verification.one_time_passwords import Sent
from hub.verification.verify import Question, Right
from models.account import Account
from models.authenticator import MatrixCard
from models.contact import Contact
from models.delivery import Delivery
from models.kinds import AuthenticatorKind, Channel, EventKind
from models.login import Challenge, Login
from models.queries import fresh, insert, where

_PURPOSE = "login"


@metrics.counted
async def begin(
    hub: Hub, visit: Visit, *, name: str, password: str, named: str = "", before: str = ""
) -> Begun | Refused | Throttled | Busy:
    """Begin a login with account and password; where only the matrix card is left, its cells are asked at once.

    `named` is what a kiosk's browser goes on with after a card has named the account: the login ends with that card.
    `before` is the token of the login that this browser was at: of the same account, it goes on under the new token, so
    that a code which another tab has asked for stays good.
    """
    at_kiosk = await card_login.named(hub, named, now=visit.now)
    folded = fold_account(at_kiosk.account.name if at_kiosk else name)
    account = await where(Account, folded=folded).first()
    proof = await password_check.prove(hub, visit, folded=folded, account=account, password=password)
    if not isinstance(proof, password_check.Proved):
        return proof
    assert account is not None  # noqa: S101 - nobody's password is never right
    offers = policy.offers(await bound_authenticators.of(hub, account))
    if not offers:
        await password_check.forgive(visit, proof)
        return Refused(Reason.NOTHING_BOUND)
    token = secrets.token_urlsafe(32)
    at_once = offers[0].way if len(offers) == 1 and isinstance(offers[0].way, ByMatrix) else None
    async with in_transaction():
        if not await password_check.is_still(account):
            return Refused(Reason.PASSWORD_WRONG)
        await password_check.forgive(visit, proof)
        challenge = await matrix_cards.ask(hub, visit, account.id) if at_once else None
        begun = {
            "digest": hub.keys.digest(_PURPOSE, token),
            "challenge_id": challenge.id if challenge else None,
            "chosen": _chosen(at_once) if at_once else "",
            "kiosk_login_id": at_kiosk.login_id if at_kiosk else None,
            "address": visit.address,
            "browser": visit.browser,
            "begun_at": visit.now,
            "expires_at": visit.now + NUMBERS.login_life,
        }
        login_id = await _renewed(hub, before, account.id, begun)
        if login_id is None:
            login = fresh(Login, account_id=account.id, **begun)
            await insert(login)
            login_id = login.id
        await audit.record(hub.keys, EventKind.PASSWORD_RIGHT, visit, account.id, login=login_id)
    if challenge is not None:
        return Begun(token, await _cells_asked(account, challenge, other_ways=False))
    return Begun(token, _choice(account, offers, now=visit.now))


async def offered(hub: Hub, token: str, *, now: datetime) -> Choose | Refused:
    """List the ways to go on with a login; changes nothing."""
    login = await _living(hub, token, now)
    if login is None:
        return Refused(Reason.LOGIN_OVER)
    offers = policy.offers(await bound_authenticators.of(hub, login.account))
    if not offers:
        return Refused(Reason.NOTHING_BOUND)
    others_wait = await _others_wait(login.account_id, login.id, now=now)
    return replace(_choice(login.account, offers, now=now), others_wait=others_wait)


async def choose(hub: Hub, visit: Visit, token: str, way: Way) -> Asked | Refused | Throttled:
    """Choose how to go on: a code or a request goes to a contact, or cells or a soft token's code are asked."""
    login = await _living(hub, token, visit.now)
    if login is None:
        return Refused(Reason.LOGIN_OVER)
    offers = policy.offers(await bound_authenticators.of(hub, login.account))
    if not any(offer.way == way for offer in offers):
        return Refused(Reason.NOT_OFFERED)
    return await _ask(hub, visit, login, way, other_ways=len(offers) > 1)


async def asked(hub: Hub, token: str, *, now: datetime) -> Asked | Choose | Refused:
    """Tell what a login asks now, and how its delivery stands; Choose when nothing was chosen yet. Changes nothing."""
    login = await _living(hub, token, now)
    if login is None:
        return Refused(Reason.LOGIN_OVER)
    if not login.chosen:
        return await offered(hub, token, now=now)
    offers = policy.offers(await bound_authenticators.of(hub, login.account))
    outcome = await _asked(hub, login, offers, now)
    if isinstance(outcome, Refused):
        return outcome
    return replace(outcome, others_wait=await _others_wait(login.account_id, login.id, now=now))


async def send_again(hub: Hub, visit: Visit, token: str) -> Asked | Refused | Throttled:
    """Send the code once more: the same while it lives, a fresh one when it has ended."""
    login = await _living(hub, token, visit.now)
    if login is None:
        return Refused(Reason.LOGIN_OVER)
    way = _way(login.chosen)
    if not isinstance(way, ByContact):
        return Refused(Reason.NOT_OFFERED)
    offers = policy.offers(await bound_authenticators.of(hub, login.account))
    if not any(offer.way == way for offer in offers):
        return Refused(Reason.NOT_OFFERED)
    return await _send(hub, visit, login, way, again=True, other_ways=len(offers) > 1)


async def send_to(hub: Hub, visit: Visit, contact_id: int) -> Asked | Refused | Throttled:
    """Send once more what the one login that waits asked of a contact, on the word of who holds that contact.

    The letter tells where the login is from, not who asked for it again. Of several logins none is chosen: one of them
    may be a stranger's.
    """
    chosen = [_chosen(ByContact(contact_id)), _chosen(ByApproval(contact_id))]
    waiting = await where(Login, chosen__in=chosen, ended_at=None, expires_at__gt=visit.now).all(limit=2)
    if len(waiting) > 1:
        return Refused(Reason.LOGINS_WAIT)
    login = waiting[0] if waiting else None
    account = await where(Account, id=login.account_id, disabled_at=None).first() if login else None
    if login is None or account is None:
        return Refused(Reason.NO_LOGIN_WAITS)
    login.account = account
    as_asked = replace(visit, address=login.address, browser=login.browser)
    match _way(login.chosen):
        case ByContact() | ByApproval() as way:
            return await _send(hub, as_asked, login, way, again=True, other_ways=True)
        case _:
            return Refused(Reason.NO_LOGIN_WAITS)


@metrics.counted
async def answer(hub: Hub, visit: Visit, token: str, response: str) -> Admitted | Refused | Throttled:
    """Answer what the login asks; admitted when both factors are proved.

    Spending the try, consuming the challenge, opening the session and telling it are one transaction: a crash
    leaves all of it or nothing, and nothing was told yet.
    """
    login = await _living(hub, token, visit.now)
    if login is None:
        return Refused(Reason.LOGIN_OVER)
    kind = _kind(login.chosen)
    if kind is None:
        return Refused(Reason.NOT_OFFERED)
    async with in_transaction():
        question = Question(login.account_id, kind, login.challenge, login_id=login.id)
        if kind is AuthenticatorKind.APPROVAL:
            # It was answered where it was asked: here only the browser that shows the digits goes in with it.
            verdict: Right | Refused | Throttled = await verify.redeem(question, now=visit.now)
        else:
            verdict = await verify.verify(hub, visit, question, response)
        secret = _admission_secret(token, response)
        admission = await _admit(hub, visit, login, kind, secret) if isinstance(verdict, Right) else verdict
    if login.challenge is not None:
        await one_time_passwords.tell_if_ended(hub, login.challenge, now=visit.now)
    if isinstance(admission, Refused | Throttled):
        await verify.rouse(hub, verdict)
        return admission
    admitted, told = admission
    await notices.rouse(hub.outbox, told)
    return admitted


async def admitted_again(hub: Hub, visit: Visit, token: str, response: str) -> Admitted | None:
    """Lead the same answer, sent twice by the same browser within seconds, to the session that it opened.

    Nothing is compared, counted or opened: the session's token is derived from the login's token and the answer.
    """
    if not token:
        return None
    lately = visit.now - NUMBERS.repeat_life
    ended = where(Login, digest__in=hub.keys.digests(_PURPOSE, token), ended_at__gt=lately)
    login = await ended.first_with("account")
    if login is None or login.account.disabled_at is not None:
        return None
    opened = await sessions.opened_again(hub, visit, login, secret=_admission_secret(token, response))
    return Admitted(opened.token, login.account.name, login.account.language) if opened else None


def _admission_secret(token: str, response: str) -> str:
    return f"{token} {response}"


async def _admit(
    hub: Hub, visit: Visit, login: Login, kind: AuthenticatorKind, secret: str
) -> tuple[Admitted, frozenset[Channel]] | Refused:
    proved = (AuthenticatorKind.PASSWORD, kind)
    at_kiosk = await card_login.held(login.kiosk_login_id) if login.kiosk_login_id else None
    if login.kiosk_login_id and at_kiosk is None:
        return Refused(Reason.LOGIN_OVER)
    if at_kiosk is not None:
        # The kiosk's place counts, not its network, and no browser there is known again.
        visit = replace(visit, zone=at_kiosk.zone, browser=at_kiosk.name, browser_token="")
    ending = where(Login, id=login.id, digest=login.digest, ended_at=None, expires_at__gt=visit.now)
    if not policy.is_enough(proved) or await ending.update(ended_at=visit.now) != 1:
        return Refused(Reason.LOGIN_OVER)
    contact_id = login.challenge.contact_id if login.challenge else None
    if contact_id is not None:
        await where(Contact, id=contact_id).update(used_at=visit.now)
    at = at_kiosk.login if at_kiosk else None
    await one_time_passwords.revoke_unused(login, now=visit.now)
    opened = await sessions.open_session(hub, visit, login, proved, secret=secret, at=at)
    await audit.record(hub.keys, EventKind.ADMITTED, visit, login.account_id, amr=policy.amr(proved))
    told = await login_alerts.tell(hub, visit, login.account_id, kind, session_id=opened.id)
    return Admitted(opened.token, login.account.name, login.account.language), told


async def _ask(hub: Hub, visit: Visit, login: Login, way: Way, *, other_ways: bool) -> Asked | Refused | Throttled:
    match way:
        case ByContact() | ByApproval():
            return await _send(hub, visit, login, way, again=False, other_ways=other_ways)
        case BySoftToken():
            await where(Login, id=login.id).update(chosen=_chosen(way), challenge_id=None)
            return _soft_token_asked(login.account, other_ways=other_ways)
        case ByMatrix():
            async with in_transaction():
                challenge = await matrix_cards.ask(hub, visit, login.account_id)
                if challenge is None:
                    return Refused(Reason.NOT_OFFERED)
                await where(Login, id=login.id).update(chosen=_chosen(way), challenge_id=challenge.id)
            return await _cells_asked(login.account, challenge, other_ways=other_ways)


async def _send(
    hub: Hub, visit: Visit, login: Login, way: ByContact | ByApproval, *, again: bool, other_ways: bool
) -> Asked | Refused | Throttled:
    async with in_transaction():
        contact = await where(Contact, id=way.contact_id, account_id=login.account_id).first()
        if contact is None:
            return Refused(Reason.NOT_OFFERED)
        ask = one_time_passwords.ask if isinstance(way, ByContact) else approvals.ask
        sent = await ask(hub, visit, login, contact, again=again)
        if isinstance(sent, Refused | Throttled):
            return sent
        # A door without a browser leaves what the login's own browser is known by.
        known_by = known_browsers.digest_of(hub, visit, login.account_id) or login.known_by
        await where(Login, id=login.id).update(chosen=_chosen(way), challenge_id=sent.challenge.id, known_by=known_by)
    if sent.posted:
        await hub.outbox.rouse(contact.channel)
        await hub.wakeups.tell(topic_of(sent.challenge.id))
    if isinstance(way, ByApproval):
        return _approval_asked(hub, login.account, contact, sent, visit.now)
    return _code_asked(login.account, contact, sent, visit.now, other_ways=other_ways)


async def _asked(hub: Hub, login: Login, offers: tuple[Offer, ...], now: datetime) -> Asked | Refused:
    other_ways = len(offers) > 1
    way = _way(login.chosen)
    match way:
        case BySoftToken():
            return _soft_token_asked(login.account, other_ways=other_ways)
        case ByMatrix() if login.challenge is not None:
            return await _cells_asked(login.account, login.challenge, other_ways=other_ways)
        case ByContact(contact_id) | ByApproval(contact_id) if login.challenge is not None:
            contact = await where(Contact, id=contact_id).first()
            delivery = await where(Delivery, challenge_id=login.challenge.id).first(order_by="-id")
            if contact is None or delivery is None:
                return Refused(Reason.NOT_OFFERED)
            if isinstance(way, ByApproval):
                sent = Sent(login.challenge, delivery, posted=False)
                return _approval_asked(hub, login.account, contact, sent, now)
            resend_at = await one_time_passwords.resend_at(login.account_id, contact_id, now=now)
            sent = Sent(login.challenge, delivery, posted=False, resend_at=resend_at)
            return _code_asked(login.account, contact, sent, now, other_ways=other_ways)
        case _:
            return Refused(Reason.NOT_OFFERED)


def _code_asked(account: Account, contact: Contact, sent: Sent, now: datetime, *, other_ways: bool) -> Asked:
    return Asked(
        challenge_id=sent.challenge.id,
        kind=AuthenticatorKind.ONE_TIME_PASSWORD,
        account=account.name,
        label=contact.label,
        channel=contact.channel,
        delivery=line_of(sent.delivery, now),
        resend_at=sent.resend_at,
        expires_at=sent.challenge.expires_at,
        other_ways=other_ways,
        asked_at=sent.challenge.issued_at,
        asked_from=sent.delivery.asked_from,
        asked_with=sent.delivery.asked_with,
    )


def _approval_asked(hub: Hub, account: Account, contact: Contact, sent: Sent, now: datetime) -> Asked:
    return Asked(
        challenge_id=sent.challenge.id,
        kind=AuthenticatorKind.APPROVAL,
        account=account.name,
        label=contact.label,
        channel=contact.channel,
        digits=challenges.digits_of(hub.keys, sent.challenge),
        is_approved=sent.challenge.approved_at is not None,
        delivery=line_of(sent.delivery, now),
        expires_at=sent.challenge.expires_at,
        asked_at=sent.challenge.issued_at,
        asked_from=sent.delivery.asked_from,
        asked_with=sent.delivery.asked_with,
    )


async def _cells_asked(account: Account, challenge: Challenge, *, other_ways: bool) -> Asked:
    card = await where(MatrixCard, account_id=account.id, revoked_at=None).first(order_by="-id")
    return Asked(
        challenge_id=challenge.id,
        kind=AuthenticatorKind.MATRIX,
        account=account.name,
        cells=matrix_cards.asked_cells(challenge),
        signs=card.signs if card else 0,
        other_ways=other_ways,
    )


def _soft_token_asked(account: Account, *, other_ways: bool) -> Asked:
    return Asked(None, AuthenticatorKind.SOFT_TOKEN, account.name, other_ways=other_ways)


async def _renewed(hub: Hub, before: str, account_id: int, begun: dict[str, Any]) -> int | None:
    """Have the login that this browser was at go on under a new token; None when there is none of this account.

    The old token opens nothing any more, so a cookie that an attacker planted gains nothing by the member's password.
    """
    if not before:
        return None
    old = await where(
        Login, digest__in=hub.keys.digests(_PURPOSE, before), account_id=account_id, ended_at=None
    ).first()
    if old is None:
        return None
    renewed = await where(Login, id=old.id, digest=old.digest, ended_at=None).update(**begun)
    return int(old.id) if renewed else None


async def _others_wait(account_id: int, login_id: int, *, now: datetime) -> bool:
    """Tell whether another login to an account waits for its second step."""
    waiting = where(Login, account_id=account_id, ended_at=None, expires_at__gt=now)
    return any(other.id != login_id for other in await waiting.all(limit=2))


def _choice(account: Account, offers: tuple[Offer, ...], *, now: datetime) -> Choose:
    until = one_time_passwords.kept_until(account, now=now)
    return Choose(account.name, policy.paused(offers, until) if until else offers)


async def _living(hub: Hub, token: str, now: datetime) -> Login | None:
    """Find the login of a token that has neither ended nor run out, with its account and what it asks."""
    if not token:
        return None
    digests = hub.keys.digests(_PURPOSE, token, since=now - NUMBERS.login_life)
    living = where(Login, digest__in=digests, ended_at=None, expires_at__gt=now)
    login = await living.first_with("account", "challenge")
    if login is None or login.account.disabled_at is not None or not clock.has_come(login.begun_at, now):
        return None
    is_current = login.digest == digests[0]
    return login if is_current or hub.keys.is_timely(_PURPOSE, token, login.digest, made_at=login.begun_at) else None


def _chosen(way: Way) -> str:
    match way:
        case ByContact(contact_id):
            return f"contact:{contact_id}"
        case ByApproval(contact_id):
            return f"approval:{contact_id}"
        case BySoftToken():
            return "soft-token"
        case ByMatrix():
            return "matrix"


def _way(chosen: str) -> Way | None:
    kind, _, number = chosen.partition(":")
    if kind == "contact":
        return ByContact(int(number))
    if kind == "approval":
        return ByApproval(int(number))
    if kind == "soft-token":
        return BySoftToken()
    return ByMatrix() if kind == "matrix" else None


def _kind(chosen: str) -> AuthenticatorKind | None:
    match _way(chosen):
        case ByContact():
            return AuthenticatorKind.ONE_TIME_PASSWORD
        case ByApproval():
            return AuthenticatorKind.APPROVAL
        case BySoftToken():
            return AuthenticatorKind.SOFT_TOKEN
        case ByMatrix():
            return AuthenticatorKind.MATRIX
        case None:
            return None
