"""Whether a card's certificate comes from a CA that is pinned here, and is good today."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import structlog
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from hub.authenticators import ic_card
from hub.authenticators.ic_card import Algorithm, Unfit
from hub.errors import HubError
from hub.outcome import KioskReason
from hub.settings import Settings

_PEM = b"-----BEGIN"
_PURPOSES = {
    ExtendedKeyUsageOID.CLIENT_AUTH,
    ExtendedKeyUsageOID.SMARTCARD_LOGON,
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
}
_log = structlog.get_logger(__name__)


class CardTrustError(HubError):
    """A file of CAs or revocation lists can't be read."""


@dataclass(frozen=True, slots=True)
class Revocations:
    """A revocation list that a CA of ours signed."""

    file: Path
    issuer: x509.Certificate
    made_at: datetime
    until: datetime | None
    serials: frozenset[int]

    def is_current(self, now: datetime) -> bool:
        """Tell whether its CA has promised no newer one yet."""
        return self.until is not None and self.made_at <= now < self.until

    def holds(self, certificate: x509.Certificate) -> bool:
        """Tell whether a certificate of its CA is on it."""
        return certificate.serial_number in self.serials


@dataclass(frozen=True, slots=True)
class Trust:
    """What cards are judged by; `strange` are the files of lists that no CA of ours has signed."""

    roots: tuple[x509.Certificate, ...] = ()
    intermediates: tuple[x509.Certificate, ...] = ()
    revocations: tuple[Revocations, ...] = ()
    strange: tuple[Path, ...] = ()

    def lists_of(self, issuer: x509.Certificate) -> list[Revocations]:
        """Give the lists of one CA, found by its key as well as its name."""
        key = issuer.public_key()
        return [
            one for one in self.revocations if one.issuer.subject == issuer.subject and one.issuer.public_key() == key
        ]


class CardTrust:
    """The CAs and lists of the settings' files, read anew when one of them was written."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._trust: Trust | None = None
        self._stamp: tuple[tuple[int, int], ...] = ()

    def now_known(self) -> Trust:
        """Give what is trusted; CardTrustError when nothing could ever be read."""
        try:
            stamp = tuple((found.st_mtime_ns, found.st_ino) for found in (one.stat() for one in _files(self._settings)))
            if self._trust is None or stamp != self._stamp:
                self._trust, self._stamp = read(self._settings), stamp
        except (OSError, CardTrustError) as error:
            # A list that is half written costs the news, never the cards that were good a moment ago.
            _log.error("cards.trust-unreadable", error=str(error))
            if self._trust is None:
                message = f"the CAs of the IC cards can't be read: {error}"
                raise CardTrustError(message) from error
        return self._trust


def read(settings: Settings) -> Trust:
    """Read the files that the settings name; CardTrustError says which can't be, and why."""
    roots = _certificates(settings.card_cas)
    intermediates = _certificates(settings.card_intermediates)
    found: list[Revocations] = []
    strange: list[Path] = []
    for file in settings.card_crls:
        listed = _list(file)
        issuer = next((one for one in (*roots, *intermediates) if _has_signed(one, listed)), None)
        if issuer is None or _is_partial(listed):
            strange.append(file)
        else:
            serials = frozenset(entry.serial_number for entry in listed if not _is_taken_back(entry))
            found.append(Revocations(file, issuer, listed.last_update_utc, listed.next_update_utc, serials))
    return Trust(roots, intermediates, tuple(found), tuple(strange))


def parsed(der: bytes) -> x509.Certificate | None:
    """Read a certificate as a card holds it; None when it is none."""
    try:
        found = x509.load_der_x509_certificate(der)
        # What can't be read of it shows only when it is asked for.
        found.extensions  # noqa: B018
        found.subject.rfc4514_string()
    except (ValueError, TypeError, x509.InvalidVersion, x509.UnsupportedGeneralNameType, x509.DuplicateExtension):
        return None
    return found


def fault(
    trust: Trust, certificate: x509.Certificate, *, now: datetime, is_current_list_needed: bool = False
) -> KioskReason | None:
    """Tell what is wrong with a certificate: its key, its purpose, the path, the dates, revocation; else None."""
    match _algorithm(certificate):
        case Unfit.WEAK:
            return KioskReason.WEAK_KEY
        case Unfit.UNSUITABLE:
            return KioskReason.UNSUITABLE
    if not _is_for_logins(certificate):
        return KioskReason.UNSUITABLE
    first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    # A card's own dates are told apart from a path that leads nowhere: the path is looked at in the card's time.
    path = _path(trust, certificate, min(max(now, first), last))
    if not path:
        return KioskReason.FOREIGN_CA
    if now < first:
        return KioskReason.NOT_YET_VALID
    if now > last:
        return KioskReason.EXPIRED
    return _revoked(trust, path, now, is_current_list_needed=is_current_list_needed)


def _algorithm(certificate: x509.Certificate) -> Algorithm | Unfit:
    try:
        return ic_card.algorithm_of(certificate.public_key())
    except (UnsupportedAlgorithm, ValueError):
        return Unfit.UNSUITABLE


def _path(trust: Trust, certificate: x509.Certificate, at: datetime) -> list[x509.Certificate]:
    """Find the way from a card to a pinned CA; empty when there is none."""
    if not trust.roots:
        return []
    verifier = (
        PolicyBuilder()
        .store(Store(list(trust.roots)))
        .time(at)
        .extension_policies(ca_policy=_CA_POLICY, ee_policy=_CARD_POLICY)
        .build_client_verifier()
    )
    try:
        return verifier.verify(certificate, list(trust.intermediates)).chain
    except VerificationError:
        return []


def _revoked(
    trust: Trust, path: Sequence[x509.Certificate], now: datetime, *, is_current_list_needed: bool
) -> KioskReason | None:
    for certificate, issuer in pairwise(path):
        lists = trust.lists_of(issuer)
        if any(one.holds(certificate) for one in lists):
            return KioskReason.REVOKED
        if is_current_list_needed and not any(one.is_current(now) for one in lists):
            return KioskReason.BUSY
    return None


def _is_for_logins(certificate: x509.Certificate) -> bool:
    """Tell whether a certificate may be shown to log in: a holder's own, for signatures, for clients."""
    extensions = certificate.extensions
    for extension in extensions:
        match extension.value:
            case x509.BasicConstraints(ca=True):
                return False
            case x509.KeyUsage(digital_signature=False):
                return False
            case x509.ExtendedKeyUsage() as usage if not _PURPOSES & set(usage):
                return False
    return True


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


def _files(settings: Settings) -> Iterator[Path]:
    yield from filter(None, (settings.card_cas, settings.card_intermediates, *settings.card_crls))


def _certificates(file: Path | None) -> tuple[x509.Certificate, ...]:
    if file is None:
        return ()
    try:
        return tuple(x509.load_pem_x509_certificates(file.read_bytes()))
    except OSError as error:
        message = f"{file}: the certificates can't be read ({error.strerror})."
        raise CardTrustError(message) from error
    except ValueError as error:
        message = f"{file}: this is no file of certificates (PEM)."
        raise CardTrustError(message) from error


def _list(file: Path) -> x509.CertificateRevocationList:
    try:
        content = file.read_bytes()
        if _PEM in content:
            return x509.load_pem_x509_crl(content)
        return x509.load_der_x509_crl(content)
    except OSError as error:
        message = f"{file}: the revocation list can't be read ({error.strerror})."
        raise CardTrustError(message) from error
    except ValueError as error:
        message = f"{file}: this is no revocation list."
        raise CardTrustError(message) from error


def _has_signed(issuer: x509.Certificate, listed: x509.CertificateRevocationList) -> bool:
    if issuer.subject != listed.issuer:
        return False
    try:
        usage = issuer.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        usage = None
    if usage is not None and not usage.crl_sign:
        return False
    try:
        # The key of any CA will do here; what is no signature of it is refused, not raised.
        return listed.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]
    except TypeError:
        return False


def _is_partial(listed: x509.CertificateRevocationList) -> bool:
    """Tell whether a list speaks for others than its own CA, or only adds to another one (RFC 5280, 5.2.4, 5.2.5)."""
    for extension in listed.extensions:
        match extension.value:
            case x509.DeltaCRLIndicator():
                return True
            case x509.IssuingDistributionPoint() as point if point.indirect_crl or point.only_some_reasons:
                return True
    return False


def _is_taken_back(entry: x509.RevokedCertificate) -> bool:
    try:
        reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    except x509.ExtensionNotFound:
        return False
    return reason is x509.ReasonFlags.remove_from_crl
