"""A card issuer: a root, an intermediate that signs, and certificates for all kinds of keys."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
_YEAR = timedelta(days=365)


class KeyKind(StrEnum):
    """The keys a card may hold in slot 9A; the last is too weak for anybody."""

    P256 = "P-256"
    P384 = "P-384"
    RSA2048 = "RSA-2048"
    RSA3072 = "RSA-3072"
    RSA1024 = "RSA-1024"


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and the key it speaks of."""

    certificate: x509.Certificate
    key: PrivateKey = field(repr=False)

    @property
    def der(self) -> bytes:
        """The certificate as a card holds it."""
        return self.certificate.public_bytes(Encoding.DER)


@dataclass(frozen=True, slots=True)
class Authority:
    """Whom the hub is told to trust: `root`; and what signs cards: `intermediate`."""

    root: Issued
    intermediate: Issued

    def card(
        self, name: str, kind: KeyKind, *, now: datetime, life: timedelta = 3 * _YEAR, key: PrivateKey | None = None
    ) -> Issued:
        """Issue a card's certificate; a negative `life` makes one that ended so long ago."""
        made = key or make_key(kind)
        start = min(now, now + life) - timedelta(days=1)
        builder = (
            _begun(_name(name), made, (start, now + life))
            .issuer_name(self.intermediate.certificate.subject)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
            .add_extension(_authority_key(self.intermediate), critical=False)
        )
        return Issued(builder.sign(self.intermediate.key, hashes.SHA256()), made)


def authority(name: str, *, now: datetime) -> Authority:
    """Make an issuer of its own."""
    root_key = make_key(KeyKind.P256)
    span = (now - timedelta(days=30), now + 10 * _YEAR)
    subject = _name(f"{name} Root")
    root = (
        _begun(subject, root_key, span)
        .issuer_name(subject)
        .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
        .add_extension(_key_usage(signs=True), critical=True)
        .sign(root_key, hashes.SHA256())
    )
    key = make_key(KeyKind.P256)
    intermediate = (
        _begun(_name(f"{name} Cards"), key, span)
        .issuer_name(subject)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs=True), critical=True)
        .add_extension(_authority_key(Issued(root, root_key)), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    return Authority(Issued(root, root_key), Issued(intermediate, key))


def make_key(kind: KeyKind) -> PrivateKey:
    """Draw a key."""
    match kind:
        case KeyKind.P256:
            return ec.generate_private_key(ec.SECP256R1())
        case KeyKind.P384:
            return ec.generate_private_key(ec.SECP384R1())
        case KeyKind.RSA2048 | KeyKind.RSA3072 | KeyKind.RSA1024:
            return rsa.generate_private_key(65537, int(kind.removeprefix("RSA-")))


def _begun(subject: x509.Name, key: PrivateKey, span: tuple[datetime, datetime]) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(span[0])
        .not_valid_after(span[1])
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _authority_key(issuer: Issued) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())


def _key_usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )
