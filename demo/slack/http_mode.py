"""HTTP mode: the same things posted to the app's request URLs, signed with its secret."""

import asyncio
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from aiohttp import ClientError, ClientSession, ClientTimeout

from demo.slack.sending import Dispatched, Envelope, Kind, Retry, Timing
from demo.slack.wire import Payload

_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"
_GOOD = range(200, 300)


@dataclass(frozen=True, slots=True)
class RequestUrls:
    """Where the app wants each kind."""

    commands: str
    interactivity: str
    events: str


@dataclass(frozen=True, slots=True)
class Heard:
    """What the app answered to one post; `error` is empty when it was a good answer."""

    answer: Payload | None = None
    error: str = ""
    is_last: bool = False


def signature(secret: str, timestamp: str, body: str) -> str:
    """PURE. Sign a body as Slack does, version 0."""
    base = f"v0:{timestamp}:{body}".encode()
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


class Poster:
    """Posts to an app."""

    def __init__(self, session: ClientSession, secret: str, timing: Timing) -> None:
        self._session = session
        self._timing = timing
        self.secret = secret
        # How old a request pretends to be; Slack's libraries refuse one of more than five minutes.
        self.age = timedelta()

    async def verify(self, url: str, token: str) -> bool:
        """Ask a URL for events whether it is one: it must give the challenge back."""
        challenge = hashlib.sha256(url.encode()).hexdigest()
        body = json.dumps({"token": token, "challenge": challenge, "type": "url_verification"})
        async with self._session.post(url, data=body, headers=self._headers(body, _JSON, Retry())) as answer:
            heard = _read(await answer.text(), answer.content_type) or {}
            return answer.status in _GOOD and challenge in (heard.get("challenge"), heard.get("text"))

    async def send(self, envelope: Envelope, urls: RequestUrls) -> Dispatched:
        """Post an envelope; events again, as Slack repeats them."""
        loop = asyncio.get_running_loop()
        started_at = loop.time()
        pauses = self._timing.retry_after if envelope.kind is Kind.EVENT else ()
        retry, heard, attempts = Retry(), Heard(), 0
        for pause in (0.0, *pauses):
            await asyncio.sleep(pause if attempts else 0.0)
            attempts += 1
            heard = await self.post(envelope, urls, retry)
            if not heard.error or heard.is_last:
                break
            retry = Retry(retry.number + 1, heard.error)
        return Dispatched(envelope, heard.answer, loop.time() - started_at, attempts, heard.error)

    async def post(self, envelope: Envelope, urls: RequestUrls, retry: Retry) -> Heard:
        """Post an envelope once."""
        url, body, content_type = _written(envelope, urls)
        timeout = ClientTimeout(total=self._timing.acknowledged_within)
        headers = self._headers(body, content_type, retry)
        try:
            async with self._session.post(url, data=body.encode(), headers=headers, timeout=timeout) as answer:
                text = await answer.text()
                if answer.status not in _GOOD:
                    return Heard(error="http_error", is_last=answer.headers.get("X-Slack-No-Retry") == "1")
                return Heard(_read(text, answer.content_type))
        except TimeoutError:
            return Heard(error="http_timeout")
        except ClientError:
            return Heard(error="connection_failed")

    def _headers(self, body: str, content_type: str, retry: Retry) -> dict[str, str]:
        timestamp = str(int((datetime.now(UTC) - self.age).timestamp()))
        headers = {
            "Content-Type": content_type,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": signature(self.secret, timestamp, body),
        }
        if retry.number:
            headers |= {"X-Slack-Retry-Num": str(retry.number), "X-Slack-Retry-Reason": retry.reason}
        return headers


def _written(envelope: Envelope, urls: RequestUrls) -> tuple[str, str, str]:
    match envelope.kind:
        case Kind.COMMAND:
            return urls.commands, urlencode(envelope.payload), _FORM
        case Kind.INTERACTIVE:
            body = urlencode({"payload": json.dumps(envelope.payload, ensure_ascii=False)})
            return urls.interactivity, body, _FORM
        case Kind.EVENT:
            return urls.events, json.dumps(envelope.payload, ensure_ascii=False), _JSON


def _read(text: str, content_type: str) -> Payload | None:
    if not text:
        return None
    if content_type == _JSON:
        read = json.loads(text)
        return read if isinstance(read, dict) else None
    return {"text": text}
