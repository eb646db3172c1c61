"""Whether a card's certificate comes from a CA that is pinned here, and is good today."""

import codecs
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import structlog
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.oid import ExtendedKeyUsageOID

from hub.authenticators import ic_card
from hub.authenticators.ic_card import Algorithm, Unfit
from hub.domain.errors import HubError
from hub.domain.outcomes import KioskReason
from hub.security import certificate_paths, pem, revocation_lists
from hub.security.certificate_paths import Authorities, NoPath
from hub.security.revocation_lists import RevocationList
from hub.settings import Settings

# What kiosks read from a card; PIV has 3,000 bytes at most.
LARGEST_CERTIFICATE = 16_384
_PURPOSES = {
    ExtendedKeyUsageOID.CLIENT_AUTH,
    ExtendedKeyUsageOID.SMARTCARD_LOGON,
    # RFC 4556, 3.2.2: a client's smart card at a Kerberos server.
    x509.ObjectIdentifier("1.3.6.1.5.2.3.4"),
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
}
_NO_PATH = {
    NoPath.FOREIGN: KioskReason.FOREIGN_CA,
    NoPath.UNSUPPORTED: KioskReason.UNSUPPORTED,
    NoPath.CA_EXPIRED: KioskReason.CA_EXPIRED,
}
_REFUSALS = (
    ValueError,
    TypeError,
    OverflowError,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
    x509.DuplicateExtension,
)
_PARTS: tuple[tuple[str, Callable[[x509.Certificate], object]], ...] = (
    ("an extension", lambda one: list(one.extensions)),
    ("the subject", lambda one: one.subject.rfc4514_string()),
    ("the issuer", lambda one: one.issuer.rfc4514_string()),
    ("the serial number", lambda one: one.serial_number),
    ("the time of validity", lambda one: (one.not_valid_before_utc, one.not_valid_after_utc)),
)
_log = structlog.get_logger(__name__)


class CardTrustError(HubError):
    """A file of CAs or revocation lists can't be read."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a file that does not count, though an operator may expect that it does."""

    file: Path
    what: str


@dataclass(frozen=True, slots=True)
class Trust:
    """What cards are judged by; `problems` are the parts of the files that do not count."""

    roots: tuple[x509.Certificate, ...] = ()
    intermediates: tuple[x509.Certificate, ...] = ()
    lists: tuple[RevocationList, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def authorities(self) -> Authorities:
        """The CAs."""
        return Authorities(self.roots, self.intermediates)

    def lists_of(self, issuer: x509.Certificate) -> list[RevocationList]:
        """Give the lists of one CA."""
        return [one for one in self.lists if one.is_of(issuer)]


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
                self._trust, self._stamp = _with_lost_lists(read(self._settings), self._trust), stamp
        except (OSError, CardTrustError) as error:
            # A list that is half written costs the news, never the cards that were good a moment ago.
            _log.error("cards.trust-unreadable", error=str(error))
            if self._trust is None:
                message = f"the CAs of the IC cards can't be read: {error}"
                raise CardTrustError(message) from error
        return self._trust


def read(settings: Settings) -> Trust:
    """Read the files that the settings name; CardTrustError says which can't be, and why."""
    roots, root_problems = _certificates(settings.card_cas)
    intermediates, between_problems = _certificates(settings.card_intermediates)
    lists: list[RevocationList] = []
    problems = [*root_problems, *between_problems]
    for file in settings.card_crls:
        found, others = _lists(file)
        problems += others
        for listed in found:
            issuer = next((one for one in (*roots, *intermediates) if revocation_lists.has_signed(one, listed)), None)
            if issuer is None:
                name = listed.issuer.rfc4514_string()
                problems.append(Problem(file, f"none of the CAs has signed the revocation list of {name}"))
                continue
            lists.append(_read_list(file, listed, issuer))
    return Trust(roots, intermediates, tuple(lists), tuple(problems))


def _with_lost_lists(trust: Trust, before: Trust | None) -> Trust:
    """Keep the lists that were known and are in no file any more: what they revoked stays revoked."""
    lost = revocation_lists.kept(before.lists, trust.lists) if before else []
    for one in lost:
        _log.error("cards.list-missing", file=str(one.file), ca=one.issuer.subject.rfc4514_string(), number=one.number)
    return replace(trust, lists=(*trust.lists, *lost))


class UnreadableCertificateError(HubError):
    """A certificate that the library refuses; the message says what it refuses."""


def certificate_of(der: bytes) -> x509.Certificate:
    """Read a certificate as a card holds it; UnreadableCertificateError says what can't be read of it."""
    part = "the certificate"
    if len(der) > LARGEST_CERTIFICATE:
        message = f"{part} can't be read at a kiosk: it has {len(der)} bytes, and {LARGEST_CERTIFICATE} are the most"
        raise UnreadableCertificateError(message)
    try:
        found = x509.load_der_x509_certificate(der)
        # The library reads each part when it is asked for: what it refuses must show here and not later.
        for name, read_part in _PARTS:
            part = name
            read_part(found)
        part = "the signature"
        # Signatures are whole bytes; the library ignores the bit string's count of unused bits (X.690, 8.6.2).
        if not der.endswith(b"\0" + found.signature):
            message = "its bit string has unused bits"
            raise ValueError(message)
    except (*_REFUSALS, UnsupportedAlgorithm) as error:
        message = f"{part} can't be read ({error})"
        raise UnreadableCertificateError(message) from error
    return found


def parsed(der: bytes) -> x509.Certificate | None:
    """Read a certificate as a card holds it; None when it can't be read."""
    try:
        return certificate_of(der)
    except UnreadableCertificateError:
        return None


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
    path = certificate_paths.find(trust.authorities, certificate, min(max(now, first), last))
    if isinstance(path, NoPath):
        return _NO_PATH[path]
    if now < first:
        return KioskReason.NOT_YET_VALID
    if now > last:
        return KioskReason.EXPIRED
    return _revoked(trust, path, now, is_current_list_needed=is_current_list_needed)


def features(trust: Trust, certificate: x509.Certificate) -> list[str]:
    """Name what a card and its CAs use and what is not supported."""
    return certificate_paths.features(trust.authorities, certificate)


def _algorithm(certificate: x509.Certificate) -> Algorithm | Unfit:
    try:
        return ic_card.algorithm_of(certificate.public_key())
    except (UnsupportedAlgorithm, ValueError):
        return Unfit.UNSUITABLE


def _revoked(
    trust: Trust, path: Sequence[x509.Certificate], now: datetime, *, is_current_list_needed: bool
) -> KioskReason | None:
    for certificate, issuer in pairwise(path):
        if any(one.names(certificate, issuer) for one in trust.lists):
            return KioskReason.REVOKED
        lists = trust.lists_of(issuer)
        # A delta list alone tells only what changed: what was revoked before is unknown here.
        if revocation_lists.without_base(lists):
            return KioskReason.BUSY
        current = [one for one in lists if one.is_current(now)]
        if is_current_list_needed and not revocation_lists.covers(current, certificate):
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


def _files(settings: Settings) -> Iterator[Path]:
    yield from filter(None, (settings.card_cas, settings.card_intermediates, *settings.card_crls))


def _certificates(file: Path | None) -> tuple[tuple[x509.Certificate, ...], list[Problem]]:
    if file is None:
        return (), []
    content = _content(file)
    try:
        blocks = pem.read(content, pem.CERTIFICATE)
        found = tuple(x509.load_der_x509_certificate(one.der) for one in blocks.wanted)
        _read_names(one.subject for one in found)
    except _REFUSALS as error:
        message = f"{file}: a certificate can't be read ({error})."
        raise CardTrustError(message) from error
    if not found:
        message = f"{file}: this is no file of certificates (PEM)."
        raise CardTrustError(message)
    return found, _others(file, blocks)


def _lists(file: Path) -> tuple[list[x509.CertificateRevocationList], list[Problem]]:
    """Read every list of a file."""
    content = _content(file)
    try:
        is_pem = pem.is_pem(content)
        blocks = pem.read(content if is_pem else b"", pem.REVOCATION_LIST)
        found = [x509.load_der_x509_crl(one) for one in ([one.der for one in blocks.wanted] if is_pem else [content])]
        _read_names(one.issuer for one in found)
    except _REFUSALS as error:
        message = f"{file}: a revocation list can't be read ({error})."
        raise CardTrustError(message) from error
    if not found:
        message = f"{file}: there is no revocation list in it."
        raise CardTrustError(message)
    return found, _others(file, blocks)


def _read_names(names: Iterable[x509.Name]) -> None:
    """Read names now: the library does so when they are asked for, and refuses odd ones only then."""
    for one in names:
        one.rfc4514_string()


def _read_list(file: Path, listed: x509.CertificateRevocationList, issuer: x509.Certificate) -> RevocationList:
    try:
        return revocation_lists.read(file, listed, issuer)
    except _REFUSALS as error:
        message = f"{file}: a revocation list can't be read ({error})."
        raise CardTrustError(message) from error


def _others(file: Path, blocks: pem.Blocks) -> list[Problem]:
    return [Problem(file, f"{other} stands in it, which is not read here") for other in blocks.others]


def _content(file: Path) -> bytes:
    try:
        # Some editors begin a text with a mark of its encoding.
        return file.read_bytes().removeprefix(codecs.BOM_UTF8)
    except OSError as error:
        message = f"{file}: it can't be read ({error.strerror})."
        raise CardTrustError(message) from error
