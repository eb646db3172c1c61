"""Who this kiosk is to its hub: the key that was made here and never leaves, and what the hub called it."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from reader_kiosk.errors import KioskError

_KEY, _NAMES, _PROBE = "key.pem", "kiosk.json", "room"
_OTHERS = 0o077
_NOT_ENROLLED = "This kiosk is not enrolled. Please type: python -m reader_kiosk enrol HUB_URL CODE"


@dataclass(frozen=True, slots=True)
class Identity:
    """An enrolled kiosk; `hub` is the origin it was enrolled at."""

    hub: str
    kiosk_id: str
    name: str
    zone: str
    key: Ed25519PrivateKey = field(repr=False)


def make_room(folder: Path) -> None:
    """See that an identity can be kept, before a code is spent on one; KioskError when it can't."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(folder / _PROBE, b"")
        (folder / _PROBE).unlink()
    except OSError as error:
        raise _unkept(folder, error) from error


def save(folder: Path, identity: Identity) -> None:
    """Keep the identity where only this user can read it; the key first, so that a name never stands without one."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        pem = identity.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        _write(folder / _KEY, pem)
        names = {"hub": identity.hub, "kiosk_id": identity.kiosk_id, "name": identity.name, "zone": identity.zone}
        _write(folder / _NAMES, json.dumps(names, ensure_ascii=False, indent=2).encode())
    except OSError as error:
        raise _unkept(folder, error) from error


def load(folder: Path) -> Identity:
    """Read the identity; KioskError when the kiosk isn't enrolled or its key can be read by others."""
    key_file = folder / _KEY
    try:
        names = json.loads((folder / _NAMES).read_text(encoding="utf-8"))
        mode = key_file.stat().st_mode
        key = load_pem_private_key(key_file.read_bytes(), password=None)
        hub, kiosk_id, name, zone = (str(names[one]) for one in ("hub", "kiosk_id", "name", "zone"))
    except FileNotFoundError as error:
        raise KioskError(_NOT_ENROLLED) from error
    except OSError as error:
        message = f"{folder}: the kiosk's key can't be read ({error.strerror})."
        raise KioskError(message) from error
    except (ValueError, KeyError, TypeError) as error:
        message = f"{folder}: what stands there is no kiosk's key. Please enrol it again."
        raise KioskError(message) from error
    if mode & _OTHERS:
        message = f"{key_file} can be read by others. Please type: chmod 600 {key_file}"
        raise KioskError(message)
    if not isinstance(key, Ed25519PrivateKey):
        message = f"{key_file}: no Ed25519 key. Please enrol the kiosk again."
        raise KioskError(message)
    return Identity(hub, kiosk_id, name, zone, key)


def hub_of(folder: Path) -> str:
    """Read the hub's origin alone; KioskError when the kiosk isn't enrolled."""
    try:
        return str(json.loads((folder / _NAMES).read_text(encoding="utf-8"))["hub"])
    except FileNotFoundError as error:
        raise KioskError(_NOT_ENROLLED) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = f"{folder}: the kiosk's names can't be read ({error})."
        raise KioskError(message) from error


def _unkept(folder: Path, error: OSError) -> KioskError:
    return KioskError(f"{folder}: the kiosk's key can't be kept there ({error.strerror}).")


def _write(path: Path, content: bytes) -> None:
    # Never readable by others, not for a moment, and whole or not there.
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    new.replace(path)
