"""A counter with a kiosk on it: the kiosk's own way to the hub, cards whose keys are at hand, and a browser."""

import hashlib
import secrets
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from demo.card.authority import Authority, Issued, KeyKind, authority
from hub.cards import ic_cards, kiosks
from models.kinds import Zone
from reader_kiosk import hub_client
from reader_kiosk.hub_client import Admission, Begun, HubClient, Refused
from reader_kiosk.identity import Identity
from reader_kiosk.signing import card_message
from tests.support.factory import Member
from tests.support.running_hub import House, Person, open_house

START = "http://127.0.0.1:8655/"
ORIGIN = START.rstrip("/")
ALGORITHMS = {256: "ecdsa-p256-sha256", 384: "ecdsa-p384-sha384", 2048: "rsa-v1_5-sha256", 3072: "rsa-v1_5-sha256"}


@dataclass
class Issuer:
    """A card issuer whose files the hub reads."""

    folder: Path
    authority: Authority
    kept: dict[KeyKind, Issued] = field(default_factory=dict)

    @property
    def settings(self) -> dict[str, object]:
        """What the hub is told of it."""
        return {"card_cas": self.folder / "cas.pem", "card_intermediates": self.folder / "intermediates.pem"}

    @property
    def crl(self) -> Path:
        """Where its revocation list is."""
        return self.folder / "cards.crl"

    def card(self, name: str = "taro", kind: KeyKind = KeyKind.P256, **more: Any) -> Issued:
        """Issue a card."""
        return self.authority.card(name, kind, now=datetime.now(UTC), **more)

    def revoke(self, *issued: Issued, by: Issued | None = None, until: timedelta = timedelta(days=7)) -> None:
        """Write a revocation list."""
        signer, now = by or self.authority.intermediate, datetime.now(UTC)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.authority.intermediate.certificate.subject)
            .last_update(now - timedelta(days=8))
            .next_update(now + until)
        )
        for one in issued:
            entry = x509.RevokedCertificateBuilder().serial_number(one.certificate.serial_number)
            builder = builder.add_revoked_certificate(entry.revocation_date(now).build())
        self.crl.write_bytes(builder.sign(signer.key, hashes.SHA256()).public_bytes(Encoding.PEM))


def issuer_in(folder: Path, name: str = "Test") -> Issuer:
    """Make an issuer and write its files."""
    folder.mkdir(parents=True, exist_ok=True)
    made = Issuer(folder, authority(name, now=datetime.now(UTC)))
    (folder / "cas.pem").write_bytes(pem(made.authority.root))
    (folder / "intermediates.pem").write_bytes(pem(made.authority.intermediate))
    return made


def pem(issued: Issued) -> bytes:
    """Write a certificate as a file holds it."""
    return issued.certificate.public_bytes(Encoding.PEM)


def signed(issued: Issued, message: bytes) -> bytes:
    """Sign as the card's key does."""
    match issued.key:
        case ec.EllipticCurvePrivateKey():
            hashing = hashes.SHA256() if issued.key.key_size == 256 else hashes.SHA384()
            return issued.key.sign(message, ec.ECDSA(hashing))
        case rsa.RSAPrivateKey():
            return issued.key.sign(message, padding.PKCS1v15(), hashes.SHA256())


def algorithm_of(issued: Issued) -> str:
    """Name how the card's key signs."""
    return ALGORITHMS[issued.key.key_size]


@dataclass(frozen=True)
class Proof:
    """What a kiosk's page has drawn for one login."""

    proof: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    @property
    def digest(self) -> str:
        """What the hub is told of it."""
        return urlsafe_b64encode(hashlib.sha256(self.proof.encode()).digest()).decode().rstrip("=")


@dataclass
class Counter:
    """A hub with an issuer of cards, and one kiosk that it knows."""

    house: House
    issuer: Issuer
    identity: Identity
    client: HubClient

    async def bound(self, member: Member, issued: Issued) -> None:
        """Bind a card to a member."""
        await ic_cards.bind_for(self.house.hub, self.house.people.visit(), member.name, issued.certificate, quiet=True)

    async def begun(self, issued: Issued) -> Begun:
        """Put a card on."""
        begun = await self.client.begin(issued.der)
        assert isinstance(begun, Begun), begun
        return begun

    async def answered(self, issued: Issued, begun: Begun, *, proof: Proof, **other: Any) -> Admission | Refused:
        """Have the card sign, and hand it over."""
        client: HubClient = other.pop("client", self.client)
        message = other.pop("message", None) or card_message(client.kiosk_id, begun.login_id, begun.nonce)
        given = {"algorithm": algorithm_of(issued), "signature": signed(issued, message), "return_url": START, **other}
        return await client.answer(begun.login_id, browser=proof.digest, **given)

    async def admission(self, issued: Issued, proof: Proof) -> Admission:
        """Put a card on and type the PIN."""
        admission = await self.answered(issued, await self.begun(issued), proof=proof)
        assert isinstance(admission, Admission), admission
        return admission

    async def log_in(self, person: Person, issued: Issued) -> str:
        """Log in with a card; gives the login's id."""
        begun, proof = await self.begun(issued), Proof()
        admission = await self.answered(issued, begun, proof=proof)
        assert isinstance(admission, Admission), admission
        await go_in(person, admission, proof)
        assert person.page == "portal", person.text
        return begun.login_id

    async def another(self, name: str = "Second") -> HubClient:
        """Set up one more kiosk."""
        identity = await enrolled(self.house, self.client._http, name)
        return HubClient(self.client._http, identity, self.house.clock)


async def go_in(
    person: Person, admission: Admission, proof: Proof, *, origin: str = ORIGIN, language: str = ""
) -> None:
    """Post the form that lets a browser in, as the kiosk's page does."""
    filled = {"admission_code": admission.admission_code, "proof": proof.proof, "language": language}
    await person.send("/kiosk/admit", filled, Origin=origin, Sec_Fetch_Site="cross-site")


async def enrolled(house: House, http: Any, name: str, zone: Zone = Zone.ON_CAMPUS) -> Identity:
    """Add a kiosk and enrol it, as its keeper does."""
    house.sync()
    added = await kiosks.add(house.hub, house.people.visit(), name=name, zone=zone)
    identity = await hub_client.enrol(http, house.hub.settings.origin, added.code, now=house.clock())
    assert isinstance(identity, Identity), identity
    return identity


@asynccontextmanager
async def counter_with(url: str, folder: Path, **settings: object) -> AsyncIterator[Counter]:
    """Run a hub and enrol a kiosk at it."""
    issuer = issuer_in(folder / "issuer")
    async with (
        open_house(url, folder, **{**issuer.settings, **settings}) as house,
        hub_client.line(None) as http,
    ):
        identity = await enrolled(house, http, "Library")
        yield Counter(house, issuer, identity, HubClient(http, identity, house.clock))


@pytest.fixture
async def counter(database_url: str, tmp_path: Path) -> AsyncIterator[Counter]:
    """A counter on each engine."""
    async with counter_with(database_url, tmp_path) as made:
        yield made


@pytest.fixture
async def counter_on_sqlite(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Counter]:
    """A counter on SQLite, for what does not depend on the engine."""
    async with counter_with(sqlite_copy(sqlite_template, tmp_path), tmp_path) as made:
        yield made


def sqlite_copy(template: Path, folder: Path) -> str:
    """Copy a migrated file; gives its URL."""
    file = folder / "tegata.db"
    file.write_bytes(template.read_bytes())
    return f"sqlite:///{file}"


def names(rows: Iterable[Any]) -> list[str]:
    """List the names of some rows."""
    return [row.name for row in rows]


__all__ = ["Counter", "Issuer", "Proof", "counter", "counter_on_sqlite", "go_in", "issuer_in"]
