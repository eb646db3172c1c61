"""What stands around every request: headers on every answer, a token in every form, a page for every error."""

import secrets
from collections.abc import Awaitable, Callable
from errno import ENAMETOOLONG

import structlog
from aiohttp.web import (
    HTTPException,
    HTTPRequestEntityTooLarge,
    Request,
    Response,
    StreamResponse,
    middleware,
)
from tortoise.exceptions import BaseORMException

from hub.domain.errors import KeyRingError
from web.kiosk_api.handlers import OWN_PROOF
from web.rendering.pages import See, page
from web.request import csrf, unknown_proxies
from web.request.context import hub_of
from web.request.forms import fields
from web.submission import double_submission, stale_forms

Handler = Callable[[Request], Awaitable[StreamResponse]]
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self';"
    " form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS = {
    # Not which library, of which version.
    "Server": "Tegata",
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: browsers then send `Origin: null` with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_A_YEAR = "max-age=31536000"
_log = structlog.get_logger(__name__)


@middleware
async def guard(request: Request, handler: Handler) -> StreamResponse:
    """Hear a request, and answer it whatever happens."""
    unknown_proxies.note(request)
    try:
        if request.method == "POST" and request.match_info.handler not in OWN_PROOF:
            response = await _heard(request, handler)
        else:
            response = await handler(request)
    except See as onward:
        response = onward.response
    except HTTPException as answer:
        response = _told(request, answer)
    except (BaseORMException, OSError) as error:
        response = _broken(request, error)
    except KeyRingError as error:
        # Such as a key that the ring lacks: the operator's to mend, and named by readiness and doctor.
        response = _unavailable(request, error)
    except Exception:
        # The last net: a stranger sees a reference number, the log has the rest.
        response = _failed(request)
    _dress(request, response)
    return response


def dress_stream(request: Request, response: StreamResponse) -> None:
    """Put the headers of every answer on one whose headers are sent early."""
    _dress(request, response)


def _dress(request: Request, response: StreamResponse) -> None:
    if response.prepared:
        return
    put_headers(response, is_secure=hub_of(request).settings.is_secure)
    # What was shown to one person must not be there for the next one at the same machine.
    if not request.path.startswith("/static/"):
        response.headers["Cache-Control"] = "no-store"


def put_headers(response: StreamResponse, *, is_secure: bool) -> None:
    """Put on the headers that every answer has."""
    response.headers.update(_HEADERS)
    if is_secure:
        response.headers["Strict-Transport-Security"] = _A_YEAR


async def _heard(request: Request, handler: Handler) -> StreamResponse:
    """Hear a form, if it is from a page of ours in this browser."""
    (token,) = await fields(request, csrf.FIELD)
    refusal = await _forged(request, token)
    if refusal is not None:
        return refusal
    try:
        response = await handler(request)
    except See as onward:
        response = onward.response
    if isinstance(response, Response):
        await double_submission.remember(request, response)
    return response


async def _forged(request: Request, token: str) -> Response | None:
    """Refuse a form that is not from a page of ours in this browser."""
    if csrf.is_own_site(request) and csrf.is_right(request, token):
        return None
    if csrf.is_own_site(request) and csrf.is_older(request, token):
        # Switching the language changes nothing that a session guards.
        if request.path == "/language":
            return None
        return await double_submission.led_on(request) or await stale_forms.lead_on(request)
    _log.info("web.forged", route=_route(request), origin=request.headers.get("Origin", ""))
    return page(request, "forged", status=403)


def _told(request: Request, answer: HTTPException) -> Response:
    if answer.status in {404, 405}:
        response = page(request, "not-found", status=answer.status)
        if "Allow" in answer.headers:
            response.headers["Allow"] = answer.headers["Allow"]
        return response
    if isinstance(answer, HTTPRequestEntityTooLarge):
        return page(request, "bad-request", status=413)
    if answer.status < 500:  # noqa: PLR2004
        return page(request, "bad-request", status=answer.status)
    return _failed(request)


def _broken(request: Request, error: Exception) -> Response:
    if request.transport is None:
        # Whoever asked has hung up in mid-request: nothing of ours is unavailable, and nobody reads the answer.
        return Response(status=400)
    is_no_name = isinstance(error, OSError) and error.errno == ENAMETOOLONG
    return page(request, "not-found", status=404) if is_no_name else _unavailable(request, error)


def _unavailable(request: Request, error: Exception) -> Response:
    reference = _reference()
    _log.error("web.unavailable", reference=reference, route=_route(request), error=str(error))
    response = page(request, "error", status=503, reference=reference)
    response.headers["Retry-After"] = "5"
    return response


def _failed(request: Request) -> Response:
    reference = _reference()
    _log.exception("web.failed", reference=reference, route=_route(request))
    return page(request, "error", status=500, reference=reference)


def _route(request: Request) -> str:
    # A path may carry a mailed token, or a line break of a stranger's; what was matched never does.
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else ""


def _reference() -> str:
    return secrets.token_hex(4)
