"""PURE: what this kiosk puts its name under: requests to the hub (RFC 9421), and the bytes a card signs."""

from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from http_message_signatures import HTTPMessageSigner, MappingKeyResolver
from http_message_signatures.algorithms import ED25519

LABEL = "kiosk"
TAG = "tegata-kiosk-1"
COVERED = ("@method", "@authority", "@path")
_CARD_LABEL = b"tegata card login 1"


@dataclass(frozen=True, slots=True)
class Request:
    """A request as far as it is signed; signing adds headers."""

    method: str
    url: str
    headers: dict[str, str]


def sign(request: Request, body: bytes, key_id: str, key: Ed25519PrivateKey, *, now: datetime, nonce: str) -> None:
    """Add digest and signature to a request's headers."""
    signer = HTTPMessageSigner(
        signature_algorithm=ED25519, key_resolver=MappingKeyResolver(public_keys={}, private_keys={key_id: key})
    )
    signer.sign(
        request,
        key_id=key_id,
        created=now,
        nonce=nonce,
        label=LABEL,
        tag=TAG,
        covered_component_ids=COVERED,
        body=body,
    )


def card_message(kiosk_id: str, login_id: str, nonce: bytes) -> bytes:
    """Write what the card signs: of no use to another purpose, kiosk, login or time."""
    return b"\x00".join((_CARD_LABEL, kiosk_id.encode("ascii"), login_id.encode("ascii"), nonce))
