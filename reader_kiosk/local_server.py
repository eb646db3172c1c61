"""The local page's door: one browser on this machine, which shows what the desk says and hands on what is done."""

import asyncio
import hmac
import json
import re
import secrets
from collections.abc import Sequence
from importlib.resources import files
from typing import Literal

from aiohttp import WSMsgType, web
from aiohttp.typedefs import Handler
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reader_kiosk import messages
from reader_kiosk.screen import Admitting, CardForgotten, Idle, NotNow, OutOfOrder, PinAsked, Screen
from reader_kiosk.ui_state import Cancelled, Desk, LanguageChosen, PinTyped, ProofDrawn, Said, Touched

_HELLO_WITHIN = 5.0
_LARGEST = 2048
_STATIC = files("reader_kiosk").joinpath("static")
_DIGEST = re.compile(r"[A-Za-z0-9_-]{43}")


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    act: Literal["proof", "pin", "cancel", "touch", "language"]
    pin: str = Field("", repr=False, max_length=8)
    browser: str = ""
    language: Literal["ja", "en"] = "ja"


class Page:
    """Serves the page to whoever knows the token, one browser at a time."""

    def __init__(self, desk: Desk, *, origin: str, hub: str, framed_by: Sequence[str] = ()) -> None:
        self._desk, self._origin = desk, origin
        self._token = secrets.token_urlsafe(32)
        self._line: web.WebSocketResponse | None = None
        self._before: Screen | None = None
        self._sending: set[asyncio.Task[None]] = set()
        framers = " ".join(framed_by) or "'none'"
        self._policy = (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
            f" form-action {hub}; frame-ancestors {framers}; base-uri 'none'"
        )
        desk.changed = self._push

    @property
    def url(self) -> str:
        """Where the kiosk's browser begins; what follows the # never leaves the browser."""
        return f"{self._origin}/#{self._token}"

    def application(self) -> web.Application:
        """Build what answers at the page's origin."""
        app = web.Application(middlewares=[self._guard], client_max_size=_LARGEST)
        app.add_routes(
            [
                web.get("/", self._show),
                web.get("/line", self._talk),
                web.get("/{name:kiosk\\.css|kiosk\\.js|mark\\.svg}", self._file),
            ]
        )
        app.on_response_prepare.append(_sign)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        # A name of somebody else's that leads to this machine is none of ours.
        if f"http://{request.host}" != self._origin:
            return web.Response(status=421)
        response = await handler(request)
        if not response.prepared:
            response.headers.update(
                {
                    "Content-Security-Policy": self._policy,
                    "Cache-Control": "no-store",
                    "X-Content-Type-Options": "nosniff",
                    # With less than that browsers post the admission with `Origin: null`, which proves nothing.
                    "Referrer-Policy": "strict-origin",
                    "Cross-Origin-Opener-Policy": "same-origin",
                    "Cross-Origin-Resource-Policy": "same-origin",
                }
            )
        return response

    async def _show(self, _request: web.Request) -> web.Response:
        return web.Response(text=_STATIC.joinpath("page.html").read_text("utf-8"), content_type="text/html")

    async def _file(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        kind = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}[name.rpartition(".")[2]]
        return web.Response(text=_STATIC.joinpath(name).read_text("utf-8"), content_type=kind)

    async def _talk(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Origin") != self._origin:
            return web.Response(status=403)
        line = web.WebSocketResponse(max_msg_size=_LARGEST, heartbeat=20)
        try:
            await line.prepare(request)
        except ConnectionError:
            # A page that is loaded again at once has hung up already.
            return web.Response()
        if not await self._is_ours(line):
            await line.close(code=4003)
            return line
        before, self._line = self._line, line
        if before is not None:
            await before.close()
        # The page that drew the proof is gone: to this one the admission would be a form that the hub refuses.
        self._before = self._desk.screen
        self._push()
        async for message in line:
            if message.type is WSMsgType.TEXT and (said := _said(message.data)) is not None:
                self._desk.hear(said)
        if self._line is line:
            self._line = None
            self._desk.page_gone()
        return line

    async def _is_ours(self, line: web.WebSocketResponse) -> bool:
        try:
            first = await line.receive_str(timeout=_HELLO_WITHIN)
        except (TimeoutError, TypeError, ValueError):
            return False
        return hmac.compare_digest(first.encode(), self._token.encode())

    def _push(self) -> None:
        line = self._line
        if line is None or line.closed:
            return
        sending = asyncio.create_task(_send(line, written(self._desk, is_late=self._desk.screen is self._before)))
        self._sending.add(sending)
        sending.add_done_callback(self._sending.discard)


async def _send(line: web.WebSocketResponse, text: str) -> None:
    try:
        await line.send_str(text)
    except ConnectionError:
        # The page went away in this moment; the next page gets the whole screen.
        return


def written(desk: Desk, *, is_late: bool = False) -> str:
    """Write what the page is told of its screen; one that `is_late` came when that was shown already."""
    screen, language = desk.screen, desk.language
    is_others = is_late and isinstance(screen, Admitting)
    said = messages.shown(screen, language)
    told = {
        "screen": "working" if is_others else _name(desk),
        "language": language,
        "title": said.title,
        "text": said.text,
        "error": said.error,
        "reminder": _reminder(desk),
        "seconds_left": round(desk.seconds_left),
        "can_cancel": isinstance(screen, PinAsked),
        "words": {
            "pin": messages.PIN.of(language),
            "ok": messages.OK.of(language),
            "delete": messages.DELETE.of(language),
            "cancel": messages.CANCEL.of(language),
            "typed": messages.TYPED.of(language),
            "form": messages.PIN_FORM.of(language),
            "other": messages.OTHER_LANGUAGE.of(language),
        },
    }
    if isinstance(screen, Admitting) and not is_others:
        told["admission"] = {"url": screen.admission.url, "admission_code": screen.admission.admission_code}
    return json.dumps(told, ensure_ascii=False)


def _reminder(desk: Desk) -> str:
    if not desk.is_reminding:
        return ""
    # Only a PIN that is asked for is still waited for.
    said = messages.TOUCH_TO_GO_ON if isinstance(desk.screen, PinAsked) else messages.TAKE_CARD
    return said.of(desk.language)


def _name(desk: Desk) -> str:
    match desk.screen:
        case Idle():
            return "idle"
        case PinAsked():
            return "pin"
        case Admitting():
            return "admitting"
        case NotNow():
            return "not-now"
        case CardForgotten():
            return "take-card"
        case OutOfOrder():
            return "out-of-order"
    return "working"


def _said(text: str) -> Said | None:
    try:
        message = _Message.model_validate_json(text)
    except ValidationError:
        return None
    match message.act:
        case "proof" if _DIGEST.fullmatch(message.browser):
            return ProofDrawn(message.browser)
        case "pin":
            return PinTyped(bytearray(message.pin, "utf-8"))
        case "cancel":
            return Cancelled()
        case "touch":
            return Touched()
        case "language":
            return LanguageChosen(message.language)
    return None


async def _sign(_request: web.Request, response: web.StreamResponse) -> None:
    """Name the kiosk as what answers, not a library."""
    response.headers["Server"] = "Tegata kiosk"
