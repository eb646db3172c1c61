"""The hub as a kiosk sees it: four questions in signed JSON over HTTPS, each with a closed set of answers."""

import asyncio
import json
import re
import secrets
import ssl
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import aiohttp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import BaseModel, ConfigDict, ValidationError
from yarl import URL

from reader_kiosk.errors import HubUnreachableError, KioskError
from reader_kiosk.identity import Identity
from reader_kiosk.signing import Request, sign

_PATIENCE = aiohttp.ClientTimeout(total=5)
_OK = 200
_NONCE_SIZE = 32
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LOCAL = {"127.0.0.1", "localhost", "::1"}
Clock = Callable[[], datetime]


class Reason(StrEnum):
    """Why the hub refused; the names stand in the protocol."""

    SIGNATURE = "signature"
    KIOSK_UNKNOWN = "kiosk-unknown"
    KIOSK_REVOKED = "kiosk-revoked"
    CLOCK = "clock"
    REPLAYED = "replayed"
    MALFORMED = "malformed"
    CODE_WRONG = "code-wrong"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    REVOKED = "revoked"
    FOREIGN_CA = "foreign-ca"
    UNSUPPORTED = "unsupported"
    CA_EXPIRED = "ca-expired"
    WEAK_KEY = "weak-key"
    UNSUITABLE = "unsuitable"
    NOT_BOUND = "not-bound"
    BLOCKED = "blocked"
    UID_CARDS_OFF = "uid-cards-off"
    RANDOM_UID = "random-uid"
    ACCOUNT_CLOSED = "account-closed"
    WRONG_ANSWER = "wrong-answer"
    LOGIN_OVER = "login-over"
    THROTTLED = "throttled"
    BUSY = "busy"


@dataclass(frozen=True, slots=True)
class Refused:
    """No, with the reason; `retry_after` in seconds, `hub_time` in seconds since 1970 where they help."""

    reason: Reason
    retry_after: int = 0
    hub_time: int = 0


@dataclass(frozen=True, slots=True)
class Hello:
    """The kiosk is in order."""

    name: str
    uid_cards: bool


@dataclass(frozen=True, slots=True)
class Begun:
    """The card is good and belongs to somebody: have it sign this."""

    login_id: str
    nonce: bytes = field(repr=False)
    account_name: str
    language: str


@dataclass(frozen=True, slots=True)
class Admission:
    """What the browser posts to be let in."""

    url: str
    admission_code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Named:
    """Somebody is named and nothing proved yet; the browser goes on at the hub."""

    login_id: str
    account_name: str
    language: str
    admission: Admission


class _Told(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)


class _RefusedTold(_Told):
    refused: str
    retry_after: int = 0
    hub_time: int = 0


class _HelloTold(_Told):
    name: str
    uid_cards: bool


class _BegunTold(_Told):
    login_id: str
    nonce: str
    account_name: str
    language: str


class _AdmissionTold(_Told):
    admission_code: str
    url: str


class _NamedTold(_AdmissionTold):
    login_id: str
    account_name: str
    language: str


class _EnrolledTold(_Told):
    kiosk_id: str
    name: str
    zone: str


class _EndedTold(_Told):
    pass


_T = TypeVar("_T", bound=_Told)


class HubClient:
    """An enrolled kiosk's line to its hub; every call may raise HubUnreachableError."""

    def __init__(self, http: aiohttp.ClientSession, identity: Identity, clock: Clock) -> None:
        self._http, self._identity, self._clock = http, identity, clock
        # A greeting says that no card is there: none may be on its way while a login begins.
        self._turn = asyncio.Lock()

    @property
    def kiosk_id(self) -> str:
        """What the hub calls this kiosk."""
        return self._identity.kiosk_id

    async def hello(self) -> Hello | Refused:
        """Ask whether this kiosk is in order."""
        async with self._turn:
            told = await self._ask("hello", {}, _HelloTold)
        return told if isinstance(told, Refused) else Hello(told.name, told.uid_cards)

    async def begin(self, certificate: bytes) -> Begun | Refused:
        """Ask whose card this is, and for what it has to sign."""
        async with self._turn:
            told = await self._ask("begin", {"certificate": b64encode(certificate).decode()}, _BegunTold)
        if isinstance(told, Refused):
            return told
        nonce = _bytes(told.nonce)
        if len(nonce) != _NONCE_SIZE:
            message = "the nonce is none"
            raise HubUnreachableError(message)
        return Begun(_id(told.login_id), nonce, told.account_name, told.language)

    async def answer(
        self, login_id: str, *, algorithm: str, signature: bytes, browser: str, return_url: str
    ) -> Admission | Refused:
        """Hand the card's signature over."""
        said = {
            "login_id": login_id,
            "algorithm": algorithm,
            "signature": b64encode(signature).decode(),
            "browser": browser,
            "return_url": return_url,
        }
        told = await self._ask("answer", said, _AdmissionTold)
        return told if isinstance(told, Refused) else self._admission(told)

    async def name(self, uid: bytes, *, browser: str, return_url: str) -> Named | Refused:
        """Ask whom the number of a card without a key names."""
        said = {"uid": uid.hex().upper(), "browser": browser, "return_url": return_url}
        async with self._turn:
            told = await self._ask("name", said, _NamedTold)
        if isinstance(told, Refused):
            return told
        return Named(_id(told.login_id), told.account_name, told.language, self._admission(told))

    async def end(self, login_id: str) -> Refused | None:
        """Say that the card is gone."""
        told = await self._ask("end", {"login_id": login_id}, _EndedTold)
        return told if isinstance(told, Refused) else None

    def _admission(self, told: _AdmissionTold) -> Admission:
        # The browser is led there with a code that lets somebody in: to the hub of the enrolment, or nowhere.
        if _origin(told.url) != self._identity.hub:
            message = "the hub names an address that isn't its own"
            raise HubUnreachableError(message)
        return Admission(told.url, told.admission_code)

    async def _ask(self, what: str, said: dict[str, str], form: type[_T]) -> _T | Refused:
        kept = self._identity
        request = _Asked(f"{kept.hub}/kiosk/{what}", said, kept.kiosk_id, kept.key)
        return await _ask(self._http, request, form, now=self._clock())


async def enrol(http: aiohttp.ClientSession, hub_url: str, code: str, *, now: datetime) -> Identity | Refused:
    """Make a key and have the hub take it for the code; KioskError when the address is none."""
    hub = hub_origin(hub_url)
    key = Ed25519PrivateKey.generate()
    said = {"code": code, "public_key": b64encode(key.public_key().public_bytes_raw()).decode()}
    told = await _ask(http, _Asked(f"{hub}/kiosk/enrol", said, "enrol", key), _EnrolledTold, now=now)
    return told if isinstance(told, Refused) else Identity(hub, _id(told.kiosk_id), told.name, told.zone, key)


def hub_origin(url: str) -> str:
    """Give the hub's origin; KioskError when it isn't HTTPS, except on this very machine."""
    whole = url if "//" in url else f"https://{url}"
    parts = urlsplit(whole)
    origin = _origin(whole)
    is_private = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL)
    if not is_private or not origin or parts.path not in {"", "/"} or parts.query or parts.username:
        message = "The hub's address, please, such as https://portal.example.ac.jp"
        raise KioskError(message)
    return origin


def line(hub_ca: Path | None) -> aiohttp.ClientSession:
    """Open what all requests go through; KioskError when the file of certificates can't be read."""
    try:
        trust = ssl.create_default_context(cafile=str(hub_ca) if hub_ca else None)
    except (OSError, ssl.SSLError) as error:
        message = f"{hub_ca}: no certificates can be read from there."
        raise KioskError(message) from error
    return aiohttp.ClientSession(
        timeout=_PATIENCE, connector=aiohttp.TCPConnector(ssl=trust), cookie_jar=aiohttp.DummyCookieJar()
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    url: str
    said: dict[str, str] = field(repr=False)
    key_id: str
    key: Ed25519PrivateKey = field(repr=False)


async def _ask(http: aiohttp.ClientSession, asked: _Asked, form: type[_T], *, now: datetime) -> _T | Refused:
    body = json.dumps(asked.said).encode()
    request = Request("POST", asked.url, {"Content-Type": "application/json"})
    sign(request, body, asked.key_id, asked.key, now=now, nonce=secrets.token_urlsafe(16))
    try:
        async with http.post(asked.url, data=body, headers=request.headers, allow_redirects=False) as response:
            told = await response.read()
            status = response.status
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise HubUnreachableError(str(error) or type(error).__name__) from error
    try:
        if status == _OK:
            return form.model_validate_json(told)
        refused = _RefusedTold.model_validate_json(told)
        return Refused(Reason(refused.refused), refused.retry_after, refused.hub_time)
    except (ValidationError, ValueError) as error:
        # Not `from` it: pydantic's text holds what was told.
        message = f"an answer that makes no sense, with status {status}: {type(error).__name__}"
        raise HubUnreachableError(message) from None


def _origin(url: str) -> str:
    """Give a URL's origin as browsers write it: a small host in A-labels, and no port where it is the scheme's own.

    Empty for what has no origin.
    """
    try:
        return str(URL(url).origin())
    except ValueError:
        return ""


def _id(written: str) -> str:
    if not _ID.fullmatch(written):
        message = "an id that is none"
        raise HubUnreachableError(message)
    return written


def _bytes(written: str) -> bytes:
    try:
        return b64decode(written, validate=True)
    except ValueError as error:
        message = "base64 that is none"
        raise HubUnreachableError(message) from error
