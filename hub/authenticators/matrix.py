"""PURE: the matrix card: its cells, the three that are asked, and whether they were answered."""

import hmac
import json
import re
import secrets
import unicodedata
from collections.abc import Collection, Mapping
from math import log2

COLUMNS = "ABCDEFGHIJ"
ROWS = "1234567"
# 32 signs without I, O, 0 and 1, which a reader takes for one another: 5 bits each.
ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
ASKED = 3
CELLS = tuple(f"{column},{row}" for column in COLUMNS for row in ROWS)
# Three cells of an imported card have twelve signs; the rest is room for what people type between them.
_LONGEST_TYPED = 64
_IMPORTED_SIGN = re.compile(r"[A-Z0-9]{1,4}")

Cells = Mapping[str, str]


def mint(signs: int = 2) -> dict[str, str]:
    """Mint the 70 cells of a new card, `signs` random signs each."""
    return {cell: "".join(secrets.choice(ALPHABET) for _ in range(signs)) for cell in CELLS}


def draw(used: Collection[str] = ()) -> tuple[str, ...]:
    """Draw the cells of a challenge in column order, none of the used; a ValueError when too few are left."""
    left = [cell for cell in CELLS if cell not in used]
    return tuple(sorted(secrets.SystemRandom().sample(left, ASKED)))


def read(typed: str) -> str:
    """Read signs as typed: full width, any case, spaces and separators fall away; empty when it is too long."""
    if len(typed) > _LONGEST_TYPED:
        return ""
    plain = unicodedata.normalize("NFKC", typed).upper()
    return "".join(sign for sign in plain if sign.isascii() and sign.isalnum())


def is_right(card: Cells, asked: Collection[str], typed: str) -> bool:
    """Tell whether the typed signs are those of the asked cells, in the time any answer takes."""
    expected = "".join(card[cell] for cell in asked)
    return hmac.compare_digest(expected.encode(), read(typed).encode())


def surplus(card: Cells, asked: Collection[str], typed: str) -> int:
    """Tell how many signs more than the asked cells have were typed; below zero when some are missing."""
    expected = sum(len(card[cell]) for cell in asked)
    return (len(read(typed)) if len(typed) <= _LONGEST_TYPED else len(typed)) - expected


def is_card(cells: Cells) -> bool:
    """Tell whether these are the cells of one card: all 70, equally long, letters and digits."""
    lengths = {len(signs) for signs in cells.values()}
    return set(cells) == set(CELLS) and len(lengths) == 1 and all(map(_IMPORTED_SIGN.fullmatch, cells.values()))


def bits(cells: Cells) -> float:
    """Tell how many bits three cells of a card hold at most, by the kinds of signs on it."""
    signs = "".join(cells.values())
    kinds = (10 if any(map(str.isdigit, signs)) else 0) + (26 if any(map(str.isalpha, signs)) else 0)
    return ASKED * len(cells["A,1"]) * log2(kinds)


def pack(cells: Cells) -> bytes:
    """Write the cells as bytes, to be sealed."""
    return json.dumps([cells[cell] for cell in CELLS], separators=(",", ":")).encode()


def unpack(packed: bytes) -> dict[str, str]:
    """Read the cells that `pack` wrote."""
    return dict(zip(CELLS, json.loads(packed), strict=True))
