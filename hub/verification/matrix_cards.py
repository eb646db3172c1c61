"""The matrix cards of accounts: issued, asked for three cells, renewed."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tortoise.transactions import in_transaction

from hub.authenticators import matrix
from hub.context import Hub
from hub.domain.outcomes import Reason
from hub.domain.request_context import Visit
from hub.outbox import notices
from hub.security import audit, challenges
from hub.sessions import ending
from hub.sessions.ending import Ended
from hub.settings import NUMBERS
from models.account import Account
from models.authenticator import MatrixCard
from models.kinds import AuthenticatorKind, Channel, EventKind, Notice, Purpose
from models.login import Challenge
from models.queries import where

# The card has no tries of its own: the account's soft lock slows guessing, and the cells stay until answered.
_ENDLESS = 32767


@dataclass(frozen=True, slots=True)
class Printed:
    """A card as it goes to the printer, once."""

    account: str
    serial: str
    cells: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Blank:
    """A card that is about to be bound to an account."""

    account_id: int
    serial: str
    cells: Mapping[str, str] = field(repr=False)


async def usable(hub: Hub, account_id: int) -> MatrixCard | None:
    """Find the card an account can answer with; None when it has none or, in strict mode, has spent it."""
    card = await where(MatrixCard, account_id=account_id, revoked_at=None).first(order_by="-id")
    if card is None or not hub.settings.matrix_strict:
        return card
    drawn = len(_cells(card.drawn))
    if len(matrix.CELLS) - drawn >= matrix.ASKED or await Challenge.exists(slot=slot_of(account_id)):
        return card
    return None


def needs_renewal(hub: Hub, card: MatrixCard) -> bool:
    """Tell whether the member should be asked to fetch a new card."""
    if hub.settings.matrix_strict:
        return len(_cells(card.drawn)) >= NUMBERS.matrix_strict_renew_after * matrix.ASKED
    return card.answered >= NUMBERS.matrix_renew_after


async def ask(hub: Hub, visit: Visit, account_id: int) -> Challenge | None:
    """Give the account's matrix challenge: the one that waits for its answer, or a fresh one; None without a card.

    The cells outlive reloads, wrong answers and new logins, or one could ask until familiar cells come up.
    """
    waiting = await challenges.live(slot_of(account_id), now=visit.now)
    if waiting is not None:
        return waiting
    card = await usable(hub, account_id)
    if card is None:
        return None
    used = _cells(card.drawn) if hub.settings.matrix_strict else ()
    cells = matrix.draw(used)
    fresh = challenges.draft(
        hub.keys,
        account_id=account_id,
        kind=AuthenticatorKind.MATRIX,
        purpose=Purpose.LOGIN,
        slot=slot_of(account_id),
        now=visit.now,
    )
    fresh.cells = " ".join(cells)
    fresh.tries_left = _ENDLESS
    minted = await challenges.mint(fresh)
    if minted is None:
        return await challenges.live(slot_of(account_id), now=visit.now)
    if hub.settings.matrix_strict:
        await MatrixCard.filter(id=card.id).update(drawn=" ".join((*used, *cells)))
    return minted


def asked_cells(challenge: Challenge) -> tuple[str, ...]:
    """Name the cells that a challenge asks for, in column order."""
    return _cells(challenge.cells)


async def answered(hub: Hub, challenge: Challenge, typed: str) -> Reason | None:
    """Compare what was typed with the card's cells; None when it is right, else why it is refused."""
    card = await usable(hub, challenge.account_id)
    if card is None:
        return Reason.ANSWER_WRONG
    cells = matrix.unpack(hub.keys.unseal(card.cells, identity=identity_of(card)))
    surplus = matrix.surplus(cells, asked_cells(challenge), typed)
    if surplus:
        # A typing mistake and not a guess: the page shows how many characters a cell has.
        return Reason.CELLS_MISSING if surplus < 0 else Reason.CELLS_TOO_MANY
    if not matrix.is_right(cells, asked_cells(challenge), typed):
        return Reason.ANSWER_WRONG
    await where(MatrixCard, id=card.id).update(answered=card.answered + 1)
    return None


async def issue_to(hub: Hub, visit: Visit, accounts: Sequence[Account], *, quiet: bool = False) -> list[Printed]:
    """Issue a new card to each account on the operator's word; the cards before are revoked and all contacts told."""
    blanks = [Blank(account.id, _serial(), matrix.mint(hub.settings.matrix_signs)) for account in accounts]
    async with in_transaction():
        replaced = await replace(hub, visit, blanks, quiet=quiet)
    await announce(hub, replaced)
    names = {account.id: account.name for account in accounts}
    return [Printed(names[blank.account_id], blank.serial, blank.cells) for blank in blanks]


@dataclass(frozen=True, slots=True)
class Replaced:
    """What the help desk's cards ended, and the channels to rouse."""

    ended: Ended
    told: frozenset[Channel]


async def replace(hub: Hub, visit: Visit, blanks: Sequence[Blank], *, quiet: bool = False) -> Replaced:
    """Bind cards on the operator's word, in the caller's transaction.

    An account whose card is replaced may have lost it: all that it has open ends.
    """
    ids = [blank.account_id for blank in blanks]
    held = await MatrixCard.filter(account_id__in=ids, revoked_at=None).values_list("account_id", flat=True)
    ended = await ending.end_each([int(str(one)) for one in held], now=visit.now)
    return Replaced(ended, await bind(hub, visit, blanks, quiet=quiet))


async def announce(hub: Hub, replaced: Replaced) -> None:
    """Wake the senders, and the pages that show what ended; call it after the commit."""
    await ending.announce(hub, replaced.ended)
    await notices.rouse(hub.outbox, replaced.told)


async def issue(hub: Hub, visit: Visit, account_id: int, *, by: int) -> frozenset[Channel]:
    """Issue a new card at its member's wish, in the caller's transaction; returns the channels to rouse.

    The card before it is revoked; `by` is the session in which it was done.
    """
    blank = Blank(account_id, _serial(), matrix.mint(hub.settings.matrix_signs))
    return await bind(hub, visit, [blank], by=by)


async def bind(
    hub: Hub, visit: Visit, blanks: Sequence[Blank], *, by: int | None = None, quiet: bool = False
) -> frozenset[Channel]:
    """Bind cards, one an account, in the caller's transaction, and tell all contacts unless it is to be quiet.

    Cards before are revoked, their challenges too. Returns the channels to rouse.
    """
    ids = [blank.account_id for blank in blanks]
    await MatrixCard.filter(account_id__in=ids, revoked_at=None).update(revoked_at=visit.now)
    slots = [slot_of(account_id) for account_id in ids]
    await Challenge.filter(slot__in=slots).update(slot=None, revoked_at=visit.now)
    await MatrixCard.bulk_create([_sealed(hub, visit, blank) for blank in blanks])
    await audit.record_all(
        hub.keys,
        [
            audit.drafted(hub.keys, EventKind.MATRIX_ISSUED, visit, blank.account_id, serial=blank.serial)
            for blank in blanks
        ],
    )
    if quiet:
        return frozenset()
    return await notices.tell_each(hub.outbox, visit, ids, Notice.MATRIX_ISSUED, about="Matrix", by=by)


def _sealed(hub: Hub, visit: Visit, blank: Blank) -> MatrixCard:
    signs = len(blank.cells["A,1"])
    card = MatrixCard(
        account_id=blank.account_id,
        serial=blank.serial,
        signs=signs,
        is_weak=matrix.bits(blank.cells) < NUMBERS.matrix_bits_floor,
        issued_at=visit.now,
    )
    card.cells = hub.keys.seal(matrix.pack(blank.cells), identity=identity_of(card))
    return card


def identity_of(card: MatrixCard) -> str:
    """Name what a card's sealed cells are bound to, so that they open in no other row."""
    return f"matrix-card/{card.account_id}/{card.serial}"


def slot_of(account_id: int) -> str:
    """Name the one place of an account's matrix challenge."""
    return f"matrix:{account_id}"


def _cells(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _serial() -> str:
    return "-".join("".join(secrets.choice(matrix.ALPHABET) for _ in range(4)) for _ in range(3))
