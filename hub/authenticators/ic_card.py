"""PURE: what an IC card signs to prove itself, and whether it did."""

from enum import StrEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256, SHA384

_LABEL = b"tegata card login 1"
# NIST SP 800-78-4, 3.1, and NIST SP 800-131A: less than 112 bits is no proof any more.
_RSA_SIZES = (2048, 3072)
_EC_LEAST = 224


class Algorithm(StrEnum):
    """How a card's key signs."""

    P256 = "ecdsa-p256-sha256"
    P384 = "ecdsa-p384-sha384"
    RSA = "rsa-v1_5-sha256"


class Unfit(StrEnum):
    """Why a key is none of these."""

    WEAK = "weak"
    UNSUITABLE = "unsuitable"


def algorithm_of(key: CertificatePublicKeyTypes) -> Algorithm | Unfit:
    """Name the algorithm of a card's key: P-256, P-384, RSA of 2048 or 3072 bits, and nothing else."""
    match key:
        case ec.EllipticCurvePublicKey(curve=ec.SECP256R1()):
            return Algorithm.P256
        case ec.EllipticCurvePublicKey(curve=ec.SECP384R1()):
            return Algorithm.P384
        case ec.EllipticCurvePublicKey():
            return Unfit.WEAK if key.key_size <= _EC_LEAST else Unfit.UNSUITABLE
        case rsa.RSAPublicKey() if key.key_size < min(_RSA_SIZES):
            return Unfit.WEAK
        case rsa.RSAPublicKey() if key.key_size in _RSA_SIZES:
            return Algorithm.RSA
        case _:
            return Unfit.UNSUITABLE


def message(kiosk_id: str, login_id: str, nonce: bytes) -> bytes:
    """Write what the card signs: of no use for another purpose, kiosk, login or time."""
    return b"\x00".join((_LABEL, kiosk_id.encode("ascii"), login_id.encode("ascii"), nonce))


def is_right(key: CertificatePublicKeyTypes, signature: bytes, signed: bytes) -> bool:
    """Tell whether this key signed these bytes."""
    try:
        match key:
            case ec.EllipticCurvePublicKey():
                hashing = SHA384() if algorithm_of(key) is Algorithm.P384 else SHA256()
                key.verify(signature, signed, ec.ECDSA(hashing))
            case rsa.RSAPublicKey():
                key.verify(signature, signed, padding.PKCS1v15(), SHA256())
            case _:
                return False
    except InvalidSignature:
        return False
    return True
