"""The kiosks: added with a code, enrolled with a key of their own, heard once a request, taken out of service."""

import re
import secrets
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tortoise.exceptions import IntegrityError
from tortoise.transactions import in_transaction

from hub.authenticators.matrix import ALPHABET
from hub.context import Hub
from hub.domain import clock
from hub.domain.errors import RefusedError
from hub.domain.outcomes import KioskReason, TurnedAway
from hub.domain.request_context import Visit
from hub.security import audit, rate_limits
from hub.security.rate_limits import Closed, Wait
from hub.sessions import ending
from hub.settings import NUMBERS
from models.kinds import EventKind, Zone
from models.kiosk import Kiosk, KioskNonce
from models.queries import insert_unless_taken, where

_PURPOSE = "kiosk-code"
# 16 of 32 signs are 80 bits.
_CODE_SIGNS, _CODE_GROUP = 16, 4
_NAME_LENGTH = 64
_NONCE = re.compile(r"[A-Za-z0-9_-]{22}")
_KEY_SIZE = 32
# A code that is typed wrong is a slip, hundreds of them are somebody who guesses.
_TRIES = rate_limits.ENROLMENTS


@dataclass(frozen=True, slots=True)
class Added:
    """A kiosk that waits to be enrolled with this code."""

    name: str
    code: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Known:
    """A kiosk as its requests name it; `handle` is the id of the protocol."""

    id: int
    handle: str
    name: str
    zone: Zone
    public_key: bytes
    is_revoked: bool


@dataclass(frozen=True, slots=True)
class Signed:
    """What a request's signature says of itself, once it was found to be right."""

    created_at: datetime
    nonce: str


@dataclass(frozen=True, slots=True)
class KioskLine:
    """A kiosk as an operator sees it."""

    name: str
    zone: Zone
    added_at: datetime
    enrolled_at: datetime | None
    seen_at: datetime | None
    revoked_at: datetime | None
    code_expires_at: datetime | None


async def add(hub: Hub, visit: Visit, *, name: str, zone: Zone) -> Added:
    """Add a kiosk and give the code that enrols it, once; RefusedError says why it can't be."""
    checked = _name(name)
    code = "".join(secrets.choice(ALPHABET) for _ in range(_CODE_SIGNS))
    expires_at = visit.now + NUMBERS.kiosk_code_life
    try:
        async with in_transaction():
            await Kiosk.create(
                handle=secrets.token_urlsafe(12),
                name=checked,
                slot=_folded(checked),
                zone=zone,
                code_digest=hub.keys.digest(_PURPOSE, code),
                code_expires_at=expires_at,
                added_at=visit.now,
            )
            await audit.record(hub.keys, EventKind.KIOSK_ADDED, visit, None, kiosk=checked, zone=str(zone))
    except IntegrityError as error:
        message = f"{checked}: there is a kiosk of this name; revoke it first, or name this one otherwise."
        raise RefusedError(message) from error
    groups = [code[start : start + _CODE_GROUP] for start in range(0, _CODE_SIGNS, _CODE_GROUP)]
    return Added(checked, "-".join(groups), expires_at)


async def enrol(hub: Hub, visit: Visit, *, code: str, public_key: bytes) -> Known | TurnedAway:
    """Take a key for a code that lives; its caller has made sure that who asks holds the key."""
    if len(public_key) != _KEY_SIZE:
        return TurnedAway(KioskReason.MALFORMED, field="public_key")
    subject = f"enrol:{rate_limits.bucket(visit.address)}"
    async with in_transaction():
        counts = await rate_limits.rows_of(subject)
        match await rate_limits.spend(_TRIES, subject, counts.get(subject), now=visit.now):
            case Wait(retry_after):
                return TurnedAway(KioskReason.THROTTLED, retry_after)
            case Closed():
                return TurnedAway(KioskReason.THROTTLED, NUMBERS.password_fades)
            case None:
                pass
        kiosk = await _enrolled(hub, visit, code, public_key)
        if kiosk is None:
            return TurnedAway(KioskReason.CODE_WRONG)
        await rate_limits.forgive(subject)
        await audit.record(hub.keys, EventKind.KIOSK_ENROLLED, visit, None, kiosk=kiosk.name)
    return _known(kiosk)


async def known(handle: str) -> Known | TurnedAway:
    """Find an enrolled kiosk by the id that its request names."""
    kiosk = await where(Kiosk, handle=handle[:64], enrolled_at__isnull=False).first()
    return _known(kiosk) if kiosk else TurnedAway(KioskReason.KIOSK_UNKNOWN)


async def heard(kiosk: Known, signed: Signed, *, now: datetime) -> TurnedAway | None:
    """Hear a rightly signed request once; None when it is to be answered."""
    if kiosk.is_revoked:
        return TurnedAway(KioskReason.KIOSK_REVOKED)
    if (turned := in_time(signed, now=now)) is not None:
        return turned
    if not _NONCE.fullmatch(signed.nonce):
        return TurnedAway(KioskReason.MALFORMED, field="nonce")
    seen = KioskNonce(
        kiosk_id=kiosk.id, nonce=signed.nonce, expires_at=signed.created_at + NUMBERS.kiosk_skew + timedelta(seconds=1)
    )
    return None if await insert_unless_taken(seen) else TurnedAway(KioskReason.REPLAYED)


def in_time(signed: Signed, *, now: datetime) -> TurnedAway | None:
    """Tell whether a request's time is near enough to ours; None when it is."""
    if abs(now - signed.created_at) > NUMBERS.kiosk_skew:
        return TurnedAway(KioskReason.CLOCK, hub_time=now)
    return None


async def greeted(kiosk: Known, *, now: datetime) -> None:
    """Note that a kiosk works and that no card is there: what a kiosk that was killed left open ends."""
    async with in_transaction():
        await hold(kiosk.id)
        await where(Kiosk, id=kiosk.id).update(seen_at=now)
        await ending.end_kiosk_logins(now=now, kiosk_id=kiosk.id)


async def listed() -> list[KioskLine]:
    """List all kiosks, those in service first, by name."""
    rows = await Kiosk.all().order_by("name", "id")
    return [
        KioskLine(row.name, row.zone, row.added_at, row.enrolled_at, row.seen_at, row.revoked_at, row.code_expires_at)
        for row in sorted(rows, key=lambda row: row.revoked_at is not None)
    ]


async def revoke(hub: Hub, visit: Visit, name: str) -> int:
    """Take a kiosk out of service and end its sessions; returns how many were open."""
    async with in_transaction():
        kiosk = await where(Kiosk, slot=_folded(name)).first()
        if kiosk is None:
            message = f"{name}: there is no kiosk of this name in service."
            raise RefusedError(message)
        # This first: a login that is just being admitted waits for it, or is among the sessions that end.
        await where(Kiosk, id=kiosk.id).update(revoked_at=visit.now, slot=None, code_digest=None)
        ended = await ending.end_kiosk_logins(now=visit.now, kiosk_id=kiosk.id)
        await audit.record(hub.keys, EventKind.KIOSK_REVOKED, visit, None, kiosk=kiosk.name, sessions=ended)
    return ended


async def hold(kiosk_id: int) -> None:
    """Wait for a kiosk's turn, which lasts until the caller's transaction ends; take it before any login there."""
    await where(Kiosk, id=kiosk_id).hold()


async def _enrolled(hub: Hub, visit: Visit, code: str, public_key: bytes) -> Kiosk | None:
    digests = hub.keys.digests(_PURPOSE, _typed(code), since=visit.now - NUMBERS.kiosk_code_life)
    kiosk = await where(Kiosk, code_digest__in=digests).first()
    if kiosk is None:
        return None
    waiting = where(
        Kiosk,
        id=kiosk.id,
        enrolled_at=None,
        revoked_at=None,
        added_at__lte=clock.latest(visit.now),
        code_expires_at__gt=visit.now,
    )
    if await waiting.update(public_key=public_key, enrolled_at=visit.now, code_digest=None) != 1:
        return None
    return await where(Kiosk, id=kiosk.id).one()


def _known(kiosk: Kiosk) -> Known:
    return Known(
        id=kiosk.id,
        handle=kiosk.handle,
        name=kiosk.name,
        zone=kiosk.zone,
        public_key=bytes(kiosk.public_key or b""),
        is_revoked=kiosk.revoked_at is not None,
    )


def _name(typed: str) -> str:
    name = " ".join(unicodedata.normalize("NFC", typed).split())
    if not 1 <= len(name) <= _NAME_LENGTH or not name.isprintable():
        message = f"{typed!r}: a kiosk's name has 1 to {_NAME_LENGTH} characters."
        raise RefusedError(message)
    return name


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", " ".join(name.split())).casefold()[:128]


def _typed(code: str) -> str:
    """Read a code as it was typed: spaces, hyphens and case mean nothing."""
    return "".join(sign for sign in code[:64].upper() if sign not in "-‐− \t")
