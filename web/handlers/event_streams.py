"""The streams that keep a page current: the same words that a reload shows, sent when they change."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, suppress
from typing import Any

from aiohttp.web import Request, Response, StreamResponse
from aiohttp_sse import EventSourceResponse, sse_response

from hub.contacts import registration
from hub.contacts.registration import Waiting
from hub.domain.outcomes import Asked, Confirmed, DeliveryState
from hub.login import password_login
from hub.outbox.queue import topic_of
from hub.runtime.notifier import Bell
from hub.security import rate_limits
from hub.sessions import sessions
from models.kinds import AuthenticatorKind
from web.handlers.contacts import waiting_shown
from web.handlers.login import code_shown
from web.middleware import dress_stream
from web.request.context import CLOCK, LOGIN, SESSION, hub_of, read, session_of, visit_of
from web.request.stream_limits import STREAMS

_LOOK_EVERY = 5.0
# A page left open must not hold a stream for ever.
_LONGEST = 15 * 60.0
# Milliseconds until a page without a place asks again.
_ASK_AGAIN = 10_000
_DELIVERED = {AuthenticatorKind.ONE_TIME_PASSWORD, AuthenticatorKind.APPROVAL}
_ENDS = {DeliveryState.FAILED, DeliveryState.EXPIRED}

Look = Callable[[], Awaitable[dict[str, Any] | None]]


async def code_stream(request: Request) -> StreamResponse:
    """Tell the page of a code or an approval how its delivery stands, until that is over, or it is approved."""
    asked = await _asked(request)
    if asked is None or asked.challenge_id is None:
        return StreamResponse(status=204)

    async def look() -> dict[str, Any] | None:
        now_asked = await _asked(request)
        if now_asked is None:
            # Answered, ended or disowned elsewhere: the page says what became of it.
            return {"turn": True, "done": True}
        done = now_asked.delivery is None or now_asked.delivery.state in _ENDS
        approved = now_asked.is_approved
        return {**code_shown(request, now_asked), "approved": approved, "done": done or approved}

    return await _told(request, topic_of(asked.challenge_id), read(request, LOGIN), look)


async def contact_stream(request: Request) -> StreamResponse:
    """Tell the waiting page how its mail stands, and to turn when the contact is confirmed elsewhere."""
    session = await session_of(request)
    contact_id = int(request.match_info["id"])
    if session is None:
        return StreamResponse(status=204)
    known = session

    async def look() -> dict[str, Any] | None:
        now = request.app[CLOCK]()
        if not await sessions.goes_on(known, now=now):
            # Logged out elsewhere, or for too long: what is waited for is nobody's here any more.
            return {"turn": True, "done": True}
        outcome = await registration.waiting(hub_of(request), known, contact_id, now=now)
        if isinstance(outcome, Waiting):
            return {**waiting_shown(request, outcome), "done": False}
        return {"turn": isinstance(outcome, Confirmed) or outcome is not None, "done": True}

    first = await registration.waiting(hub_of(request), known, contact_id, now=request.app[CLOCK]())
    topic = topic_of(first.challenge_id) if isinstance(first, Waiting) and first.challenge_id else "nothing"
    return await _told(request, topic, read(request, SESSION), look)


async def _asked(request: Request) -> Asked | None:
    outcome = await password_login.asked(hub_of(request), read(request, LOGIN), now=request.app[CLOCK]())
    return outcome if isinstance(outcome, Asked) and outcome.kind in _DELIVERED else None


async def _told(request: Request, topic: str, login: str, look: Look) -> StreamResponse:
    with _place(request, login) as has_place:
        if not has_place:
            return await _told_once(look)
        # A browser that leaves, and a page left open for ever, are both a quiet end.
        with suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(_LONGEST), sse_response(request, response_cls=_Dressed) as stream:
                with hub_of(request).wakeups.listening(topic) as bell:
                    await _keep_telling(request, stream, bell, look)
                return stream
    return StreamResponse(status=204)


def _place(request: Request, login: str) -> AbstractContextManager[bool]:
    return request.app[STREAMS].held(login, rate_limits.single(visit_of(request).address))


async def _told_once(look: Look) -> StreamResponse:
    """Tell how things stand, and to ask again later (`retry` of the HTML standard, 9.2.5): no connection is kept."""
    shown = await look()
    if shown is None:
        return StreamResponse(status=204)
    told = f"retry: {_ASK_AGAIN}\ndata: {json.dumps(shown, ensure_ascii=False)}\n\n"
    response = Response(text=told, content_type="text/event-stream")
    response.force_close()
    return response


async def _keep_telling(request: Request, stream: EventSourceResponse, bell: Bell, look: Look) -> None:
    before: dict[str, Any] = {}
    # The library finds out by a ping, four times in a minute; the transport knows at once.
    while stream.is_connected() and request.transport is not None:
        shown = await look()
        if shown is None:
            return
        if shown != before:
            await stream.send(json.dumps(shown, ensure_ascii=False))
            before = shown
        if shown["done"]:
            return
        await bell.heard(timeout=_LOOK_EVERY)


class _Dressed(EventSourceResponse):
    """An event stream with the headers of every other answer."""

    async def prepare(self, request: Request) -> object:  # type: ignore[override]
        """Put the headers on before they are sent."""
        dress_stream(request, self)
        return await super().prepare(request)
