"""One login at a kiosk from the card to the browser that goes in: begin, answer or name, admit, end."""

import hmac
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from urllib.parse import urlsplit

import structlog
from cryptography.x509 import Certificate
from tortoise.transactions import in_transaction

from hub.authenticators import ic_card
from hub.cards import binding, ic_cards, kiosks, uid_cards
from hub.cards.kiosks import Known
from hub.context import Hub
from hub.domain import clock, policy
from hub.domain.outcomes import Admitted, KioskReason, TurnedAway
from hub.domain.request_context import Visit
from hub.login import login_alerts
from hub.outbox import notices
from hub.security import audit, certificate_validation, rate_limits
from hub.security.certificate_validation import CardTrustError, UnreadableCertificateError
from hub.security.rate_limits import CARD_NUMBERS, Wait
from hub.sessions import ending, sessions
from hub.settings import NUMBERS
from models.account import Account
from models.kinds import AuthenticatorKind, Channel, EventKind, Zone
from models.kiosk import IcCard, Kiosk, KioskLogin, UidCard
from models.queries import insert, where

_log = structlog.get_logger(__name__)
_ADMISSION, _NAMED = "kiosk-admission", "kiosk-named"
_NONCE_SIZE = 32
_LOCAL = {"127.0.0.1", "localhost", "::1"}
_RETRY = NUMBERS.kiosk_admission_life
_PROVED = (AuthenticatorKind.IC_CARD,)


@dataclass(frozen=True, slots=True)
class Begun:
    """The card is good and belongs to somebody: let it sign this."""

    login_id: str
    nonce: bytes = field(repr=False)
    account: str
    language: str


@dataclass(frozen=True, slots=True)
class Browser:
    """The kiosk's browser: the digest of the proof that it keeps, and the local page it comes from."""

    digest: str
    return_url: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the card made of the nonce."""

    login_id: str
    algorithm: str
    signature: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Admission:
    """What the browser goes in with, once."""

    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Named:
    """Somebody is named and nothing proved: the browser may go on with this."""

    login_id: str
    account: str
    language: str
    admission: Admission


@dataclass(frozen=True, slots=True)
class Presented:
    """What a browser brings along to be let in; `origin` is that of the page it comes from."""

    code: str = field(repr=False)
    proof: str = field(repr=False)
    origin: str


@dataclass(frozen=True, slots=True)
class GoesOn:
    """The browser of a named account goes on with this token to prove who is there."""

    token: str = field(repr=False)
    return_url: str


@dataclass(frozen=True, slots=True)
class WentIn:
    """The browser is in, with a session that ends with the card."""

    admitted: Admitted
    return_url: str


@dataclass(frozen=True, slots=True)
class Over:
    """The login has ended; `return_url` leads back to the kiosk's start, where it is known."""

    return_url: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An account that a card has named and that nothing has proved yet."""

    login_id: int
    account: Account


@dataclass(frozen=True, slots=True)
class AtKiosk:
    """A login at a kiosk whose card still lies there."""

    login: KioskLogin
    name: str
    zone: Zone


async def begin(hub: Hub, visit: Visit, kiosk: Known, certificate: bytes) -> Begun | TurnedAway:
    """Begin a login with a card's certificate, before anybody is asked for a PIN."""
    try:
        parsed = certificate_validation.certificate_of(certificate)
    except UnreadableCertificateError as error:
        # It is the card that is odd: the kiosk that handed it on is in order.
        _log.warning("cards.certificate-unreadable", kiosk=kiosk.name, size=len(certificate), error=str(error))
        return await _refused(hub, visit, kiosk, KioskReason.UNSUITABLE)
    card = await _good(hub, visit, parsed)
    waiting = await binding.account_for(kiosk.id, now=visit.now) if card is KioskReason.NOT_BOUND else None
    if isinstance(card, KioskReason) and waiting is None:
        return await _refused(hub, visit, kiosk, card, parsed)
    account = waiting
    if isinstance(card, IcCard):
        account = await where(Account, id=card.account_id, disabled_at=None).first()
    if account is None:
        return await _refused(hub, visit, kiosk, KioskReason.ACCOUNT_CLOSED, parsed)
    login = _drafted(visit, kiosk, account)
    if isinstance(card, IcCard):
        login.ic_card_id = card.id
    else:
        # Its member waits for it at this very kiosk: it is bound once it has proved its key.
        login.certificate = certificate
    login.nonce = secrets.token_bytes(_NONCE_SIZE)
    async with in_transaction():
        # One person at a time: whoever was there before is there no more, whether or not we were told.
        await kiosks.hold(kiosk.id)
        await ending.end_kiosk_logins(now=visit.now, kiosk_id=kiosk.id)
        await insert(login)
    return Begun(login.handle, login.nonce, account.name, account.language or "ja")


async def answer(hub: Hub, visit: Visit, kiosk: Known, given: Answer, browser: Browser) -> Admission | TurnedAway:
    """Answer with the card's signature; the one try is spent before it is verified."""
    if not is_local_page(browser.return_url):
        return TurnedAway(KioskReason.MALFORMED, field="return_url")
    waiting = where(
        KioskLogin,
        handle=given.login_id[:64],
        kiosk_id=kiosk.id,
        answered_at=None,
        ended_at=None,
        begun_at__lte=clock.latest(visit.now),
        expires_at__gt=visit.now,
    )
    if await waiting.update(answered_at=visit.now) != 1:
        return TurnedAway(KioskReason.LOGIN_OVER)
    login = await where(KioskLogin, handle=given.login_id[:64]).one()
    card = await where(IcCard, id=login.ic_card_id).first() if login.ic_card_id is not None else None
    if card is not None and card.blocked_at is not None:
        return TurnedAway(KioskReason.BLOCKED)
    parsed = certificate_validation.parsed(bytes(card.certificate if card else login.certificate or b""))
    assert parsed is not None  # noqa: S101 - nothing else is ever bound
    key = parsed.public_key()
    if given.algorithm != ic_card.algorithm_of(key):
        return TurnedAway(KioskReason.MALFORMED, field="algorithm")
    signed = ic_card.message(kiosk.handle, login.handle, bytes(login.nonce))
    if not ic_card.is_right(key, given.signature, signed):
        told = {"authenticator": str(AuthenticatorKind.IC_CARD), "kiosk": kiosk.name}
        await audit.record(hub.keys, EventKind.ANSWER_WRONG, visit, login.account_id, **told)
        return TurnedAway(KioskReason.WRONG_ANSWER)
    if card is None:
        return await _bound(hub, visit, login, parsed, browser)
    return await _admission(hub, visit, login, browser)


async def name(hub: Hub, visit: Visit, kiosk: Known, number: str, browser: Browser) -> Named | TurnedAway:
    """Begin a login with a card's number, which only names an account."""
    if not is_local_page(browser.return_url):
        return TurnedAway(KioskReason.MALFORMED, field="return_url")
    card = await _known(hub, visit, kiosk, number)
    if isinstance(card, TurnedAway):
        return card
    if isinstance(card, KioskReason):
        return await _refused(hub, visit, kiosk, card)
    account = await where(Account, id=card.account_id, disabled_at=None).first()
    if account is None:
        return await _refused(hub, visit, kiosk, KioskReason.ACCOUNT_CLOSED)
    login = _drafted(visit, kiosk, account)
    login.uid_card_id = card.id
    login.nonce = b""
    login.answered_at = visit.now
    async with in_transaction():
        await kiosks.hold(kiosk.id)
        await ending.end_kiosk_logins(now=visit.now, kiosk_id=kiosk.id)
        await insert(login)
        # What anybody may copy is no factor: who reads the audit must see that it was no more than a name.
        await audit.record(hub.keys, EventKind.CARD_NAMED, visit, account.id, kiosk=kiosk.name, assurance="low")
        admission = await _admission(hub, visit, login, browser)
    return Named(login.handle, account.name, account.language or "ja", admission)


async def _known(hub: Hub, visit: Visit, kiosk: Known, number: str) -> UidCard | KioskReason | TurnedAway:
    """Find the card of a number; numbers that nobody has slow the next one down, for somebody may be guessing."""
    subject = rate_limits.kiosk_subject(kiosk.id)
    counts = await rate_limits.rows_of(subject)
    stop = await rate_limits.spend(CARD_NUMBERS, subject, counts.get(subject), now=visit.now)
    if isinstance(stop, Wait):
        return TurnedAway(KioskReason.THROTTLED, stop.retry_after)
    card = await uid_cards.owned(hub, visit, number)
    if card is not KioskReason.NOT_BOUND:
        await rate_limits.lower(CARD_NUMBERS, subject, by=1, now=visit.now)
    return card


async def admit(hub: Hub, visit: Visit, presented: Presented) -> WentIn | GoesOn | Over:
    """Let the browser in that holds both halves; the code is spent before anything is compared."""
    if not presented.code:
        return Over()
    async with in_transaction():
        digests = hub.keys.digests(_ADMISSION, presented.code, since=visit.now - NUMBERS.login_life)
        login = await where(KioskLogin, admission_digest__in=digests).first()
        if login is None:
            return Over()
        admission = await _admitted(hub, visit, login, presented)
    if not isinstance(admission, tuple):
        return admission
    went_in, told = admission
    await notices.rouse(hub.outbox, told)
    return went_in


async def named(hub: Hub, token: str, *, now: datetime) -> Waiting | None:
    """Find what a kiosk's browser goes on with: the account that a card has named; None when the card is gone."""
    if not token:
        return None
    digests = hub.keys.digests(_NAMED, token, since=now - NUMBERS.login_life)
    login = await where(KioskLogin, named_digest__in=digests, ended_at=None).first()
    if login is None or login.begun_at + NUMBERS.login_life <= now or not clock.has_come(login.begun_at, now):
        return None
    account = await where(Account, id=login.account_id, disabled_at=None).first()
    return Waiting(login.id, account) if account else None


async def held(login_id: int) -> AtKiosk | None:
    """Hold a login at a kiosk until the caller's transaction ends; None when it has ended, and its card is gone."""
    await where(KioskLogin, id=login_id).hold()
    login = await where(KioskLogin, id=login_id, ended_at=None).first()
    kiosk = await where(Kiosk, id=login.kiosk_id, revoked_at=None).first() if login else None
    return AtKiosk(login, kiosk.name, kiosk.zone) if login and kiosk else None


async def end(hub: Hub, visit: Visit, kiosk: Known, login_id: str) -> None:
    """End a login and the session that came of it: the card is gone. What never was ends as well."""
    async with in_transaction():
        await kiosks.hold(kiosk.id)
        login = await where(KioskLogin, handle=login_id[:64], kiosk_id=kiosk.id).first()
        if login is None:
            return
        if await ending.end_kiosk_logins(now=visit.now, kiosk_id=kiosk.id, handle=login.handle):
            await audit.record(
                hub.keys, EventKind.SESSION_ENDED, visit, login.account_id, by="card-away", kiosk=kiosk.name
            )


def is_local_page(url: str) -> bool:
    """Tell whether this is a page of the machine that shows it, and nothing that leads elsewhere."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - it raises for what is no port
    except ValueError:
        return False
    is_plain = url.isascii() and url.isprintable() and "\\" not in url and len(url) <= 80  # noqa: PLR2004 - the column's
    return is_plain and parts.scheme == "http" and parts.hostname in _LOCAL and "@" not in parts.netloc


def origin_of(url: str) -> str:
    """Give the origin of a local page."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


async def _good(hub: Hub, visit: Visit, certificate: Certificate) -> IcCard | KioskReason:
    try:
        trust = hub.card_trust.now_known()
    except CardTrustError:
        return KioskReason.BUSY
    wrong = certificate_validation.fault(
        trust, certificate, now=visit.now, is_current_list_needed=hub.settings.card_revocation == "current"
    )
    if wrong is KioskReason.UNSUPPORTED:
        _log.warning("cards.unsupported", features=certificate_validation.features(trust, certificate))
    return wrong or await ic_cards.owned(hub, visit, certificate)


async def _refused(
    hub: Hub, visit: Visit, kiosk: Known, reason: KioskReason, certificate: Certificate | None = None
) -> TurnedAway:
    """Turn a card away, and tell the audit which and why."""
    fingerprint = ic_cards.fingerprint_of(certificate) if certificate else ""
    card = await where(IcCard, fingerprint=fingerprint).first() if fingerprint else None
    await audit.record(
        hub.keys,
        EventKind.CARD_REFUSED,
        visit,
        card.account_id if card else None,
        reason=str(reason),
        kiosk=kiosk.name,
        card=fingerprint[:16] or None,
    )
    return TurnedAway(reason, retry_after=_RETRY if reason is KioskReason.BUSY else None)


async def _bound(
    hub: Hub, visit: Visit, login: KioskLogin, certificate: Certificate, browser: Browser
) -> Admission | TurnedAway:
    """Bind the card that its member waits for, and let them in with it."""
    async with in_transaction():
        await kiosks.hold(login.kiosk_id)
        bound = await binding.bind(
            hub, visit, kiosk_id=login.kiosk_id, account_id=login.account_id, certificate=certificate
        )
        if bound is None:
            return TurnedAway(KioskReason.LOGIN_OVER)
        card, told = bound
        await where(KioskLogin, id=login.id).update(ic_card_id=card.id, certificate=None)
        admission = await _admission(hub, visit, login, browser)
    await notices.rouse(hub.outbox, told)
    return admission


def _drafted(visit: Visit, kiosk: Known, account: Account) -> KioskLogin:
    return KioskLogin(
        handle=secrets.token_urlsafe(16),
        kiosk_id=kiosk.id,
        account_id=account.id,
        begun_at=visit.now,
        expires_at=visit.now + NUMBERS.kiosk_nonce_life,
    )


async def _admission(hub: Hub, visit: Visit, login: KioskLogin, browser: Browser) -> Admission:
    code = secrets.token_urlsafe(32)
    await where(KioskLogin, id=login.id).update(
        admission_digest=hub.keys.digest(_ADMISSION, code),
        admission_expires_at=visit.now + NUMBERS.kiosk_admission_life,
        browser=browser.digest,
        return_url=browser.return_url,
    )
    return Admission(code)


async def _admitted(
    hub: Hub, visit: Visit, login: KioskLogin, presented: Presented
) -> tuple[WentIn, frozenset[Channel]] | GoesOn | Over:
    """Spend the code, then look at what it came with, in the caller's transaction."""
    await kiosks.hold(login.kiosk_id)
    unspent = where(KioskLogin, id=login.id, admitted_at=None, ended_at=None)
    if await unspent.update(admitted_at=visit.now) != 1:
        return Over(login.return_url)
    kiosk = await where(Kiosk, id=login.kiosk_id, revoked_at=None).first()
    account = await where(Account, id=login.account_id, disabled_at=None).first()
    if kiosk is None or account is None or not _fits(login, presented, visit.now):
        await where(KioskLogin, id=login.id).update(ended_at=visit.now)
        return Over(login.return_url)
    # The kiosk's place counts, not its network; its browsers are thrown away, so none is known again.
    here = replace(visit, zone=kiosk.zone, browser=kiosk.name, browser_token="")
    if login.ic_card_id is None:
        token = secrets.token_urlsafe(32)
        await where(KioskLogin, id=login.id).update(named_digest=hub.keys.digest(_NAMED, token))
        return GoesOn(token, login.return_url)
    assert policy.is_enough(_PROVED)  # noqa: S101 - the card's key is had, its PIN is known
    opened = await sessions.open_with_card(hub, here, login)
    await where(IcCard, id=login.ic_card_id).update(used_at=visit.now)
    amr = policy.amr(_PROVED)
    await audit.record(hub.keys, EventKind.ADMITTED, here, account.id, amr=amr, kiosk=kiosk.name)
    told = await login_alerts.tell(hub, here, account.id, AuthenticatorKind.IC_CARD, session_id=opened.id)
    return WentIn(Admitted(opened.token, account.name, account.language), login.return_url), told


def _fits(login: KioskLogin, presented: Presented, now: datetime) -> bool:
    """Tell whether the code lives, and whether this is the browser that it was given for."""
    until = login.admission_expires_at
    if until is None or until <= now or not clock.has_come(until - NUMBERS.kiosk_admission_life, now):
        return False
    digest = urlsafe_b64encode(sha256(presented.proof.encode()).digest()).decode().rstrip("=")
    is_it = hmac.compare_digest(digest, login.browser)
    return is_it and presented.origin.lower() == origin_of(login.return_url)
