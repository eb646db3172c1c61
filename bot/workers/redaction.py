"""The hand that rewrites messages whose code has ended, so that none is left in the history."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.context import Clock, place_of
from bot.rendering import messages
from bot.rendering.messages import Head
from bot.slack_errors import Meaning, error_of, meaning_of, retry_after_of
from hub.context import Hub
from hub.outbox import redaction
from hub.outbox.redaction import Faded
from hub.runtime.background import beside
from hub.runtime.outage import DATABASE_TROUBLE, Outage

_AT_ONCE = 8
_LOOK_EVERY = 1.0
_LATER = timedelta(seconds=10)
# What could not be rewritten in this time after the code's end is left as it is.
_TRIED_FOR = timedelta(hours=1)
# All else is said of this one message, which will not be rewritten however often it is tried.
_AGAIN = {Meaning.LATER, Meaning.APP, Meaning.PASSING, Meaning.UNKNOWN}
_log = structlog.get_logger(__name__)


class Fading:
    """One process's hand on ended codes."""

    def __init__(self, hub: Hub, client: AsyncWebClient, clock: Clock) -> None:
        self._hub = hub
        self._client = client
        self._clock = clock
        self._head = Head(hub.settings.service_in, hub.settings.zone)
        self._outage = Outage("Slack fading")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Rewrite while this lasts."""
        async with beside(self._keep()):
            yield

    async def _keep(self) -> None:
        while True:
            try:
                with self._hub.wakeups.listening(redaction.ENDED) as bell:
                    taken = await redaction.claim(limit=_AT_ONCE, now=self._clock())
                    self._outage.over()
                    await asyncio.gather(*(self._rewrite(one) for one in taken))
                    if len(taken) < _AT_ONCE:
                        await bell.heard(timeout=_LOOK_EVERY)
            except DATABASE_TROUBLE as error:
                await self._outage.wait(error)
            except Exception:
                # The loop must live on: the rows say what is still to be done.
                _log.exception("slack.fading_trouble")
                await asyncio.sleep(_LOOK_EVERY)

    async def _rewrite(self, one: Faded) -> None:
        place, message = place_of(one.remote), messages.faded(one, self._head)
        wait: timedelta | None = None
        if place is not None:
            wait = await self._updated(channel=place.channel, stamp=place.stamp, message=message)
        now = self._clock()
        if wait is None or now + wait > one.tried_from + _TRIED_FOR:
            await redaction.done(one.id)
        else:
            await redaction.put_off(one.id, until=now + wait)

    async def _updated(self, *, channel: str, stamp: str, message: messages.Message) -> timedelta | None:
        """Rewrite a message; returns how long to wait before the next try, None when there need be none."""
        try:
            await self._client.chat_update(channel=channel, ts=stamp, text=message.text, blocks=message.blocks)
        except SlackApiError as error:
            wait = retry_after_of(error)
            if wait is not None or meaning_of(error_of(error)) in _AGAIN:
                return wait or _LATER
            _log.info("slack.not_rewritten", error=error_of(error))
            return None
        except Exception as error:
            # Slack can't be reached: the message keeps its code, which is good for nothing, a little longer.
            _log.info("slack.not_rewritten", error=type(error).__name__)
            return _LATER
        return None
