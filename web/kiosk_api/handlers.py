"""The kiosk's door: signed JSON of its program, and the one form of its browser."""

import json
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Annotated, Generic, TypeVar, assert_never

import structlog
from aiohttp.web import Request, Response, json_response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from tortoise.exceptions import BaseORMException

from hub.cards import kiosks
from hub.cards.kiosks import Known
from hub.domain.outcomes import KioskReason, TurnedAway
from hub.domain.request_context import Visit
from hub.login import card_login
from hub.login.card_login import Admission, Answer, Begun, Browser, GoesOn, Named, Over, Presented, WentIn
from hub.runtime import metrics
from hub.security.certificate_validation import LARGEST_CERTIFICATE
from web.kiosk_api.http_signatures import key_id_of, verified
from web.rendering.pages import page, see
from web.rendering.waiting_text import seconds_of
from web.request.context import (
    KIOSK,
    LANGUAGE,
    LOGIN,
    ONWARD,
    SESSION,
    START,
    VISIT,
    forget,
    hub_of,
    keep,
    now_of,
    visit_of,
)
from web.request.forms import fields, in_time
from web.request.language import LANGUAGES

_ENROL = "enrol"
_LARGEST = 16 * 1024
# A certificate of the largest size that the hub takes, in base64, and the JSON around it.
_LARGEST_CERTIFICATE = 4 * (LARGEST_CERTIFICATE // 3 + 1)
_LARGEST_BEGIN = _LARGEST_CERTIFICATE + 1024
_BUSY_FOR = timedelta(seconds=5)
_STATUS = {
    KioskReason.SIGNATURE: 401,
    KioskReason.KIOSK_UNKNOWN: 401,
    KioskReason.CLOCK: 401,
    KioskReason.REPLAYED: 401,
    KioskReason.LOGIN_OVER: 409,
    KioskReason.MALFORMED: 422,
    KioskReason.THROTTLED: 429,
    KioskReason.BUSY: 503,
}
_log = structlog.get_logger(__name__)
_Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
_Digest = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{43}$")]
_Url = Annotated[str, StringConstraints(max_length=200)]
_Base64 = Annotated[str, StringConstraints(max_length=_LARGEST)]
Answered = Response | TurnedAway


class _Said(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, hide_input_in_errors=True)


class _EnrolSaid(_Said):
    code: str = Field(max_length=64, repr=False)
    public_key: _Base64


class _BeginSaid(_Said):
    certificate: Annotated[str, StringConstraints(max_length=_LARGEST_CERTIFICATE)]


class _AnswerSaid(_Said):
    login_id: _Id
    algorithm: str = Field(max_length=32)
    signature: _Base64
    browser: _Digest
    return_url: _Url


class _NameSaid(_Said):
    uid: Annotated[str, StringConstraints(pattern=r"^([0-9A-F]{2}){4,10}$")]
    browser: _Digest
    return_url: _Url


class _EndSaid(_Said):
    login_id: _Id


_T = TypeVar("_T", bound=_Said)
_Step = Callable[[Request], Awaitable[Answered]]


class _MalformedError(Exception):
    """A body that is not what the protocol says; `field` is where."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


async def post_enrol(request: Request) -> Response:
    """Register the key of a kiosk for its one-time code."""
    return await _told(request, _enrol)


async def post_hello(request: Request) -> Response:
    """Tell a kiosk whether it is in order."""
    return await _told(request, _hello)


async def post_begin(request: Request) -> Response:
    """Begin a login with a card's certificate."""
    return await _told(request, _begin)


async def post_answer(request: Request) -> Response:
    """Answer with the card's signature."""
    return await _told(request, _answer)


async def post_name(request: Request) -> Response:
    """Begin a login with a card's number."""
    return await _told(request, _name)


async def post_end(request: Request) -> Response:
    """End a login: the card is gone."""
    return await _told(request, _end)


async def post_admit(request: Request) -> Response:
    """Let the kiosk's browser in, or on to prove who is there."""
    code, proof, language = await fields(request, "admission_code", "proof", "language")
    # What the kiosk's screen spoke last, chosen there perhaps, is what its browser goes on in.
    spoken = language if language in LANGUAGES else ""
    presented = Presented(code[:64], proof[:64], request.headers.get("Origin", ""))
    outcome = await card_login.admit(hub_of(request), visit_of(request), presented)
    match outcome:
        case WentIn(admitted, return_url):
            answer = see("/portal")
            keep(request, answer.response, SESSION, admitted.token)
            keep(request, answer.response, START, return_url)
            for cookie in (LOGIN, VISIT, ONWARD, KIOSK):
                forget(request, answer.response, cookie)
            if spoken or admitted.language:
                keep(request, answer.response, LANGUAGE, spoken or admitted.language)
            raise answer
        case GoesOn(token, return_url):
            answer = see("/login/account")
            keep(request, answer.response, KIOSK, token)
            keep(request, answer.response, START, return_url)
            for cookie in (SESSION, LOGIN, ONWARD):
                forget(request, answer.response, cookie)
            if spoken:
                keep(request, answer.response, LANGUAGE, spoken)
            raise answer
        case Over(return_url):
            return page(request, "kiosk-over", status=403, start=return_url or "/")
        case _:
            assert_never(outcome)


# What these are sent with proves more than a token in a form: a signature, or a code and its proof.
OWN_PROOF = frozenset({post_enrol, post_hello, post_begin, post_answer, post_name, post_end, post_admit})


async def _told(request: Request, step: _Step) -> Response:
    """Do a step and answer in JSON, whatever happens."""
    try:
        outcome = await step(request)
    except _MalformedError as error:
        outcome = TurnedAway(KioskReason.MALFORMED, field=error.field)
    except (BaseORMException, OSError) as error:
        _log.error("kiosk.unavailable", path=request.path, error=str(error))
        outcome = TurnedAway(KioskReason.BUSY, _BUSY_FOR)
    said = str(outcome.reason) if isinstance(outcome, TurnedAway) else "ok"
    metrics.count_at_kiosk(request.path.rpartition("/")[2], said)
    return _turned(outcome) if isinstance(outcome, TurnedAway) else outcome


def _turned(away: TurnedAway) -> Response:
    told: dict[str, str | int] = {"refused": str(away.reason)}
    response = json_response(told, status=_STATUS.get(away.reason, 403))
    if away.retry_after is not None:
        told["retry_after"] = seconds_of(away.retry_after)
        response.headers["Retry-After"] = str(told["retry_after"])
    if away.hub_time is not None:
        told["hub_time"] = int(away.hub_time.timestamp())
    if away.field:
        told["field"] = away.field
    response.text = json.dumps(told)
    return response


async def _enrol(request: Request) -> Answered:
    body = await _body(request)
    said = _read(_EnrolSaid, body)
    public_key = _bytes(said.public_key, "public_key")
    # Signed by the new key itself: who registers a key holds it.
    signed = verified(request, body, key_id=_ENROL, public_key=public_key, now=now_of(request))
    if signed is None:
        return TurnedAway(KioskReason.SIGNATURE)
    if (turned := kiosks.in_time(signed, now=now_of(request))) is not None:
        return turned
    kiosk = await kiosks.enrol(hub_of(request), visit_of(request), code=said.code, public_key=public_key)
    if isinstance(kiosk, TurnedAway):
        return kiosk
    return json_response({"kiosk_id": kiosk.handle, "name": kiosk.name, "zone": str(kiosk.zone)})


async def _hello(request: Request) -> Answered:
    asked = await _heard(request, _Said)
    if isinstance(asked, TurnedAway):
        return asked
    kiosk, now = asked.kiosk, now_of(request)
    await kiosks.greeted(kiosk, now=now)
    return json_response(
        {
            "name": kiosk.name,
            "zone": str(kiosk.zone),
            "uid_cards": hub_of(request).settings.uid_cards,
            "hub_time": int(now.timestamp()),
        }
    )


async def _begin(request: Request) -> Answered:
    asked = await _heard(request, _BeginSaid)
    if isinstance(asked, TurnedAway):
        return asked
    certificate = _bytes(asked.said.certificate, "certificate")
    outcome = await card_login.begin(hub_of(request), _visit(request, asked.kiosk), asked.kiosk, certificate)
    match outcome:
        case Begun(login_id, nonce, account, language):
            told = {"login_id": login_id, "nonce": b64encode(nonce).decode()}
            return json_response(told | {"account_name": account, "language": language})
        case TurnedAway():
            return outcome
        case _:
            assert_never(outcome)


async def _answer(request: Request) -> Answered:
    asked = await _heard(request, _AnswerSaid)
    if isinstance(asked, TurnedAway):
        return asked
    said, kiosk = asked.said, asked.kiosk
    given = Answer(said.login_id, said.algorithm, _bytes(said.signature, "signature"))
    browser = Browser(said.browser, said.return_url)
    outcome = await card_login.answer(hub_of(request), _visit(request, kiosk), kiosk, given, browser)
    return outcome if isinstance(outcome, TurnedAway) else json_response(_admission(request, outcome))


async def _name(request: Request) -> Answered:
    asked = await _heard(request, _NameSaid)
    if isinstance(asked, TurnedAway):
        return asked
    said, kiosk = asked.said, asked.kiosk
    browser = Browser(said.browser, said.return_url)
    outcome = await card_login.name(hub_of(request), _visit(request, kiosk), kiosk, said.uid, browser)
    match outcome:
        case Named(login_id, account, language, admission):
            told = {"login_id": login_id, "account_name": account, "language": language}
            return json_response(told | _admission(request, admission))
        case TurnedAway():
            return outcome
        case _:
            assert_never(outcome)


async def _end(request: Request) -> Answered:
    asked = await _heard(request, _EndSaid)
    if isinstance(asked, TurnedAway):
        return asked
    await card_login.end(hub_of(request), _visit(request, asked.kiosk), asked.kiosk, asked.said.login_id)
    return json_response({})


async def _heard(request: Request, form: type[_T]) -> "_Asked[_T] | TurnedAway":
    """Hear a signed request: the kiosk, the signature, the time, the nonce, and then what it says."""
    kiosk = await kiosks.known(key_id_of(request))
    if isinstance(kiosk, TurnedAway):
        return kiosk
    body = await _body(request, _LARGEST_BEGIN if form is _BeginSaid else _LARGEST)
    signed = verified(request, body, key_id=kiosk.handle, public_key=kiosk.public_key, now=now_of(request))
    if signed is None:
        return TurnedAway(KioskReason.SIGNATURE)
    if (turned := await kiosks.heard(kiosk, signed, now=now_of(request))) is not None:
        return turned
    return _Asked(kiosk, _read(form, body))


@dataclass(frozen=True, slots=True)
class _Asked(Generic[_T]):
    """What a kiosk asks."""

    kiosk: Known
    said: _T


def _visit(request: Request, kiosk: Known) -> Visit:
    """Tell the hub of a kiosk's request: its place counts, not its network, and it has no browser to be known by."""
    return replace(visit_of(request), zone=kiosk.zone, browser=kiosk.name, browser_token="")


def _admission(request: Request, admission: Admission) -> dict[str, str]:
    return {"admission_code": admission.code, "url": f"{hub_of(request).settings.origin}/kiosk/admit"}


async def _body(request: Request, most: int = _LARGEST) -> bytes:
    if request.content_type != "application/json":
        raise _MalformedError("content-type")
    if (request.content_length or 0) > most:
        raise _MalformedError("body")
    try:
        body = await in_time(request.read())
    except ConnectionError as error:
        # Whoever asked went away in the middle: no trouble of ours, and nobody hears what is answered.
        raise _MalformedError("body") from error
    if len(body) > most:
        raise _MalformedError("body")
    return body


def _read(form: type[_T], body: bytes) -> _T:
    try:
        return form.model_validate_json(body)
    except ValidationError as error:
        (first, *_) = error.errors(include_input=False, include_url=False)
        # Not `from` it: pydantic's text may hold what was sent.
        raise _MalformedError(str(first["loc"][0]) if first["loc"] else "body") from None


def _bytes(text: str, field: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError:
        raise _MalformedError(field) from None
