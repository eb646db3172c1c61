"""PURE: the addresses that are ours: those that lead a mail back to the delivery it is about, and the operator's."""

import hmac
import re
from base64 import b32encode

from hub.security.keyring import KeyRing
from models.delivery import Delivery

_TOKEN_BYTES = 16
# Servers fold the case of local parts: digits and small letters only, 64 octets at most (RFC 5321, 4.5.3.1.1).
# RFC 5321, 4.5.1: whoever takes mail for a domain has a postmaster; RFC 2142, 4 adds abuse.
_OPERATORS = {"postmaster", "abuse"}
_ADDRESS = re.compile(r"(reply|bounce)\+(\d{1,18})x([a-z2-7]{26})@(.+)", re.IGNORECASE)


def reply_address(keys: KeyRing, delivery: Delivery, domain: str) -> str:
    """Give the address that an answer to a delivery goes to."""
    return _address(keys, delivery, "reply", domain)


def bounce_address(keys: KeyRing, delivery: Delivery, domain: str) -> str:
    """Give the envelope sender of a delivery, where what is told of it comes back (VERP)."""
    return _address(keys, delivery, "bounce", domain)


def is_operators(address: str, domain: str) -> bool:
    """Tell whether an address is one that every mail domain has; the postmaster's counts without a domain, too."""
    local, at, of = address.lower().rpartition("@")
    return (local in _OPERATORS and of == domain) if at else address.lower() == "postmaster"


def delivery_id_in(address: str) -> int | None:
    """Read which delivery an address names; None when it can't be one of ours."""
    found = _ADDRESS.fullmatch(address)
    return int(found[2]) if found else None


def is_right(keys: KeyRing, delivery: Delivery, address: str) -> bool:
    """Tell whether an address was derived from this delivery, with whichever key of the ring."""
    found = _ADDRESS.fullmatch(address)
    if found is None:
        return False
    use, given = found[1].lower(), found[3].lower().encode()
    return any(hmac.compare_digest(_token(keys, delivery, use, key_id).encode(), given) for key_id in keys.opening)


def _address(keys: KeyRing, delivery: Delivery, use: str, domain: str) -> str:
    return f"{use}+{delivery.id}x{_token(keys, delivery, use, keys.current)}@{domain}"


def _token(keys: KeyRing, delivery: Delivery, use: str, key_id: str) -> str:
    parts = (str(delivery.id).encode(), delivery.message_id.encode())
    mac = keys.mac_of(f"mail-{use}", *parts, key_id=key_id, made_at=delivery.posted_at)
    return b32encode(mac[:_TOKEN_BYTES]).decode().rstrip("=").lower()
