"""The hands that empty the outbox's messages for Slack: claim, look whether it is there already, post, report."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from time import monotonic
from typing import Any

import structlog
from aiohttp import ClientError
from prometheus_client import Counter, Gauge, Histogram
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from tortoise.exceptions import BaseORMException

from bot import blocks
from bot.blocks import Head
from bot.desk import Clock, Place
from bot.errors import INACTIVE, Meaning, error_of, meaning_of, retry_after_of
from hub.bounces import Bounce, BounceKind, bounced
from hub.breaker import Breaker
from hub.delivery import Accepted, Claimed, Deferred, Failed, Report
from hub.hub import Hub
from hub.visit import Visit
from models.kinds import Channel, Letter, Zone

EVENT = "tegata_delivery"
_HANDS = 8
_IDLE = 1.0
_AFTER_TROUBLE = 1.0
# Readiness tells the present: Slack is looked for also when there is nothing to post.
_LOOK_EVERY = 3.0
_GRACE = 5.0
_TRIES_FOR = 10.0
# Slack's clock and ours may differ; what was posted is looked for from somewhat earlier on.
_EARLIER = timedelta(minutes=5)
_LOOKED_AT = 100
_MOST_CHANNELS = 10_000
_UNREACHED = (ClientError, TimeoutError, OSError)
_log = structlog.get_logger(__name__)

_reports = Counter("tegata_slack_deliveries_total", "Messages handed to Slack.", ["state"])
_stopped = Gauge("tegata_slack_stopped", "Whether Slack refuses the app itself, so that somebody must look.")
_latency = Histogram(
    "tegata_slack_accepted_seconds",
    "Seconds from a code being asked for to its message being posted.",
    buckets=(0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300),
)


class Sender:
    """One process's hands on the Slack outbox."""

    def __init__(self, hub: Hub, client: AsyncWebClient, clock: Clock) -> None:
        self._hub = hub
        self._client = client
        self._clock = clock
        self._head = Head(hub.settings.service_name, hub.settings.zone)
        self._breaker = Breaker()
        self._why_unreached = ""
        self._refusal = ""
        self._held_until = 0.0
        self._channels: dict[str, str] = {}
        self._under_way: set[asyncio.Task[None]] = set()

    @property
    def trouble(self) -> str:
        """What stands between the outbox and Slack; empty when nothing does."""
        if self._refusal:
            return f"Slack refuses the app: {self._refusal}"
        return f"Slack can't be reached: {self._why_unreached}" if self._breaker.is_open else ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Sender"]:
        """Send while this lasts; at the end what is under way is finished and reported."""
        tasks = [asyncio.create_task(self._claim()), asyncio.create_task(self._watch())]
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._under_way:
                await asyncio.wait(self._under_way, timeout=_GRACE)
            for task in self._under_way:
                task.cancel()

    async def _claim(self) -> None:
        while True:
            try:
                await self._claim_while_it_goes_well()
            except Exception:
                # The rows are safe where they are: what can't be done now may be done in a second.
                _log.exception("slack.trouble")
                await asyncio.sleep(_AFTER_TROUBLE)

    async def _claim_while_it_goes_well(self) -> None:
        outbox = self._hub.outbox
        async with outbox.waiting(Channel.SLACK) as bell:
            while True:
                claimed: list[Claimed] = []
                if room := _HANDS - len(self._under_way):
                    least = Letter.CODE if self._is_held() else Letter.NOTICE
                    claimed = await outbox.claim(Channel.SLACK, limit=room, now=self._clock(), least=least)
                for one in claimed:
                    task = asyncio.create_task(self._deliver(one))
                    self._under_way.add(task)
                    task.add_done_callback(self._under_way.discard)
                    task.add_done_callback(lambda _: bell.ring())
                if not claimed:
                    await bell.heard(timeout=_IDLE)

    def _is_held(self) -> bool:
        """Codes are taken even now and put off, so that their pages tell of it; the rest stays put."""
        return bool(self._refusal) or self._breaker.is_open or monotonic() < self._held_until

    async def _deliver(self, claimed: Claimed) -> None:
        report = await self._sent(claimed)
        now = self._clock()
        self._measure(claimed, report)
        try:
            await self._hub.outbox.report(claimed, report, now=now)
            if isinstance(report, Failed) and report.is_dead:
                visit = Visit(now, "", Zone.OFF_CAMPUS, "Slack")
                await bounced(self._hub, visit, claimed.id, Bounce(BounceKind.HARD, said=report.reply))
        except Exception as error:
            # The lease runs out, and another worker finds the message where it was posted.
            _log.warning("slack.report_lost", delivery=claimed.id, error=str(error))

    async def _sent(self, claimed: Claimed) -> Report:
        if self._refusal:
            return Deferred(self._refusal)
        if not self._breaker.admits(monotonic(), tries_for=_TRIES_FOR):
            return Deferred(self._why_unreached, timedelta(seconds=self._breaker.wait(monotonic())))
        try:
            report = await self._posted(claimed)
        except SlackApiError as error:
            report = await self._meant(error)
        except _UNREACHED as error:
            return self._unreached(error)
        except Exception as error:
            # One message that can't be handled must not stop the others.
            _log.exception("slack.message_trouble", delivery=claimed.id)
            return Deferred(type(error).__name__)
        self._breaker.reached()
        return report

    async def _posted(self, claimed: Claimed) -> Report:
        message = blocks.message_of(claimed, self._head)
        if message is None:
            return Failed("no letter of this kind goes by Slack")
        try:
            return await self._posted_in(await self._channel(claimed.address), claimed, message)
        except SlackApiError as error:
            if meaning_of(error_of(error)) is not Meaning.CHANNEL:
                raise
        # What was opened before may have been closed; a channel that is not there even now is nobody's.
        self._channels.pop(claimed.address, None)
        return await self._posted_in(await self._channel(claimed.address), claimed, message)

    async def _posted_in(self, channel: str, claimed: Claimed, message: blocks.Message) -> Report:
        name = claimed.message_id.strip("<>")
        if claimed.attempt > 1:
            before = await self._stamp_of(channel, name, claimed)
            if before:
                return Accepted("posted before", str(Place(channel, before)))
        told = await self._client.chat_postMessage(
            channel=channel,
            text=message.text,
            blocks=message.blocks,
            metadata={"event_type": EVENT, "event_payload": {"delivery": name}},
            unfurl_links=False,
            unfurl_media=False,
        )
        return Accepted("posted", str(Place(str(told.get("channel") or channel), str(told["ts"]))))

    async def _channel(self, address: str) -> str:
        """Open the direct message with a user, or remember it."""
        if address not in self._channels:
            if len(self._channels) >= _MOST_CHANNELS:
                self._channels.clear()
            told = await self._client.conversations_open(users=address.partition("/")[2])
            self._channels[address] = str(told["channel"]["id"])
        return self._channels[address]

    async def _stamp_of(self, channel: str, name: str, claimed: Claimed) -> str:
        """Find a message of ours that was posted, and its report lost; empty when it was not."""
        told = await self._client.conversations_history(
            channel=channel,
            oldest=f"{(claimed.asked_at - _EARLIER).timestamp():.6f}",
            include_all_metadata=True,
            limit=_LOOKED_AT,
        )
        return next((str(one["ts"]) for one in told.get("messages") or () if _delivery_in(one) == name), "")

    async def _meant(self, error: SlackApiError) -> Report:
        """Read what an error answer means for this message, and for all behind it."""
        reply, wait = error_of(error), retry_after_of(error)
        if wait is not None:
            self._held_until = max(self._held_until, monotonic() + wait.total_seconds())
            return Deferred(reply, wait)
        match meaning_of(reply):
            case Meaning.APP:
                self._refuse(reply)
                return Deferred(reply)
            case Meaning.CONTACT | Meaning.CHANNEL:
                # It is said of an app that was taken out as well: who is meant shows when we ask for ourselves.
                if reply == INACTIVE and await self._is_refused():
                    return Deferred(reply)
                return Failed(reply, is_dead=True)
            case Meaning.MESSAGE | Meaning.LATER:
                return Deferred(reply)

    def _unreached(self, error: Exception) -> Deferred:
        self._why_unreached = type(error).__name__
        self._breaker.failed(monotonic())
        return Deferred(self._why_unreached)

    def _refuse(self, reply: str) -> None:
        """Stop: nothing is taken from this app before somebody has looked; what waits stays in the outbox."""
        if not self._refusal:
            _log.error("slack.app_refused", error=reply)
        self._refusal = reply
        _stopped.set(1)

    async def _watch(self) -> None:
        await self._look()
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            try:
                if self.trouble:
                    await self._look()
            except (BaseORMException, OSError) as error:
                _log.warning("slack.database_trouble", error=str(error))

    async def _is_refused(self) -> bool:
        await self._look()
        return bool(self._refusal)

    async def _look(self) -> None:
        """Ask Slack whether it knows us."""
        try:
            await self._client.auth_test()
        except SlackApiError as error:
            self._breaker.reached()
            if meaning_of(error_of(error)) is Meaning.APP or error_of(error) == INACTIVE:
                self._refuse(error_of(error))
            return
        except Exception as error:
            # A proxy between may answer what the library can't read: the next look may go better.
            self._unreached(error)
            return
        self._breaker.reached()
        was_refused, self._refusal = self._refusal, ""
        _stopped.set(0)
        if was_refused:
            _log.info("slack.app_taken_again")
            await self._hub.outbox.hurry(Channel.SLACK, now=self._clock())

    def _measure(self, claimed: Claimed, report: Report) -> None:
        _reports.labels(type(report).__name__.lower()).inc()
        if isinstance(report, Accepted):
            if claimed.letter is Letter.CODE:
                _latency.observe((self._clock() - claimed.asked_at).total_seconds())
            return
        _log.info("slack.not_accepted", delivery=claimed.id, attempt=claimed.attempt, reply=report.reply)


def _delivery_in(message: dict[str, Any]) -> str:
    metadata = message.get("metadata") or {}
    if metadata.get("event_type") != EVENT:
        return ""
    return str((metadata.get("event_payload") or {}).get("delivery") or "")
