"""The key ring: what seals secrets at rest, and what codes, tokens and digests are derived with."""

import base64
import hmac
import json
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hub.errors import KeyRingError, TamperedError

_KEY_BYTES = 32
_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class Key:
    """One key: what all others of its age are derived from."""

    id: str
    made_at: str
    secret: bytes = field(repr=False)


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
        """The id of the key that new values are made with."""
        return self._keys[-1].id

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all keys, the oldest first."""
        return tuple(key.id for key in self._keys)

    def seal(self, plain: bytes, *, identity: str) -> bytes:
        """Encrypt with AES-256-GCM, bound to the identity of the row that will hold it."""
        key = self._keys[-1]
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = AESGCM(_derived(key, "seal")).encrypt(nonce, plain, identity.encode())
        return key.id.encode() + b":" + nonce + sealed

    def unseal(self, sealed: bytes, *, identity: str) -> bytes:
        """Decrypt; TamperedError when the value was changed or belongs to another row."""
        key_id, _, rest = bytes(sealed).partition(b":")
        key = self._named(key_id.decode("ascii", "replace"))
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

    def digests(self, purpose: str, secret: str) -> list[str]:
        """Give the digests under which a secret may rest in older rows too, the current key's first."""
        self._look()
        return [self.mac(purpose, secret.encode(), key_id=key.id).hex() for key in reversed(self._keys)]

    def rotated(self, *, now: datetime) -> "KeyRing":
        """Give a ring with one key more, written to the same file."""
        ring = KeyRing(self._path, (*self._keys, _new_key(now)))
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
            Key(str(entry["id"]), str(entry["made_at"]), base64.b64decode(entry["secret"], validate=True))
            for entry in content["keys"]
        )
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


def _new_key(now: datetime) -> Key:
    return Key(secrets.token_hex(4), now.isoformat(timespec="seconds"), secrets.token_bytes(_KEY_BYTES))


@lru_cache(maxsize=256)
def _derived(key: Key, purpose: str) -> bytes:
    return HKDF(SHA256(), _KEY_BYTES, salt=None, info=f"tegata/{purpose}".encode()).derive(key.secret)
