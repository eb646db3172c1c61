"""The hands that empty the outbox's messages for Slack: claim, look whether it is there already, post, report."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from time import monotonic
from typing import Any

import structlog
from aiohttp import ClientError
from prometheus_client import Counter, Histogram
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.context import Clock, Place
from bot.health import POST, WHO_WE_ARE
from bot.rendering import messages
from bot.rendering.messages import Head
from bot.slack_errors import INACTIVE, HeldError, Meaning, error_of, meaning_of, retry_after_of
from bot.web_api import Client
from hub.contacts.suspension import Bounce, BounceKind, bounced
from hub.context import Hub
from hub.domain.request_context import Visit
from hub.outbox.messages import Accepted, Claimed, Deferred, Failed, Report
from hub.runtime.circuit_breaker import Breaker
from hub.runtime.outage import DATABASE_TROUBLE, Outage
from models.kinds import FOR_DESK, Channel, Letter, Zone

EVENT = "tegata_delivery"
_HANDS = 8
_IDLE = 1.0
_AFTER_TROUBLE = 1.0
# Readiness tells the present: Slack is looked for also when there is nothing to post.
_LOOK_EVERY = 3.0
_GRACE = 5.0
_TRIES_FOR = 10.0
# With these Slack itself says that nothing was done.
_ANSWERED = {200, 429}
# Slack's clock and ours may differ; what was posted is looked for from somewhat earlier on.
_EARLIER = timedelta(minutes=5)
_LOOKED_AT = 100
_MOST_REMEMBERED = 10_000
# A post that Slack refused is tried with one message after longer and longer waits.
_FIRST_PROBE = 15.0
_LONGEST_PROBE = 60.0
_UNREACHED = (ClientError, TimeoutError, OSError, SlackClientError)
Learned = Callable[[Mapping[str, Any]], Awaitable[None]]
_log = structlog.get_logger(__name__)

_reports = Counter("tegata_slack_deliveries_total", "Messages handed to Slack.", ["state"])
_latency = Histogram(
    "tegata_slack_accepted_seconds",
    "Seconds from a code being asked for to its message being posted.",
    buckets=(0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300),
)


class Sender:
    """One process's hands on the Slack outbox."""

    def __init__(self, hub: Hub, client: Client, clock: Clock, learned: Learned) -> None:
        self._hub = hub
        self._client = client
        self._clock = clock
        self._learned = learned
        self._head = Head(hub.settings.service_in, hub.settings.zone)
        self._breaker = Breaker()
        self._why_unreached = ""
        self._why_unknown = "not asked yet"
        self._channels: dict[str, str] = {}
        # Attempts that Slack answered with an error: what they were to post is not there.
        self._not_posted: dict[int, int] = {}
        self._probe_wait = _FIRST_PROBE
        self._probe_at = 0.0
        self._under_way: set[asyncio.Task[None]] = set()
        self._outage = Outage("Slack sender")

    @property
    def trouble(self) -> str:
        """What stands between the outbox and Slack; empty when nothing does."""
        if self._client.health.trouble:
            return self._client.health.trouble
        if self._breaker.is_open:
            return f"Slack can't be reached: {self._why_unreached}"
        return f"Slack has not told whose app this is: {self._why_unknown}" if self._why_unknown else ""

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
            except DATABASE_TROUBLE as error:
                await self._outage.wait(error)
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
                    room = 1 if self._client.health.stops_posting and least is Letter.NOTICE else room
                    claimed = await outbox.claim(Channel.SLACK, limit=room, now=self._clock(), least=least)
                    self._outage.over()
                for one in claimed:
                    task = asyncio.create_task(self._deliver(one))
                    self._under_way.add(task)
                    task.add_done_callback(self._under_way.discard)
                    task.add_done_callback(lambda _: bell.ring())
                if not claimed:
                    await bell.heard(timeout=_IDLE)

    def _is_held(self) -> bool:
        """Codes are taken even now and put off, so that their pages tell of it; the rest stays put."""
        if self._client.health.stops_posting:
            return not self._is_probe_due()
        return self._breaker.is_open or bool(self._client.held_for(POST))

    def _is_probe_due(self) -> bool:
        """Tell whether one message may try what Slack refused; its own method going well is what clears a refusal."""
        return not self._client.health.is_refused(WHO_WE_ARE) and monotonic() >= self._probe_at

    async def _deliver(self, claimed: Claimed) -> None:
        report = await self._sent(claimed)
        now = self._clock()
        self._measure(claimed, report)
        if claimed.notice in FOR_DESK and isinstance(report, Failed):
            _log.error("slack.desk_not_told", channel=claimed.address, reply=report.reply)
        try:
            await self._hub.outbox.report(claimed, report, now=now)
            if isinstance(report, Failed) and report.is_dead:
                visit = Visit(now, "", Zone.OFF_CAMPUS, "Slack")
                await bounced(self._hub, visit, claimed.id, Bounce(BounceKind.HARD, said=report.reply))
        except Exception as error:
            # The lease runs out, and another worker finds the message where it was posted.
            _log.warning("slack.report_lost", delivery=claimed.id, error=str(error))

    async def _sent(self, claimed: Claimed) -> Report:
        refusal = self._client.health.stops_posting
        if refusal and not self._is_probe_due():
            return Deferred(refusal, is_stopped=True)
        if refusal:
            self._probe_at = monotonic() + self._probe_wait
            self._probe_wait = min(2 * self._probe_wait, _LONGEST_PROBE)
        if not self._breaker.admits(monotonic(), tries_for=_TRIES_FOR):
            return Deferred(self._why_unreached, timedelta(seconds=self._breaker.wait(monotonic())))
        try:
            report = await self._posted(claimed)
        except SlackApiError as error:
            report = await self._meant(error)
            self._note_not_posted(claimed, error)
            if not refusal and self._client.health.stops_posting:
                self._probe_at = monotonic() + self._probe_wait
                # Who is refused, the app or its messages alone, decides what clears it.
                await self._look()
        except _UNREACHED as error:
            return self._unreached(error)
        except Exception as error:
            # One message that can't be handled must not stop the others.
            _log.exception("slack.message_trouble", delivery=claimed.id)
            return Deferred(type(error).__name__)
        self._breaker.reached()
        if refusal and isinstance(report, Accepted):
            self._probe_wait = _FIRST_PROBE
            await self._hub.outbox.hurry(Channel.SLACK, now=self._clock())
        return report

    def _note_not_posted(self, claimed: Claimed, error: SlackApiError) -> None:
        """Remember an attempt that came to nothing, so that the next one need not look for its message."""
        if isinstance(error, HeldError) or getattr(error.response, "status_code", 0) in _ANSWERED:
            if len(self._not_posted) >= _MOST_REMEMBERED:
                self._not_posted.clear()
            self._not_posted[claimed.id] = claimed.attempt

    async def _posted(self, claimed: Claimed) -> Report:
        message = messages.message_of(claimed, self._head)
        if message is None:
            return Failed("no letter of this kind goes by Slack")
        if claimed.notice in FOR_DESK:
            # The help desk's channel: to read it takes a scope that nothing else needs, and twice is better than never.
            return await self._posted_in(claimed.address, claimed, message)
        user = claimed.address.partition("/")[2]
        if claimed.attempt > 1 and self._not_posted.pop(claimed.id, 0) != claimed.attempt - 1:
            before = await self._posted_before(claimed)
            if before:
                return Accepted("posted before", before)
        try:
            # A user's id stands for the direct message with that user, whether or not it is open.
            return await self._posted_in(self._channels.get(user, user), claimed, message)
        except SlackApiError as error:
            if meaning_of(error_of(error)) is not Meaning.CHANNEL:
                raise
        # What was opened before may have been closed; a channel that is not there even now is nobody's.
        self._channels.pop(user, None)
        return await self._posted_in(await self._channel(user), claimed, message)

    async def _posted_in(self, channel: str, claimed: Claimed, message: messages.Message) -> Report:
        told = await self._client.chat_postMessage(
            channel=channel,
            text=message.text,
            blocks=message.blocks,
            metadata={"event_type": EVENT, "event_payload": {"delivery": claimed.message_id.strip("<>")}},
            unfurl_links=False,
            unfurl_media=False,
        )
        where = str(told.get("channel") or channel)
        if claimed.notice not in FOR_DESK:
            self._remember(claimed.address.partition("/")[2], where)
        return Accepted("posted", str(Place(where, str(told["ts"]))))

    async def _posted_before(self, claimed: Claimed) -> str:
        """Find where a message of ours was posted whose report was lost; empty when it was not, or can't be told."""
        try:
            channel = await self._channel(claimed.address.partition("/")[2])
            stamp = await self._stamp_of(channel, claimed.message_id.strip("<>"), claimed)
        except SlackApiError as error:
            if meaning_of(error_of(error)) is Meaning.APP:
                # Not being allowed to look must not keep a code back: twice is better than not at all.
                _log.warning("slack.not_looked", delivery=claimed.id, error=error_of(error))
                return ""
            raise
        return str(Place(channel, stamp)) if stamp else ""

    async def _channel(self, user: str) -> str:
        """Open the direct message with a user, or remember it."""
        if user not in self._channels:
            told = await self._client.conversations_open(users=user)
            self._remember(user, str(told["channel"]["id"]))
        return self._channels[user]

    def _remember(self, user: str, channel: str) -> None:
        if len(self._channels) >= _MOST_REMEMBERED:
            self._channels.clear()
        self._channels[user] = channel

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
        """Read what an error answer means for this message; the client has noted what it means for the rest."""
        reply, wait = error_of(error), retry_after_of(error)
        if wait is not None:
            return Deferred(reply, wait)
        match meaning_of(reply):
            case Meaning.APP | Meaning.PASSING | Meaning.UNKNOWN:
                return Deferred(reply, is_stopped=True)
            case Meaning.CONTACT | Meaning.CHANNEL:
                # It is said of an app that was taken out as well: who is meant shows when we ask for ourselves.
                if reply == INACTIVE and await self._is_refused():
                    return Deferred(reply, is_stopped=True)
                return Failed(reply, is_dead=True)
            case Meaning.MESSAGE | Meaning.TRIGGER:
                return Failed(reply)
            case Meaning.LATER:
                return Deferred(reply)

    def _unreached(self, error: Exception) -> Deferred:
        self._why_unreached = type(error).__name__
        self._breaker.failed(monotonic())
        return Deferred(self._why_unreached)

    async def _watch(self) -> None:
        while True:
            try:
                if self.trouble:
                    await self._look()
            except DATABASE_TROUBLE as error:
                self._outage.note(error)
            await asyncio.sleep(_LOOK_EVERY)

    async def _is_refused(self) -> bool:
        await self._look()
        return self._client.health.is_refused(WHO_WE_ARE)

    async def _look(self) -> None:
        """Ask Slack whether it knows us, and what it grants."""
        was_refused = self._client.health.is_refused(WHO_WE_ARE)
        was_missing = self._client.health.missing
        try:
            told = await self._client.auth_test()
        except SlackApiError as error:
            self._breaker.reached()
            self._why_unknown = self._why_unknown and error_of(error)
            return
        except Exception as error:
            # A proxy between may answer what the library can't read: the next look may go better.
            self._unreached(error)
            return
        self._breaker.reached()
        if isinstance(told.data, dict):
            await self._learned(told.data)
        self._why_unknown = ""
        if was_refused or (was_missing and not self._client.health.missing):
            # What was refused may go well now: the next message tries it at once.
            self._probe_at, self._probe_wait = 0.0, _FIRST_PROBE
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
