"""The key ring: what seals secrets at rest, and what codes, tokens and digests are derived with."""

import base64
import hmac
import json
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hub.domain.errors import KeyRingError, TamperedError

_KEY_BYTES = 32
_NONCE_BYTES = 12
# What a key makes is written a moment after the request began, and a ring tells times in whole seconds or better.
_TOLERANCE = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Key:
    """One key: what all others of its age are derived from."""

    id: str
    made_at: str
    secret: bytes = field(repr=False)
    # From then on it only verifies the audit that it made.
    retired_at: str = ""


class KeyRing:
    """The keys of a hub, the current one last; older ones still open and recognise what they made.

    Another process may rotate the file: a key id that is not known yet is looked for there once more, and whoever
    looks a digest up looks first whether the file was written anew.
    """

    def __init__(self, path: Path, keys: tuple[Key, ...]) -> None:
        self._path = path
        self._keys = keys
        self._written: tuple[int, int] | None = None

    @property
    def current(self) -> str:
        """The id of the key that new values are made with, also when another process has just added it."""
        self._look()
        return self._keys[-1].id

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all keys, the oldest first."""
        return tuple(key.id for key in self._keys)

    @property
    def retired(self) -> tuple[str, ...]:
        """The ids of the keys that open nothing any more."""
        self._look()
        return tuple(key.id for key in self._keys if key.retired_at)

    @property
    def opening(self) -> tuple[str, ...]:
        """The ids of the keys that may open something still, the oldest first."""
        self._look()
        return tuple(key.id for key in self._keys if not key.retired_at)

    def age_of(self, key_id: str) -> int:
        """Give a key's place in the ring, 0 for the oldest."""
        return self._keys.index(self._named(key_id))

    def made_in_time(self, key_id: str, made_at: datetime) -> bool:
        """Tell whether a key was not replaced yet at this time."""
        behind = self.age_of(key_id) + 1
        return behind == len(self._keys) or made_at <= _at(self._keys[behind]) + _TOLERANCE

    def seal(self, plain: bytes, *, identity: str) -> bytes:
        """Encrypt with AES-256-GCM, bound to the identity of the row that will hold it."""
        self._look()
        key = self._keys[-1]
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = AESGCM(_derived(key, "seal")).encrypt(nonce, plain, identity.encode())
        return key.id.encode() + b":" + nonce + sealed

    def unseal(self, sealed: bytes, *, identity: str) -> bytes:
        """Decrypt; TamperedError when the value was changed or belongs to another row."""
        key_id, _, rest = bytes(sealed).partition(b":")
        key = self._named(key_id.decode("ascii", "replace"))
        if key.retired_at:
            message = f"{identity} is sealed with the key {key.id}, which was retired"
            raise TamperedError(message)
        try:
            return AESGCM(_derived(key, "seal")).decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], identity.encode())
        except InvalidTag as error:
            message = f"a sealed value does not belong to {identity}"
            raise TamperedError(message) from error

    def sealed_between(self) -> tuple[bytes, bytes]:
        """Give the bounds of what the current key sealed: every such value is in [first, last) as bytes are ordered."""
        name = self.current.encode()
        return name + b":", name + b";"

    def is_current(self, sealed: bytes) -> bool:
        """Tell whether a value is sealed with the current key."""
        return bytes(sealed).startswith(self.sealed_between()[0])

    def mac(self, purpose: str, *parts: bytes, key_id: str) -> bytes:
        """Give the HMAC-SHA-256 of some parts under one key, for one purpose only."""
        framed = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        return hmac.digest(_derived(self._named(key_id), purpose), framed, "sha256")

    def digest(self, purpose: str, secret: str) -> str:
        """Give the digest under which a secret rests in a new row (64 hexadecimal signs)."""
        return self.mac(purpose, secret.encode(), key_id=self.current).hex()

    def digests(self, purpose: str, secret: str, *, since: datetime | None = None, retired: bool = False) -> list[str]:
        """Give the digests under which a secret may rest in older rows too, the current key's first.

        `since` leaves out the keys that were replaced before: what they made is over. Retired keys count only for
        what names and proves nothing.
        """
        self._look()
        chosen = [
            key
            for key in reversed(self._keys)
            if (retired or not key.retired_at) and (since is None or self.made_in_time(key.id, since))
        ]
        return [self.mac(purpose, secret.encode(), key_id=key.id).hex() for key in chosen]

    def is_timely(self, purpose: str, secret: str, digest: str, *, made_at: datetime) -> bool:
        """Tell whether the key of a row's digest was not replaced yet when the row says that it was made."""
        for key_id in self.opening:
            if hmac.compare_digest(self.mac(purpose, secret.encode(), key_id=key_id).hex(), digest):
                return self.made_in_time(key_id, made_at)
        return False

    def mac_of(self, purpose: str, *parts: bytes, key_id: str, made_at: datetime) -> bytes:
        """Give the MAC of a row that names its key; random bytes, which match nothing, if it did not count then."""
        if key_id not in self.retired and self.made_in_time(key_id, made_at):
            return self.mac(purpose, *parts, key_id=key_id)
        return secrets.token_bytes(_KEY_BYTES)

    def rotated(self, *, now: datetime) -> "KeyRing":
        """Give a ring with one key more, written to the same file."""
        ring = KeyRing(self._path, (*self._keys, _new_key(now)))
        ring.write()
        return ring

    def without_replaced(self, *, now: datetime) -> "KeyRing":
        """Give a ring whose replaced keys are retired, written to the same file."""
        at = now.isoformat(timespec="seconds")
        old = tuple(replace(key, retired_at=key.retired_at or at) for key in self._keys[:-1])
        ring = KeyRing(self._path, (*old, self._keys[-1]))
        ring.write()
        return ring

    def pruned(self) -> "KeyRing":
        """Give a ring of the current key alone, written to the same file: for when nothing needs the others."""
        ring = KeyRing(self._path, self._keys[-1:])
        ring.write()
        return ring

    def reload(self) -> None:
        """Take over what another process wrote to the file."""
        self._keys = _read(self._path)

    def _look(self) -> None:
        """Take the file over when it was written since: a digest names no key that could be missed."""
        # A file that can't be read now costs the new key, never what the hub can do with those it has.
        with suppress(OSError, KeyRingError):
            found = os.stat(self._path)  # noqa: PTH116 - it is asked several times a login, and a Path takes its time
            written = found.st_mtime_ns, found.st_ino
            if written != self._written:
                self.reload()
                self._written = written

    def _named(self, key_id: str) -> Key:
        for attempt in range(2):
            for key in self._keys:
                if key.id == key_id:
                    return key
            if attempt == 0:
                self.reload()
        message = f"the key ring {self._path} lacks the key {key_id}."
        raise KeyRingError(message)

    def write(self) -> None:
        """Write the ring to its file, readable by its owner only; the file is whole at every moment."""
        content = json.dumps(
            {
                "keys": [
                    {"id": key.id, "made_at": key.made_at, "secret": base64.b64encode(key.secret).decode()}
                    | ({"retired_at": key.retired_at} if key.retired_at else {})
                    for key in self._keys
                ]
            },
            indent=1,
        )
        if not self._path.parent.is_dir():
            message = f"{self._path}: the folder {self._path.parent} is not there; make it first."
            raise KeyRingError(message)
        partial = self._path.with_name(f".{self._path.name}.{secrets.token_hex(4)}")
        try:
            with os.fdopen(os.open(partial, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "w") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self._path)
        except OSError as error:
            message = f"{self._path}: the key ring can't be written ({error.strerror})."
            raise KeyRingError(message) from error


def create(path: Path, *, now: datetime) -> KeyRing:
    """Make a new key ring; KeyRingError when the file stands already, for it could never be made again."""
    if path.exists():
        message = f"{path}: there is a key ring already; `tegata keys rotate` adds a key to it."
        raise KeyRingError(message)
    ring = KeyRing(path, (_new_key(now),))
    ring.write()
    return ring


def load(path: Path) -> KeyRing:
    """Read a key ring; KeyRingError says what is wrong with the file."""
    return KeyRing(path, _read(path))


def _read(path: Path) -> tuple[Key, ...]:
    try:
        content = json.loads(path.read_text(encoding="ascii"))
        keys = tuple(
            Key(
                str(entry["id"]),
                str(entry["made_at"]),
                base64.b64decode(entry["secret"], validate=True),
                str(entry.get("retired_at", "")),
            )
            for entry in content["keys"]
        )
        for key in keys:
            _at(key)
    except FileNotFoundError as error:
        message = f"{path}: there is no key ring; `tegata keys init` makes one."
        raise KeyRingError(message) from error
    except OSError as error:
        message = f"{path}: the key ring can't be read ({error.strerror})."
        raise KeyRingError(message) from error
    except (ValueError, KeyError, TypeError) as error:
        message = f"{path}: this is no key ring."
        raise KeyRingError(message) from error
    if not keys or any(len(key.secret) != _KEY_BYTES for key in keys):
        message = f"{path}: this is no key ring."
        raise KeyRingError(message)
    return keys


def _at(key: Key) -> datetime:
    return datetime.fromisoformat(key.made_at)


def _new_key(now: datetime) -> Key:
    return Key(secrets.token_hex(4), now.isoformat(timespec="milliseconds"), secrets.token_bytes(_KEY_BYTES))


@lru_cache(maxsize=256)
def _derived(key: Key, purpose: str) -> bytes:
    return HKDF(SHA256(), _KEY_BYTES, salt=None, info=f"tegata/{purpose}".encode()).derive(key.secret)
