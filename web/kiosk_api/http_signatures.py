"""Whose signed request it is (RFC 9421), and whether it says what was signed."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from aiohttp.web import Request
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from http_message_signatures import (
    HTTPMessageSignaturesException,
    HTTPMessageVerifier,
    InvalidSignature,
    MappingKeyResolver,
)
from http_message_signatures.algorithms import ED25519

from hub.cards.kiosks import Signed
from web.request.context import hub_of

TAG = "tegata-kiosk-1"
_COVERED = ("@method", "@authority", "@path", "content-digest")
_PLAIN_PATH = re.compile(r"(/[a-z0-9-]+)+")
# Only to look up whose key it is to be; the signature is verified over the header as a whole.
_KEY_ID = re.compile(r';\s*keyid="([A-Za-z0-9_-]{1,64})"')


class _Verifier(HTTPMessageVerifier):
    # The library looks at the time first and by a clock of its own; the hub does after the signature, by the hub's,
    # so that only the holder of the key learns how far its clock is off.
    max_clock_skew = timedelta(days=20_000)


@dataclass(frozen=True, slots=True)
class _Message:
    """What the library reads of a request."""

    method: str
    url: str
    headers: dict[str, str]


def key_id_of(request: Request) -> str:
    """Read whose key the request says it is signed with; empty when it says nothing of the kind."""
    found = _KEY_ID.search(request.headers.get("Signature-Input", ""))
    return found[1] if found else ""


def verified(request: Request, body: bytes, *, key_id: str, public_key: bytes, now: datetime) -> Signed | None:
    """Give what a rightly signed request says of its time; None when this key has not signed it so."""
    # RFC 9421, 2.2.6 and 2.2.7: "@path" is the normalised path, and nothing that is signed covers a query.
    if request.raw_path != request.path or not _PLAIN_PATH.fullmatch(request.raw_path):
        return None
    try:
        key = Ed25519PublicKey.from_public_bytes(public_key)
    except ValueError:
        return None
    verifier = _Verifier(
        signature_algorithm=ED25519, key_resolver=MappingKeyResolver(public_keys={key_id: key}, private_keys={})
    )
    # By the address that members see: proxies in between change nothing, and a request to another hub is none to us.
    message = _Message(request.method, f"{hub_of(request).settings.origin}{request.raw_path}", _headers(request))
    try:
        found = verifier.verify(message, max_age=None, expect_tag=TAG, require_components=_COVERED, body=body)
        (only,) = found
        created = datetime.fromtimestamp(int(only.parameters["created"]), tz=UTC)
    except (InvalidSignature, HTTPMessageSignaturesException, ValueError, OverflowError, OSError):
        return None
    if not _is_alive(only.parameters.get("expires"), now):
        return None
    return Signed(created, only.nonce or "")


def _is_alive(expires: object, now: datetime) -> bool:
    # RFC 9421, 2.3: whoever signs may say until when the signature is good.
    return expires is None or (isinstance(expires, int) and now.timestamp() < expires)


def _headers(request: Request) -> dict[str, str]:
    """Give the headers, those sent more than once as one, so that none is seen that the signature doesn't cover."""
    return {name: ", ".join(request.headers.getall(name)) for name in request.headers}
