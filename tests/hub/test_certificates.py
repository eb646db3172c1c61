"""Which certificates a card may come with: keys, purposes, paths, dates, revocation; and the operator's rule."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from demo.card import authority as making
from demo.card.authority import Issued, KeyKind, make_key
from demo.card.tlv import tlv
from hub.authenticators.card_account_rule import rule_of
from hub.domain.outcomes import KioskReason
from hub.security import certificate_validation
from hub.security.certificate_validation import CardTrust, CardTrustError, Trust, UnreadableCertificateError
from hub.settings import load
from tests.support.kiosk_hub import Issuer, issuer_in

NOW = datetime.now(UTC)
Extension = tuple[x509.ExtensionType, bool]
LEAF: Extension = (x509.BasicConstraints(ca=False, path_length=None), True)
STRANGE: Extension = (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True)
AUTHORITY: Extension = (x509.BasicConstraints(ca=True, path_length=None), True)


@pytest.fixture
def issuer(tmp_path: Path) -> Issuer:
    """An issuer with its files."""
    return issuer_in(tmp_path / "issuer")


def trust_of(issuer: Issuer, **more: object) -> Trust:
    """Read an issuer's files as the hub does."""
    return certificate_validation.read(load({}, **issuer.settings, **more))


def made(by: Issued, *extensions: Extension, name: str = "taro", key: object = None) -> Issued:
    """Make a certificate with extensions of its own."""
    holder = key or make_key(KeyKind.P256)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(by.certificate.subject)
        .public_key(holder.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=10))
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return Issued(builder.sign(by.key, hashes.SHA256()), holder)


def usage(**which: bool) -> Extension:
    """Say what a key is for."""
    names = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement key_cert_sign crl_sign"
    )
    return x509.KeyUsage(**{**dict.fromkeys(f"{names} encipher_only decipher_only".split(), False), **which}), True


@pytest.mark.parametrize("kind", [KeyKind.P256, KeyKind.P384, KeyKind.RSA2048, KeyKind.RSA3072])
def test_a_good_card_is_good(issuer: Issuer, kind: KeyKind) -> None:
    """Each kind of key, by way of the intermediate to the pinned root."""
    assert certificate_validation.fault(trust_of(issuer), issuer.card(kind=kind).certificate, now=NOW) is None


SPOILT: dict[str, tuple[Callable[[Issuer], Issued], KioskReason]] = {
    "expired": (lambda issuer: issuer.card(life=timedelta(days=-1)), KioskReason.EXPIRED),
    "from tomorrow": (
        lambda issuer: issuer.authority.card("taro", KeyKind.P256, now=NOW + timedelta(days=3)),
        KioskReason.NOT_YET_VALID,
    ),
    "1024 bits": (lambda issuer: issuer.card(kind=KeyKind.RSA1024), KioskReason.WEAK_KEY),
    "P-224": (
        lambda issuer: made(issuer.authority.intermediate, LEAF, key=ec.generate_private_key(ec.SECP224R1())),
        KioskReason.WEAK_KEY,
    ),
    "P-521": (
        lambda issuer: made(issuer.authority.intermediate, LEAF, key=ec.generate_private_key(ec.SECP521R1())),
        KioskReason.UNSUITABLE,
    ),
    "Ed25519": (
        lambda issuer: made(issuer.authority.intermediate, LEAF, key=ed25519.Ed25519PrivateKey.generate()),
        KioskReason.UNSUITABLE,
    ),
    "a CA's own": (lambda issuer: issuer.authority.intermediate, KioskReason.UNSUITABLE),
    "for encryption": (
        lambda issuer: made(issuer.authority.intermediate, LEAF, usage(key_encipherment=True)),
        KioskReason.UNSUITABLE,
    ),
    "for a server": (
        lambda issuer: made(
            issuer.authority.intermediate, LEAF, (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        ),
        KioskReason.UNSUITABLE,
    ),
    "signed by a card": (lambda issuer: made(issuer.card(), LEAF), KioskReason.FOREIGN_CA),
    "signed by itself": (lambda issuer: _own(), KioskReason.FOREIGN_CA),
    "a critical thing nobody knows": (
        lambda issuer: made(
            issuer.authority.intermediate,
            STRANGE,
        ),
        KioskReason.UNSUPPORTED,
    ),
}


def _own() -> Issued:
    key = make_key(KeyKind.P256)
    name = making._name("Test Cards")
    builder = making._begun(name, key, (NOW - timedelta(days=1), NOW + timedelta(days=1))).issuer_name(name)
    return Issued(builder.sign(key, hashes.SHA256()), key)


@pytest.mark.parametrize("spoilt", SPOILT)
def test_each_fault_of_a_card_has_its_name(issuer: Issuer, spoilt: str) -> None:
    """Key, purpose, path and dates are told apart."""
    make, reason = SPOILT[spoilt]
    assert certificate_validation.fault(trust_of(issuer), make(issuer).certificate, now=NOW) is reason


def test_another_issuers_card_is_foreign(issuer: Issuer, tmp_path: Path) -> None:
    """Even one of the very same names: the pinned key counts."""
    namesake = issuer_in(tmp_path / "namesake")
    assert (
        certificate_validation.fault(trust_of(issuer), namesake.card().certificate, now=NOW) is KioskReason.FOREIGN_CA
    )


def test_an_expired_card_of_a_foreign_ca_is_foreign(issuer: Issuer, tmp_path: Path) -> None:
    """What isn't ours is not told when it was good."""
    card = issuer_in(tmp_path / "other", "Other").card(life=timedelta(days=-1))
    assert certificate_validation.fault(trust_of(issuer), card.certificate, now=NOW) is KioskReason.FOREIGN_CA


def test_without_cas_nobody_is_known(issuer: Issuer) -> None:
    """A hub that pins none takes none."""
    assert certificate_validation.fault(Trust(), issuer.card().certificate, now=NOW) is KioskReason.FOREIGN_CA


@pytest.mark.parametrize(
    ("extensions", "reason"),
    [
        ((AUTHORITY, usage(key_cert_sign=True)), KioskReason.FOREIGN_CA),  # a path longer than its CA allows
        ((LEAF,), KioskReason.FOREIGN_CA),
        ((AUTHORITY, usage(digital_signature=True)), KioskReason.FOREIGN_CA),
    ],
)
def test_what_is_no_ca_signs_no_card(issuer: Issuer, extensions: tuple[Extension, ...], reason: KioskReason) -> None:
    """A listed intermediate has to be a CA, for certificates, within its own CA's length of path."""
    below = made(issuer.authority.intermediate, *extensions, name="below")
    trust = trust_of(issuer)
    wider = Trust(trust.roots, (*trust.intermediates, below.certificate))
    assert certificate_validation.fault(wider, made(below, LEAF).certificate, now=NOW) is reason


def test_a_ca_whose_key_is_not_for_certificates_signs_no_card(issuer: Issuer) -> None:
    """The purpose of a CA's key is looked at, right under the root as well."""
    below = made(issuer.authority.root, AUTHORITY, usage(digital_signature=True), name="below")
    trust = Trust(trust_of(issuer).roots, (below.certificate,))
    assert certificate_validation.fault(trust, made(below, LEAF).certificate, now=NOW) is KioskReason.FOREIGN_CA


def test_a_revoked_card_is_refused(issuer: Issuer) -> None:
    """What is on the CA's list is refused, what isn't is taken."""
    lost, kept = issuer.card(), issuer.card()
    issuer.revoke(lost)
    trust = trust_of(issuer, card_crls=str(issuer.crl))
    assert certificate_validation.fault(trust, lost.certificate, now=NOW) is KioskReason.REVOKED
    assert certificate_validation.fault(trust, kept.certificate, now=NOW) is None


def test_a_list_that_somebody_else_signed_revokes_nothing(issuer: Issuer, tmp_path: Path) -> None:
    """It bears the CA's name and not its signature; the doctor is told."""
    card = issuer.card()
    issuer.revoke(card, by=issuer_in(tmp_path / "other").authority.intermediate)
    trust = trust_of(issuer, card_crls=str(issuer.crl))
    assert certificate_validation.fault(trust, card.certificate, now=NOW) is None
    assert [problem.file for problem in trust.problems] == [issuer.crl]


def test_an_old_list_still_revokes_and_keeps_others_out_only_if_asked_to(issuer: Issuer) -> None:
    """`listed` takes who isn't on it; `current` takes nobody until a newer one is there."""
    lost, kept = issuer.card(), issuer.card()
    issuer.revoke(lost, until=timedelta(days=-1))
    trust = trust_of(issuer, card_crls=str(issuer.crl))
    assert certificate_validation.fault(trust, lost.certificate, now=NOW) is KioskReason.REVOKED
    assert certificate_validation.fault(trust, kept.certificate, now=NOW) is None
    assert (
        certificate_validation.fault(trust, kept.certificate, now=NOW, is_current_list_needed=True) is KioskReason.BUSY
    )


def test_a_list_written_anew_is_taken_up(issuer: Issuer) -> None:
    """Without a restart; and one that can't be read costs nothing that was known."""
    card = issuer.card()
    issuer.revoke()
    kept = CardTrust(load({}, **issuer.settings, card_crls=str(issuer.crl)))
    assert certificate_validation.fault(kept.now_known(), card.certificate, now=NOW) is None
    issuer.revoke(card)
    os.utime(issuer.crl, ns=(1, 1))
    assert certificate_validation.fault(kept.now_known(), card.certificate, now=NOW) is KioskReason.REVOKED
    issuer.crl.write_bytes(b"half a li")
    assert certificate_validation.fault(kept.now_known(), card.certificate, now=NOW) is KioskReason.REVOKED


def test_cas_that_could_never_be_read_are_an_error(tmp_path: Path) -> None:
    """Not a hub that trusts nobody without a word."""
    with pytest.raises(CardTrustError, match=r"missing\.pem"):
        CardTrust(load({}, card_cas=tmp_path / "missing.pem")).now_known()


def altered(issued: Issued, by: Issued, old: bytes, new: bytes) -> bytes:
    """Give a certificate's DER with other bytes in it, signed as if its CA had written them."""
    tbs = issued.certificate.tbs_certificate_bytes
    assert tbs.count(old) == 1
    assert len(old) == len(new)
    tbs = tbs.replace(old, new)
    algorithm = bytes.fromhex("300A06082A8648CE3D040302")
    signature = by.key.sign(tbs, ec.ECDSA(hashes.SHA256()))
    return tlv(0x30, tbs + algorithm + tlv(0x03, b"\x00" + signature))


def odd_certificates(issuer: Issuer) -> dict[str, bytes]:
    """Give certificates that their CA signed and that the library refuses to read, each in another part."""
    by = issuer.authority.intermediate
    name = (x509.SubjectAlternativeName([x509.RFC822Name("taro@corp.jp")]), False)
    plain = made(by, LEAF, name, usage(digital_signature=True), name="RenXe")
    utf8 = b"\x0c\x05RenXe"
    return {
        "a subject in T61String": altered(plain, by, utf8, b"\x14\x05Ren\xe9e"),
        "a subject that is no UTF-8": altered(plain, by, utf8, b"\x0c\x05Ren\xe9e"),
        "an alternative name of a kind that is not known": altered(plain, by, b"\x81\x0c", b"\xa3\x0c"),
        "an extension twice": altered(plain, by, b"\x06\x03\x55\x1d\x11", b"\x06\x03\x55\x1d\x0f"),
        "an unknown version": altered(plain, by, b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x07"),
        "no certificate at all": b"\x30\x03\x02\x01\x01",
        "a size that no kiosk reads": made(by, LEAF, padding_of(16_384)).der,
    }


ODD = (
    "a subject in T61String",
    "a subject that is no UTF-8",
    "an alternative name of a kind that is not known",
    "an extension twice",
    "an unknown version",
    "no certificate at all",
    "a size that no kiosk reads",
)


def padding_of(size: int) -> Extension:
    """Give an extension that makes a certificate large."""
    return x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.5"), bytes(size)), False


@pytest.mark.parametrize("odd", ODD)
def test_a_certificate_that_cant_be_read_is_named_by_the_part(issuer: Issuer, odd: str) -> None:
    """Whatever the library refuses, the answer is a sentence and no failure."""
    with pytest.raises(UnreadableCertificateError, match="can't be read"):
        certificate_validation.certificate_of(odd_certificates(issuer)[odd])


@given(st.binary(max_size=200))
def test_garbage_is_no_certificate(content: bytes) -> None:
    """Whatever a card holds, it is a certificate or it is none."""
    assert certificate_validation.parsed(content) is None


@given(st.data())
def test_a_certificate_with_a_byte_changed_is_none_of_ours(data: st.DataObject) -> None:
    """It can't be read, or no path leads to a pinned CA."""
    place = data.draw(st.integers(0, len(_DER) - 1))
    spoilt = bytearray(_DER)
    spoilt[place] ^= 1 << data.draw(st.integers(0, 7))
    parsed = certificate_validation.parsed(bytes(spoilt))
    assert parsed is None or certificate_validation.fault(_TRUST, parsed, now=NOW) is not None


def test_a_signature_of_no_whole_bytes_is_not_read() -> None:
    """Another count of unused bits, where the last bit happens to be zero, is another certificate with one meaning."""
    der = next(made for _ in range(200) if not (made := _AUTHORITY.card("taro", KeyKind.P256, now=NOW).der)[-1] & 1)
    place = len(der) - len(certificate_validation.certificate_of(der).signature) - 1
    assert certificate_validation.parsed(der[:place] + b"\1" + der[place + 1 :]) is None


_AUTHORITY = making.authority("Changed", now=NOW)
_DER = _AUTHORITY.card("taro", KeyKind.P256, now=NOW).der
_TRUST = Trust((_AUTHORITY.root.certificate,), (_AUTHORITY.intermediate.certificate,))


def names(*alternatives: x509.GeneralName) -> Extension:
    """Alternative names."""
    return x509.SubjectAlternativeName(alternatives), False


TWO = (names(x509.RFC822Name("a@corp.jp"), x509.RFC822Name("b@corp.jp")),)
UPN = x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), b"\x0c\x0ctaro@corp.jp")


@pytest.mark.parametrize(
    ("rule", "extensions", "account"),
    [
        ("subject:CN=(?P<account>[a-z]+)", (), "taro"),
        ("subject:CN=(?P<account>[a-s]+)", (), ""),
        ("subject:CN=(?P<account>ta)", (), ""),
        (r"san:email=(?P<account>\w+)@corp\.jp", (names(x509.RFC822Name("hana@corp.jp")),), "hana"),
        (r"san:email=(?P<account>\w+)@corp\.jp", (names(x509.RFC822Name("hana@corp.jp.evil.test")),), ""),
        (
            r"san:email=(?P<account>\w+)@corp\.jp",
            (names(x509.RFC822Name("a@corp.jp"), x509.RFC822Name("b@corp.jp")),),
            "",
        ),
        (r"san:upn=(?P<account>\w+)@corp\.jp", (names(UPN),), "taro"),
        (r"san:upn=(?P<account>\w+)@corp\.jp", (names(x509.RFC822Name("taro@corp.jp")),), ""),
        (r"san:upn=(?P<account>\w+)@corp\.jp", (), ""),
    ],
)
def test_a_rule_names_one_account_or_none(
    issuer: Issuer, rule: str, extensions: tuple[Extension, ...], account: str
) -> None:
    """The whole field has to fit, and two answers are none."""
    card = made(issuer.authority.intermediate, LEAF, *extensions)
    assert rule_of(rule).account_in(card.certificate) == account


@pytest.mark.parametrize("rule", ["taro", "subject:OU=(?P<account>.)", "subject:CN=(", "subject:CN=.*"])
def test_a_rule_that_cant_be_read_stops_the_start(rule: str) -> None:
    """With a sentence that says how to write it."""
    with pytest.raises(Exception, match="TEGATA_CARD_RULE"):
        load({}, card_rule=rule)
