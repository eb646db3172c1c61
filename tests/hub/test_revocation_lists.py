"""Which cards the revocation lists keep out: every list of every file, and what each of them can tell of."""

import codecs
from base64 import encodebytes
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import ReasonFlags

from demo.card.authority import Issued, KeyKind, make_key
from hub.domain.outcomes import KioskReason
from hub.security import certificate_validation
from hub.security.certificate_validation import CardTrust, CardTrustError
from hub.settings import load
from tests.support.kiosk_hub import Issuer, issuer_in, pem

NOW = datetime.now(UTC)
SHARD = x509.UniformResourceIdentifier("http://ca.example.ac.jp/cards-7.crl")
OTHER_SHARD = x509.UniformResourceIdentifier("http://ca.example.ac.jp/cards-8.crl")
Extension = tuple[x509.ExtensionType, bool]
STRANGE: Extension = (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True)


@pytest.fixture
def issuer(tmp_path: Path) -> Issuer:
    """An issuer with its files."""
    return issuer_in(tmp_path / "issuer")


def crl(
    by: Issued,
    *named: Issued,
    extensions: Iterable[Extension] = (),
    entry_extensions: Iterable[Extension] = (),
    life: timedelta = timedelta(days=7),
    encoding: Encoding = Encoding.PEM,
) -> bytes:
    """Write a list."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(by.certificate.subject)
        .last_update(NOW - timedelta(days=8))
        .next_update(NOW + life)
    )
    for one in named:
        entry = x509.RevokedCertificateBuilder().serial_number(one.certificate.serial_number).revocation_date(NOW)
        for extension, critical in entry_extensions:
            entry = entry.add_extension(extension, critical=critical)
        builder = builder.add_revoked_certificate(entry.build())
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(by.key, hashes.SHA256()).public_bytes(encoding)


def point(**which: object) -> Extension:
    """An issuing distribution point."""
    none = {
        "full_name": None,
        "relative_name": None,
        "only_contains_user_certs": False,
        "only_contains_ca_certs": False,
        "only_some_reasons": None,
        "indirect_crl": False,
        "only_contains_attribute_certs": False,
    }
    return x509.IssuingDistributionPoint(**{**none, **which}), True


def card_with(issuer: Issuer, *extensions: Extension) -> Issued:
    """Issue a card with extensions of its own."""
    by, key = issuer.authority.intermediate, make_key(KeyKind.P256)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(by.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=10))
        .add_extension(x509.SubjectAlternativeName([x509.RFC822Name("taro@example.ac.jp")]), critical=True)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return Issued(builder.sign(by.key, hashes.SHA256()), key)


def distribution(*names: x509.GeneralName, reasons: frozenset[ReasonFlags] | None = None) -> Extension:
    """Say where a card's list is."""
    return x509.CRLDistributionPoints([x509.DistributionPoint(list(names), None, reasons, None)]), False


def verdict(issuer: Issuer, issued: Issued, *files: bytes, current: bool = False) -> KioskReason | None:
    """Judge a card by these files of lists."""
    paths = []
    for number, content in enumerate(files):
        path = issuer.folder / f"{number}.crl"
        path.write_bytes(content)
        paths.append(str(path))
    trust = certificate_validation.read(load({}, **issuer.settings, card_crls=",".join(paths)))
    return certificate_validation.fault(trust, issued.certificate, now=NOW, is_current_list_needed=current)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_every_list_of_a_pem_file_counts(issuer: Issuer, order: tuple[int, int]) -> None:
    """The root's list stands beside the issuing CA's in one file, in either order."""
    lost, kept = issuer.card(), issuer.card()
    lists = (crl(issuer.authority.root), crl(issuer.authority.intermediate, lost))
    content = b"# lists of the campus\n" + b"\n".join(lists[place] for place in order)
    assert verdict(issuer, lost, content) is KioskReason.REVOKED
    assert verdict(issuer, kept, content, current=True) is None


def test_a_list_with_windows_line_ends_counts(issuer: Issuer) -> None:
    """A file that was written on another system is read like any other."""
    lost = issuer.card()
    content = crl(issuer.authority.root) + crl(issuer.authority.intermediate, lost)
    assert verdict(issuer, lost, content.replace(b"\n", b"\r\n")) is KioskReason.REVOKED


DAMAGED = {
    "the second list is cut off": lambda whole: whole[: -len("-----END X509 CRL-----") - 30],
    "the second list has no BEGIN": lambda whole: b"".join(whole.rpartition(b"-----BEGIN X509 CRL-----")[::2]),
    "a sign of the second list is changed": lambda whole: whole[:-60] + b"!" + whole[-59:],
    "the second list ends as something else": lambda whole: b"END CERTIFICATE".join(whole.rsplit(b"END X509 CRL", 1)),
    "it is a certificate": lambda _whole: b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    "it is empty": lambda _whole: b"",
    "it is text": lambda _whole: b"no list",
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_file_of_lists_that_is_damaged_is_an_error_and_not_a_shorter_list(issuer: Issuer, damage: str) -> None:
    """No list is left out silently: the hub keeps what it knew, and knows nothing at its start."""
    whole = crl(issuer.authority.root) + crl(issuer.authority.intermediate, issuer.card())
    with pytest.raises(CardTrustError, match=r"0\.crl"):
        verdict(issuer, issuer.card(), DAMAGED[damage](whole))


def _key(issuer: Issuer) -> bytes:
    key = issuer.authority.root.key
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def test_a_mark_of_the_encoding_before_a_file_is_no_part_of_it(issuer: Issuer) -> None:
    """Editors of Windows write one: the first list and the first CA count all the same."""
    lost = issuer.card()
    path = issuer.folder / "cas.pem"
    path.write_bytes(codecs.BOM_UTF8 + path.read_bytes())
    assert verdict(issuer, lost, codecs.BOM_UTF8 + crl(issuer.authority.intermediate, lost)) is KioskReason.REVOKED
    assert verdict(issuer, issuer.card(), crl(issuer.authority.intermediate)) is None


def _with_odd_name(der: bytes, issuer: Issuer) -> bytes:
    """Put a byte that is no text into a name."""
    (name,) = issuer.authority.intermediate.certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    written = str(name.value).encode()
    return der.replace(written, b"\xff" + written[1:])


@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
def test_a_list_whose_name_cant_be_read_is_an_error_of_its_file(issuer: Issuer, encoding: Encoding) -> None:
    """It says which file; no login fails for another reason."""
    der = _with_odd_name(crl(issuer.authority.intermediate, encoding=Encoding.DER), issuer)
    content = block("X509 CRL", der) if encoding is Encoding.PEM else der
    with pytest.raises(CardTrustError, match=r"0\.crl"):
        verdict(issuer, issuer.card(), content)


@pytest.mark.parametrize("odd", ["name", "version"])
def test_a_ca_that_cant_be_read_is_an_error_of_its_file(issuer: Issuer, odd: str) -> None:
    """A name that is no text, a version that does not exist: the file is named, and every kiosk goes on."""
    der = issuer.authority.intermediate.der
    spoiled = (
        _with_odd_name(der, issuer) if odd == "name" else der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x1c")
    )
    assert spoiled != der
    path = issuer.folder / "intermediates.pem"
    path.write_bytes(path.read_bytes() + block("CERTIFICATE", spoiled))
    with pytest.raises(CardTrustError, match=r"intermediates\.pem"):
        certificate_validation.read(load({}, **issuer.settings))


def block(label: str, der: bytes) -> bytes:
    """Write a block of PEM."""
    return f"-----BEGIN {label}-----\n".encode() + encodebytes(der) + f"-----END {label}-----\n".encode()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda issuer, _other: pem(issuer.authority.root), "block CERTIFICATE"),
        (lambda issuer, _other: _key(issuer), "block PRIVATE KEY"),
        (lambda _issuer, _other: b"the lists of 2026\n", "text"),
        (lambda _issuer, other: crl(other.authority.intermediate), "none of the CAs has signed"),
    ],
)
def test_what_does_not_count_in_a_file_of_lists_is_named(issuer: Issuer, tmp_path: Path, make, words: str) -> None:
    """A certificate, a key, text, a list of another CA: the lists beside it count, and the doctor is told."""
    lost, other = issuer.card(), issuer_in(tmp_path / "other", "Other")
    issuer.crl.write_bytes(make(issuer, other) + crl(issuer.authority.intermediate, lost))
    trust = certificate_validation.read(load({}, **issuer.settings, card_crls=str(issuer.crl)))
    assert certificate_validation.fault(trust, lost.certificate, now=NOW) is KioskReason.REVOKED
    (problem,) = trust.problems
    assert problem.file == issuer.crl
    assert words in problem.what


@pytest.mark.parametrize("name", ["cas.pem", "intermediates.pem"])
def test_every_ca_of_a_pem_file_counts_and_what_else_is_there_is_named(
    issuer: Issuer, tmp_path: Path, name: str
) -> None:
    """Two CAs in one file, with a list between them that is not read there."""
    other = issuer_in(tmp_path / "other", "Other")
    for file in ("cas.pem", "intermediates.pem"):
        path = issuer.folder / file
        path.write_bytes((other.folder / file).read_bytes() + path.read_bytes())
    path = issuer.folder / name
    path.write_bytes(crl(issuer.authority.root) + path.read_bytes())
    trust = certificate_validation.read(load({}, **issuer.settings))
    for one in (issuer, other):
        assert certificate_validation.fault(trust, one.card().certificate, now=NOW) is None
    assert [problem.what for problem in trust.problems] == ["a block X509 CRL stands in it, which is not read here"]


PARTIAL: dict[str, Extension] = {
    "another shard's": point(full_name=[SHARD]),
    "CA certificates only": point(only_contains_ca_certs=True),
    "attribute certificates only": point(only_contains_attribute_certs=True),
    "some reasons only": point(only_some_reasons=frozenset({ReasonFlags.key_compromise})),
    "a delta": (x509.DeltaCRLIndicator(1), True),
    "an extension that is not known": STRANGE,
    "indirect": point(indirect_crl=True),
    "user certificates only": point(only_contains_user_certs=True),
}
COVERING = {"indirect", "user certificates only"}


@pytest.mark.parametrize("kind", PARTIAL)
def test_a_card_that_any_list_of_its_ca_names_is_revoked(issuer: Issuer, kind: str) -> None:
    """A list for a part of the cards or reasons, old or new, says that a card is revoked like any other."""
    lost = issuer.card()
    for life in (timedelta(days=7), timedelta(days=-1)):
        content = crl(issuer.authority.intermediate, lost, extensions=[PARTIAL[kind]], life=life)
        assert verdict(issuer, lost, content) is KioskReason.REVOKED


@pytest.mark.parametrize("kind", PARTIAL)
def test_a_list_is_current_only_for_the_cards_it_covers(issuer: Issuer, kind: str) -> None:
    """With `current` a list for other cards, for some reasons or with changes only lets no card in."""
    root, between = crl(issuer.authority.root), crl(issuer.authority.intermediate, extensions=[PARTIAL[kind]])
    expected = None if kind in COVERING else KioskReason.BUSY
    assert verdict(issuer, issuer.card(), root, between, current=True) is expected


@pytest.mark.parametrize(
    ("names", "reason"),
    [((SHARD,), None), ((OTHER_SHARD,), KioskReason.BUSY), ((OTHER_SHARD, SHARD), None), ((), KioskReason.BUSY)],
)
def test_a_shard_is_current_for_the_cards_that_name_it(issuer: Issuer, names, reason: KioskReason | None) -> None:
    """A card whose distribution point is another one is not covered, and one without any neither."""
    card = card_with(issuer, *([distribution(*names)] if names else []))
    lists = (crl(issuer.authority.root), crl(issuer.authority.intermediate, extensions=[point(full_name=[SHARD])]))
    assert verdict(issuer, card, *lists, current=True) is reason


def test_a_list_whose_point_is_its_ca_covers_every_card(issuer: Issuer) -> None:
    """A distribution point that is the CA's own name is the CA's own list."""
    name = x509.DirectoryName(issuer.authority.intermediate.certificate.subject)
    lists = (crl(issuer.authority.root), crl(issuer.authority.intermediate, extensions=[point(full_name=[name])]))
    assert verdict(issuer, issuer.card(), *lists, current=True) is None


def test_lists_for_some_reasons_are_current_together_when_they_cover_all(issuer: Issuer) -> None:
    """Two halves are a whole; one half is not."""
    every = frozenset(ReasonFlags) - {ReasonFlags.unspecified, ReasonFlags.remove_from_crl}
    first = frozenset({ReasonFlags.key_compromise, ReasonFlags.ca_compromise})
    root, halves = (
        crl(issuer.authority.root),
        [
            crl(issuer.authority.intermediate, extensions=[point(only_some_reasons=one)])
            for one in (first, every - first)
        ],
    )
    assert verdict(issuer, issuer.card(), root, *halves, current=True) is None
    assert verdict(issuer, issuer.card(), root, halves[0], current=True) is KioskReason.BUSY


def test_an_entry_with_a_critical_extension_that_is_not_known_revokes_and_spoils_the_list(issuer: Issuer) -> None:
    """The card it names is out; what the list says of others is not certain."""
    lost = issuer.card()
    root, between = (
        crl(issuer.authority.root),
        crl(issuer.authority.intermediate, lost, entry_extensions=[STRANGE]),
    )
    assert verdict(issuer, lost, root, between) is KioskReason.REVOKED
    assert verdict(issuer, issuer.card(), root, between, current=True) is KioskReason.BUSY


def test_an_indirect_list_speaks_of_the_ca_that_its_entry_names(issuer: Issuer, tmp_path: Path) -> None:
    """A serial number belongs to the CA of the entry: the same number of the list's own CA is another card."""
    lost = issuer.card()
    other = x509.CertificateIssuer([x509.DirectoryName(x509.Name([]))]), True
    own = x509.CertificateIssuer([x509.DirectoryName(issuer.authority.intermediate.certificate.subject)]), True
    by_root = [crl(issuer.authority.root, lost, extensions=[point(indirect_crl=True)], entry_extensions=[own])]
    assert verdict(issuer, lost, *by_root) is KioskReason.REVOKED
    extensions = [point(indirect_crl=True)]
    foreign = crl(issuer.authority.intermediate, lost, extensions=extensions, entry_extensions=[other])
    assert verdict(issuer, lost, foreign) is None


def delta_of(issuer: Issuer, *named: Issued, base: int, entry_extensions: Iterable[Extension] = ()) -> bytes:
    """Write a list that adds to list `base`."""
    extensions = [(x509.DeltaCRLIndicator(base), True), (x509.CRLNumber(base + 1), False)]
    return crl(issuer.authority.intermediate, *named, extensions=extensions, entry_extensions=entry_extensions)


def test_a_delta_adds_to_the_complete_list(issuer: Issuer) -> None:
    """Both count together; a card that the delta takes back is out as long as the complete list names it."""
    first, second, third = issuer.card(), issuer.card(), issuer.card()
    complete = crl(issuer.authority.intermediate, first, extensions=[(x509.CRLNumber(5), False)])
    delta = delta_of(issuer, second, base=5)
    assert verdict(issuer, first, complete, delta) is KioskReason.REVOKED
    assert verdict(issuer, second, complete, delta) is KioskReason.REVOKED
    assert verdict(issuer, third, complete, delta) is None
    back = delta_of(issuer, second, base=5, entry_extensions=[(x509.CRLReason(ReasonFlags.remove_from_crl), False)])
    assert verdict(issuer, second, complete, back) is None


@pytest.mark.parametrize("has_older", [False, True])
def test_a_delta_without_its_complete_list_lets_nobody_in(issuer: Issuer, *, has_older: bool) -> None:
    """What was revoked before is not known: the cards it names are revoked, all others are asked to come back."""
    named = issuer.card()
    older = [crl(issuer.authority.intermediate, extensions=[(x509.CRLNumber(4), False)])] if has_older else []
    assert verdict(issuer, named, delta_of(issuer, named, base=5), *older) is KioskReason.REVOKED
    assert verdict(issuer, issuer.card(), delta_of(issuer, named, base=5), *older) is KioskReason.BUSY


@pytest.mark.parametrize("what", ["a delta", "a stranger's", "an older one", "another scope"])
def test_a_complete_list_that_is_replaced_by_less_stays_in_force(issuer: Issuer, tmp_path: Path, what: str) -> None:
    """A running hub forgets no revocation because the file of its list now holds something else."""
    lost, named = issuer.card(), issuer.card()
    issuer.crl.write_bytes(crl(issuer.authority.intermediate, lost, extensions=[(x509.CRLNumber(5), False)]))
    trust = CardTrust(load({}, **issuer.settings, card_crls=str(issuer.crl)))
    assert certificate_validation.fault(trust.now_known(), lost.certificate, now=NOW) is KioskReason.REVOKED
    replaced = {
        "a delta": delta_of(issuer, named, base=5),
        "a stranger's": crl(issuer_in(tmp_path / "other", "Other").authority.intermediate),
        "an older one": _older(issuer),
        "another scope": crl(issuer.authority.intermediate, named, extensions=[point(full_name=[SHARD])]),
    }
    issuer.crl.with_suffix(".new").write_bytes(replaced[what])
    issuer.crl.with_suffix(".new").rename(issuer.crl)
    assert certificate_validation.fault(trust.now_known(), lost.certificate, now=NOW) is KioskReason.REVOKED
    assert certificate_validation.fault(trust.now_known(), issuer.card().certificate, now=NOW) is None
    if what in {"a delta", "another scope"}:
        assert certificate_validation.fault(trust.now_known(), named.certificate, now=NOW) is KioskReason.REVOKED


def _older(issuer: Issuer) -> bytes:
    by = issuer.authority.intermediate
    builder = x509.CertificateRevocationListBuilder().issuer_name(by.certificate.subject)
    made = builder.last_update(NOW - timedelta(days=20)).next_update(NOW + timedelta(days=1))
    return made.sign(by.key, hashes.SHA256()).public_bytes(Encoding.DER)


def test_a_newer_complete_list_replaces_the_old_one(issuer: Issuer) -> None:
    """A card that its CA has taken off the list is let in again."""
    card = issuer.card()
    issuer.crl.write_bytes(crl(issuer.authority.intermediate, card))
    trust = CardTrust(load({}, **issuer.settings, card_crls=str(issuer.crl)))
    assert certificate_validation.fault(trust.now_known(), card.certificate, now=NOW) is KioskReason.REVOKED
    issuer.crl.with_suffix(".new").write_bytes(crl(issuer.authority.intermediate))
    issuer.crl.with_suffix(".new").rename(issuer.crl)
    assert certificate_validation.fault(trust.now_known(), card.certificate, now=NOW) is None
