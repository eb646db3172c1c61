"""A PIV card's own behaviour: what it answers to each command (NIST SP 800-73-4, part 2)."""

import gzip
import secrets
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from demo.card.authority import Issued, PrivateKey
from demo.card.tlv import children, tlv

PIN = "123456"
ATR = bytes.fromhex("3B80800101")
_AID = bytes.fromhex("A000000308000010000100")
_SHORTEST_AID = 5
_LEAST_LE = 256
_HEADER = 5
_CHAINED = 0x10
_PIN_SIZE = 8
TRIES = 3

OK = bytes.fromhex("9000")
_WRONG_LENGTH = bytes.fromhex("6700")
_PIN_MISSING = bytes.fromhex("6982")
_BLOCKED = bytes.fromhex("6983")
_WRONG = bytes.fromhex("6A80")
_NOT_FOUND = bytes.fromhex("6A82")
_WRONG_PLACE = bytes.fromhex("6A86")
_NO_REFERENCE = bytes.fromhex("6A88")
_NO_SUCH_COMMAND = bytes.fromhex("6D00")
_NO_SUCH_CLASS = bytes.fromhex("6E00")

_DISCOVERY = bytes.fromhex("7E")
_CHUID = bytes.fromhex("5FC102")
_CERTIFICATE = bytes.fromhex("5FC105")


@dataclass(frozen=True, slots=True)
class Command:
    """One command as it came in; `le` is how many bytes the other side takes at once."""

    cla: int
    ins: int
    p1: int
    p2: int
    body: bytes
    le: int


@dataclass
class PivCard:
    """A card with one key, in slot 9A.

    `is_compressed` keeps the certificate gzipped; `spoils_signature` signs something else than was asked; `key` is
    another than the certificate's on a copied card.
    """

    issued: Issued
    pin: str = field(default=PIN, repr=False)
    tries: int = TRIES
    is_compressed: bool = False
    spoils_signature: bool = False
    key: PrivateKey | None = field(default=None, repr=False)
    atr: bytes = ATR
    _is_selected: bool = False
    _is_verified: bool = False
    _chain: bytes = b""
    _rest: bytes = b""
    _guid: bytes = field(default_factory=lambda: secrets.token_bytes(16))

    def reset(self) -> None:
        """Lose the power: what was verified is so no more."""
        self._is_selected = self._is_verified = False
        self._chain = self._rest = b""

    def answer(self, sent: bytes) -> bytes:
        """Answer one command."""
        command = _parse(sent)
        if command is None:
            return _WRONG_LENGTH
        if command.cla & ~_CHAINED:
            return _NO_SUCH_CLASS
        if command.ins == 0xC0:  # noqa: PLR2004 - GET RESPONSE
            return self._portion(command.le)
        self._rest = b""
        if command.cla & _CHAINED:
            self._chain += command.body
            return OK
        body, self._chain = self._chain + command.body, b""
        told, status = self._do(command, body)
        if status != OK:
            return status
        self._rest = told
        return self._portion(command.le)

    def _portion(self, most: int) -> bytes:
        part, self._rest = self._rest[:most], self._rest[most:]
        left = min(len(self._rest), 0x100)
        return part + (bytes([0x61, left & 0xFF]) if left else OK)

    def _do(self, command: Command, body: bytes) -> tuple[bytes, bytes]:
        if command.ins == 0xA4:  # noqa: PLR2004 - SELECT
            return self._select(body)
        if not self._is_selected:
            return b"", _NO_SUCH_COMMAND
        match command.ins:
            case 0xCB:
                return self._get(command, body)
            case 0x20:
                return b"", self._verify(command, body)
            case 0x87:
                return self._authenticate(command, body)
            case 0xFD:
                # No command of the standard: Yubico's tools begin with it and want a version.
                return bytes.fromhex("040305"), OK
        return b"", _NO_SUCH_COMMAND

    def _select(self, body: bytes) -> tuple[bytes, bytes]:
        # NIST SP 800-73-4, part 2, 3.1.1: what is selected and verified stays so, whatever is asked for next.
        if len(body) < _SHORTEST_AID or not _AID.startswith(body):
            return b"", _NOT_FOUND
        self._is_selected = True
        return tlv(0x61, tlv(0x4F, _AID[5:]) + tlv(0x79, tlv(0x4F, _AID[:5]))), OK

    def _get(self, command: Command, body: bytes) -> tuple[bytes, bytes]:
        if (command.p1, command.p2) != (0x3F, 0xFF):
            return b"", _WRONG_PLACE
        try:
            name = children(body).get(0x5C, b"")
        except ValueError:
            return b"", _WRONG
        if name == _DISCOVERY:
            return tlv(0x7E, tlv(0x4F, _AID) + tlv(0x5F2F, bytes.fromhex("4000"))), OK
        if name == _CHUID:
            return tlv(0x53, self._holder()), OK
        if name == _CERTIFICATE:
            der = gzip.compress(self.issued.der) if self.is_compressed else self.issued.der
            return tlv(0x53, tlv(0x70, der) + tlv(0x71, bytes([self.is_compressed])) + tlv(0xFE, b"")), OK
        return b"", _NOT_FOUND

    def _holder(self) -> bytes:
        # A FASC-N of a non-federal issuer: agency 9999, all the rest nines.
        number = bytes.fromhex("D4E739DA739CED39CE739DA1685A1082108CE73984108257FC")
        return tlv(0x30, number) + tlv(0x34, self._guid) + tlv(0x35, b"20991231") + tlv(0x3E, b"") + tlv(0xFE, b"")

    def _verify(self, command: Command, body: bytes) -> bytes:
        if command.p1 or command.p2 != 0x80:  # noqa: PLR2004 - the card's own PIN
            return _NO_REFERENCE
        if not body:
            return OK if self._is_verified else self._tries_left()
        if len(body) != _PIN_SIZE:
            return _WRONG
        if not self.tries:
            return _BLOCKED
        self._is_verified = body == self.pin.encode().ljust(_PIN_SIZE, b"\xff")
        self.tries = TRIES if self._is_verified else self.tries - 1
        return OK if self._is_verified else self._tries_left()

    def _tries_left(self) -> bytes:
        return bytes([0x63, 0xC0 | self.tries]) if self.tries else _BLOCKED

    def _authenticate(self, command: Command, body: bytes) -> tuple[bytes, bytes]:
        key = self.key or self.issued.key
        if command.p2 != 0x9A:  # noqa: PLR2004 - no other slot has a key
            return b"", _NO_REFERENCE
        if command.p1 != _algorithm(key):
            return b"", _WRONG_PLACE
        if not self._is_verified:
            return b"", _PIN_MISSING
        try:
            asked = children(children(body)[0x7C])
        except (KeyError, ValueError):
            return b"", _WRONG
        what = asked.get(0x81, b"")
        if asked.get(0x82) != b"" or not what:
            return b"", _WRONG
        if self.spoils_signature:
            what = what[:-1] + bytes([what[-1] ^ 1])
        signature = _signed(key, what)
        return (tlv(0x7C, tlv(0x82, signature)), OK) if signature else (b"", _WRONG)


def _parse(sent: bytes) -> Command | None:
    """Read a command in short or extended form (ISO 7816-3, 12.1)."""
    if len(sent) < _HEADER - 1:
        return None
    (cla, ins, p1, p2), rest = sent[:4], sent[4:]
    if len(rest) <= 1:
        return Command(cla, ins, p1, p2, b"", rest[0] or _LEAST_LE if rest else _LEAST_LE)
    if rest[0] == 0 and len(rest) > 2:  # noqa: PLR2004 - the extended form's mark and two bytes of length
        size, rest = int.from_bytes(rest[1:3], "big"), rest[3:]
        if not rest:
            return Command(cla, ins, p1, p2, b"", size or 0x10000)
        body, le = rest[:size], rest[size:]
        most = int.from_bytes(le, "big") or 0x10000
    else:
        size, rest = rest[0], rest[1:]
        body, le = rest[:size], rest[size:]
        most = (le[0] if le else 0) or _LEAST_LE
    return Command(cla, ins, p1, p2, body, most) if len(body) == size else None


def _algorithm(key: PrivateKey) -> int:
    """Name a key as NIST SP 800-78-4 does, table 6-2."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return {256: 0x11, 384: 0x14}[key.key_size]
    return {1024: 0x06, 2048: 0x07, 3072: 0x05}[key.key_size]


def _signed(key: PrivateKey, what: bytes) -> bytes:
    """Sign as the card does: a hash with ECDSA, a block that is padded already with RSA."""
    if isinstance(key, rsa.RSAPrivateKey):
        size = key.key_size // 8
        numbers = key.private_numbers()
        block, modulus = int.from_bytes(what, "big"), numbers.public_numbers.n
        return pow(block, numbers.d, modulus).to_bytes(size, "big") if len(what) == size and block < modulus else b""
    for algorithm in (hashes.SHA256(), hashes.SHA384()):
        if algorithm.digest_size == len(what) <= key.key_size // 8:
            return key.sign(what, ec.ECDSA(Prehashed(algorithm)))
    return b""
