"""What a member may do in a chat: by the web's rules, with nothing proved but that this chat account is theirs."""

from dataclasses import dataclass, replace
from datetime import datetime

from hub.contacts import confirmation, contacts, registration, slack_identity
from hub.contacts.contacts import ContactLine
from hub.context import Hub
from hub.domain.identifiers import fold_label
from hub.domain.outcomes import Added, Asked, Confirmed, Done, Reason, Refused, Throttled
from hub.domain.request_context import Visit
from hub.login import password_login
from hub.recovery import disavow
from hub.recovery.disavow import Locked
from hub.sessions import sessions
from hub.sessions.sessions import SessionLine
from hub.verification import bound_authenticators, one_time_passwords
from models.account import Account
from models.contact import Contact
from models.queries import where

LANGUAGES = ("ja", "en")
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class State:
    """How an account stands, for its member: what is registered, what is open, until when no codes are sent."""

    account: str
    language: str
    contacts: tuple[ContactLine, ...]
    soft_tokens: int
    has_matrix: bool
    sessions: tuple[SessionLine, ...]
    codes_blocked_until: datetime | None


@dataclass(frozen=True, slots=True)
class OnPage:
    """It needs the password again: the page where it is done."""

    label: str
    url: str


async def language_of(speaker: str) -> str:
    """Tell the language that a member chose; empty when none was chosen, or nobody is linked."""
    contact = await slack_identity.contact_of(speaker)
    return contact.account.language if contact else ""


async def state(hub: Hub, speaker: str, *, now: datetime) -> State | Refused:
    """Tell how the speaker's account stands."""
    contact = await slack_identity.contact_of(speaker)
    if contact is None:
        return await slack_identity.missing(speaker)
    account = contact.account
    has = await bound_authenticators.of(hub, account)
    rows = await where(Contact, account_id=account.id).all(order_by="id")
    return State(
        account=account.name,
        language=account.language,
        contacts=tuple(contacts.line(row) for row in rows),
        soft_tokens=has.soft_tokens,
        has_matrix=has.matrix_card,
        sessions=await sessions.open_of(account.id, now=now),
        codes_blocked_until=one_time_passwords.kept_until(account, now=now),
    )


async def add(hub: Hub, visit: Visit, speaker: str, *, label: str, address: str) -> Added | Refused | Throttled:
    """Add a mail address under a label: what is mailed there is brought back here, and every contact is told.

    The chat account was linked behind the password, by the web's rule for enrolment. While codes are blocked on
    somebody's "this was not me", nothing is added from here, for no password stands behind it.
    """
    contact = await slack_identity.contact_of(speaker)
    if contact is None:
        return await slack_identity.missing(speaker)
    return _hindrance(contact.account, visit) or await registration.register(
        hub, _as_shown(contact, visit), contact.account_id, label=label, address=address
    )


async def confirm(
    hub: Hub, visit: Visit, speaker: str, typed: str, *, contact_id: int | None = None
) -> Confirmed | Refused | Throttled:
    """Confirm a waiting address with the code from its mail; where none is named, whichever the code belongs to."""
    contact = await slack_identity.contact_of(speaker)
    if contact is None:
        return await slack_identity.missing(speaker)
    refusal = _hindrance(contact.account, visit)
    if refusal is not None:
        return refusal
    as_shown = _as_shown(contact, visit)
    if contact_id is None:
        return await confirmation.confirm_any(hub, as_shown, contact.account_id, typed)
    return await confirmation.confirm_typed(hub, as_shown, contact.account_id, contact_id, typed)


async def removal(hub: Hub, speaker: str, label: str) -> OnPage | Refused:
    """Say where a contact is removed: that needs the password, as on the web."""
    contact = await slack_identity.contact_of(speaker)
    if contact is None:
        return await slack_identity.missing(speaker)
    named = await where(Contact, account_id=contact.account_id, label_folded=fold_label(label)).first()
    if named is None:
        return Refused(Reason.NOT_FOUND)
    return OnPage(named.label, f"{hub.settings.origin}/settings/contacts/{named.id}/remove")


async def send_again(hub: Hub, visit: Visit, speaker: str) -> Asked | Refused | Throttled:
    """Send here once more what a login page waits for."""
    contact = await slack_identity.contact_of(speaker)
    return await password_login.send_to(hub, visit, contact.id) if contact else await slack_identity.missing(speaker)


async def lock(hub: Hub, visit: Visit, speaker: str) -> Locked | Refused:
    """End every login and session of the speaker's account, keep codes away for a while, and tell the help desk."""
    contact = await slack_identity.contact_of(speaker)
    return await disavow.lock(hub, visit, contact.account_id) if contact else await slack_identity.missing(speaker)


async def end_session(hub: Hub, visit: Visit, speaker: str, session_id: int) -> Done | Refused:
    """End one session of the speaker's account."""
    contact = await slack_identity.contact_of(speaker)
    return (
        await sessions.end_of(hub, visit, contact.account_id, session_id)
        if contact
        else await slack_identity.missing(speaker)
    )


async def speak(speaker: str, language: str) -> Done | Refused:
    """Keep the language that the member chose, for chat, mail and pages."""
    contact = await slack_identity.contact_of(speaker)
    if contact is None:
        return await slack_identity.missing(speaker)
    if language not in LANGUAGES:
        return Refused(Reason.NOT_FOUND)
    await where(Account, id=contact.account_id).update(language=language)
    return Done()


def _as_shown(contact: Contact, visit: Visit) -> Visit:
    # Who reads of it is to know the person, not an id.
    return replace(visit, browser=contact.shown[:_SHOWN] or visit.browser)


def _hindrance(account: Account, visit: Visit) -> Refused | None:
    until = one_time_passwords.kept_until(account, now=visit.now)
    return Refused(Reason.CODES_BLOCKED, until=until) if until is not None else None
