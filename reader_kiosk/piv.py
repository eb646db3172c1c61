"""One conversation with a PIV card (NIST SP 800-73-4, part 2): certificate, PIN, signature."""

import re
import zlib
from dataclasses import dataclass
from enum import Enum, auto

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from reader_kiosk import tlv
from reader_kiosk.apdu import OK, Answer, Command, Trace, Transmit, exchange
from reader_kiosk.errors import CardError, DefectiveCardError, NoCardApplicationError, NoCertificateError, PinError

_SELECT, _VERIFY, _GET_DATA, _GENERAL_AUTHENTICATE = 0xA4, 0x20, 0xCB, 0x87
_AIDS = (bytes.fromhex("A00000030800001000"), bytes.fromhex("A000000308"))
_AUTHENTICATION = 0x9A
_CERTIFICATE = bytes.fromhex("5FC105")
_DISCOVERY, _PIN_USAGE = 0x7E, 0x5F2F
# NIST SP 800-73-4, part 1, 3.3.2: which PINs open the keys, and which one is asked for first.
_CARD_PIN_OPENS, _GLOBAL_OPENS, _GLOBAL_FIRST = 0x40, 0x20, 0x20
_GLOBAL_PIN, _CARD_PIN = 0x00, 0x80
_PIN_BLOCKED, _TRIES = {0x6983, 0x6984}, 0x63C0
# File, object or key not found; not readable without the PIN.
_NO_OBJECT = {0x6A82, 0x6A83, 0x6A88, 0x6982, 0x6985}
# ISO 7816-4, table 5: 62xx is a warning beside an answer; 64xx, 65xx and 6Fxx are faults of the moment.
_WARNING, _FAULTS = 0x62, {0x64, 0x65, 0x6F}
_SECURITY_STATUS = 0x6982
_SEQUENCE = 0x30
# What the hub takes as well. A certificate of PIV has 3,000 bytes at most.
LARGEST_CERTIFICATE = 16_384
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


class PinState(Enum):
    """What a card says instead of the number of tries that are left."""

    VERIFIED = auto()
    UNCOUNTED = auto()


class PivSession:
    """A card that is powered and ours alone; each call is one step of the standard."""

    def __init__(self, transmit: Transmit) -> None:
        self._transmit = transmit
        self._pin_reference = _CARD_PIN
        self.trace = Trace()

    def select(self) -> None:
        """Choose the PIV application; NoCardApplicationError when the card has none."""
        for aid in _AIDS:
            said = self._exchange(Command(_SELECT, 0x04, 0x00, aid))
            if _is_answer(said):
                return
            _raise_fault(_SELECT, said.status)
        message = "no PIV application"
        raise NoCardApplicationError(message)

    def certificate(self) -> bytes:
        """Read the DER of slot 9A's certificate; NoCertificateError when there is none."""
        said = self._object(_CERTIFICATE)
        if _is_answer(said):
            return _certificate(said.content)
        if said.status in _NO_OBJECT:
            message = "no certificate"
            raise NoCertificateError(message)
        raise _unexpected(_GET_DATA, said.status)

    def choose_pin(self) -> None:
        """Read which PIN the card prefers: its own or the global one. Without a word from it, its own."""
        said = self._object(bytes([_DISCOVERY]))
        if not _is_answer(said):
            return
        try:
            usage = tlv.decode(tlv.decode(said.content)[_DISCOVERY])[_PIN_USAGE]
        except (KeyError, ValueError):
            return
        is_first = usage[1:2] == bytes([_GLOBAL_FIRST]) or not (usage and usage[0] & _CARD_PIN_OPENS)
        if usage and usage[0] & _GLOBAL_OPENS and is_first:
            self._pin_reference = _GLOBAL_PIN

    def attempts_remaining(self) -> int | PinState:
        """Ask how many wrong PINs the card still bears."""
        said = self._exchange(Command(_VERIFY, 0x00, self._pin_reference, wants_answer=False))
        if said.status == OK:
            return PinState.VERIFIED
        _raise_fault(_VERIFY, said.status)
        known = _attempts(said.status)
        return PinState.UNCOUNTED if known is None else known

    def verify(self, pin: bytes | bytearray) -> None:
        """Give the card the PIN; PinError with what is left when it is wrong."""
        if not is_pin(pin):
            # What can't be a PIN would cost a try all the same.
            message = "a PIN has 6 to 8 digits"
            raise ValueError(message)
        padded = bytes(pin).ljust(_PIN_SIZE, b"\xff")
        said = self._exchange(Command(_VERIFY, 0x00, self._pin_reference, padded, wants_answer=False))
        if said.status == OK:
            return
        left = _attempts(said.status)
        if left is None and said.status >> 8 != _TRIES >> 8 and said.status != _SECURITY_STATUS:
            raise _unexpected(_VERIFY, said.status)
        raise PinError(left)

    def sign(self, message: bytes, algorithm: Algorithm) -> bytes:
        """Have the card sign a message: PKCS #1 v1.5 with RSA, the DER of r and s otherwise."""
        asked = tlv.encode(0x7C, tlv.encode(0x82, b"") + tlv.encode(0x81, prepared(message, algorithm)))
        said = self._exchange(Command(_GENERAL_AUTHENTICATE, algorithm.number, _AUTHENTICATION, asked))
        if said.status != OK:
            raise _unexpected(_GENERAL_AUTHENTICATE, said.status)
        return _inside(said.content, 0x7C, 0x82)

    def _object(self, name: bytes) -> Answer:
        return self._exchange(Command(_GET_DATA, 0x3F, 0xFF, tlv.encode(0x5C, name)))

    def _exchange(self, command: Command) -> Answer:
        return exchange(self._transmit, command, self.trace)


def is_pin(pin: bytes | bytearray) -> bool:
    """Tell whether this has the form of a PIV card's PIN."""
    return _PIN.fullmatch(pin) is not None


def algorithm_of(certificate: bytes) -> Algorithm | None:
    """Choose how the key of this certificate signs; None for one that this kiosk can't use or read."""
    try:
        key = x509.load_der_x509_certificate(certificate).public_key()
    except (UnsupportedAlgorithm, x509.InvalidVersion, ValueError, TypeError):
        return None
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
        kept = tlv.decode(tlv.decode(content)[0x53])[0x70]
    except (KeyError, ValueError) as error:
        message = "the certificate's object can't be read"
        raise DefectiveCardError(message) from error
    if not kept:
        message = "no certificate"
        raise NoCertificateError(message)
    # Cards disagree on what CertInfo says of compression: a certificate shows by itself whether it is packed.
    unpacked = kept if kept[0] == _SEQUENCE else _inflated(kept)
    if len(unpacked) > LARGEST_CERTIFICATE:
        message = "the certificate is too large"
        raise DefectiveCardError(message)
    return unpacked


def _inflated(kept: bytes) -> bytes:
    # A few bytes can hold gigabytes: no more is unpacked than a certificate may have. gzip and zlib are both in use.
    unpacking = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        unpacked = unpacking.decompress(kept, LARGEST_CERTIFICATE + 1)
    except zlib.error as error:
        message = "the certificate can't be unpacked"
        raise DefectiveCardError(message) from error
    if not unpacking.eof:
        message = "the certificate is too large"
        raise DefectiveCardError(message)
    return unpacked


def _attempts(status: int) -> int | None:
    """Read how many tries are left; None when the status does not tell."""
    if status in _PIN_BLOCKED:
        return 0
    return status & 0x000F if status & 0xFFF0 == _TRIES else None


def _inside(content: bytes, *tags: int) -> bytes:
    for tag in tags:
        try:
            content = tlv.decode(content)[tag]
        except (KeyError, ValueError) as error:
            message = "the card's answer can't be read"
            raise DefectiveCardError(message) from error
    return content


def _is_answer(said: Answer) -> bool:
    return said.status == OK or (said.status >> 8 == _WARNING and bool(said.content))


def _raise_fault(instruction: int, status: int) -> None:
    """Raise CardError for a fault of the moment, after which the next try may succeed."""
    if status >> 8 in _FAULTS:
        raise CardError(_answered(instruction, status))


def _unexpected(instruction: int, status: int) -> CardError:
    kind = CardError if status >> 8 in _FAULTS else DefectiveCardError
    return kind(_answered(instruction, status))


def _answered(instruction: int, status: int) -> str:
    return f"command {instruction:02X} was answered with {status:04X}"
