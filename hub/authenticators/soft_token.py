"""PURE: the soft token: RFC 6238 codes, each time step accepted once."""

import hmac
import secrets
from base64 import b32encode
from datetime import datetime
from enum import Enum, auto

import pyotp

DIGITS = 6
PERIOD = 30
WINDOW = 1
SECRET_BYTES = 20
# Steps to either side in which a code is recognised, though refused: ten minutes of a clock that is off.
RECOGNISED = 20


class NearMiss(Enum):
    """Why a code of this very token is refused."""

    USED = auto()
    CLOCK_OFF = auto()


def mint() -> bytes:
    """Mint a secret of 20 bytes (RFC 4226, 4 R6)."""
    return secrets.token_bytes(SECRET_BYTES)


def step_of(at: datetime) -> int:
    """Give the time step that a time lies in (RFC 6238, 4.2)."""
    return int(at.timestamp()) // PERIOD


def matching_step(secret: bytes, typed: str, *, now: datetime, last_step: int) -> int | None:
    """Give the time step whose code was typed; None when there is none, or it is not newer than `last_step`.

    The window is one step to either side (RFC 6238, 5.2); every candidate is compared, so the time tells nothing.
    """
    generator = pyotp.HOTP(b32encode(secret).decode(), digits=DIGITS)
    current = step_of(now)
    found: int | None = None
    for step in range(current - WINDOW, current + WINDOW + 1):
        right = hmac.compare_digest(generator.at(step).encode(), typed.encode())
        # RFC 6238, 5.2: a step is accepted once.
        if right and step > last_step:
            found = step
    return found


def near_miss(secret: bytes, typed: str, *, now: datetime, last_step: int) -> NearMiss | None:
    """Recognise a refused code of this token: one that was used, or one of a clock that is off by ten minutes at most.

    Every candidate is compared, so the time tells nothing.
    """
    generator = pyotp.HOTP(b32encode(secret).decode(), digits=DIGITS)
    current = step_of(now)
    found: NearMiss | None = None
    for step in range(max(0, current - RECOGNISED), current + RECOGNISED + 1):
        if not hmac.compare_digest(generator.at(step).encode(), typed.encode()):
            continue
        is_used = step == last_step or (abs(step - current) <= WINDOW and step < last_step)
        found = NearMiss.USED if is_used or found is NearMiss.USED else NearMiss.CLOCK_OFF
    return found


def uri(secret: bytes, *, account: str, issuer: str) -> str:
    """Write the `otpauth:` URI that apps read from the QR code."""
    generator = pyotp.TOTP(b32encode(secret).decode(), digits=DIGITS, interval=PERIOD)
    return generator.provisioning_uri(name=account, issuer_name=issuer)


def spelled(secret: bytes) -> tuple[str, ...]:
    """Spell the secret in groups of four signs, to be typed by hand."""
    text = b32encode(secret).decode().rstrip("=")
    return tuple(text[start : start + 4] for start in range(0, len(text), 4))
