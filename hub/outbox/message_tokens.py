"""PURE: the token with which a letter's reader says which letter it was; derived, never stored, and with an end."""

import hmac
from base64 import b32encode
from datetime import datetime

from hub.security.keyring import KeyRing
from hub.settings import NUMBERS
from models.delivery import Delivery

_PURPOSE = "not-me"
_TOKEN_BYTES = 16


def token_of(keys: KeyRing, delivery: Delivery) -> str:
    """Derive a delivery's token: its id and 128 bits, letters and digits."""
    return f"{delivery.id}-{_derived(keys, delivery, keys.current)}"


def is_right(keys: KeyRing, delivery: Delivery, token: str, *, now: datetime) -> bool:
    """Tell whether a token belongs to a delivery and has not ended; one made with an older key counts as well."""
    if delivery.posted_at + NUMBERS.not_me_life <= now:
        return False
    given = token.partition("-")[2].lower().encode()
    return any(hmac.compare_digest(_derived(keys, delivery, key_id).encode(), given) for key_id in keys.opening)


def _derived(keys: KeyRing, delivery: Delivery, key_id: str) -> str:
    # The Message-ID holds the delivery's own random bytes.
    parts = (str(delivery.id).encode(), delivery.message_id.encode())
    mac = keys.mac_of(_PURPOSE, *parts, key_id=key_id, made_at=delivery.posted_at)
    return b32encode(mac[:_TOKEN_BYTES]).decode().rstrip("=").lower()
