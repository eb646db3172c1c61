"""Our virtual card as others' tools see it, and the kiosk's own session with a card by others."""

import asyncio
import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from demo.card.authority import Authority, KeyKind
from demo.card.slot import Slot
from reader_kiosk import pcsc
from reader_kiosk.pcsc import CardOn
from reader_kiosk.piv import PivSession, algorithm_of, is_pin
from tests.support.cards import CardByOthers, Maker, Readers
from tests.support.fake_hub import verify

OPENSC = next(Path("/usr/lib").glob("*/opensc-pkcs11.so"), Path("opensc-pkcs11.so"))


async def tool(*words: str, given: bytes = b"") -> str:
    """Run somebody's tool; it must end well."""
    process = await asyncio.create_subprocess_exec(*words, stdin=-1, stdout=-1, stderr=-2, env=dict(os.environ))
    told, _ = await asyncio.wait_for(process.communicate(given), 30)
    assert process.returncode == 0, told.decode()
    return told.decode()


@pytest.mark.parametrize("kind", [KeyKind.P256, KeyKind.P384, KeyKind.RSA2048])
async def test_yubicos_tool_reads_our_card_and_verifies_what_it_signs(slot, readers, card_maker: Maker, kind):
    """yubico-piv-tool finds the certificate, verifies the PIN, and the signature is right by its own reckoning."""
    card = card_maker.card(kind)
    await slot.put_on(card)
    await readers.next(CardOn)
    status = await tool("yubico-piv-tool", "-r", "Virtual", "-a", "status")
    assert "CN=Tegata Taro" in status
    assert "PIN tries left:\t3" in status
    pem = card.issued.certificate.public_bytes(Encoding.PEM)
    signing = ("-a", "verify-pin", "-P", "123456", "-a", "test-signature", "-s", "9a")
    told = await tool("yubico-piv-tool", "-r", "Virtual", *signing, given=pem)
    assert "Successful" in told.splitlines()[-1]


async def test_opensc_finds_the_key_of_our_card(slot, readers, card_maker: Maker):
    """OpenSC's PIV driver takes the PIN and lists key and certificate; it signs with no EC key of an unnamed card."""
    await slot.put_on(card_maker.card(KeyKind.P256))
    await readers.next(CardOn)
    told = await tool("pkcs11-tool", "--module", str(OPENSC), "--login", "--pin", "123456", "--list-objects")
    assert "Private Key Object; EC" in told
    assert "CN=Tegata Taro" in told


async def test_opensc_signs_with_our_rsa_card(slot, readers, card_maker: Maker):
    """OpenSC's own test of a token finds nothing wrong with an RSA key that needs chained commands."""
    await slot.put_on(card_maker.card(KeyKind.RSA2048))
    await readers.next(CardOn)
    told = await tool("pkcs11-tool", "--module", str(OPENSC), "--login", "--pin", "123456", "--test")
    assert "all 4 signature functions seem to work" in told
    assert "SHA256-RSA-PKCS: OK" in told


@pytest.mark.parametrize("kind", [KeyKind.P256, KeyKind.P384, KeyKind.RSA2048, KeyKind.RSA3072])
async def test_yubikit_signs_with_our_card(slot, readers, card_maker: Maker, kind):
    """Yubico's library reads the tries, is told a wrong PIN from a right one, and signs with every kind of key."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding
    from smartcard.System import readers as listed
    from ykman.pcsc import ScardSmartCardConnection
    from yubikit.core import InvalidPinError
    from yubikit.piv import KEY_TYPE, SLOT
    from yubikit.piv import PivSession as Yubikit

    card = card_maker.card(kind)
    await slot.put_on(card)
    await readers.next(CardOn)
    types = {KeyKind.P256: KEY_TYPE.ECCP256, KeyKind.P384: KEY_TYPE.ECCP384}
    types |= {KeyKind.RSA2048: KEY_TYPE.RSA2048, KeyKind.RSA3072: KEY_TYPE.RSA3072}

    def signed() -> bytes:
        connection = ScardSmartCardConnection(listed()[0].createConnection())
        try:
            session = Yubikit(connection)
            assert session.get_pin_attempts() == 3
            with pytest.raises(InvalidPinError) as wrong:
                session.verify_pin("654321")
            assert wrong.value.attempts_remaining == 2
            session.verify_pin("123456")
            assert session.get_certificate(SLOT.AUTHENTICATION) == card.issued.certificate
            padded = (padding.PKCS1v15(),) if "RSA" in kind else ()
            return session.sign(SLOT.AUTHENTICATION, types[kind], b"message", hashes.SHA256(), *padded)
        finally:
            connection.close()

    signature = await asyncio.to_thread(signed)
    public = card.issued.key.public_key()
    if isinstance(public, ec.EllipticCurvePublicKey):
        public.verify(signature, b"message", ec.ECDSA(hashes.SHA256()))
    else:
        public.verify(signature, b"message", padding.PKCS1v15(), hashes.SHA256())


@pytest.mark.parametrize("kind", [KeyKind.P256, KeyKind.P384, KeyKind.RSA2048, KeyKind.RSA3072])
async def test_the_kiosk_signs_with_our_card(slot: Slot, readers: Readers, card_maker: Maker, kind):
    """The kiosk's session goes through a real daemon with every kind of key, long commands and answers included."""
    card = card_maker.card(kind)
    await slot.put_on(card)
    event = await readers.next(CardOn)
    der, name, signature = await asyncio.to_thread(signed_by, event.reader)
    assert der == card.issued.der
    verify(card.issued.certificate, name, signature, b"message")


async def test_the_kiosk_signs_with_a_card_by_others(slot: Slot, readers: Readers, issuer: Authority, tmp_path):
    """A PIV card that somebody else wrote works as ours does, though it takes the short name only."""
    card = CardByOthers(issuer, tmp_path)
    await slot.put_on(card)
    event = await readers.next(CardOn)
    der, name, signature = await asyncio.to_thread(signed_by, event.reader)
    assert der == card.issued.der
    verify(card.issued.certificate, name, signature, b"message")


def signed_by(reader: str) -> tuple[bytes, str, bytes]:
    """Go through the whole session, as a visit does."""
    connection = pcsc.connect(reader)
    try:
        session = PivSession(connection.transmit)
        session.select()
        der = session.certificate()
        algorithm = algorithm_of(der)
        assert algorithm is not None
        assert session.attempts_remaining() == 3
        assert is_pin(b"123456")
        session.verify(b"123456")
        return der, algorithm.name, session.sign(b"message", algorithm)
    finally:
        connection.close()
