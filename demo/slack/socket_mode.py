"""Socket Mode: up to ten sockets of one app, each envelope down one of them until it is acknowledged."""

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass, field

from aiohttp import WSCloseCode, WSMsgType, web

from demo.slack.sending import Dispatched, Envelope, Kind, Retry, Timing
from demo.slack.watch import Watch
from demo.slack.wire import Payload

MOST_SOCKETS = 10
_HOST = "applink-demo"
_LIFETIME = 18060


@dataclass(eq=False, slots=True)
class Underway:
    """An envelope on its way: `lost` is done when the socket that carries it ends."""

    answered: asyncio.Future[Payload | None]
    lost: asyncio.Future[Payload | None]
    retry: Retry = field(default_factory=Retry)
    attempts: int = 0

    def is_lost(self) -> None:
        """Tell who waits that nothing will come back this way."""
        if not self.lost.done():
            self.lost.set_result(None)


@dataclass(eq=False, slots=True)
class Socket:
    """One open socket and what it carries."""

    ws: web.WebSocketResponse
    carrying: set[Underway] = field(default_factory=set)
    carried: int = 0
    is_leaving: bool = False


class Sockets:
    """The app's sockets."""

    def __init__(self, app_id: str, timing: Timing, watch: Watch) -> None:
        self._app_id = app_id
        self._timing = timing
        self._watch = watch
        self._turn = 0
        self._underway: dict[str, list[Underway]] = {}
        self.open: list[Socket] = []
        # Every acknowledgement that came, the repeated ones too.
        self.acknowledged: list[str] = []

    @property
    def ready(self) -> list[Socket]:
        """The sockets that envelopes may go down."""
        return [one for one in self.open if not one.is_leaving and not one.ws.closed]

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Talk with one socket until it ends."""
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        if len(self.ready) >= MOST_SOCKETS:
            await ws.send_json({"type": "disconnect", "reason": "too_many_websockets", "debug_info": {"host": _HOST}})
            await ws.close()
            return ws
        socket = Socket(ws)
        self.open.append(socket)
        try:
            await ws.send_json(self._hello())
            await self._watch.ring()
            async for message in ws:
                if message.type is WSMsgType.TEXT:
                    self._take(message.data)
        except ConnectionError:
            pass
        finally:
            self._gone(socket)
            await self._watch.ring()
        return ws

    async def send(self, envelope: Envelope) -> Dispatched:
        """Send until it is acknowledged: again where a socket was lost, and events as Slack repeats them."""
        loop = asyncio.get_running_loop()
        started_at = loop.time()
        underway = Underway(loop.create_future(), loop.create_future())
        self._underway.setdefault(envelope.id, []).append(underway)
        pauses = self._timing.retry_after if envelope.kind is Kind.EVENT else ()
        try:
            for pause in (0.0, *pauses):
                await asyncio.sleep(pause)
                if await self._is_acknowledged(envelope, underway):
                    answer, seconds = underway.answered.result(), loop.time() - started_at
                    return Dispatched(envelope, answer, seconds, underway.attempts)
                underway.retry = Retry(underway.attempts, "timeout")
            error = "operation_timeout" if underway.attempts else "dispatch_failed"
            return Dispatched(envelope, None, loop.time() - started_at, underway.attempts, error)
        finally:
            self._underway[envelope.id].remove(underway)

    async def drop(self, *, count: int | None = None) -> int:
        """Cut sockets off without a word, all of them unless a count is said; gives how many."""
        chosen = self.open[:count]
        for one in chosen:
            with suppress(ConnectionError):
                await one.ws.close(code=WSCloseCode.GOING_AWAY)
            self._gone(one)
        await self._watch.ring()
        return len(chosen)

    async def announce(self, reason: str = "refresh_requested", *, grace: float = 0.0) -> None:
        """Say `disconnect` on each socket, as Slack does every few hours, and end it after a while.

        `warning` says that the end is near, and leaves the socket open.
        """
        leaving = list(self.ready)
        for one in leaving:
            with suppress(ConnectionError):
                await one.ws.send_json({"type": "disconnect", "reason": reason, "debug_info": {"host": _HOST}})
            one.is_leaving = reason != "warning"
        if reason == "warning":
            return
        await asyncio.sleep(grace)
        for one in leaving:
            with suppress(ConnectionError):
                await one.ws.close()

    async def _is_acknowledged(self, envelope: Envelope, underway: Underway) -> bool:
        try:
            async with asyncio.timeout(self._timing.acknowledged_within):
                while not underway.answered.done():
                    await self._carry(envelope, underway)
        except TimeoutError:
            return False
        return True

    async def _carry(self, envelope: Envelope, underway: Underway) -> None:
        """Send down one socket; ends when it is acknowledged or the socket is lost."""
        socket = await self._next_socket()
        underway.lost = asyncio.get_running_loop().create_future()
        underway.attempts += 1
        socket.carrying.add(underway)
        socket.carried += 1
        try:
            await socket.ws.send_json(_written(envelope, underway.retry))
            await asyncio.wait({underway.answered, underway.lost}, return_when=asyncio.FIRST_COMPLETED)
        except ConnectionError:
            self._gone(socket)
        finally:
            socket.carrying.discard(underway)
        underway.retry = Retry(underway.attempts, "connection_lost")

    async def _next_socket(self) -> Socket:
        ready = self.ready or await self._watch.until(lambda: self.ready or None, timeout=_LIFETIME)
        self._turn += 1
        return ready[self._turn % len(ready)]

    def _take(self, text: str) -> None:
        said = json.loads(text)
        envelope_id = str(said.get("envelope_id", ""))
        self.acknowledged.append(envelope_id)
        # The same envelope may have been sent again meanwhile: each acknowledgement is for one of them.
        for underway in self._underway.get(envelope_id, []):
            if not underway.answered.done():
                underway.answered.set_result(said.get("payload"))
                return

    def _gone(self, socket: Socket) -> None:
        if socket in self.open:
            self.open.remove(socket)
        for underway in socket.carrying:
            underway.is_lost()

    def _hello(self) -> Payload:
        return {
            "type": "hello",
            "num_connections": len(self.ready),
            "debug_info": {"host": _HOST, "build_number": 1, "approximate_connection_time": _LIFETIME},
            "connection_info": {"app_id": self._app_id},
        }


def _written(envelope: Envelope, retry: Retry) -> Payload:
    written: Payload = {
        "envelope_id": envelope.id,
        "payload": envelope.payload,
        "type": envelope.kind.value,
        "accepts_response_payload": envelope.takes_answer,
    }
    if envelope.kind is Kind.EVENT or retry.number:
        written |= {"retry_attempt": retry.number, "retry_reason": retry.reason}
    return written
