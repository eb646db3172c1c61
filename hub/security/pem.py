"""PURE: every block of a PEM file (RFC 7468), and what stands in the file beside them."""

import re
from base64 import b64decode
from collections.abc import Collection
from dataclasses import dataclass, field

_MARK = b"-----BEGIN"
_BLOCK = re.compile(
    rb"^-----BEGIN ([A-Z0-9 ]+)-----[ \t]*\r?$(.*?)^-----END ([A-Z0-9 ]+)-----[ \t]*\r?$", re.MULTILINE | re.DOTALL
)
CERTIFICATE = ("CERTIFICATE", "X509 CERTIFICATE")
REVOCATION_LIST = ("X509 CRL",)


@dataclass(frozen=True, slots=True)
class Block:
    """One block: what its label says it is, and its content."""

    label: str
    der: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Blocks:
    """The blocks of the labels that were asked for; `others` names all else that stands in the file."""

    wanted: tuple[Block, ...]
    others: tuple[str, ...]


def is_pem(content: bytes) -> bool:
    """Tell whether a file is PEM; otherwise it can only be DER."""
    return _MARK in content


def read(content: bytes, labels: Collection[str]) -> Blocks:
    """Read all blocks; ValueError for a block that is cut off or damaged: it might be the one that counts."""
    found = [_block(match) for match in _BLOCK.finditer(content)]
    between = _BLOCK.sub(b"", content)
    if b"-----" in between:
        message = "a block has no BEGIN or no END"
        raise ValueError(message)
    others = [f"a block {one.label}" for one in found if one.label not in labels]
    if any(line.strip() and not line.lstrip().startswith(b"#") for line in between.splitlines()):
        others.append("text that is no comment (#)")
    return Blocks(tuple(one for one in found if one.label in labels), tuple(others))


def _block(match: re.Match[bytes]) -> Block:
    label, body, end = match[1], match[2], match[3]
    if label != end:
        message = f"a block begins as {label.decode()} and ends as {end.decode()}"
        raise ValueError(message)
    # RFC 1421's headers, which encrypted keys have, are no part of the content.
    _, headers, after = body.rpartition(b"\n\n")
    return Block(label.decode(), b64decode(b"".join((after if headers else body).split()), validate=True))
