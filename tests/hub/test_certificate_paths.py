"""The way from a card to a pinned CA: constraints of policies and names, what is not supported, and CAs that ended."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from demo.card.authority import Issued, KeyKind, make_key
from hub.domain.outcomes import KioskReason
from hub.security import certificate_paths, certificate_validation
from hub.security.certificate_validation import Trust
from tests.support.kiosk_hub import Issuer, issuer_in

NOW = datetime.now(UTC)
Extension = tuple[x509.ExtensionType, bool]
POLICY, OTHER_POLICY = "1.2.392.200127.8.5.1.1.10", "1.2.392.200127.8.5.1.1.11"
UPN = "1.3.6.1.4.1.311.20.2.3"
PKINIT = "1.3.6.1.5.2.3.4"


@pytest.fixture
def issuer(tmp_path: Path) -> Issuer:
    """An issuer with its files."""
    return issuer_in(tmp_path / "issuer")


def name(*parts: str) -> x509.Name:
    """Write a name: C, O, CN."""
    oids = (NameOID.COUNTRY_NAME, NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME)
    return x509.Name([x509.NameAttribute(oid, part) for oid, part in zip(oids, parts, strict=False)])


def issued(
    by: Issued,
    subject: x509.Name,
    extensions: Iterable[Extension],
    *,
    begin: timedelta = timedelta(days=-1),
    end: timedelta = timedelta(days=90),
) -> Issued:
    """Issue a certificate."""
    key = make_key(KeyKind.P256)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + begin)
        .not_valid_after(NOW + end)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.key.public_key()), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return Issued(builder.sign(by.key, hashes.SHA256()), key)


def usage(*, signs: bool) -> Extension:
    """Say what a key is for."""
    names = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    more = dict.fromkeys((*names, "encipher_only", "decipher_only"), False)
    return x509.KeyUsage(digital_signature=not signs, key_cert_sign=signs, crl_sign=signs, **more), True


def below(issuer: Issuer, *extensions: Extension, **span: timedelta) -> Issued:
    """Issue a CA below the root."""
    authority: list[Extension] = [(x509.BasicConstraints(ca=True, path_length=0), True), usage(signs=True)]
    return issued(
        issuer.authority.root, name("JP", "Example University", "Extra CA"), [*authority, *extensions], **span
    )


def holder(by: Issued, *extensions: Extension, subject: x509.Name | None = None) -> Issued:
    """Issue a card."""
    plain: list[Extension] = [usage(signs=False), (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False)]
    return issued(by, subject or name("JP", "Example University", "taro"), [*plain, *extensions])


def verdict(issuer: Issuer, ca: Issued, card: Issued, at: datetime = NOW) -> KioskReason | None:
    """Judge a card of this CA."""
    return certificate_validation.fault(
        Trust((issuer.authority.root.certificate,), (ca.certificate,)), card.certificate, now=at
    )


def policies(*oids: str, critical: bool = False) -> Extension:
    """Name the policies of a certificate."""
    return x509.CertificatePolicies(
        [x509.PolicyInformation(x509.ObjectIdentifier(oid), None) for oid in oids]
    ), critical


def permitted(*names: x509.GeneralName) -> Extension:
    """Allow these names only."""
    return x509.NameConstraints(permitted_subtrees=list(names), excluded_subtrees=None), True


def excluded(*names: x509.GeneralName) -> Extension:
    """Allow all but these names."""
    return x509.NameConstraints(permitted_subtrees=None, excluded_subtrees=list(names)), True


def san(*names: x509.GeneralName) -> Extension:
    """Give further names."""
    return x509.SubjectAlternativeName(names), False


def upn(text: str) -> x509.OtherName:
    """Write a user principal name."""
    content = text.encode()
    return x509.OtherName(x509.ObjectIdentifier(UPN), b"\x0c" + bytes([len(content)]) + content)


EXPLICIT: tuple[Extension, ...] = (
    (x509.PolicyConstraints(require_explicit_policy=0, inhibit_policy_mapping=None), True),
    policies(POLICY, critical=True),
)
CAMPUS = x509.DirectoryName(name("JP", "Example University"))
ELSEWHERE = name("JP", "Other University", "taro")
MAIL = x509.RFC822Name("example.ac.jp")
CASES = {
    "explicit policy, the holder has it": (EXPLICIT, [policies(POLICY)], None, None),
    "explicit policy, the holder has another": (EXPLICIT, [policies(OTHER_POLICY)], None, KioskReason.FOREIGN_CA),
    "explicit policy, the holder has none": (EXPLICIT, [], None, KioskReason.FOREIGN_CA),
    "directory name inside": ([permitted(CAMPUS)], [], None, None),
    "directory name outside": ([permitted(CAMPUS)], [], ELSEWHERE, KioskReason.FOREIGN_CA),
    "directory name excluded": ([excluded(CAMPUS)], [], None, KioskReason.FOREIGN_CA),
    "directory name not excluded": ([excluded(CAMPUS)], [], ELSEWHERE, None),
    "directory name and mail inside": (
        [permitted(CAMPUS, MAIL)],
        [san(x509.RFC822Name("taro@example.ac.jp"))],
        None,
        None,
    ),
    "directory name inside, mail outside": (
        [permitted(CAMPUS, MAIL)],
        [san(x509.RFC822Name("taro@evil.test"))],
        None,
        KioskReason.FOREIGN_CA,
    ),
    "mail inside": ([permitted(MAIL)], [san(x509.RFC822Name("taro@example.ac.jp"))], None, None),
    "mail outside": ([permitted(MAIL)], [san(x509.RFC822Name("taro@evil.test"))], None, KioskReason.FOREIGN_CA),
    "a user principal name": (
        [permitted(upn("@example.ac.jp"))],
        [san(upn("taro@example.ac.jp"))],
        None,
        KioskReason.UNSUPPORTED,
    ),
    "a user principal name outside": (
        [permitted(upn("@example.ac.jp"))],
        [san(upn("taro@evil.test"))],
        None,
        KioskReason.UNSUPPORTED,
    ),
    "any policy inhibited": ([(x509.InhibitAnyPolicy(0), True)], [], None, None),
    "a distribution point that is critical": (
        [
            (
                x509.CRLDistributionPoints(
                    [x509.DistributionPoint([x509.UniformResourceIdentifier("http://ca.test/a")], None, None, None)]
                ),
                True,
            )
        ],
        [],
        None,
        None,
    ),
    "a critical extension that is not known": (
        [(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True)],
        [],
        None,
        KioskReason.UNSUPPORTED,
    ),
    "a critical extension of the card that is not known": (
        [],
        [(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True)],
        None,
        KioskReason.UNSUPPORTED,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_a_ca_constrains_is_processed_or_named(issuer: Issuer, case: str) -> None:
    """Policies and names are judged as RFC 5280 says; what is not processed has a reason of its own."""
    of_ca, of_card, subject, reason = CASES[case]
    ca = below(issuer, *of_ca)
    assert verdict(issuer, ca, holder(ca, *of_card, subject=subject)) is reason


@pytest.mark.parametrize("subject", [None, ELSEWHERE])
def test_the_pinned_cas_own_constraints_count_too(issuer: Issuer, subject: x509.Name | None) -> None:
    """A pinned CA that constrains names takes no others, either."""
    root_key = make_key(KeyKind.P256)
    itself = Issued(_self_signed(root_key, permitted(CAMPUS)), root_key)
    card = holder(itself, subject=subject)
    found = certificate_validation.fault(Trust((itself.certificate,)), card.certificate, now=NOW)
    assert found is (None if subject is None else KioskReason.FOREIGN_CA)


def _self_signed(key: object, *extensions: Extension) -> x509.Certificate:
    subject = name("JP", "Example University", "Constrained Root")
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=90))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    for extension, critical in (
        (x509.BasicConstraints(ca=True, path_length=None), True),
        usage(signs=True),
        *extensions,
    ):
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(key, hashes.SHA256())


@pytest.mark.parametrize(
    "kind", ["no CA", "a key that is not for certificates", "a path that is too long", "its signature"]
)
def test_a_constraint_opens_no_way_around_the_other_rules(issuer: Issuer, kind: str) -> None:
    """A CA whose constraints are processed has to be a CA in every other way as well."""
    is_ca: Extension = (x509.BasicConstraints(ca=kind != "no CA", path_length=0 if kind != "no CA" else None), True)
    signing = usage(signs=kind != "a key that is not for certificates")
    ca = issued(issuer.authority.root, name("JP", "Example University", "Odd CA"), [is_ca, signing, permitted(CAMPUS)])
    card = holder(ca)
    between = [ca.certificate]
    if kind == "a path that is too long":
        longer = issued(ca, name("JP", "Example University", "Below"), [is_ca, usage(signs=True)])
        between, card = [*between, longer.certificate], holder(longer)
    if kind == "its signature":
        card = holder(Issued(ca.certificate, make_key(KeyKind.P256)))
    trust = Trust((issuer.authority.root.certificate,), tuple(between))
    assert certificate_validation.fault(trust, card.certificate, now=NOW) is KioskReason.FOREIGN_CA


def test_a_smart_card_of_kerberos_is_for_logins(issuer: Issuer) -> None:
    """PKINIT's purpose alone is enough."""
    purposes = x509.ExtendedKeyUsage([x509.ObjectIdentifier(PKINIT)])
    ca = below(issuer)
    card = issued(ca, name("JP", "Example University", "taro"), [usage(signs=False), (purposes, False)])
    assert verdict(issuer, ca, card) is None


@pytest.mark.parametrize("days", [20, 3651])
def test_a_ca_that_has_ended_is_not_a_strangers(issuer: Issuer, days: int) -> None:
    """The CA in between, then the pinned one: the card is told that its CA's certificate has expired."""
    ca = below(issuer, end=timedelta(days=10 if days == 20 else 5000))
    card = issued(ca, name("JP", "Example University", "taro"), [usage(signs=False)], end=timedelta(days=4000))
    assert verdict(issuer, ca, card) is None
    assert verdict(issuer, ca, card, NOW + timedelta(days=days)) is KioskReason.CA_EXPIRED


def test_a_stranger_whose_ca_has_ended_is_a_stranger(issuer: Issuer, tmp_path: Path) -> None:
    """What is not ours is not told more."""
    other = issuer_in(tmp_path / "other", "Other")
    at = NOW + timedelta(days=4000)
    assert (
        verdict(issuer, other.authority.intermediate, other.card(life=timedelta(days=5000)), at)
        is KioskReason.FOREIGN_CA
    )


def test_what_is_not_supported_is_named(issuer: Issuer) -> None:
    """For the log, `bind` and the doctor."""
    ca = below(issuer, permitted(upn("@example.ac.jp"), CAMPUS))
    card = holder(ca, (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True))
    trust = Trust((issuer.authority.root.certificate,), (ca.certificate,))
    assert certificate_validation.features(trust, card.certificate) == [
        "nameConstraints for OtherName",
        "the extension 1.2.3.4",
    ]
    assert certificate_paths.unsupported(issuer.authority.root.certificate) == []
