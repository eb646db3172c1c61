"""Cards in bulk: every certificate and every number judged before the first card is bound."""

from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography.x509 import Certificate

from hub.accounts.bulk_import import BadRow, Progress, batches, expect, known_accounts, name_of, one_batch
from hub.cards import ic_cards, numbers, uid_cards
from hub.context import Hub
from hub.domain.csv_rows import rows_of
from hub.domain.errors import RefusedError
from hub.domain.identifiers import fold_account
from hub.domain.outcomes import KioskReason
from hub.domain.request_context import Visit
from hub.outbox import notices
from hub.security import audit, certificate_validation, pem
from hub.security.certificate_validation import Trust, UnreadableCertificateError
from models.account import Account
from models.event import Event
from models.kinds import Channel, EventKind, Notice
from models.kiosk import IcCard, UidCard

# Cards bound in one transaction.
_WRITTEN = 200
# What a card may be bound with although no kiosk takes it at this moment.
_FOR_LATER = {KioskReason.NOT_YET_VALID, KioskReason.BUSY}
_SENTENCES = {
    KioskReason.WEAK_KEY: "its key is too weak",
    KioskReason.UNSUITABLE: "it is not for logging in: P-256, P-384, RSA of 2048 or 3072 bits, for clients' signatures",
    KioskReason.FOREIGN_CA: "no path leads to a CA in TEGATA_CARD_CAS",
    KioskReason.UNSUPPORTED: "it or its CA uses what is not supported",
    KioskReason.CA_EXPIRED: "its CA's certificate has expired",
    KioskReason.EXPIRED: "it has expired",
    KioskReason.REVOKED: "its CA has revoked it",
}


@dataclass(frozen=True, slots=True)
class NewIcCard:
    """A card that can be bound."""

    line: int
    account: str
    certificate: Certificate = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of its certificate."""
        return ic_cards.fingerprint_of(self.certificate)

    @property
    def key(self) -> str:
        """What no two cards share."""
        return self.fingerprint


@dataclass(frozen=True, slots=True)
class NewUidCard:
    """A card that can be bound by its number."""

    line: int
    account: str
    number: str = field(repr=False)

    @property
    def key(self) -> str:
        """What no two cards share."""
        return self.number


NewBoundCard = NewIcCard | NewUidCard


@dataclass(frozen=True, slots=True)
class ReadIcCards:
    """What a file of cards holds."""

    good: list[NewBoundCard]
    bad: list[BadRow]

    @property
    def not_unique(self) -> int:
        """How many numbers are of a kind that two cards may share."""
        return sum(isinstance(one, NewUidCard) and not numbers.is_unique(one.number) for one in self.good)


def certificate_in(file: Path) -> Certificate:
    """Read the certificate in a file, PEM or DER; RefusedError when there is none."""
    try:
        return _certificate(file.read_bytes())
    except OSError as error:
        message = f"{file}: it can't be read ({error.strerror})."
        raise RefusedError(message) from error
    except ValueError as error:
        message = f"{file}: this is no certificate (PEM or DER) that can be bound: {error}."
        raise RefusedError(message) from error


def check(trust: Trust, certificate: Certificate, *, now: datetime) -> None:
    """Make sure that a kiosk will take a card of this certificate; RefusedError says why it won't."""
    fault = certificate_validation.fault(trust, certificate, now=now)
    if fault is not None and fault not in _FOR_LATER:
        features = (
            ", ".join(certificate_validation.features(trust, certificate)) if fault is KioskReason.UNSUPPORTED else ""
        )
        why = f"{_SENTENCES[fault]}{f' ({features})' if features else ''}"
        message = f"This certificate would be refused at every kiosk: {why}."
        raise RefusedError(message)


def read(path: Path, trust: Trust, *, now: datetime) -> ReadIcCards:
    """Read a CSV file of account and certificate (a file beside it, PEM, or DER in base64) or uid, a card's number."""
    rows = rows_of(path)
    expect(path, rows.columns, {"account", "certificate", "uid"}, needed=("account",))
    if not {"certificate", "uid"} & set(rows.columns):
        message = f"{path}: a column certificate or uid is needed."
        raise RefusedError(message)
    found = ReadIcCards([], [])
    seen: dict[str, int] = {}
    for line, row in rows.rows:
        try:
            card = _card(path.parent, line, row, trust, now=now)
        except RefusedError as error:
            found.bad.append(BadRow(line, f"{row['account']}: {error}"))
            continue
        first = seen.setdefault(card.key, line)
        if first != line:
            found.bad.append(BadRow(line, f"{card.account}: the same card stands in line {first}."))
            continue
        found.good.append(card)
    return found


async def fitting(hub: Hub, read: ReadIcCards) -> ReadIcCards:
    """Take the rows out whose account is not in the database, or whose card is bound already."""
    known = await known_accounts([row.account for row in read.good])
    taken = await ic_cards.bound_already([row.key for row in read.good if isinstance(row, NewIcCard)])
    taken |= await uid_cards.bound_already(hub, [row.key for row in read.good if isinstance(row, NewUidCard)])
    checked = ReadIcCards([], list(read.bad))
    for row in read.good:
        if fold_account(row.account) not in known:
            checked.bad.append(BadRow(row.line, f"{row.account}: there is no such account."))
        elif row.key in taken:
            checked.bad.append(BadRow(row.line, f"{row.account}: this card is bound already."))
        else:
            checked.good.append(row)
    return checked


async def write(
    hub: Hub, visit: Visit, rows: Sequence[NewBoundCard], progress: Progress, *, quiet: bool = False
) -> None:
    """Bind cards and tell all contacts, a batch a transaction; RefusedError tells where it stopped."""
    for batch in batches(rows, size=_WRITTEN):
        async with one_batch(batch):
            folded = [fold_account(row.account) for row in batch]
            ids = {one.folded: one.id for one in await Account.filter(folded__in=folded).only("id", "folded")}
            certified: list[IcCard] = []
            numbered: list[UidCard] = []
            for row in batch:
                account_id = ids[fold_account(row.account)]
                if isinstance(row, NewIcCard):
                    certified.append(ic_cards.drafted(visit, account_id, row.certificate, by=ic_cards.OPERATOR))
                else:
                    numbered.append(uid_cards.drafted(hub, visit, account_id, row.number))
            await IcCard.bulk_create(certified)
            await UidCard.bulk_create(numbered)
            await audit.record_all(hub.keys, [_told(hub, visit, card) for card in certified])
            await audit.record_all(hub.keys, [_numbered(hub, visit, card) for card in numbered])
            told: frozenset[Channel] = frozenset()
            if not quiet:
                told = await notices.tell_each(hub.outbox, visit, list(ids.values()), Notice.CARD_BOUND)
        await notices.rouse(hub.outbox, told)
        progress(len(batch))


def _card(folder: Path, line: int, row: dict[str, str], trust: Trust, *, now: datetime) -> NewBoundCard:
    name = name_of(row["account"])
    certificate, uid = row.get("certificate", ""), row.get("uid", "")
    if certificate and uid:
        message = "a row has a certificate or a uid, not both."
        raise RefusedError(message)
    if uid:
        number = numbers.plain(uid)
        uid_cards.check(number)
        return NewUidCard(line, name, number)
    card = NewIcCard(line, name, _written(folder, certificate))
    check(trust, card.certificate, now=now)
    return card


def _numbered(hub: Hub, visit: Visit, card: UidCard) -> Event:
    return audit.drafted(hub.keys, EventKind.CARD_BOUND, visit, card.account_id, by=ic_cards.OPERATOR, assurance="low")


def _told(hub: Hub, visit: Visit, card: IcCard) -> Event:
    return audit.drafted(
        hub.keys, EventKind.CARD_BOUND, visit, card.account_id, by=card.bound_by, card=card.fingerprint[:16]
    )


def _written(folder: Path, cell: str) -> Certificate:
    """Read a certificate as a row has it."""
    try:
        if pem.is_pem(cell.encode()):
            return _certificate(cell.encode())
        if len(cell) > 255:  # noqa: PLR2004 - longer than the name of a file can be
            return _certificate(b64decode("".join(cell.split()), validate=True))
    except ValueError as error:
        message = f"this is no certificate (PEM, or DER in base64) that can be bound: {error}."
        raise RefusedError(message) from error
    if not cell:
        message = "there is no certificate and no uid."
        raise RefusedError(message)
    return certificate_in(folder / cell)


def _certificate(content: bytes) -> Certificate:
    """Read the one certificate of a file; ValueError says what is there instead."""
    if pem.is_pem(content):
        blocks = pem.read(content, pem.CERTIFICATE)
        if len(blocks.wanted) > 1:
            # The first need not be the card's: a chain may begin with its CA.
            message = f"there are {len(blocks.wanted)} certificates; leave only the card's"
            raise ValueError(message)
        content = blocks.wanted[0].der if blocks.wanted else b""
    try:
        return certificate_validation.certificate_of(content)
    except UnreadableCertificateError as error:
        raise ValueError(str(error)) from error
