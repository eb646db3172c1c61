"""PURE: the approval: two digits that the page shows and the member types where the request arrived."""

import hmac

DIGITS = 2


def reduce(mac: bytes) -> str:
    """Reduce a MAC to two decimal digits; of 64 bits, so that none is likelier than another by more than 10^-17."""
    return str(int.from_bytes(mac[:8], "big") % 10**DIGITS).zfill(DIGITS)


def is_right(expected: str, typed: str) -> bool:
    """Tell whether the typed digits are those on the page, in the time any answer takes."""
    return hmac.compare_digest(expected.encode(), typed.encode())
