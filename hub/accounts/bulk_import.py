"""Accounts and matrix cards in bulk: every row checked before the first is written."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from argon2 import extract_parameters
from argon2.exceptions import InvalidHashError
from tortoise.exceptions import IntegrityError
from tortoise.transactions import in_transaction

from hub.accounts import accounts
from hub.authenticators import matrix, password
from hub.context import Hub
from hub.domain.csv_rows import rows_of
from hub.domain.errors import RefusedError
from hub.domain.identifiers import fold_account
from hub.domain.request_context import Visit
from hub.security import audit, password_costs
from hub.settings import NUMBERS
from hub.verification import matrix_cards
from models.account import Account
from models.authenticator import MatrixCard
from models.kinds import EventKind

Item = TypeVar("Item")
Progress = Callable[[int], None]
_BATCH = 1000
# Rows written in one transaction: few enough that a login beside it does not notice.
_WRITTEN = 200
# Seconds between two of them. SQLite wakes a waiting process only after up to a tenth of a second.
_BREATH = 0.02
_ACCOUNT_COLUMNS = {"account", "password", "password_hash", "language"}
_LANGUAGES = {"", "ja", "en"}
_SERIAL = 32
# Such as 1.2E+11.
_ROUNDED = re.compile(r"\d([.,]\d+)?E[+-]\d{2,3}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that can't be taken, and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class NewAccount:
    """A row that can be taken; `hashed` when the file brought a hash along."""

    line: int
    name: str
    language: str
    password: str = field(repr=False)
    hashed: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class NewCard:
    """A card that was printed already; `packed` takes a tenth of what the cells by name do."""

    line: int
    account: str
    serial: str
    signs: int
    packed: bytes = field(repr=False)
    is_weak: bool = False


@dataclass(frozen=True, slots=True)
class ReadAccounts:
    """What a file of accounts holds."""

    good: list[NewAccount]
    bad: list[BadRow]


@dataclass(frozen=True, slots=True)
class ReadCards:
    """What a file of cards holds."""

    good: list[NewCard]
    bad: list[BadRow]


class Read(Protocol):
    """What any file holds: rows that can be taken, and rows that can't."""

    @property
    def good(self) -> Sequence[object]:
        """The rows that can be written."""

    @property
    def bad(self) -> list[BadRow]:
        """The rows that can't, each with the reason."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a file: how many rows are good, how many of them were written, and the bad ones by line."""

    good: int
    written: int
    bad: list[BadRow]


def unwritten(read: Read) -> Imported:
    """Tell of a file that was only looked at."""
    return Imported(len(read.good), 0, sorted(read.bad, key=_line))


def written(read: Read) -> Imported:
    """Tell of a file whose good rows were written."""
    return Imported(len(read.good), len(read.good), sorted(read.bad, key=_line))


def read_accounts(path: Path) -> ReadAccounts:
    """Read a CSV file of account, password or password_hash, and optionally language; RefusedError for no such file."""
    rows = rows_of(path)
    expect(path, rows.columns, _ACCOUNT_COLUMNS, needed=("account",))
    if not {"password", "password_hash"} & set(rows.columns):
        message = f"{path}: a column password or password_hash is needed."
        raise RefusedError(message)
    good: list[NewAccount] = []
    bad: list[BadRow] = []
    seen: dict[str, int] = {}
    for line, row in rows.rows:
        try:
            account = _account(line, row)
        except RefusedError as error:
            bad.append(BadRow(line, str(error)))
            continue
        first = seen.setdefault(fold_account(account.name), line)
        if first != line:
            bad.append(BadRow(line, f"{account.name}: the same account stands in line {first}."))
            continue
        good.append(account)
    return ReadAccounts(good, bad)


def read_cards(path: Path, *, takes_weak: bool = False) -> ReadCards:
    """Read a CSV file of account, serial and the 70 cells (columns A1 to J7, or one column cells).

    Cards whose three cells hold too few bits are bad rows, unless `takes_weak` says otherwise.
    """
    rows = rows_of(path)
    each = {cell.replace(",", "").casefold(): cell for cell in matrix.CELLS}
    columns = set(rows.columns)
    expect(path, rows.columns, {"account", "serial", "cells", *each}, needed=("account", "serial"))
    if "cells" not in columns and not set(each) <= columns:
        message = f"{path}: the columns A1 to J7 are needed, or one column cells."
        raise RefusedError(message)
    good: list[NewCard] = []
    bad: list[BadRow] = []
    seen: dict[str, int] = {}
    for line, row in rows.rows:
        try:
            card = _card(line, row, each, takes_weak=takes_weak)
        except RefusedError as error:
            bad.append(BadRow(line, str(error)))
            continue
        for key in (f"account {fold_account(card.account)}", f"serial number {card.serial}"):
            first = seen.setdefault(key, line)
            if first != line:
                bad.append(BadRow(line, f"the same {key} stands in line {first}."))
                break
        else:
            good.append(card)
    return ReadCards(good, bad)


async def unknown_accounts(read: ReadAccounts) -> ReadAccounts:
    """Take the rows out whose account stands in the database already, or whose hash brings one cost too many."""
    known = await known_accounts([row.name for row in read.good])
    costs = set((await password_costs.stored())[0])
    checked = ReadAccounts([], list(read.bad))
    for row in read.good:
        cost = password.cost_of(row.hashed) if row.hashed else None
        if fold_account(row.name) in known:
            checked.bad.append(BadRow(row.line, f"{row.name}: there is an account of this name."))
        elif cost is not None and len(costs | {cost}) > password.MOST_COSTS:
            checked.bad.append(BadRow(row.line, f"{row.name}: {_too_many(cost)}"))
        else:
            costs |= {cost} if cost is not None else set()
            checked.good.append(row)
    return checked


def _too_many(cost: password.Cost) -> str:
    return (
        f"the password_hash has m={cost.memory},t={cost.passes},p={cost.lanes}, but at most {password.MOST_COSTS}"
        " different parameters may be stored, since each wrong password is verified with all of them."
    )


async def fitting_cards(read: ReadCards) -> ReadCards:
    """Take the rows out whose account is not in the database, or whose serial number is."""
    known = await known_accounts([row.account for row in read.good])
    taken = await _known_serials([row.serial for row in read.good])
    checked = ReadCards([], list(read.bad))
    for row in read.good:
        if fold_account(row.account) not in known:
            checked.bad.append(BadRow(row.line, f"{row.account}: there is no such account."))
        elif row.serial in taken:
            checked.bad.append(BadRow(row.line, f"{row.account}: there is a card of serial number {row.serial}."))
        else:
            checked.good.append(row)
    return checked


async def known_accounts(names: Iterable[str]) -> set[str]:
    """Tell which of these accounts there are, in their folded form."""
    known: set[str] = set()
    for batch in batches([fold_account(name) for name in names]):
        found = await Account.filter(folded__in=batch).values_list("folded", flat=True)
        known |= {str(one) for one in found}
    return known


async def _known_serials(serials: Iterable[str]) -> set[str]:
    known: set[str] = set()
    for batch in batches(list(serials)):
        found = await MatrixCard.filter(serial__in=batch).values_list("serial", flat=True)
        known |= {str(one) for one in found}
    return known


async def hashes(hub: Hub, rows: Sequence[NewAccount], progress: Progress) -> list[str]:
    """Hash the passwords that came in clear, on all cores; hashes that the file brought pass through."""
    hashed = [row.hashed for row in rows]
    clear = [place for place, row in enumerate(rows) if not row.hashed]
    progress(len(rows) - len(clear))
    for batch in batches(clear):
        done = await asyncio.gather(*(hub.passwords.hash(rows[place].password) for place in batch))
        for place, one in zip(batch, done, strict=True):
            hashed[place] = one
        progress(len(batch))
    return hashed


async def write_accounts(
    hub: Hub, visit: Visit, rows: Sequence[NewAccount], hashed: Sequence[str], progress: Progress
) -> None:
    """Write accounts and what the audit tells of them, a batch a transaction; RefusedError tells where it stopped."""
    for batch in batches(list(zip(rows, hashed, strict=True)), size=_WRITTEN):
        async with one_batch([row for row, _ in batch]):
            await Account.bulk_create(
                [
                    Account(
                        name=row.name,
                        folded=fold_account(row.name),
                        password_hash=one,
                        language=row.language,
                        created_at=visit.now,
                    )
                    for row, one in batch
                ]
            )
            ids = await _ids([row.name for row, _ in batch])
            # Each account's own history begins with it; how many came together is told once.
            await audit.record_all(
                hub.keys,
                [
                    audit.drafted(hub.keys, EventKind.ACCOUNT_ADDED, visit, ids[fold_account(row.name)], by="import")
                    for row, _ in batch
                ],
            )
        progress(len(batch))
    await audit.record(hub.keys, EventKind.ACCOUNT_ADDED, visit, None, imported=len(rows))


async def write_cards(
    hub: Hub, visit: Visit, rows: Sequence[NewCard], progress: Progress, *, quiet: bool = False
) -> None:
    """Bind cards and tell all contacts, a batch a transaction; RefusedError tells where it stopped."""
    for batch in batches(list(rows), size=_WRITTEN):
        async with one_batch(batch):
            ids = await _ids([row.account for row in batch])
            cards = [_blank(row, ids[fold_account(row.account)]) for row in batch]
            replaced = await matrix_cards.replace(hub, visit, cards, quiet=quiet)
        await matrix_cards.announce(hub, replaced)
        progress(len(batch))


async def _ids(names: Sequence[str]) -> dict[str, int]:
    """Look up the ids of one batch's accounts, by their folded form."""
    folded = [fold_account(name) for name in names]
    found = await Account.filter(folded__in=folded).values_list("folded", "id")
    return {str(name): int(str(number)) for name, number in found}


def _blank(row: NewCard, account_id: int) -> matrix_cards.Blank:
    return matrix_cards.Blank(account_id, row.serial, matrix.unpack(row.packed))


class Numbered(Protocol):
    """A row of a file that knows its line."""

    @property
    def line(self) -> int:
        """The line in the file, from 1."""


@asynccontextmanager
async def one_batch(rows: Sequence[Numbered]) -> AsyncIterator[None]:
    """Write some rows in one short transaction, then leave the database to others for a moment.

    A long transaction would keep every login out of an SQLite file. What another program wrote since the rows were
    checked undoes this batch; the batches before it stay, and the RefusedError names the line to go on from.
    """
    try:
        async with in_transaction():
            yield
    except IntegrityError as error:
        first = rows[0].line
        message = (
            f"Line {first} and those after it were not written: another program wrote one of the rows meanwhile."
            " The lines before it are written. Run the import again with --keep-going for the rest."
        )
        raise RefusedError(message) from error
    await asyncio.sleep(_BREATH)


def expect(path: Path, columns: list[str], known: set[str], *, needed: tuple[str, ...]) -> None:
    """Make sure that a file has these columns and no others; RefusedError says which."""
    for name in columns:
        if name not in known:
            message = f"{path}: a column {name!r} has no meaning here; there are {', '.join(_shortened(known))}."
            raise RefusedError(message)
        if columns.count(name) > 1:
            message = f"{path}: the column {name!r} stands there twice."
            raise RefusedError(message)
    for name in needed:
        if name not in columns:
            message = f"{path}: the column {name} is missing."
            raise RefusedError(message)


def _shortened(columns: set[str]) -> list[str]:
    cells = {cell.replace(",", "").casefold() for cell in matrix.CELLS}
    return [*sorted(columns - cells), *(["A1 to J7"] if cells <= columns else [])]


def _account(line: int, row: dict[str, str]) -> NewAccount:
    if "" in row:
        message = "there are more fields than columns."
        raise RefusedError(message)
    language = _language(row["account"], row.get("language", ""))
    name, password, hashed = name_of(row["account"]), row.get("password", ""), row.get("password_hash", "")
    if bool(password) == bool(hashed):
        message = f"{name}: either a password or a password_hash is needed."
        raise RefusedError(message)
    if hashed:
        _check_hash(name, hashed)
        return NewAccount(line, name, language, "", hashed)
    return NewAccount(line, accounts.check_new(name, password), language, password, "")


def _language(account: str, written: str) -> str:
    """Fold a language code to ja or en: JA and ja-JP are ja (RFC 5646); empty where none is given."""
    language = written.replace("_", "-").partition("-")[0].casefold()
    if language not in _LANGUAGES:
        message = f"{account}: the language {written!r} is neither ja nor en."
        raise RefusedError(message)
    return language


def _card(line: int, row: dict[str, str], each: dict[str, str], *, takes_weak: bool) -> NewCard:
    name = name_of(row["account"])
    serial = row["serial"]
    _check_not_rounded(serial)
    if not 1 <= len(serial) <= _SERIAL or not serial.isprintable():
        message = f"{name}: a serial number has 1 to {_SERIAL} characters."
        raise RefusedError(message)
    if row.get("cells"):
        values = row["cells"].upper().split()
        cells = dict(zip(matrix.CELLS, values, strict=False)) if len(values) == len(matrix.CELLS) else {}
    else:
        cells = {cell: row.get(column, "").upper() for column, cell in each.items()}
    if not matrix.is_card(cells):
        message = f"{name}: a card has 70 cells of equally many letters or digits, 1 to 4."
        raise RefusedError(message)
    held = matrix.bits(cells)
    if held < NUMBERS.matrix_bits_floor and not takes_weak:
        message = (
            f"{name}: three cells of this card hold {int(held)} bits, and {NUMBERS.matrix_bits_floor} are needed;"
            " TEGATA_MATRIX_WEAK_IMPORTS=true takes such cards all the same."
        )
        raise RefusedError(message)
    return NewCard(line, name, serial, len(cells["A,1"]), matrix.pack(cells), held < NUMBERS.matrix_bits_floor)


def name_of(typed: str) -> str:
    """Give an account's name as it is written; RefusedError when it can be none."""
    _check_not_rounded(typed)
    return accounts.name_of(typed)


def _check_not_rounded(written: str) -> None:
    """Refuse what a spreadsheet makes of a long number: the digits that were there are lost."""
    if _ROUNDED.fullmatch(written):
        message = f"{written!r}: a spreadsheet wrote this number in short form. Format the column as text."
        raise RefusedError(message)


def _check_hash(name: str, hashed: str) -> None:
    try:
        extract_parameters(hashed)
    except InvalidHashError as error:
        message = f"{name}: the password_hash is no argon2 hash."
        raise RefusedError(message) from error
    if not hashed.startswith("$argon2id$"):
        message = f"{name}: the password_hash is not argon2id."
        raise RefusedError(message)
    if not password.is_readable(hashed):
        message = f"{name}: the password_hash can't be verified; $argon2id$v=19$m=…,t=…,p=…$SALT$HASH is needed."
        raise RefusedError(message)
    excess = password.excess(hashed)
    if excess:
        message = f"{name}: the password_hash asks for too much: {excess}."
        raise RefusedError(message)


def _line(row: BadRow) -> int:
    return row.line


def batches(items: Sequence[Item], *, size: int = _BATCH) -> Iterator[Sequence[Item]]:
    """Part many into batches of at most `size`; by default as many as one statement bears."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
