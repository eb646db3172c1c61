"""A mail server that keeps what it is sent, and a page that shows it: everybody's inbox on one machine."""

import asyncio
import email
import email.policy
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from importlib.resources import files

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session
from jinja2 import Environment, PackageLoader

from hub.settings import Listen

_KEPT = 500
_LOOK_EVERY = 15.0


@dataclass(frozen=True, slots=True)
class Received:
    """One message as it came in."""

    number: int
    at: datetime
    sender: str
    recipient: str
    content: bytes = field(repr=False)

    @property
    def message(self) -> EmailMessage:
        """The message, parsed."""
        return email.message_from_bytes(self.content, policy=email.policy.default)

    @property
    def subject(self) -> str:
        """The subject as a reader shows it."""
        return str(self.message["subject"] or "")

    @property
    def text(self) -> str:
        """The plain text."""
        return self._body("plain")

    @property
    def page(self) -> str:
        """The HTML."""
        return self._body("html")

    def _body(self, subtype: str) -> str:
        part = self.message.get_body((subtype,))
        return str(part.get_content()) if part is not None else ""


class Inbox:
    """The messages that were accepted, the last 500."""

    def __init__(self) -> None:
        # Addresses that this server knows to be none, with what it says of them.
        self.refusals: dict[str, str] = {}
        self.received: deque[Received] = deque(maxlen=_KEPT)
        self._arrived = asyncio.Condition()
        self._number = 0

    async def take(self, envelope: Envelope) -> None:
        """Keep an accepted message, once a recipient."""
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        for recipient in envelope.rcpt_tos:
            self._number += 1
            self.received.append(
                Received(self._number, datetime.now(UTC), envelope.mail_from or "", recipient, content)
            )
        async with self._arrived:
            self._arrived.notify_all()

    def to(self, recipient: str) -> list[Received]:
        """List the messages to one address, the oldest first."""
        return [one for one in self.received if one.recipient == recipient]

    async def next_to(self, recipient: str, *, after: int = 0, timeout: float = 10.0) -> Received:
        """Wait for a message to an address that came after a number; TimeoutError when none does."""
        async with asyncio.timeout(timeout), self._arrived:
            while True:
                found = [one for one in self.to(recipient) if one.number > after]
                if found:
                    return found[-1]
                await self._arrived.wait()

    async def changed(self, *, timeout: float) -> None:
        """Wait for the next message, `timeout` seconds at most."""
        try:
            async with asyncio.timeout(timeout), self._arrived:
                await self._arrived.wait()
        except TimeoutError:
            return


class Handler:
    """The hooks of the mail server: it takes everything."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take a recipient, or refuse one that is said to be dead."""
        refusal = self._inbox.refusals.get(address)
        if refusal is not None:
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep a message."""
        await self._inbox.take(envelope)
        return "250 kept"

    async def handle_exception(self, _error: Exception) -> str:
        """Tell the peer nothing of what went wrong here."""
        return "451 4.3.0 not now"


@asynccontextmanager
async def mail_server(inbox: Inbox, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[int]:
    """Run the mail server; gives the port it listens at."""
    loop = asyncio.get_running_loop()
    handler = Handler(inbox)
    server = await loop.create_server(lambda: SMTP(handler, hostname="inbox.demo", enable_SMTPUTF8=True), host, port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def application(inbox: Inbox, door: Listen | None = None) -> web.Application:
    """Build the page that shows the inbox; at `door` the hub takes answers and reports, if it does."""
    from demo import answers

    environment = Environment(loader=PackageLoader("demo", "templates"), autoescape=True)
    template = environment.get_template("inbox.html")
    said: list[str] = []

    async def show(_request: web.Request) -> web.Response:
        text = template.render(messages=list(reversed(inbox.received)), said=said[-1:], is_open=door is not None)
        return web.Response(text=text, content_type="text/html")

    async def send_back(request: web.Request) -> web.Response:
        """Answer or bounce one mail: really, over SMTP."""
        form = await request.post()
        found = [one for one in inbox.received if str(one.number) == request.match_info["number"]]
        # The demo listens on this machine only; a page from elsewhere must not answer in the reader's name.
        is_ours = request.headers.get("Sec-Fetch-Site", "same-origin") == "same-origin"
        if not found or door is None or not is_ours:
            return web.Response(status=404)
        now = datetime.now(UTC)
        if request.match_info["what"] == "bounce":
            said.append(f"Bounced: {await answers.bounce(found[0], door, now=now)}")
        else:
            said.append(f"Answered: {await answers.answer(found[0], str(form.get('text', '')), door, now=now)}")
        return web.Response(status=303, headers={"Location": "/"})

    async def listed(request: web.Request) -> web.Response:
        """List the messages, or those that came after the one of a number."""
        after = request.query.get("after", "0")
        shown = [
            {
                "number": one.number,
                "at": one.at.isoformat(),
                "to": one.recipient,
                "from": one.sender,
                "subject": one.subject,
                "text": one.text,
            }
            for one in inbox.received
            if not after.isdecimal() or one.number > int(after)
        ]
        return web.json_response(shown)

    async def changed(request: web.Request) -> web.Response:
        seen = request.query.get("seen", "0")
        last = str(inbox.received[-1].number) if inbox.received else "0"
        if seen == last:
            await inbox.changed(timeout=_LOOK_EVERY)
        return web.json_response({"last": inbox.received[-1].number if inbox.received else 0})

    app = web.Application()
    app.add_routes(
        [
            web.get("/", show),
            web.get("/messages.json", listed),
            web.get("/changed", changed),
            web.post(r"/{number:\d+}/{what:answer|bounce}", send_back),
            web.static("/static", str(files("demo").joinpath("static"))),
        ]
    )
    return app
