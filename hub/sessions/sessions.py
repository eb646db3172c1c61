"""What a claimant holds after admission: opened, looked up, stepped up, ended."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tortoise.transactions import in_transaction

from hub.context import Hub
from hub.domain import clock, policy
from hub.domain.outcomes import Busy, Done, Reason, Refused, SteppedUp, Throttled
from hub.domain.request_context import Visit
from hub.security import audit
from hub.sessions import password_check
from hub.settings import NUMBERS
from models.account import Account
from models.authenticator import SoftToken
from models.kinds import AuthenticatorKind, EventKind, Zone
from models.kiosk import KioskLogin
from models.login import Login
from models.queries import fresh, insert, where
from models.session import Session

_PURPOSE = "session"
# A session's token is derived from what opened or renewed it, for the browser that sends the same form twice.
_ADMISSION = "admission"
_STEP_UP = "step-up"
# A session's last use is written at most this often: a page is no reason to write.
_TOUCH_EVERY = timedelta(minutes=1)
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Current:
    """The session that a request came with; `token` is the browser's, kept for deriving what is bound to it."""

    id: int
    token: str = field(repr=False)
    account_id: int
    account: str
    language: str
    amr: str
    zone: Zone
    address: str
    opened_at: datetime
    stepped_up_at: datetime | None

    @property
    def has_card_proved(self) -> bool:
        """Whether a card and its PIN opened it."""
        return policy.has_card_and_pin(self.amr)

    def is_stepped_up(self, now: datetime) -> bool:
        """Tell whether the password was asked again lately."""
        at = self.stepped_up_at
        return at is not None and clock.has_come(at, now) and now < at + NUMBERS.step_up_life


@dataclass(frozen=True, slots=True)
class Opened:
    """A session just opened; its token, 256 random bits, is the browser's."""

    id: int
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SessionLine:
    """One session as its member sees it."""

    id: int
    amr: str
    zone: Zone
    address: str
    browser: str
    opened_at: datetime
    seen_at: datetime
    is_this: bool
    is_open: bool


async def open_session(
    hub: Hub,
    visit: Visit,
    login: Login,
    proved: Iterable[AuthenticatorKind],
    *,
    secret: str,
    at: KioskLogin | None = None,
) -> Opened:
    """Open a session in the transaction of its login's admission; `at` is the login at a kiosk that it ends with.

    The token is derived from `secret`, so that the same answer from the same login leads to it again.
    """
    session = _drafted(visit, login.account_id, policy.amr(proved))
    session.contact_id = login.challenge.contact_id if login.challenge else None
    session.login_id = login.id
    session.challenge_id = login.challenge_id
    if at is not None:
        session.kiosk_id, session.kiosk_login_id = at.kiosk_id, at.id
    return await _opened(hub, session, hub.keys.digest(_ADMISSION, secret))


async def open_with_card(hub: Hub, visit: Visit, login: KioskLogin) -> Opened:
    """Open the session of a card with its PIN: both factors were proved this moment, so it is stepped up."""
    session = _drafted(visit, login.account_id, policy.amr((AuthenticatorKind.IC_CARD,)))
    session.kiosk_id, session.kiosk_login_id = login.kiosk_id, login.id
    session.stepped_up_at = visit.now
    return await _opened(hub, session, secrets.token_urlsafe(32))


def _drafted(visit: Visit, account_id: int, amr: str) -> Session:
    return fresh(
        Session,
        account_id=account_id,
        amr=amr,
        zone=visit.zone,
        address=visit.address,
        browser=visit.browser,
        opened_at=visit.now,
        seen_at=visit.now,
        expires_at=visit.now + NUMBERS.session_life,
    )


async def _opened(hub: Hub, session: Session, token: str) -> Opened:
    session.digest = hub.keys.digest(_PURPOSE, token)
    await insert(session)
    return Opened(session.id, token)


async def opened_again(hub: Hub, visit: Visit, login: Login, *, secret: str) -> Opened | None:
    """Find the session that the same answer opened within the last seconds in this browser; None otherwise."""
    for token in hub.keys.digests(_ADMISSION, secret):
        session = await _repeated(hub, visit, token)
        if session is not None and session.login_id == login.id and visit.now < session.opened_at + NUMBERS.repeat_life:
            return Opened(session.id, token)
    return None


async def _repeated(hub: Hub, visit: Visit, token: str) -> Session | None:
    session = await where(Session, digest__in=hub.keys.digests(_PURPOSE, token), ended_at=None).first()
    if session is None or session.address != visit.address:
        return None
    # A kiosk's session has the kiosk's name in the browser's place.
    return session if session.kiosk_id is not None or session.browser == visit.browser else None


async def current(hub: Hub, token: str, *, now: datetime) -> Current | None:
    """Find the open session of a token; None when it has ended, idled out or never was."""
    if not token:
        return None
    digests = hub.keys.digests(_PURPOSE, token, since=now - NUMBERS.session_life)
    session = await where(Session, digest__in=digests, ended_at=None).first_with("account")
    if session is None or not _is_open(session, now) or session.account.disabled_at is not None:
        return None
    # The current key's digest is the usual case, and needs no second look.
    if session.digest != digests[0] and not hub.keys.is_timely(
        _PURPOSE, token, session.digest, made_at=session.opened_at
    ):
        return None
    account = session.account
    if now - session.seen_at >= _TOUCH_EVERY:
        await where(Session, id=session.id, ended_at=None).update(seen_at=now)
    return Current(
        id=session.id,
        token=token,
        account_id=session.account_id,
        account=account.name,
        language=account.language,
        amr=session.amr,
        zone=session.zone,
        address=session.address,
        opened_at=session.opened_at,
        stepped_up_at=session.stepped_up_at,
    )


async def goes_on(session: Current, *, now: datetime) -> bool:
    """Tell whether a session is still open, for a page that looks by itself: nobody is seen by that."""
    row = await where(Session, id=session.id, ended_at=None).first()
    return row is not None and _is_open(row, now)


async def step_up(hub: Hub, visit: Visit, session: Current, password: str) -> SteppedUp | Refused | Throttled | Busy:
    """Ask for the password again; the session goes on under a new token (ASVS 7.2.4)."""
    if not policy.may_enrol(session_amr=session.amr, session_zone=session.zone, zone=visit.zone):
        return await refuse_off_campus(hub, visit, session)
    account = await where(Account, id=session.account_id).one()
    proof = await password_check.prove(hub, visit, folded=account.folded, account=account, password=password)
    if not isinstance(proof, password_check.Proved):
        return proof
    token = hub.keys.digest(_STEP_UP, session.token)
    async with in_transaction():
        if not await password_check.is_still(account):
            return Refused(Reason.PASSWORD_WRONG)
        await password_check.forgive(visit, proof)
        renewed = await Session.filter(id=session.id, ended_at=None).update(
            digest=hub.keys.digest(_PURPOSE, token), stepped_up_at=visit.now, seen_at=visit.now
        )
        await audit.record(hub.keys, EventKind.STEPPED_UP, visit, account.id, session=session.id)
    return SteppedUp(token) if renewed else Refused(Reason.LOGIN_OVER)


async def step_up_again(
    hub: Hub, visit: Visit, old_token: str, password: str
) -> SteppedUp | Refused | Throttled | Busy | None:
    """Give the new token once more to a form that was sent twice; None when no step-up renewed this token just now."""
    for token in hub.keys.digests(_STEP_UP, old_token):
        session = await _repeated(hub, visit, token) if old_token else None
        if session is None or session.stepped_up_at is None:
            continue
        if visit.now >= session.stepped_up_at + NUMBERS.repeat_life:
            continue
        account = await where(Account, id=session.account_id).one()
        proof = await password_check.prove(hub, visit, folded=account.folded, account=account, password=password)
        if not isinstance(proof, password_check.Proved):
            return proof
        await password_check.forgive(visit, proof)
        return SteppedUp(token)
    return None


def hindrance(session: Current, visit: Visit) -> Reason | None:
    """Tell what stands against changing authenticators in this session; None when nothing does."""
    if not policy.may_enrol(session_amr=session.amr, session_zone=session.zone, zone=visit.zone):
        return Reason.MATRIX_OFF_CAMPUS
    if not session.is_stepped_up(visit.now):
        return Reason.STEP_UP_NEEDED
    return None


async def refuse_off_campus(hub: Hub, visit: Visit, session: Current) -> Refused:
    """Refuse enrolment by the guide's rule, and tell it."""
    await audit.record(hub.keys, EventKind.ENROLMENT_REFUSED, visit, session.account_id, session=session.id)
    return Refused(Reason.MATRIX_OFF_CAMPUS)


async def listed(session: Current, *, now: datetime) -> tuple[SessionLine, ...]:
    """List the account's last sessions and every open one, however old, the newest first."""
    last = await where(Session, account_id=session.account_id).all(order_by="-opened_at", limit=_SHOWN)
    unended = await where(Session, account_id=session.account_id, ended_at=None).all()
    rows = {row.id: row for row in [*last, *(row for row in unended if _is_open(row, now))]}
    newest_first = sorted(rows.values(), key=lambda row: (row.opened_at, row.id), reverse=True)
    return tuple(_line(row, now, this=session.id) for row in newest_first)


async def open_of(account_id: int, *, now: datetime) -> tuple[SessionLine, ...]:
    """List the account's open sessions for a door that is none of them, the newest first."""
    rows = await where(Session, account_id=account_id, ended_at=None).all(order_by="-opened_at")
    return tuple(line for line in (_line(row, now) for row in rows) if line.is_open)


async def end(hub: Hub, visit: Visit, session: Current, session_id: int) -> Done | Refused:
    """End this session or another one of the same account."""
    return await end_of(hub, visit, session.account_id, session_id)


async def end_of(hub: Hub, visit: Visit, account_id: int, session_id: int) -> Done | Refused:
    """End a session of an account for a door that has made sure whose it is; one that has ended stays so."""
    async with in_transaction():
        mine = Session.filter(id=session_id, account_id=account_id, ended_at=None)
        if await mine.update(ended_at=visit.now) != 1:
            is_known = await Session.filter(id=session_id, account_id=account_id).exists()
            return Done() if is_known else Refused(Reason.NOT_FOUND)
        # A secret that this session was shown and has not proved goes with it.
        await SoftToken.filter(account_id=account_id, bound_in=session_id, bound_at=None).delete()
        await audit.record(hub.keys, EventKind.SESSION_ENDED, visit, account_id, session=session_id)
    return Done()


async def speak(session: Current, language: str) -> None:
    """Keep the language that the member chose."""
    await Account.filter(id=session.account_id).update(language=language)


def _line(row: Session, now: datetime, *, this: int | None = None) -> SessionLine:
    return SessionLine(
        id=row.id,
        amr=row.amr,
        zone=row.zone,
        address=row.address,
        browser=row.browser,
        opened_at=row.opened_at,
        seen_at=row.seen_at,
        is_this=row.id == this,
        is_open=row.ended_at is None and _is_open(row, now),
    )


def _is_open(session: Session, now: datetime) -> bool:
    lives = now < min(session.expires_at, session.opened_at + NUMBERS.session_life)
    # What a clock that ran ahead has written would live longer than any session may.
    are_past = clock.has_come(session.opened_at, now) and clock.has_come(session.seen_at, now)
    return lives and are_past and now < session.seen_at + NUMBERS.session_idle
