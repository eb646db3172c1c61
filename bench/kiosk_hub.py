"""A hub with kiosks and members who have a card each; here the kiosks' keys and the cards' are software."""

import asyncio
import hashlib
import secrets
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import aiohttp
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from bench.crowd import Postbox
from bench.server import Server, serving
from demo.card.authority import Authority, Issued, KeyKind, authority
from hub.accounts import accounts
from hub.cards import ic_cards, kiosks
from hub.context import opened
from hub.domain.request_context import Visit
from hub.security import keyring
from hub.settings import load
from models.database import migrate
from models.kinds import Zone
from reader_kiosk import hub_client
from reader_kiosk.hub_client import Admission, Begun, HubClient
from reader_kiosk.identity import Identity
from reader_kiosk.signing import card_message

RETURN_URL = "http://127.0.0.1:8655/"
_ORIGIN = RETURN_URL.rstrip("/")


@dataclass(frozen=True)
class Proof:
    """What a kiosk's page draws for one login."""

    text: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)

    @property
    def digest(self) -> str:
        """What the hub is told of it."""
        return urlsafe_b64encode(hashlib.sha256(self.text.encode()).digest()).decode().rstrip("=")


class Visitor:
    """A kiosk's browser: it posts an admission and is in the portal, or no more."""

    def __init__(self, http: aiohttp.ClientSession, hub_url: str, origin: str = _ORIGIN) -> None:
        self._http, self._hub_url, self._origin = http, hub_url, origin

    async def go_in(self, url: str, admission_code: str, proof: Proof) -> None:
        """Post the form and read the portal."""
        self._http.cookie_jar.clear()
        form = {"admission_code": admission_code, "proof": proof.text}
        headers = {"Origin": self._origin, "Sec-Fetch-Site": "cross-site"}
        async with self._http.post(url, data=form, headers=headers) as answer:
            page = await answer.text()
            assert 'data-page="portal"' in page, page

    async def is_in(self) -> bool:
        """Ask for the portal once more."""
        async with self._http.get(f"{self._hub_url}/portal", allow_redirects=False) as answer:
            return answer.status == 200


@dataclass
class Walk:
    """Milliseconds of one login: the hub's share of card -> PIN page, of PIN -> portal, and of card away -> out."""

    begun: float
    gone_in: float
    ended: float


@dataclass
class Walker:
    """A member with a card at a kiosk, both of which are software."""

    client: HubClient
    issued: Issued
    visitor: Visitor

    async def walk(self, *, types_for: float = 0.0, stays_for: float = 0.0) -> Walk:
        """Put the card on, type for some seconds, be in for some, and take the card away."""
        start = perf_counter()
        begun = await self.client.begin(self.issued.der)
        assert isinstance(begun, Begun), begun
        told = perf_counter()
        await asyncio.sleep(types_for)
        typed = perf_counter()
        proof = Proof()
        admission = await self.client.answer(
            begun.login_id,
            algorithm="ecdsa-p256-sha256",
            signature=self._signed(card_message(self.client.kiosk_id, begun.login_id, begun.nonce)),
            browser=proof.digest,
            return_url=RETURN_URL,
        )
        assert isinstance(admission, Admission), admission
        await self.visitor.go_in(admission.url, admission.admission_code, proof)
        inside = perf_counter()
        await asyncio.sleep(stays_for)
        taken = perf_counter()
        assert await self.client.end(begun.login_id) is None
        return Walk(1000 * (told - start), 1000 * (inside - typed), 1000 * (perf_counter() - taken))

    def _signed(self, message: bytes) -> bytes:
        assert isinstance(self.issued.key, ec.EllipticCurvePrivateKey)
        return self.issued.key.sign(message, ec.ECDSA(hashes.SHA256()))


@dataclass
class Site:
    """A running hub, its walkers, and one kiosk and one card more for the real reader."""

    server: Server
    walkers: Sequence[Walker]
    identity: Identity = field(repr=False)
    issued: Issued = field(repr=False)


@asynccontextmanager
async def site(folder: Path, number: int) -> AsyncIterator[Site]:
    """Run a hub with this many kiosks, each with a member and a card, and one of each beside."""
    issuer = authority("Bench", now=datetime.now(UTC))
    cas, intermediates = folder / "cas.pem", folder / "intermediates.pem"
    cas.write_bytes(issuer.root.certificate.public_bytes(Encoding.PEM))
    intermediates.write_bytes(issuer.intermediate.certificate.public_bytes(Encoding.PEM))
    url = f"sqlite:///{folder / 'tegata.db'}"
    cards, codes = await _populate(folder, url, issuer, number + 1)
    trusted = {"TEGATA_CARD_CAS": str(cas), "TEGATA_CARD_INTERMEDIATES": str(intermediates)}
    async with (
        Postbox().listening() as port,
        serving(folder, url, port, **trusted) as server,
        AsyncExitStack() as stack,
    ):
        made = []
        for card, code in zip(cards, codes, strict=True):
            # A machine each: nothing is shared between them but the hub.
            http = await stack.enter_async_context(hub_client.line(None))
            enrolled = await hub_client.enrol(http, server.url, code, now=_now())
            assert isinstance(enrolled, Identity), enrolled
            browser = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)))
            made.append((enrolled, Walker(HubClient(http, enrolled, _now), card, Visitor(browser, server.url))))
        *rest, (identity, last) = made
        yield Site(server, [walker for _, walker in rest], identity, last.issued)


async def _populate(folder: Path, url: str, issuer: Authority, number: int) -> tuple[list[Issued], list[str]]:
    """Make members with an address and a card each, and kiosks; gives the cards and the kiosks' codes."""
    visit = Visit(_now(), "10.0.0.1", Zone.ON_CAMPUS, "bench", "en")
    keyring.create(folder / "keys.json", now=visit.now)
    await migrate(url)
    settings = load(
        {},
        mode="demo",
        origin="http://portal.test",
        database_url=url,
        keys_file=folder / "keys.json",
        mail_from="Tegata <tegata@portal.test>",
        argon2_memory=8,
        argon2_passes=1,
    )
    cards, codes = [], []
    async with opened(settings) as hub:
        for one in range(number):
            name = f"m{one:03d}"
            await accounts.add(hub, visit, name=name, password="correct horse battery")
            await accounts.add_contact(hub, visit, name, label="home", address=f"{name}@mail.test")
            cards.append(issuer.card(name, KeyKind.P256, now=visit.now))
            await ic_cards.bind_for(hub, visit, name, cards[-1].certificate, quiet=True)
            codes.append((await kiosks.add(hub, visit, name=f"Kiosk {one}", zone=Zone.ON_CAMPUS)).code)
    return cards, codes


def _now() -> datetime:
    return datetime.now(UTC)
