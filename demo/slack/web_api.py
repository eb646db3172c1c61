"""The doors that an app knocks at: `/api/METHOD`, the response URLs and the socket's address."""

import asyncio
import json
import secrets
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiohttp import web
from aiohttp.web import Request, Response, StreamResponse

from demo.slack import faults
from demo.slack.core import Core
from demo.slack.methods import METHODS, Call, Method
from demo.slack.socket_mode import Sockets
from demo.slack.wire import Payload, SlackError, arguments_of
from demo.slack.workspace import App

_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Recorded:
    """One call that came; `error` is empty when it was answered well."""

    method: str
    said: Payload = field(repr=False)
    at: datetime
    error: str


class Doors:
    """The handlers, around one workspace."""

    def __init__(self, core: Core, sockets: Sockets) -> None:
        self._core = core
        self._sockets = sockets
        self.calls: deque[Recorded] = deque(maxlen=_KEPT)

    def routes(self) -> list[web.RouteDef]:
        """List the addresses."""
        return [
            web.route("*", "/api/{method}", self.call),
            web.post("/actions/{key}", self.respond),
            web.post("/commands/{key}", self.respond),
            web.get("/link/", self.link),
        ]

    async def call(self, request: Request) -> StreamResponse:
        """Answer one call of a method, or do the fault that is due."""
        name = request.match_info["method"]
        fault = self._core.faults.take(name)
        if isinstance(fault, faults.Slow):
            await asyncio.sleep(fault.seconds)
        if fault is not None and (early := await self._early(request, name, fault)) is not None:
            return early
        said: Payload = {}
        try:
            said = await _said(request)
            answer = await self._answer(name, said, request, fault)
        except SlackError as error:
            await self._record(name, said, error.error)
            return self._refused(error)
        await self._record(name, said, "")
        if isinstance(fault, faults.Hang | faults.Drop):
            return await self._unanswered(request, fault)
        return web.json_response({"ok": True, **answer}, headers=self._headers())

    async def respond(self, request: Request) -> Response:
        """Take an answer at a response URL: a new message, one in place of the old, or the old one's end."""
        try:
            said = await request.json()
        except ValueError:
            return Response(status=400, text="invalid_payload")
        fault = self._core.faults.take("response_url")
        await self._record("response_url", said, str(fault.status) if isinstance(fault, faults.Break) else "")
        if isinstance(fault, faults.Slow):
            await asyncio.sleep(fault.seconds)
        if isinstance(fault, faults.Break):
            return Response(status=fault.status)
        try:
            response = self._core.passes.spend_response(request.match_info["key"], now=self._core.now())
            self._core.answered(response, said)
        except SlackError as error:
            return Response(status=404 if error.error.endswith("_url") else 400, text=error.error)
        await self._core.watch.ring()
        return Response(text="ok")

    async def link(self, request: Request) -> StreamResponse:
        """Open a socket for a ticket."""
        if not self._core.passes.spend_ticket(request.query.get("ticket", ""), now=self._core.now()):
            return Response(status=408)
        return await self._sockets.serve(request)

    async def _answer(self, name: str, said: Payload, request: Request, fault: faults.Fault | None) -> Payload:
        if isinstance(fault, faults.Refuse):
            raise SlackError(fault.error)
        if isinstance(fault, faults.Limit):
            raise SlackError("ratelimited", retry_after=fault.retry_after)
        method = METHODS.get(name)
        if method is None:
            raise SlackError("unknown_method", more={"req_method": name})
        if not method.is_open:
            _let_in(self._core.workspace.app, method, _token(request, said))
        self._hold_to_rate(name, said)
        core = self._core
        answer = method.run(Call(core.workspace, core.screens, core.passes, said, core.now()))
        if name == "apps.connections.open":
            return {"url": f"ws://{request.host}/link/?ticket={answer['url']}&app_id={core.workspace.app.id}"}
        return answer

    def _hold_to_rate(self, name: str, said: Payload) -> None:
        if wait := self._core.faults.wait_before_call(name, now=self._core.now()):
            raise SlackError("ratelimited", retry_after=wait)
        if name != "chat.postMessage":
            return
        # A person's id and the channel of the direct messages with that person are one place.
        channel = self._core.workspace.channel_to_post(str(said.get("channel")))
        wait = self._core.faults.wait_before_post(channel.id, now=self._core.now())
        if wait:
            raise SlackError("ratelimited", retry_after=wait)

    async def _early(self, request: Request, name: str, fault: faults.Fault) -> Response | None:
        """Do a fault that comes before any work; None for the others."""
        if isinstance(fault, faults.Break):
            await self._record(name, {}, str(fault.status))
            return Response(status=fault.status, text="<html>something went wrong</html>", content_type=fault.kind)
        if isinstance(fault, faults.Hang | faults.Drop) and fault.when == "before":
            await self._record(name, {}, "hang" if isinstance(fault, faults.Hang) else "drop")
            return await self._unanswered(request, fault)
        return None

    async def _unanswered(self, request: Request, fault: faults.Hang | faults.Drop) -> Response:
        if isinstance(fault, faults.Hang):
            await self._core.ended.wait()
        if request.transport is not None:
            request.transport.abort()
        return Response(status=503)

    def _refused(self, error: SlackError) -> Response:
        if error.retry_after:
            headers = {**self._headers(), "Retry-After": str(error.retry_after)}
            return web.json_response(error.answer, status=429, headers=headers)
        return web.json_response(error.answer, headers=self._headers())

    def _headers(self) -> dict[str, str]:
        scopes = ",".join(sorted(self._core.workspace.app.scopes))
        return {"X-OAuth-Scopes": scopes, "X-Slack-Req-Id": secrets.token_hex(16)}

    async def _record(self, method: str, said: Payload, error: str) -> None:
        kept = {name: value for name, value in said.items() if name != "token"}
        self.calls.append(Recorded(method, kept, datetime.now(UTC), error))
        await self._core.watch.ring()


async def _said(request: Request) -> Payload:
    if request.content_type == "application/json":
        try:
            body = json.loads(await request.text() or "{}")
        except ValueError:
            raise SlackError("json_not_object") from None
        if not isinstance(body, dict):
            raise SlackError("json_not_object")
        return arguments_of("application/json", body)
    form = await request.post()
    return arguments_of("", {**request.query, **dict(form.items())})


def _token(request: Request, said: Payload) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else str(said.get("token") or "")


def _let_in(app: App, method: Method, token: str) -> None:
    if not token:
        raise SlackError("not_authed")
    if token not in (app.bot_token, app.app_token):
        raise SlackError("invalid_auth")
    if app.is_revoked:
        raise SlackError("token_revoked")
    if not app.is_installed:
        raise SlackError("account_inactive")
    if method.is_for_app_token is not (token == app.app_token):
        raise SlackError("not_allowed_token_type")
    if method.scope and method.scope not in app.scopes:
        provided = ",".join(sorted(app.scopes))
        raise SlackError("missing_scope", more={"needed": method.scope, "provided": provided})
