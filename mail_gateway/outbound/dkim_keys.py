"""The keys that sign our mail (RFC 6376, RFC 8463): made, published, rotated."""

import base64
import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from hub.domain.errors import HubError
from mail_gateway.outbound.dkim_signing import Secret, Stamp, signed

_RSA_BITS = 2048
_NAMED = re.compile(r"(t\d{14}[re])\.pem")
_FORMAT = "t%Y%m%d%H%M%S"
# A record must have spread before anything is signed with its key; old ones are cached for a day.
_SPREADS = timedelta(days=1)


class DkimKeyError(HubError):
    """A signing key is missing, unreadable or readable by others."""


class Algorithm(StrEnum):
    """How a key signs."""

    RSA = "rsa"
    ED25519 = "ed25519"


class State(StrEnum):
    """What a key is good for now."""

    SIGNS = "signs"
    WAITS = "waits for its record to spread"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class DkimKey:
    """One signing key; its selector, which tells when it was made, is its file's name."""

    selector: str
    algorithm: Algorithm
    made_at: datetime
    secret: Secret = field(repr=False, compare=False)
    public: str = field(repr=False)

    @property
    def record(self) -> str:
        """The text of its DNS record."""
        return f"v=DKIM1; k={self.algorithm}; p={self.public}"


class Signer:
    """Signs with the newest pair whose records have had time to spread."""

    def __init__(self, keys: Iterable[DkimKey], domain: str) -> None:
        self._keys = tuple(keys)
        self._domain = domain

    def renew(self, keys: Iterable[DkimKey]) -> None:
        """Sign with other keys from now on."""
        self._keys = tuple(keys)

    def sign(self, message: bytes, *, now: datetime) -> bytes:
        """Put a signature of each algorithm before a message with CRLF line ends."""
        chosen = signing(self._keys, now=now)
        return signed(message, [Stamp(key.selector, self._domain, key.secret) for key in chosen], now=now)


def make(folder: Path, *, now: datetime) -> list[DkimKey]:
    """Make a pair of keys, RSA and Ed25519, in files that only their owner reads."""
    rsa = generate_private_key(65537, _RSA_BITS)
    ed25519 = Ed25519PrivateKey.generate()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for letter, key in (("r", rsa), ("e", ed25519)):
            pem = key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            path = folder / f"{now.astimezone(UTC):{_FORMAT}}{letter}.pem"
            with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
                file.write(pem)
    except OSError as error:
        message = f"{folder}: the keys can't be written ({error.strerror})."
        raise DkimKeyError(message) from error
    return [key for key in load(folder) if key.made_at == now.astimezone(UTC).replace(microsecond=0)]


def load(folder: Path) -> list[DkimKey]:
    """Read the keys of a folder, the oldest first; DkimKeyError when one is unreadable, or readable by others."""
    try:
        found = sorted(path for path in folder.iterdir() if _NAMED.fullmatch(path.name))
        return [_read(path) for path in found]
    except OSError as error:
        message = f"{folder}: the DKIM keys can't be read ({error.strerror})."
        raise DkimKeyError(message) from error


def signing(keys: Iterable[DkimKey], *, now: datetime) -> list[DkimKey]:
    """PURE: choose the keys to sign with: of each algorithm the newest that has spread, or the oldest there is."""
    chosen = []
    for algorithm in Algorithm:
        mine = sorted((key for key in keys if key.algorithm is algorithm), key=lambda key: key.made_at)
        spread = [key for key in mine if key.made_at + _SPREADS <= now]
        if mine:
            chosen.append(spread[-1] if spread else mine[0])
    return chosen


def state_of(key: DkimKey, keys: Iterable[DkimKey], *, now: datetime) -> State:
    """PURE: tell what a key is good for now."""
    chosen = signing(keys, now=now)
    if key in chosen:
        return State.SIGNS
    return State.WAITS if any(other.made_at < key.made_at for other in chosen) else State.RETIRED


def _read(path: Path) -> DkimKey:
    if stat.S_IMODE(path.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO):
        message = f"{path}: a signing key can be read by others than its owner: run `chmod 600 {path}`."
        raise DkimKeyError(message)
    selector = path.name.removesuffix(".pem")
    made_at = datetime.strptime(selector[:-1], _FORMAT).replace(tzinfo=UTC)
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        message = f"{path}: this is no private key."
        raise DkimKeyError(message) from error
    public = key.public_key()
    if isinstance(key, Ed25519PrivateKey):
        raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return DkimKey(selector, Algorithm.ED25519, made_at, key, base64.b64encode(raw).decode())
    if not isinstance(key, RSAPrivateKey):
        message = f"{path}: this is neither an RSA nor an Ed25519 key."
        raise DkimKeyError(message)
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return DkimKey(selector, Algorithm.RSA, made_at, key, base64.b64encode(der).decode())
