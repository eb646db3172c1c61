"""Accounts as an operator keeps them: added, found, disabled, given a new password."""

from dataclasses import dataclass
from datetime import datetime

from tortoise.exceptions import IntegrityError
from tortoise.transactions import in_transaction

from hub.accounts import wrong_answer_counts
from hub.accounts.wrong_answer_counts import CountLine
from hub.authenticators.password import LONGEST, SHORTEST, is_acceptable
from hub.contacts import contacts
from hub.contacts.contacts import ContactLine
from hub.context import Hub
from hub.domain.errors import RefusedError
from hub.domain.identifiers import (
    UnacceptableError,
    account_of,
    address_of,
    fold_account,
    fold_address,
    fold_label,
    label_of,
)
from hub.domain.outcomes import Reason
from hub.domain.request_context import Visit
from hub.outbox import notices
from hub.runtime import locks
from hub.security import audit
from hub.sessions import ending
from hub.verification import code_block, one_time_passwords, soft_tokens
from hub.verification.soft_tokens import SoftTokenLine
from models.account import Account
from models.authenticator import MatrixCard, SoftToken
from models.contact import Contact, RefusedAddress
from models.delivery import Delivery
from models.event import Event
from models.kinds import Channel, EventKind, Notice
from models.session import Session

# Digits that a number of the database has at most.
_LONGEST_NUMBER = 19
_NO_ADDRESS = "an address has the form name@domain"
_ADDRESS_REASONS = {
    Reason.ADDRESS_DOTS: "the part before the @ can't begin or end with a dot or have two dots in a row; carriers that"
    " gave out such addresses stand in TEGATA_DOTTED_MAIL_DOMAINS",
    Reason.ADDRESS_DOMAIN: "the part after the @ is not an internet domain",
    Reason.ADDRESS_OURS: "mail to TEGATA_MAIL_DOMAIN comes back to this hub",
}


@dataclass(frozen=True, slots=True)
class AccountLine:
    """An account as an operator sees it."""

    id: int
    account: str
    created_at: datetime
    disabled_at: datetime | None
    language: str
    contacts: tuple[ContactLine, ...]
    soft_tokens: int
    matrix_serial: str
    matrix_off_at: datetime | None
    open_sessions: int
    last_login_at: datetime | None
    codes_blocked_until: datetime | None
    disowned_at: datetime | None
    counts: tuple[CountLine, ...]


@dataclass(frozen=True, slots=True)
class ListedAccount:
    """An account in a list of many."""

    account: str
    created_at: datetime
    disabled_at: datetime | None
    language: str


async def add(hub: Hub, visit: Visit, *, name: str, password: str, language: str = "") -> Account:
    """Add an account; RefusedError says why it can't be."""
    checked = check_new(name, password)
    hashed = await hub.passwords.hash(password)
    try:
        async with in_transaction():
            account = await Account.create(
                name=checked,
                folded=fold_account(checked),
                password_hash=hashed,
                language=language,
                created_at=visit.now,
            )
            await audit.record(hub.keys, EventKind.ACCOUNT_ADDED, visit, account.id)
    except IntegrityError as error:
        raise _taken(checked) from error
    return account


async def check_free(name: str) -> None:
    """Make sure that an account of this name can be added; RefusedError says why not."""
    checked = name_of(name)
    if await Account.exists(folded=fold_account(checked)):
        raise _taken(checked)


def name_of(typed: str) -> str:
    """Give an account's name as it is written; RefusedError when it can be none."""
    try:
        return account_of(typed)
    except UnacceptableError as error:
        message = f"{typed!r}: an account's name has 1 to 64 letters, digits and . _ @ + -, and begins with one."
        raise RefusedError(message) from error


def _taken(name: str) -> RefusedError:
    return RefusedError(f"{name}: there is an account of this name.")


def check_new(name: str, password: str) -> str:
    """Give an account's name as it will be written; RefusedError when it or the password can't be taken."""
    checked = name_of(name)
    if not is_acceptable(password):
        message = f"{checked}: a password has {SHORTEST} to {LONGEST} characters."
        raise RefusedError(message)
    return checked


async def find(name: str) -> Account:
    """Find an account by its name, in any spelling, or by # and the number in the log; RefusedError for none."""
    number = name.removeprefix("#")
    if number != name and number.isascii() and number.isdecimal() and len(number) < _LONGEST_NUMBER:
        account = await Account.get_or_none(id=int(number))
    else:
        account = await Account.get_or_none(folded=fold_account(name))
    if account is None:
        message = f"{name}: there is no such account."
        raise RefusedError(message)
    return account


async def listed(*, beginning: str, after: str, limit: int) -> list[ListedAccount]:
    """List accounts by name, those that begin with `beginning` and stand behind `after`."""
    chosen = Account.filter(folded__gt=fold_account(after))
    if beginning:
        chosen = chosen.filter(folded__startswith=fold_account(beginning))
    rows = await chosen.order_by("folded").limit(limit)
    return [ListedAccount(row.name, row.created_at, row.disabled_at, row.language) for row in rows]


async def show(name: str, *, now: datetime) -> AccountLine:
    """Tell what is known of an account."""
    account = await find(name)
    card = await MatrixCard.filter(account_id=account.id, revoked_at=None).order_by("-id").first()
    last = await Session.filter(account_id=account.id).order_by("-opened_at").first()
    disowned = await Event.filter(account_id=account.id, kind=EventKind.DISOWNED).order_by("-id").first()
    rows = await Contact.filter(account_id=account.id).order_by("id")
    return AccountLine(
        id=account.id,
        account=account.name,
        created_at=account.created_at,
        disabled_at=account.disabled_at,
        language=account.language,
        contacts=tuple(contacts.line(row) for row in rows),
        soft_tokens=await SoftToken.filter(account_id=account.id, bound_at__isnull=False).count(),
        matrix_serial=card.serial if card else "",
        matrix_off_at=account.matrix_off_at,
        open_sessions=await Session.filter(account_id=account.id, ended_at=None, expires_at__gt=now).count(),
        last_login_at=last.opened_at if last else None,
        codes_blocked_until=one_time_passwords.kept_until(account, now=now),
        disowned_at=disowned.at if disowned else None,
        counts=await wrong_answer_counts.of_account(account, now=now),
    )


async def disable(hub: Hub, visit: Visit, name: str, *, quiet: bool = False) -> int:
    """Disable an account and end its sessions; returns how many were open."""
    account = await find(name)
    async with in_transaction():
        changed = await Account.filter(id=account.id, disabled_at=None).update(disabled_at=visit.now)
        ended = await ending.end_all(account.id, now=visit.now)
        await audit.record(hub.keys, EventKind.ACCOUNT_DISABLED, visit, account.id)
        told = await _told(hub, visit, account.id, Notice.ACCOUNT_DISABLED, quiet=quiet or not changed)
    await ending.announce(hub, ended)
    await notices.rouse(hub.outbox, told)
    return ended.sessions


async def enable(hub: Hub, visit: Visit, name: str, *, quiet: bool = False) -> None:
    """Let a disabled account log in again."""
    account = await find(name)
    async with in_transaction():
        changed = await Account.filter(id=account.id, disabled_at__isnull=False).update(disabled_at=None)
        await audit.record(hub.keys, EventKind.ACCOUNT_ENABLED, visit, account.id)
        told = await _told(hub, visit, account.id, Notice.ACCOUNT_ENABLED, quiet=quiet or not changed)
    await notices.rouse(hub.outbox, told)


async def unlock(hub: Hub, visit: Visit, name: str, *, quiet: bool = False) -> int:
    """Forget an account's wrong answers and a block of its codes; returns how many counts there were."""
    account = await find(name)
    async with in_transaction():
        reopened = await code_block.reopen(account.id, now=visit.now)
        await audit.record(hub.keys, EventKind.KIND_REOPENED, visit, account.id)
        is_quiet = quiet or not reopened.has_changed
        told = await _told(hub, visit, account.id, Notice.UNLOCKED_BY_DESK, quiet=is_quiet)
    await notices.rouse(hub.outbox, told)
    return reopened.counts


async def set_password(hub: Hub, visit: Visit, name: str, password: str, *, quiet: bool = False) -> int:
    """Give an account a new password and end its sessions; returns how many were open."""
    account = await find(name)
    check_new(account.name, password)
    hashed = await hub.passwords.hash(password)
    async with in_transaction():
        await Account.filter(id=account.id).update(password_hash=hashed)
        ended = await ending.end_all(account.id, now=visit.now)
        await audit.record(hub.keys, EventKind.PASSWORD_SET, visit, account.id)
        told = await _told(hub, visit, account.id, Notice.PASSWORD_SET_BY_DESK, quiet=quiet)
    await ending.announce(hub, ended)
    await notices.rouse(hub.outbox, told)
    return ended.sessions


async def add_contact(
    hub: Hub, visit: Visit, name: str, *, label: str, address: str, quiet: bool = False
) -> ContactLine:
    """Give an account a mail contact that counts at once, on the operator's word; all contacts are told."""
    account = await find(name)
    try:
        named = label_of(label)
    except UnacceptableError as error:
        message = f"{label!r}: a label has 1 to 32 characters, none of them invisible."
        raise RefusedError(message) from error
    place = _place(hub, address)
    try:
        async with in_transaction():
            contact = await Contact.create(
                account=account,
                channel=Channel.MAIL,
                label=named,
                label_folded=fold_label(named),
                address=place,
                address_folded=fold_address(place),
                added_at=visit.now,
                confirmed_at=visit.now,
            )
            await audit.record(hub.keys, EventKind.CONTACT_ADDED, visit, account.id, label=named, by="operator")
            told = await _told(hub, visit, account.id, Notice.CONTACT_ADDED, about=named, quiet=quiet)
    except IntegrityError as error:
        message = f"{account.name}: this label or address is in the list already."
        raise RefusedError(message) from error
    await notices.rouse(hub.outbox, told)
    return contacts.line(contact)


async def remove_contact(hub: Hub, visit: Visit, name: str, label: str) -> int:
    """Remove an account's contact by its label, and end the account's sessions; returns how many were open.

    The contact may be a stranger's: its letters of before end nothing any more.
    """
    account = await find(name)
    async with in_transaction():
        await locks.take(account.id)
        contact = await Contact.get_or_none(account_id=account.id, label_folded=fold_label(label))
        if contact is None:
            message = f"{account.name}: there is no contact {label!r}."
            raise RefusedError(message)
        await Delivery.filter(contact_id=contact.id, disowned_at=None).update(disowned_at=visit.now)
        ended = await ending.end_all(account.id, now=visit.now)
        told = await contacts.unbind(hub, visit, contact)
    await ending.announce(hub, ended)
    await notices.rouse(hub.outbox, told)
    return ended.sessions


async def allow_address(hub: Hub, visit: Visit, name: str, address: str) -> None:
    """Open an address again that its reader closed to an account by "this was not me"."""
    account = await find(name)
    place = _place(hub, address)
    async with in_transaction():
        await locks.take(account.id)
        closed = RefusedAddress.filter(account_id=account.id, address_folded=fold_address(place))
        if not await closed.delete():
            message = f"{account.name}: the address {address!r} is not closed to this account."
            raise RefusedError(message)
        await audit.record(hub.keys, EventKind.CONTACT_ALLOWED, visit, account.id, opened=place)


def _place(hub: Hub, address: str) -> str:
    """Give a mail address in the form in which it is kept."""
    try:
        return address_of(address, hub.settings.address_rules)
    except UnacceptableError as error:
        message = f"{address!r}: {_ADDRESS_REASONS.get(error.reason, _NO_ADDRESS)}."
        raise RefusedError(message) from error


async def soft_tokens_of(name: str) -> list[SoftTokenLine]:
    """List the soft tokens of an account that are bound."""
    account = await find(name)
    rows = await SoftToken.filter(account_id=account.id, bound_at__isnull=False).order_by("bound_at")
    return [SoftTokenLine(row.id, row.label, row.bound_at, row.used_at) for row in rows if row.bound_at]


async def remove_soft_token(hub: Hub, visit: Visit, name: str, label: str) -> int:
    """Remove an account's soft token by its label, and end the account's sessions; returns how many were open."""
    account = await find(name)
    async with in_transaction():
        await locks.take(account.id)
        token = await SoftToken.get_or_none(
            account_id=account.id, label_folded=fold_label(label), bound_at__isnull=False
        )
        if token is None:
            message = f"{account.name}: there is no soft token {label!r}."
            raise RefusedError(message)
        ended = await ending.end_all(account.id, now=visit.now)
        told = await soft_tokens.unbind(hub, visit, token)
    await ending.announce(hub, ended)
    await notices.rouse(hub.outbox, told)
    return ended.sessions


async def _told(
    hub: Hub, visit: Visit, account_id: int, notice: Notice, *, about: str = "", quiet: bool
) -> frozenset[Channel]:
    """Tell all contacts what the operator changed, in the caller's transaction; nothing when it is to be quiet."""
    return frozenset() if quiet else await notices.tell_all(hub.outbox, visit, account_id, notice, about=about)
