"""The IC cards of accounts: bound by their certificate, found by it, blocked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate
from tortoise.transactions import in_transaction

from hub.accounts import accounts
from hub.authenticators.card_account_rule import rule_of
from hub.context import Hub
from hub.domain.errors import RefusedError
from hub.domain.identifiers import fold_account
from hub.domain.outcomes import KioskReason
from hub.domain.request_context import Visit
from hub.outbox import notices
from hub.security import audit
from hub.sessions import ending
from models.account import Account
from models.kinds import Channel, EventKind, Notice
from models.kiosk import IcCard
from models.queries import insert_unless_taken, where

OPERATOR, RULE, MEMBER = "operator", "rule", "member"
_SUBJECT_LENGTH = 200
_SHORTEST = 8
_BATCH = 500


@dataclass(frozen=True, slots=True)
class CardLine:
    """A card as its member and an operator see it; `expires_at` is its certificate's."""

    account: str
    fingerprint: str
    subject: str
    expires_at: datetime
    bound_by: str
    bound_at: datetime
    used_at: datetime | None
    blocked_at: datetime | None


def fingerprint_of(certificate: Certificate) -> str:
    """Give the SHA-256 of a certificate, in hexadecimal digits."""
    return certificate.fingerprint(SHA256()).hex()


async def bind(
    hub: Hub,
    visit: Visit,
    account: Account,
    certificate: Certificate,
    *,
    by: str,
    session_id: int | None = None,
    quiet: bool = False,
) -> tuple[IcCard, frozenset[Channel]] | None:
    """Bind a card to an account, in the caller's transaction; None when it is bound already, to any account.

    All contacts are told, and the channels to rouse returned. `session_id` is the member's session that asked for it:
    disowned, it takes the card with it.
    """
    card = drafted(visit, account.id, certificate, by=by)
    card.bound_in = session_id
    if not await insert_unless_taken(card):
        return None
    await audit.record(
        hub.keys, EventKind.CARD_BOUND, visit, account.id, by=by, card=card.fingerprint[:16], subject=card.subject
    )
    if quiet:
        return card, frozenset()
    return card, await notices.tell_all(hub.outbox, visit, account.id, Notice.CARD_BOUND, by=session_id)


def drafted(visit: Visit, account_id: int, certificate: Certificate, *, by: str) -> IcCard:
    """Give the row of a card for a caller that writes many at once."""
    return IcCard(
        account_id=account_id,
        fingerprint=fingerprint_of(certificate),
        certificate=certificate.public_bytes(Encoding.DER),
        subject=certificate.subject.rfc4514_string()[:_SUBJECT_LENGTH],
        expires_at=certificate.not_valid_after_utc,
        bound_by=by,
        bound_at=visit.now,
    )


async def bind_for(hub: Hub, visit: Visit, name: str, certificate: Certificate, *, quiet: bool = False) -> str:
    """Bind a card on the operator's word; returns its fingerprint. RefusedError says why it can't be."""
    account = await accounts.find(name)
    async with in_transaction():
        bound = await bind(hub, visit, account, certificate, by=OPERATOR, quiet=quiet)
    if bound is None:
        message = f"{account.name}: this card is bound already; `tegata card list` shows to whom."
        raise RefusedError(message)
    card, told = bound
    await notices.rouse(hub.outbox, told)
    return card.fingerprint


async def owned(hub: Hub, visit: Visit, certificate: Certificate) -> IcCard | KioskReason:
    """Find the card of a certificate that was found good; by the operator's rule, if there is one, it binds itself."""
    card = await where(IcCard, fingerprint=fingerprint_of(certificate)).first()
    if card is None and hub.settings.card_rule:
        card = await _by_rule(hub, visit, certificate)
    if card is None:
        return KioskReason.NOT_BOUND
    return KioskReason.BLOCKED if card.blocked_at is not None else card


async def listed(name: str = "") -> list[CardLine]:
    """List the cards of an account, or of all, in the order they were bound."""
    chosen = IcCard.filter(account_id=(await accounts.find(name)).id) if name else IcCard.all()
    rows = await chosen.order_by("id").select_related("account")
    return [
        CardLine(
            account=row.account.name,
            fingerprint=row.fingerprint,
            subject=row.subject,
            expires_at=row.expires_at,
            bound_by=row.bound_by,
            bound_at=row.bound_at,
            used_at=row.used_at,
            blocked_at=row.blocked_at,
        )
        for row in rows
    ]


async def block(hub: Hub, visit: Visit, fingerprint: str, *, quiet: bool = False) -> int:
    """Take no login by a card any more, end the account's sessions, tell all contacts; returns how many were open."""
    card = await _named(fingerprint)
    told: frozenset[Channel] = frozenset()
    async with in_transaction():
        ended = await ending.end_all(card.account_id, now=visit.now)
        await shut(hub, visit, card)
        # A card that was blocked before is told once.
        if card.blocked_at is None and not quiet:
            told = await notices.tell_all(hub.outbox, visit, card.account_id, Notice.CARD_BLOCKED)
    await ending.announce(hub, ended)
    await notices.rouse(hub.outbox, told)
    return ended.sessions


async def shut(hub: Hub, visit: Visit, card: IcCard) -> int:
    """Block a card in the caller's transaction; returns how many sessions ended. The caller tells the contacts."""
    await where(IcCard, id=card.id).update(blocked_at=visit.now)
    ended = await ending.end_kiosk_logins(now=visit.now, ic_card_id=card.id)
    await audit.record(hub.keys, EventKind.CARD_BLOCKED, visit, card.account_id, card=card.fingerprint[:16])
    return ended


async def unblock(hub: Hub, visit: Visit, fingerprint: str, *, quiet: bool = False) -> None:
    """Take logins by a card again and tell all contacts."""
    card = await _named(fingerprint)
    told: frozenset[Channel] = frozenset()
    async with in_transaction():
        await where(IcCard, id=card.id).update(blocked_at=None)
        await audit.record(hub.keys, EventKind.CARD_UNBLOCKED, visit, card.account_id, card=card.fingerprint[:16])
        if card.blocked_at is not None and not quiet:
            told = await notices.tell_all(hub.outbox, visit, card.account_id, Notice.CARD_UNBLOCKED)
    await notices.rouse(hub.outbox, told)


async def bound_already(fingerprints: Sequence[str]) -> set[str]:
    """Tell which of these cards are bound to somebody."""
    found: set[str] = set()
    for start in range(0, len(fingerprints), _BATCH):
        rows = IcCard.filter(fingerprint__in=list(fingerprints[start : start + _BATCH]))
        found |= {str(one) for one in await rows.values_list("fingerprint", flat=True)}
    return found


async def _by_rule(hub: Hub, visit: Visit, certificate: Certificate) -> IcCard | None:
    name = rule_of(hub.settings.card_rule).account_in(certificate)
    account = await where(Account, folded=fold_account(name), disabled_at=None).first() if name else None
    if account is None:
        return None
    async with in_transaction():
        bound = await bind(hub, visit, account, certificate, by=RULE)
    if bound is None:
        # Two kiosks at once: the other one was first, with the same rule.
        return await where(IcCard, fingerprint=fingerprint_of(certificate)).first()
    card, told = bound
    await notices.rouse(hub.outbox, told)
    return card


async def _named(fingerprint: str) -> IcCard:
    """Find a card by its fingerprint or the beginning of it; RefusedError when that names none, or several."""
    typed = fingerprint.replace(":", "").replace(" ", "").casefold()
    if len(typed) < _SHORTEST:
        message = f"{fingerprint}: write {_SHORTEST} digits of the fingerprint at least."
        raise RefusedError(message)
    found = await IcCard.filter(fingerprint__startswith=typed).limit(2)
    if len(found) != 1:
        message = f"{fingerprint}: {'several cards begin so' if found else 'there is no such card'}."
        raise RefusedError(message)
    return found[0]
