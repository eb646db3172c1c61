"""One conversation with a PIV card (NIST SP 800-73-4, part 2): certificate, PIN, signature."""

import re
import zlib
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from reader_kiosk import tlv
from reader_kiosk.apdu import OK, Command, Transmit, exchange
from reader_kiosk.errors import CardError, NoCardApplicationError, PinError

_SELECT, _VERIFY, _GET_DATA, _GENERAL_AUTHENTICATE = 0xA4, 0x20, 0xCB, 0x87
_AIDS = (bytes.fromhex("A00000030800001000"), bytes.fromhex("A000000308"))
_AUTHENTICATION = 0x9A
_CERTIFICATE = bytes.fromhex("5FC105")
_CARD_PIN = 0x80
_NOT_FOUND, _PIN_BLOCKED, _TRIES = 0x6A82, 0x6983, 0x63C0
_COMPRESSED = 0x01
_LARGEST = 16_384
_PIN = re.compile(rb"[0-9]{6,8}")
_PIN_SIZE = 8
# RFC 8017, 9.2, note 1.
_SHA256_INFO = bytes.fromhex("3031300D060960864801650304020105000420")


@dataclass(frozen=True, slots=True)
class Algorithm:
    """How a key signs: the card's number for it (NIST SP 800-78-4, table 6-2) and the hub's name."""

    number: int
    name: str
    hash: hashes.HashAlgorithm
    block: int = 0


_P256 = Algorithm(0x11, "ecdsa-p256-sha256", hashes.SHA256())
_P384 = Algorithm(0x14, "ecdsa-p384-sha384", hashes.SHA384())
_RSA = {2048: Algorithm(0x07, "rsa-v1_5-sha256", hashes.SHA256(), 256)}
_RSA[3072] = Algorithm(0x05, "rsa-v1_5-sha256", hashes.SHA256(), 384)


class PivSession:
    """A card that is powered and ours alone; each call is one step of the standard."""

    def __init__(self, transmit: Transmit) -> None:
        self._transmit = transmit

    def select(self) -> None:
        """Choose the PIV application; NoCardApplicationError when the card has none."""
        for aid in _AIDS:
            said = exchange(self._transmit, Command(_SELECT, 0x04, 0x00, aid))
            if said.status == OK:
                return
        message = "no PIV application"
        raise NoCardApplicationError(message)

    def certificate(self) -> bytes:
        """Read the DER of slot 9A's certificate; NoCardApplicationError when there is none."""
        command = Command(_GET_DATA, 0x3F, 0xFF, tlv.encode(0x5C, _CERTIFICATE))
        said = exchange(self._transmit, command)
        if said.status == _NOT_FOUND:
            message = "no certificate"
            raise NoCardApplicationError(message)
        if said.status != OK:
            raise _unexpected(_GET_DATA, said.status)
        return _certificate(said.content)

    def attempts_remaining(self) -> int | None:
        """Ask how many wrong PINs the card still bears; None when a PIN counts as verified already."""
        said = exchange(self._transmit, Command(_VERIFY, 0x00, _CARD_PIN, wants_answer=False))
        return None if said.status == OK else _attempts(said.status)

    def verify(self, pin: bytes | bytearray) -> None:
        """Give the card the PIN; PinError with what is left when it is wrong."""
        if not is_pin(pin):
            # What can't be a PIN would cost a try all the same.
            message = "a PIN has 6 to 8 digits"
            raise ValueError(message)
        padded = bytes(pin).ljust(_PIN_SIZE, b"\xff")
        said = exchange(self._transmit, Command(_VERIFY, 0x00, _CARD_PIN, padded, wants_answer=False))
        if said.status != OK:
            raise PinError(_attempts(said.status))

    def sign(self, message: bytes, algorithm: Algorithm) -> bytes:
        """Have the card sign a message: PKCS #1 v1.5 with RSA, the DER of r and s otherwise."""
        asked = tlv.encode(0x7C, tlv.encode(0x82, b"") + tlv.encode(0x81, prepared(message, algorithm)))
        said = exchange(self._transmit, Command(_GENERAL_AUTHENTICATE, algorithm.number, _AUTHENTICATION, asked))
        if said.status != OK:
            raise _unexpected(_GENERAL_AUTHENTICATE, said.status)
        return _inside(said.content, 0x7C, 0x82)


def is_pin(pin: bytes | bytearray) -> bool:
    """Tell whether this has the form of a PIV card's PIN."""
    return _PIN.fullmatch(pin) is not None


def algorithm_of(certificate: bytes) -> Algorithm | None:
    """Choose how the key of this certificate signs; None for one that this kiosk can't use."""
    try:
        key = x509.load_der_x509_certificate(certificate).public_key()
    except UnsupportedAlgorithm:
        return None
    except ValueError as error:
        message = "the certificate can't be read"
        raise CardError(message) from error
    match key:
        case ec.EllipticCurvePublicKey(curve=ec.SECP256R1()):
            return _P256
        case ec.EllipticCurvePublicKey(curve=ec.SECP384R1()):
            return _P384
        case rsa.RSAPublicKey(key_size=size):
            return _RSA.get(size)
    return None


def prepared(message: bytes, algorithm: Algorithm) -> bytes:
    """Hash a message and, for RSA, pad it: the card does neither (RFC 8017, 9.2)."""
    hashing = hashes.Hash(algorithm.hash)
    hashing.update(message)
    digest = hashing.finalize()
    if not algorithm.block:
        return digest
    info = _SHA256_INFO + digest
    return b"\x00\x01" + b"\xff" * (algorithm.block - len(info) - 3) + b"\x00" + info


def _certificate(content: bytes) -> bytes:
    try:
        parts = tlv.decode(tlv.decode(content)[0x53])
        kept = parts[0x70]
    except (KeyError, ValueError) as error:
        message = "the certificate's object can't be read"
        raise CardError(message) from error
    if not kept:
        message = "no certificate"
        raise NoCardApplicationError(message)
    info = parts.get(0x71, b"\x00")
    return _inflated(kept) if info[:1] == bytes([_COMPRESSED]) else kept


def _inflated(kept: bytes) -> bytes:
    # A few bytes can hold gigabytes: no more is unpacked than a certificate may have.
    unpacking = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        unpacked = unpacking.decompress(kept, _LARGEST)
    except zlib.error as error:
        message = "the certificate can't be unpacked"
        raise CardError(message) from error
    if not unpacking.eof:
        message = "the certificate is too large"
        raise CardError(message)
    return unpacked


def _attempts(status: int) -> int:
    if status == _PIN_BLOCKED:
        return 0
    if status & 0xFFF0 == _TRIES:
        return status & 0x000F
    raise _unexpected(_VERIFY, status)


def _inside(content: bytes, *tags: int) -> bytes:
    for tag in tags:
        try:
            content = tlv.decode(content)[tag]
        except (KeyError, ValueError) as error:
            message = "the card's answer can't be read"
            raise CardError(message) from error
    return content


def _unexpected(ins: int, status: int) -> CardError:
    return CardError(f"command {ins:02X} was answered with {status:04X}")
