"""A played hub that speaks the kiosk's protocol (docs/kiosk-protocol.md), to try the kiosk without one."""

import asyncio
import hashlib
import secrets
import ssl
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiohttp import web
from cryptography import x509
from cryptography.exceptions import InvalidSignature as WrongSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from http_message_signatures import HTTPMessageVerifier, InvalidSignature, MappingKeyResolver
from http_message_signatures.algorithms import ED25519

from reader_kiosk.signing import Request
from tests.support.ports import free_port

CODE = "ABCD-1234"
PORTAL = "<!doctype html><title>Portal</title><main data-page=portal><h1>{}</h1></main>"
COVERED = ("@method", "@authority", "@path", "content-digest")


class _Verifier(HTTPMessageVerifier):
    # The time is looked at after the signature: only the key's holder learns how far its clock is off.
    max_clock_skew = timedelta(days=10_000)


@dataclass
class Login:
    """One login at the played hub."""

    id: str
    kiosk_id: str
    nonce: bytes
    certificate: x509.Certificate | None = None
    answered: bool = False
    code: str = ""
    browser: str = ""
    origin: str = ""
    session: str = ""
    is_over: bool = False


@dataclass
class PlayedHub:
    """The hub's part: `refuse` names a refusal for a path, `delay` makes it slow, `later` moves its clock."""

    url: str = ""
    name: str = "手形 太郎"
    language: str = "ja"
    kiosks: dict[str, Ed25519PublicKey] = field(default_factory=dict)
    refuse: dict[str, dict[str, Any]] = field(default_factory=dict)
    garbage: dict[str, tuple[int, str]] = field(default_factory=dict)
    delay: float = 0.0
    later: timedelta = timedelta()
    logins: dict[str, Login] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    said: list[dict[str, Any]] = field(default_factory=list)
    nonces: set[str] = field(default_factory=set)
    admitted: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    ended_event: asyncio.Event = field(default_factory=asyncio.Event)

    def forget(self) -> None:
        """Forget what happened here."""
        self.ended_event.clear()
        for one in (self.logins, self.asked, self.said, self.admitted, self.ended):
            one.clear()

    def application(self) -> web.Application:
        """Build it."""
        app = web.Application()
        signed = {"enrol": self.enrol, "hello": self.hello, "begin": self.begin, "answer": self.answer}
        signed |= {"name": self.named, "end": self.end}
        for path, handler in signed.items():
            app.router.add_post(f"/kiosk/{path}", self._signed(path, handler))
        app.router.add_post("/kiosk/admit", self.admit)
        app.router.add_get("/portal", self.portal)
        return app

    def _signed(self, path: str, handler: Callable[[str, dict[str, Any]], web.Response]) -> Any:
        async def answer(request: web.Request) -> web.Response:
            self.asked.append(path)
            await asyncio.sleep(self.delay)
            if path in self.garbage:
                status, text = self.garbage[path]
                # A redirect's text is where it leads.
                headers = {"Location": text} if 300 <= status < 400 else {}
                return web.Response(status=status, text=text, headers=headers)
            if path in self.refuse:
                return web.json_response(self.refuse[path], status=403)
            body = await request.read()
            said = await request.json()
            self.said.append(said)
            refusal = self._unsigned(request, path, body, said)
            return refusal or handler(self._key_id, said)

        return answer

    def _unsigned(self, request: web.Request, path: str, body: bytes, said: dict[str, Any]) -> web.Response | None:
        keys: dict[str, Any] = dict(self.kiosks)
        if path == "enrol":
            keys = {"enrol": Ed25519PublicKey.from_public_bytes(b64decode(said["public_key"]))}
        verifier = _Verifier(
            signature_algorithm=ED25519, key_resolver=MappingKeyResolver(public_keys=keys, private_keys={})
        )
        message = Request(request.method, f"{self.url}{request.raw_path}", dict(request.headers))
        try:
            (found,) = verifier.verify(
                message, max_age=None, expect_tag="tegata-kiosk-1", require_components=COVERED, body=body
            )
        except InvalidSignature:
            return refuse(401, "signature")
        now = datetime.now(UTC) + self.later
        if abs(now.timestamp() - int(found.parameters["created"])) > 60:
            return refuse(401, "clock", hub_time=int(now.timestamp()))
        if not found.nonce or found.nonce in self.nonces:
            return refuse(401, "replayed")
        self.nonces.add(found.nonce)
        self._key_id = str(found.parameters["keyid"])
        return None

    def enrol(self, _kiosk: str, said: dict[str, Any]) -> web.Response:
        if said["code"] != CODE:
            return refuse(403, "code-wrong")
        kiosk_id = secrets.token_urlsafe(8)
        self.kiosks[kiosk_id] = Ed25519PublicKey.from_public_bytes(b64decode(said["public_key"]))
        return web.json_response({"kiosk_id": kiosk_id, "name": "図書館1階", "zone": "on-campus"})

    def hello(self, _kiosk: str, _said: dict[str, Any]) -> web.Response:
        return web.json_response(
            {"name": "図書館1階", "zone": "on-campus", "uid_cards": True, "hub_time": 0, "new_member": 1}
        )

    def begin(self, kiosk: str, said: dict[str, Any]) -> web.Response:
        try:
            certificate = x509.load_der_x509_certificate(b64decode(said["certificate"]))
        except ValueError:
            return refuse(403, "unsuitable")
        login = self._login(kiosk, certificate)
        return web.json_response(
            {
                "login_id": login.id,
                "nonce": b64encode(login.nonce).decode(),
                "account_name": self.name,
                "language": self.language,
            }
        )

    def answer(self, kiosk: str, said: dict[str, Any]) -> web.Response:
        login = self.logins.get(said["login_id"])
        if login is None or login.answered or login.is_over or login.kiosk_id != kiosk:
            return refuse(409, "login-over")
        login.answered = True
        assert login.certificate is not None
        message = b"\x00".join((b"tegata card login 1", kiosk.encode(), login.id.encode(), login.nonce))
        try:
            verify(login.certificate, said["algorithm"], b64decode(said["signature"]), message)
        except WrongSignature:
            return refuse(403, "wrong-answer")
        return web.json_response(self._admission(login, said))

    def named(self, kiosk: str, said: dict[str, Any]) -> web.Response:
        login = self._login(kiosk, None)
        told = {"login_id": login.id, "account_name": self.name, "language": self.language}
        return web.json_response(told | self._admission(login, said))

    def end(self, _kiosk: str, said: dict[str, Any]) -> web.Response:
        self.ended.append(said["login_id"])
        self.ended_event.set()
        if login := self.logins.get(said["login_id"]):
            login.is_over = True
        return web.json_response({})

    async def admit(self, request: web.Request) -> web.Response:
        """Let a browser in: with a code that lives and the proof that only its page has."""
        form = await request.post()
        digest = hashlib.sha256(str(form["proof"]).encode()).digest()
        browser = urlsafe_b64encode(digest).decode().rstrip("=")
        for login in self.logins.values():
            is_it = login.code and secrets.compare_digest(login.code, str(form["admission_code"]))
            if is_it and not login.is_over:
                login.code = ""
                if login.browser != browser or request.headers.get("Origin") != login.origin:
                    break
                login.session = secrets.token_urlsafe(16)
                self.admitted.append(login.id)
                response = web.Response(status=303, headers={"Location": "/portal", "Cache-Control": "no-store"})
                response.set_cookie("session", login.session, httponly=True, samesite="Lax")
                return response
        return web.Response(status=403, text="This login is over", content_type="text/html")

    async def portal(self, request: web.Request) -> web.Response:
        """Show the portal to whoever has a session that lives."""
        cookie = request.cookies.get("session", "")
        is_in = any(cookie and one.session == cookie and not one.is_over for one in self.logins.values())
        text = PORTAL.format(self.name) if is_in else "<!doctype html><main data-page=login>Log in</main>"
        return web.Response(text=text, content_type="text/html", headers={"Cache-Control": "no-store"})

    def _login(self, kiosk: str, certificate: x509.Certificate | None) -> Login:
        login = Login(secrets.token_urlsafe(12), kiosk, secrets.token_bytes(32), certificate)
        self.logins[login.id] = login
        return login

    def _admission(self, login: Login, said: dict[str, Any]) -> dict[str, str]:
        login.code, login.browser = secrets.token_urlsafe(24), said["browser"]
        login.origin = said["return_url"].removesuffix("/")
        return {"admission_code": login.code, "url": f"{self.url}/kiosk/admit"}


def refuse(status: int, reason: str, **more: int) -> web.Response:
    """Refuse by name."""
    return web.json_response({"refused": reason, **more}, status=status)


def verify(certificate: x509.Certificate, algorithm: str, signature: bytes, message: bytes) -> None:
    """Verify what a card signed."""
    key = certificate.public_key()
    match algorithm:
        case "ecdsa-p256-sha256" | "ecdsa-p384-sha384":
            hashing = hashes.SHA256() if key.key_size == 256 else hashes.SHA384()
            key.verify(signature, message, ec.ECDSA(hashing))
        case "rsa-v1_5-sha256":
            key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
        case _:
            raise AssertionError(algorithm)


class HubHouse:
    """Where the played hub stands: it can be closed and opened again."""

    def __init__(self, hub: PlayedHub, port: int, tls: ssl.SSLContext | None) -> None:
        self.hub, self._port, self._tls = hub, port, tls
        self._runner: web.AppRunner | None = None

    async def open(self) -> None:
        """Answer."""
        if self._runner is not None:
            return
        self._runner = web.AppRunner(self.hub.application(), shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port, ssl_context=self._tls, reuse_address=True).start()

    async def close(self) -> None:
        """Be gone."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None


@asynccontextmanager
async def played_hub(*, certificate: Path | None = None) -> AsyncIterator[HubHouse]:
    """Run a played hub; over HTTPS when there is a file for its certificate."""
    port = free_port()
    scheme = "https" if certificate else "http"
    house = HubHouse(PlayedHub(url=f"{scheme}://localhost:{port}"), port, _tls(certificate) if certificate else None)
    await house.open()
    try:
        yield house
    finally:
        await house.close()


def _tls(file: Path) -> ssl.SSLContext:
    now, key = datetime.now(UTC), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file.write_bytes(certificate.public_bytes(Encoding.PEM))
    key_file = file.with_suffix(".key")
    key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file, key_file)
    return context
