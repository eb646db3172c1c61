"""PURE: a letter's DKIM signatures (RFC 6376, RFC 8463), relaxed in header and body, by whichever keys are given."""

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

Secret = RSAPrivateKey | Ed25519PrivateKey
# RFC 6376, 5.4: From must be signed, what a reader sees or answers to should be.
_SIGNED = ("from", "subject", "date", "to", "message-id", "auto-submitted", "reply-to")
_SPACES = re.compile(rb"[ \t]+")
_FOLD = re.compile(rb"\r\n(?=[ \t])")
_LINE = 72


@dataclass(frozen=True, slots=True)
class Stamp:
    """Who signs: the selector and the domain that the key is published under, and the key."""

    selector: str
    domain: str
    secret: Secret


@dataclass(frozen=True, slots=True)
class _Header:
    name: str
    line: bytes


def signed(message: bytes, stamps: Sequence[Stamp], *, now: datetime) -> bytes:
    """Put a signature for each stamp before a message with CRLF line ends."""
    head, _, body = message.partition(b"\r\n\r\n")
    headers = _headers(head)
    names = _named(headers)
    covered = b"".join(_covered(headers, names))
    digest = base64.b64encode(hashlib.sha256(_relaxed_body(body)).digest()).decode("ascii")
    signatures = []
    for stamp in stamps:
        draft = _draft(stamp, names, digest, now)
        # Section 3.7: the signature's own header comes last, without its line end, and with no signature in it.
        signatures.append(draft + _folded(_signature(stamp.secret, covered + _relaxed(draft))) + b"\r\n")
    return b"".join(signatures) + message


def _draft(stamp: Stamp, names: Sequence[str], digest: str, now: datetime) -> bytes:
    """Write the header of a signature up to where that itself stands."""
    algorithm = "rsa" if isinstance(stamp.secret, RSAPrivateKey) else "ed25519"
    lines = (
        f"DKIM-Signature: v=1; a={algorithm}-sha256; c=relaxed/relaxed;",
        f"d={stamp.domain};",
        f"s={stamp.selector}; t={int(now.timestamp())};",
        f"h={':'.join(names[: len(names) // 2])}:",
        f"{':'.join(names[len(names) // 2 :])};",
        f"bh={digest};",
        "b=",
    )
    return "\r\n ".join(lines).encode("ascii")


def _signature(secret: Secret, covered: bytes) -> bytes:
    if isinstance(secret, RSAPrivateKey):
        return base64.b64encode(secret.sign(covered, PKCS1v15(), SHA256()))
    # RFC 8463, 3: what is signed is the digest.
    return base64.b64encode(secret.sign(hashlib.sha256(covered).digest()))


def _folded(signature: bytes) -> bytes:
    return b"\r\n ".join(signature[at : at + _LINE] for at in range(0, len(signature), _LINE))


def _headers(head: bytes) -> list[_Header]:
    return [
        _Header(line.partition(b":")[0].strip().lower().decode("latin-1"), _relaxed(line))
        for line in _FOLD.sub(b"", head).split(b"\r\n")
    ]


def _named(headers: Sequence[_Header]) -> list[str]:
    """Name each signed header once more than it stands: one that is added on the way breaks the signature (5.4.2)."""
    present = [header.name for header in headers]
    return [name for name in _SIGNED for _ in range(present.count(name) + 1)]


def _covered(headers: Sequence[_Header], names: Sequence[str]) -> list[bytes]:
    """Give the headers in the order they are named, of one name the lowest first (5.4.2)."""
    left = list(reversed(headers))
    covered = []
    for name in names:
        found = next((header for header in left if header.name == name), None)
        if found is not None:
            left.remove(found)
            covered.append(found.line + b"\r\n")
    return covered


def _relaxed(line: bytes) -> bytes:
    """Bring a header into its relaxed form (3.4.2), without its line end."""
    name, _, value = _FOLD.sub(b"", line).partition(b":")
    return name.strip().lower() + b":" + _SPACES.sub(b" ", value).strip()


def _relaxed_body(body: bytes) -> bytes:
    """Bring a body into its relaxed form (3.4.4)."""
    text = _SPACES.sub(b" ", body if body.endswith(b"\r\n") else body + b"\r\n").replace(b" \r\n", b"\r\n")
    while text.endswith(b"\r\n\r\n"):
        text = text[:-2]
    return b"" if text == b"\r\n" else text
