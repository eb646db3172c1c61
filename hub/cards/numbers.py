"""PURE: the numbers that cards send in clear: their form, and which of them cannot name an account."""

import re

_FORM = re.compile(r"[0-9A-F]+")
# Bytes: ISO/IEC 14443-3 has 4, 7 and 10, a FeliCa's IDm and ISO/IEC 15693 have 8.
_LENGTHS = (4, 7, 8, 10)
_NOT_UNIQUE = 4
_PARTING = str.maketrans("", "", ": -")
# (bytes, beginning, why): numbers of this kind are the card's for one moment only, or no number at all.
_CHANGING = (
    (4, "08", "it changes each time (ISO/IEC 14443-3, 6.4.4), as phones do"),
    (4, "88", "it is the first half of a longer number, which the reader has cut off"),
    (8, "01FE", "it changes each time, as phones that stand in for a FeliCa do"),
)


def plain(written: str) -> str:
    """Give a number in capital hexadecimal digits without what parts them."""
    return written.translate(_PARTING).upper()


def fault(number: str) -> str:
    """Tell why a number cannot name an account; empty when it can."""
    size, rest = divmod(len(number), 2)
    if not _FORM.fullmatch(number) or rest or size not in _LENGTHS:
        return "a card's number has 4, 7, 8 or 10 bytes, written in hexadecimal digits"
    if number in {"00" * size, "FF" * size}:
        return "it is no number: the card or the reader has none"
    return next(
        (why for length, begin, why in _CHANGING if length == size and number.startswith(begin)),
        "",
    )


def is_unique(number: str) -> bool:
    """Tell whether its maker gives a number once; those of 4 bytes are used again, or are drawn by type B cards."""
    return len(number) // 2 != _NOT_UNIQUE
