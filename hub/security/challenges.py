"""What is asked once: minted, derived, told apart when it is dead; nothing of its answer rests anywhere."""

import secrets
from base64 import b32encode
from datetime import datetime

from hub.authenticators import approval, one_time_password
from hub.domain import clock
from hub.security.keyring import KeyRing
from models.kinds import AuthenticatorKind, Purpose
from models.login import Challenge
from models.queries import fresh, insert_unless_taken, where

_NONCE_BYTES = 16
_TOKEN_BYTES = 16


def code_of(keys: KeyRing, challenge: Challenge) -> str:
    """Derive the six digits that answer a challenge."""
    return one_time_password.reduce(_mac(keys, challenge, "code"))


def digits_of(keys: KeyRing, challenge: Challenge) -> str:
    """Derive the two digits that a page shows for an approval."""
    return approval.reduce(_mac(keys, challenge, "digits"))


def token_of(keys: KeyRing, challenge: Challenge) -> str:
    """Derive the token that a mailed URL carries: the challenge's id and 128 bits, letters and digits."""
    token = b32encode(_mac(keys, challenge, "token")[:_TOKEN_BYTES]).decode().rstrip("=").lower()
    return f"{challenge.id}-{token}"


def id_in(token: str) -> int | None:
    """Read the challenge's id from a token; None when it can't be one."""
    number = token.partition("-")[0]
    return int(number) if number.isascii() and number.isdecimal() and len(number) < 19 else None  # noqa: PLR2004


def is_live(challenge: Challenge, now: datetime) -> bool:
    """Tell whether a challenge can still be answered."""
    if challenge.answered_at is not None or challenge.revoked_at is not None or challenge.tries_left <= 0:
        return False
    if challenge.expires_at is None:
        return True
    return now < challenge.expires_at and clock.has_come(challenge.issued_at, now)


async def live(slot: str, *, now: datetime) -> Challenge | None:
    """Find the challenge that holds a slot and can still be answered; a dead one gives the slot back."""
    held = await where(Challenge, slot=slot).first()
    if held is None or is_live(held, now):
        return held
    await where(Challenge, id=held.id).update(slot=None)
    return None


async def mint(draft: Challenge) -> Challenge | None:
    """Write a new challenge into its slot; None when another took the slot meanwhile."""
    return draft if await insert_unless_taken(draft) else None


def draft(
    keys: KeyRing, *, account_id: int, kind: AuthenticatorKind, purpose: Purpose, slot: str, now: datetime
) -> Challenge:
    """Prepare a challenge with fresh random bytes; its maker adds what else is asked."""
    return fresh(
        Challenge,
        account_id=account_id,
        kind=kind,
        purpose=purpose,
        slot=slot,
        key=keys.current,
        nonce=secrets.token_bytes(_NONCE_BYTES),
        issued_at=now,
    )


async def spend(challenge: Challenge, *, now: datetime) -> bool:
    """Take one try from a live challenge; False when it has none left or has ended."""
    living = where(Challenge, id=challenge.id, tries_left=challenge.tries_left, answered_at=None, revoked_at=None)
    if not is_live(challenge, now):
        return False
    challenge.tries_left -= 1
    return await living.update(tries_left=challenge.tries_left) == 1


async def consume(challenge: Challenge, *, now: datetime) -> bool:
    """Mark a live challenge as answered; one row or refused, whoever else tries."""
    if not is_live(challenge, now):
        return False
    living = where(Challenge, id=challenge.id, answered_at=None, revoked_at=None, tries_left=challenge.tries_left)
    return await living.update(answered_at=now, slot=None) == 1


async def approve(challenge: Challenge, *, now: datetime) -> bool:
    """Mark a live challenge as approved, to be consumed by the login that waits; one row or refused."""
    if not is_live(challenge, now):
        return False
    living = where(Challenge, id=challenge.id, answered_at=None, revoked_at=None, approved_at=None)
    return await living.update(approved_at=now) == 1


async def revoke(challenge: Challenge, *, now: datetime) -> None:
    """End a challenge, so that nothing answers it any more."""
    await where(Challenge, id=challenge.id, answered_at=None).update(slot=None, revoked_at=now)


def _mac(keys: KeyRing, challenge: Challenge, use: str) -> bytes:
    parts = [use.encode(), str(challenge.purpose).encode(), str(challenge.id).encode(), bytes(challenge.nonce)]
    if challenge.login_id is not None:
        parts.append(str(challenge.login_id).encode())
    return keys.mac_of("challenge", *parts, key_id=challenge.key, made_at=challenge.issued_at)
