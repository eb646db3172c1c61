"""PURE: the delivered code: how it is derived and whether it was answered."""

import hmac

DIGITS = 6


def reduce(mac: bytes) -> str:
    """Reduce a MAC to six decimal digits; of 64 bits, so that no digit is likelier by more than 10^-13."""
    return str(int.from_bytes(mac[:8], "big") % 10**DIGITS).zfill(DIGITS)


def can_be(typed: str) -> bool:
    """Tell whether this has a code's shape; what has not, guesses nothing."""
    return len(typed) == DIGITS and typed.isascii() and typed.isdecimal()


def is_right(expected: str, typed: str) -> bool:
    """Tell whether the typed code is the expected one, in the time any answer takes."""
    return hmac.compare_digest(expected.encode(), typed.encode())
