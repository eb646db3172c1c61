"""How an address is listened at over HTTP: what a peer may send and hold, and our own answer to what is no request."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import structlog
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong
from aiohttp.web import (
    Application,
    AppRunner,
    BaseRequest,
    Request,
    RequestHandler,
    RequestPayloadError,
    Response,
    Server,
    StreamResponse,
)

from hub.domain.errors import HubError
from hub.settings import listen_of

# A line or a field of a head. Other services of the same domain give a browser cookies, too, and 9 kB were seen.
# The parser holds a field at a time and the head as a whole, so both bounds together are 1 MB a connection.
LONGEST_LINE = 16 * 1024
MOST_FIELDS = 64
_NAME = "Tegata"
_KEEP_ALIVE = 75
_GOODBYE = 10.0
_BACKLOG = 512
# A crowd is said again when it is there still, or again, after this many seconds.
_SAID_AGAIN = 600.0
_log = structlog.get_logger(__name__)

# Gives the answer to what is no request: its status, and its head as far as it was heard.
Refuse = Callable[[int, bytes], Response]


def plain(status: int, _head: bytes) -> Response:
    """Refuse without a word, as fits what no browser opens."""
    return Response(status=status, headers={"Server": _NAME})


@dataclass(slots=True)
class Places:
    """The connections that one listener may hold at once."""

    name: str
    most: int
    held: dict["Connection", None] = field(default_factory=dict)
    _said_at: float | None = None

    def enter(self, connection: "Connection") -> bool:
        """Give a connection a place, that of one at rest if need be; False when all are at work."""
        if len(self.held) >= self.most:
            self._say()
            at_rest = next((one for one in self.held if one.is_at_rest), None)
            if at_rest is None:
                return False
            self.leave(at_rest)
            at_rest.force_close()
        self.held[connection] = None
        return True

    def leave(self, connection: "Connection") -> None:
        """Take a place back."""
        self.held.pop(connection, None)

    @property
    def is_crowded(self) -> bool:
        """Whether connections end with their answer, instead of being kept for the next request."""
        return len(self.held) > self.most * 3 // 4

    def _say(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._said_at is None or now >= self._said_at + _SAID_AGAIN:
            self._said_at = now
            _log.warning("connections.full", listener=self.name, most=self.most)


class Connection(RequestHandler):
    """aiohttp's connection, with a place that it takes and our own answers to what can't be read."""

    __slots__ = ("_heard", "_places", "_refuse")

    def __init__(self, manager: Server, *, places: Places, refuse: Refuse, **more: Any) -> None:
        super().__init__(
            manager,
            keepalive_timeout=_KEEP_ALIVE,
            max_line_size=LONGEST_LINE,
            max_field_size=LONGEST_LINE,
            max_headers=MOST_FIELDS,
            access_log=None,  # type: ignore[arg-type] # the runner's documented "none"
            **more,
        )
        self._places = places
        self._refuse = refuse
        self._heard = b""

    @property
    def is_at_rest(self) -> bool:
        """Whether no request of this connection is being answered."""
        return self._current_request is None and not self._messages

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a place, or end what has none before anything is read."""
        super().connection_made(transport)
        if not self._places.enter(self):
            self.force_close()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Give the place back."""
        self._places.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; what was heard of a head is kept, for its language, until it was read as a request."""
        answering = self._current_request
        heard = self._heard + data if self.is_at_rest else data
        super().data_received(data)
        problem = self._problem()
        self._heard = heard[:LONGEST_LINE] if problem is None and self.is_at_rest else b""
        if problem is None:
            return
        self._heard = heard
        if answering is not None:
            # A body that went wrong: its reader would wait for an end that never comes.
            answering.content.set_exception(RequestPayloadError(str(problem)))

    def _problem(self) -> BaseException | None:
        # The library notes what it could not read among the requests; requests themselves have no such attribute.
        last = self._messages[-1][0] if self._messages else None
        problem = getattr(last, "exc", None)
        return problem if isinstance(problem, BaseException) else None

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Log what failed here; a body that could not be read is the peer's."""
        problem = kw.get("exc_info")
        if isinstance(problem, RequestPayloadError | HttpProcessingError):
            self._note(problem, "")
        else:
            super().log_exception(*args, **kw)

    def _note(self, problem: BaseException, peer: str | None) -> None:
        _log.info("web.malformed", listener=self._places.name, peer=peer or "", what=type(problem).__name__)

    def handle_error(
        self, request: BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> StreamResponse:
        """Answer what is no request, or what failed before our own last net; the library would show its own words."""
        if isinstance(exc, HttpProcessingError):
            status = _status_of(exc, self._heard)
            self._note(exc, request.remote)
        else:
            _log.error("web.failed", listener=self._places.name, what=message or "", exc_info=exc)
        if request.writer.output_size > 0:
            # Part of an answer is on its way, so nothing more can be said.
            raise ConnectionError
        response = self._refuse(status, self._heard)
        response.force_close()
        return response

    async def finish_response(
        self, request: BaseRequest, resp: StreamResponse, start_time: float | None
    ) -> tuple[StreamResponse, bool]:
        """Send an answer; one that the library made by itself is put into our own words."""
        if not resp.prepared and "Server" not in resp.headers:
            resp = self._in_our_words(request, resp)
        if self._places.is_crowded and not resp.prepared:
            resp.force_close()
        return await super().finish_response(request, resp, start_time)

    def _in_our_words(self, request: BaseRequest, answer: StreamResponse) -> StreamResponse:
        made_by_library = getattr(answer, "__http_exception__", False)
        if made_by_library and isinstance(request, Request):
            language = f"Accept-Language: {request.headers.get('Accept-Language', '')}\r\n"
            cookies = f"Cookie: {request.headers.get('Cookie', '')}\r\n"
            return self._refuse(answer.status, f"{language}{cookies}".encode(errors="replace"))
        answer.headers["Server"] = _NAME
        return answer


def _status_of(problem: HttpProcessingError, head: bytes) -> int:
    """Choose the status by what was too long (RFC 9110, 15.5.15; RFC 6585, 5); 400 for what is no HTTP."""
    if isinstance(problem, LineTooLong):
        return 431 if b"\n" in head[:LONGEST_LINE] else 414
    return 431 if head.count(b"\n") > MOST_FIELDS else 400


@asynccontextmanager
async def listening(
    app: Application, where: str, setting: str, *, places: Places, refuse: Refuse = plain
) -> AsyncIterator[str]:
    """Serve an application at an address; gives its URL. HubError, with the setting's name, when it can't."""
    listen = listen_of(where)
    runner = AppRunner(app, shutdown_timeout=_GOODBYE)
    await runner.setup()
    loop = asyncio.get_running_loop()

    def connection() -> Connection:
        assert runner.server is not None  # noqa: S101 - it is set up until `cleanup`
        return Connection(runner.server, loop=loop, places=places, refuse=refuse)

    try:
        try:
            server = await loop.create_server(connection, listen.host, listen.port, backlog=_BACKLOG)
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            why = "another program listens there" if taken else os.strerror(error.errno or 0)
            message = f"{setting}: {where} can't be listened at: {why}."
            raise HubError(message) from error
        host = f"[{listen.host}]" if ":" in listen.host else listen.host
        try:
            yield f"http://{host}:{listen.port}"
        finally:
            server.close()
    finally:
        await runner.cleanup()
