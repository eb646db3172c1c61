"""PURE: revocation lists: which certificates a list names, and for which it can tell that they are not revoked."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

_ALL = frozenset(x509.ReasonFlags) - {x509.ReasonFlags.unspecified, x509.ReasonFlags.remove_from_crl}


@dataclass(frozen=True, slots=True)
class RevocationList:
    """A list that a CA of ours signed; `base` is the number of the list that a delta list adds to."""

    file: Path
    issuer: x509.Certificate
    made_at: datetime
    until: datetime | None
    number: int | None
    base: int | None
    point: x509.IssuingDistributionPoint | None
    is_understood: bool
    entries: frozenset[tuple[x509.Name, int]] = field(repr=False)

    @property
    def is_delta(self) -> bool:
        """Whether it only adds to another list."""
        return self.base is not None

    @property
    def is_complete(self) -> bool:
        """Whether it tells of every certificate of its CA, for every reason."""
        return self.is_understood and not self.is_delta and self.point is None

    def is_current(self, now: datetime) -> bool:
        """Tell whether its CA has not promised a newer list yet."""
        return self.until is not None and self.made_at <= now < self.until

    def is_of(self, issuer: x509.Certificate) -> bool:
        """Tell whether a CA signed it: the name and the key count."""
        return self.issuer.subject == issuer.subject and self.issuer.public_key() == issuer.public_key()

    def has_scope_of(self, other: "RevocationList") -> bool:
        """Tell whether both lists tell of the same certificates in the same way."""
        return self.is_of(other.issuer) and self.point == other.point and self.is_delta == other.is_delta

    def names(self, certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
        """Tell whether it says that a certificate is revoked; also an incomplete or an old list can say that."""
        is_responsible = self.is_of(issuer) or _is_indirect(self.point)
        return is_responsible and (certificate.issuer, certificate.serial_number) in self.entries

    def reasons_for(self, certificate: x509.Certificate) -> frozenset[x509.ReasonFlags]:
        """Give the reasons for which it would name this certificate (RFC 5280, 6.3.3, b to e)."""
        if not self.is_understood or self.is_delta:
            return frozenset()
        if self.point is None:
            return _ALL
        is_ca = _is_ca(certificate)
        if (
            self.point.only_contains_attribute_certs
            or (self.point.only_contains_user_certs and is_ca)
            or (self.point.only_contains_ca_certs and not is_ca)
        ):
            return frozenset()
        return (self.point.only_some_reasons or _ALL) & _reasons_at(self.point, self.issuer, certificate)


def read(file: Path, listed: x509.CertificateRevocationList, issuer: x509.Certificate) -> RevocationList:
    """Read a list of this issuer; ValueError for an extension that can't be read."""
    number: int | None = None
    base: int | None = None
    point: x509.IssuingDistributionPoint | None = None
    is_understood = True
    for extension in listed.extensions:
        match extension.value:
            case x509.CRLNumber(crl_number=found):
                number = found
            case x509.DeltaCRLIndicator(crl_number=found):
                base = found
            case x509.IssuingDistributionPoint() as found_point:
                point = found_point
            case x509.UnrecognizedExtension() if extension.critical:
                is_understood = False
    entries, are_entries_understood = _entries(listed, is_delta=base is not None, is_indirect=_is_indirect(point))
    return RevocationList(
        file=file,
        issuer=issuer,
        made_at=listed.last_update_utc,
        until=listed.next_update_utc,
        number=number,
        base=base,
        point=point,
        is_understood=is_understood and are_entries_understood,
        entries=entries,
    )


def has_signed(issuer: x509.Certificate, listed: x509.CertificateRevocationList) -> bool:
    """Tell whether a list has the signature of this CA, whose key must be for lists."""
    if issuer.subject != listed.issuer:
        return False
    try:
        usage = issuer.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        usage = None
    if usage is not None and not usage.crl_sign:
        return False
    try:
        # The key of any CA will do here; a signature that is not by it is refused, not raised.
        return listed.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]
    except (TypeError, UnsupportedAlgorithm):
        return False


def covers(lists: Iterable[RevocationList], certificate: x509.Certificate) -> bool:
    """Tell whether these lists together would name the certificate, for every reason of revocation."""
    found: frozenset[x509.ReasonFlags] = frozenset()
    for one in lists:
        found |= one.reasons_for(certificate)
    return found == _ALL


def without_base(lists: Sequence[RevocationList]) -> list[RevocationList]:
    """Find the delta lists whose complete list is not there: they say only what changed since then."""
    return [one for one in lists if one.base is not None and not any(_completes(other, one) for other in lists)]


def kept(before: Sequence[RevocationList], now: Sequence[RevocationList]) -> list[RevocationList]:
    """Find the lists that have gone, or have become older, without a newer one in their place."""
    return [
        one
        for one in before
        if not one.is_delta and not any(new.has_scope_of(one) and new.made_at >= one.made_at for new in now)
    ]


def _completes(complete: RevocationList, delta: RevocationList) -> bool:
    is_its_scope = not complete.is_delta and complete.is_of(delta.issuer) and complete.point == delta.point
    # A complete list older than the delta's base lacks what happened in between.
    return is_its_scope and (complete.number is None or complete.number >= (delta.base or 0))


def _entries(
    listed: x509.CertificateRevocationList, *, is_delta: bool, is_indirect: bool
) -> tuple[frozenset[tuple[x509.Name, int]], bool]:
    """Read who is named, and whether every critical extension of the entries is known."""
    found: set[tuple[x509.Name, int]] = set()
    is_understood = True
    issuer = listed.issuer
    for entry in listed:
        is_taken_back = False
        for extension in entry.extensions:
            match extension.value:
                case x509.CertificateIssuer() as named if is_indirect:
                    # RFC 5280, 5.3.3: it holds for the entries that follow as well.
                    issuer = next(iter(named.get_values_for_type(x509.DirectoryName)), issuer)
                case x509.CRLReason(reason=x509.ReasonFlags.remove_from_crl) if is_delta:
                    is_taken_back = True
                case x509.UnrecognizedExtension() if extension.critical:
                    is_understood = False
        if not is_taken_back:
            found.add((issuer, entry.serial_number))
    return frozenset(found), is_understood


def _reasons_at(
    point: x509.IssuingDistributionPoint, issuer: x509.Certificate, certificate: x509.Certificate
) -> frozenset[x509.ReasonFlags]:
    """Give the reasons for which a certificate refers to a list with this distribution point."""
    named = _full_names(point.full_name, point.relative_name, issuer.subject)
    # RFC 5280, 6.3.3: a list that no distribution point names is taken for the issuer's own.
    if not named or x509.DirectoryName(certificate.issuer) in named:
        return _ALL
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except x509.ExtensionNotFound:
        return frozenset()
    found: frozenset[x509.ReasonFlags] = frozenset()
    for one in points:
        names = _full_names(one.full_name, one.relative_name, certificate.issuer) or set(one.crl_issuer or ())
        if named & names:
            found |= one.reasons or _ALL
    return found & _ALL


def _full_names(
    full: Iterable[x509.GeneralName] | None, relative: x509.RelativeDistinguishedName | None, issuer: x509.Name
) -> set[x509.GeneralName]:
    if relative is not None:
        return {x509.DirectoryName(x509.Name([*issuer.rdns, relative]))}
    return set(full or ())


def _is_indirect(point: x509.IssuingDistributionPoint | None) -> bool:
    return point is not None and point.indirect_crl


def _is_ca(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False
