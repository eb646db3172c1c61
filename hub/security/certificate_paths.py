"""PURE: the way from a card's certificate to a pinned CA, and why a card has none."""

from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto
from typing import TypeVar, cast

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
    VerificationError,
)

_T = TypeVar("_T")
Path = list[x509.Certificate]
_LONGEST = 8
_LEAST_RSA = 2048
# What the second verifier processes although it is critical; the first one processes less.
_PROCESSED = {
    ExtensionOID.AUTHORITY_INFORMATION_ACCESS,
    ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.CERTIFICATE_POLICIES,
    ExtensionOID.CRL_DISTRIBUTION_POINTS,
    ExtensionOID.EXTENDED_KEY_USAGE,
    ExtensionOID.FRESHEST_CRL,
    ExtensionOID.INHIBIT_ANY_POLICY,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.NAME_CONSTRAINTS,
    ExtensionOID.POLICY_CONSTRAINTS,
    ExtensionOID.POLICY_MAPPINGS,
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    ExtensionOID.SUBJECT_KEY_IDENTIFIER,
}
_SECOND_NAMES = (x509.DirectoryName, x509.UniformResourceIdentifier)
_CONSTRAINED_NAMES = (*_SECOND_NAMES, x509.RFC822Name, x509.DNSName, x509.IPAddress)
# Of these the first verifier knows none, and nothing of other names than mail addresses, hosts and networks.
_SECOND_ONLY = {
    ExtensionOID.CRL_DISTRIBUTION_POINTS,
    ExtensionOID.FRESHEST_CRL,
    ExtensionOID.INHIBIT_ANY_POLICY,
    ExtensionOID.POLICY_CONSTRAINTS,
    ExtensionOID.POLICY_MAPPINGS,
}


class NoPath(Enum):
    """Why a certificate has no path that counts."""

    FOREIGN = auto()
    UNSUPPORTED = auto()
    CA_EXPIRED = auto()


@dataclass(frozen=True, slots=True)
class Authorities:
    """The CAs that are pinned, and those in between."""

    roots: tuple[x509.Certificate, ...]
    intermediates: tuple[x509.Certificate, ...]


def find(authorities: Authorities, certificate: x509.Certificate, at: datetime) -> Path | NoPath:
    """Find the way from a card to a pinned CA."""
    if not authorities.roots:
        return NoPath.FOREIGN
    path = _verified(authorities, certificate, at)
    if path:
        return path
    reasons: set[NoPath] = set()
    for signed in _signed(authorities, [certificate]):
        found = _judged(signed, at)
        if isinstance(found, list):
            return found
        reasons.add(found)
    for reason in (NoPath.UNSUPPORTED, NoPath.CA_EXPIRED):
        if reason in reasons:
            return reason
    return NoPath.FOREIGN


def features(authorities: Authorities, certificate: x509.Certificate) -> list[str]:
    """Name what a card and the CAs above it use, and what is not processed here."""
    return sorted({name for path in _signed(authorities, [certificate]) for one in path for name in unsupported(one)})


def unsupported(certificate: x509.Certificate) -> list[str]:
    """Name what is critical in a certificate and not processed here."""
    found: list[str] = []
    for extension in certificate.extensions:
        match extension.value:
            case x509.NameConstraints() as constraints:
                found += [f"nameConstraints for {name}" for name in _unknown_names(constraints)]
            case _ if extension.critical and extension.oid not in _PROCESSED:
                found.append(f"the extension {extension.oid.dotted_string}")
    return found


def _verified(authorities: Authorities, certificate: x509.Certificate, at: datetime) -> Path:
    """Find a path by the first verifier, which knows fewer constraints and is asked for every card."""
    verifier = (
        PolicyBuilder()
        .store(Store(list(authorities.roots)))
        .time(at)
        .extension_policies(ca_policy=_CA_POLICY, ee_policy=_CARD_POLICY)
        .build_client_verifier()
    )
    try:
        return list(verifier.verify(certificate, list(authorities.intermediates)).chain)
    except VerificationError:
        return []


def _signed(authorities: Authorities, path: Path) -> Iterator[Path]:
    """Follow the signatures to the pinned CAs; nothing else in the certificates is looked at."""
    for issuer in authorities.roots:
        if _has_signed(issuer, path[-1]):
            yield [*path, issuer]
    for issuer in authorities.intermediates:
        if len(path) < _LONGEST and issuer not in path and _has_signed(issuer, path[-1]):
            yield from _signed(authorities, [*path, issuer])


def _judged(path: Path, at: datetime) -> Path | NoPath:
    """Tell whether a path of right signatures counts, and why it does not."""
    if any(unsupported(one) for one in path):
        return NoPath.UNSUPPORTED
    first, last = max(one.not_valid_before_utc for one in path), min(one.not_valid_after_utc for one in path)
    try:
        if all(one.not_valid_before_utc <= at <= one.not_valid_after_utc for one in path[1:]):
            return path if _is_valid(path, at) else NoPath.FOREIGN
        is_good = first <= last and _is_valid(path, min(max(at, first), last))
    except NotImplementedError:
        return NoPath.UNSUPPORTED
    return NoPath.CA_EXPIRED if is_good else NoPath.FOREIGN


def _is_valid(path: Path, at: datetime) -> bool:
    if _verified(Authorities((path[-1],), tuple(path[1:-1])), path[0], at):
        return True
    # The second verifier is asked only where a certificate has what the first one does not process.
    return any(map(_needs_second, path)) and all(map(_is_strong, path)) and _is_valid_by_policy(path, at)


def _is_valid_by_policy(path: Path, at: datetime) -> bool:
    """Verify a path with its policies and constraints of names (RFC 5280, 6.1)."""
    # Few hubs have such CAs: only they load the second library.
    from asn1crypto.x509 import Certificate
    from pyhanko_certvalidator import CertificateValidator, ValidationContext
    from pyhanko_certvalidator.authority import CertTrustAnchor, derive_quals_from_cert
    from pyhanko_certvalidator.errors import PathError, ValidationError
    from pyhanko_certvalidator.policy_decl import PKIXValidationParams

    leaf, *between, root = (Certificate.load(one.public_bytes(Encoding.DER)) for one in path)
    derived = derive_quals_from_cert(root)
    # What a pinned CA says of names and lengths counts; of its policies none is asked for unless it says so.
    parameters = replace(
        derived.standard_parameters or PKIXValidationParams(),
        user_initial_policy_set=frozenset({"any_policy"}),
        initial_explicit_policy=_asks_for_policy(path[-1]),
    )
    # The library takes a length of path without one for attribute authorities for an error of its own.
    qualifiers = replace(derived, standard_parameters=parameters, max_aa_path_length=derived.max_path_length)
    anchor = CertTrustAnchor(root, qualifiers)
    context = ValidationContext(trust_roots=[anchor], other_certs=between, moment=at, allow_fetching=False)
    try:
        _result(CertificateValidator(leaf, validation_context=context).async_validate_path())
    except (PathError, ValidationError, InvalidSignature, ValueError, TypeError):
        return False
    return True


def _asks_for_policy(root: x509.Certificate) -> bool:
    try:
        constraints = root.extensions.get_extension_for_class(x509.PolicyConstraints).value
    except x509.ExtensionNotFound:
        return False
    return constraints.require_explicit_policy is not None


def _result(work: Coroutine[object, object, _T]) -> _T:
    """Run a coroutine that has nothing to wait for: fetching is off."""
    try:
        work.send(None)
    except StopIteration as done:
        return cast("_T", done.value)
    work.close()
    message = "the verifier waits for something"
    raise ValueError(message)


def _has_signed(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _needs_second(certificate: x509.Certificate) -> bool:
    for extension in certificate.extensions:
        match extension.value:
            case x509.NameConstraints() as constraints:
                if any(
                    isinstance(one, x509.DirectoryName | x509.UniformResourceIdentifier) for one in _trees(constraints)
                ):
                    return True
            case _ if extension.critical and extension.oid in _SECOND_ONLY:
                return True
    return False


def _is_strong(certificate: x509.Certificate) -> bool:
    """Tell whether key and signature are of the kinds that the first verifier takes."""
    try:
        hashing = certificate.signature_hash_algorithm
        key = certificate.public_key()
    except (UnsupportedAlgorithm, ValueError):
        return False
    is_key_strong = (
        key.key_size >= _LEAST_RSA
        if isinstance(key, rsa.RSAPublicKey)
        else isinstance(key, ec.EllipticCurvePublicKey)
        and isinstance(key.curve, ec.SECP256R1 | ec.SECP384R1 | ec.SECP521R1)
    )
    return is_key_strong and isinstance(hashing, SHA256 | SHA384 | SHA512)


def _unknown_names(constraints: x509.NameConstraints) -> list[str]:
    return sorted({type(one).__name__ for one in _trees(constraints) if not isinstance(one, _CONSTRAINED_NAMES)})


def _trees(constraints: x509.NameConstraints) -> list[x509.GeneralName]:
    return [*(constraints.permitted_subtrees or ()), *(constraints.excluded_subtrees or ())]


def _may_sign_certificates(_policy: Policy, _certificate: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage is not None and not usage.key_cert_sign:
        message = "this CA's key is not for certificates"
        raise ValueError(message)


# Cards have no name of a host and no purpose of a web server, which the library's own policy would ask for. What it
# doesn't know and is critical, it refuses; policies are known here and mean nothing.
_CARD_POLICY = ExtensionPolicy.permit_all().may_be_present(x509.CertificatePolicies, Criticality.AGNOSTIC, None)
_CA_POLICY = (
    ExtensionPolicy.permit_all()
    .may_be_present(x509.CertificatePolicies, Criticality.AGNOSTIC, None)
    .require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None)
    .may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _may_sign_certificates)
)
