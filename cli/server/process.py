"""One hub process: the doors asked for, the clock's jobs and the metrics, started together and ended together."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import structlog
from aiohttp import web
from aiohttp.web import Application
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from prometheus_client import CONTENT_TYPE_LATEST, disable_created_metrics, generate_latest

from cli.server import file_descriptors, mail_service
from cli.server.http_listener import Places, listening
from cli.server.single_process import only_process
from hub.context import Hub, opened
from hub.domain.errors import HubError
from hub.maintenance import gauges, jobs
from hub.runtime.background import beside
from hub.runtime.outage import DATABASE_TROUBLE, Outage
from hub.settings import Settings
from models.database import sqlite_file
from web import malformed_requests
from web.app import application
from web.handlers.health import PARTS, Trouble, show_live, show_ready
from web.request.context import CLOCK, HUB

if TYPE_CHECKING:
    from bot.app import Bot

DOORS = ("web", "mail_gateway", "bot")
Wrap = Callable[[Application], None]
Clock = Callable[[], datetime]
# Seconds between two looks for claims of processes that were killed.
_FREE_EVERY = 1.0
_OUTAGE: web.AppKey[Outage] = web.AppKey("outage")
_FIRST_TURN = timedelta(seconds=5)
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Running:
    """What a process that has started can tell of itself."""

    hub: Hub
    parts: dict[str, Trouble]
    urls: list[str]


def utc_now() -> datetime:
    """Read the clock."""
    return datetime.now(UTC)


@asynccontextmanager
async def running(
    settings: Settings, doors: Sequence[str], *, wrap: Wrap | None = None, clock: Clock | None = None
) -> AsyncIterator[Running]:
    """Run a hub process with these doors; `wrap` may put something around the web door before it starts."""
    clock = clock or utc_now
    async with AsyncExitStack() as stack:
        hub = await stack.enter_async_context(opened(settings))
        process = Running(hub, {}, [])
        share = file_descriptors.share(settings)
        mail = mail_service.built(hub, clock, most=share.mail) if "mail_gateway" in doors else None
        if mail is not None:
            process.parts.update(mail.parts)
        bot = _bot(hub, clock) if "bot" in doors and settings.has_slack else None
        if bot is not None:
            process.parts["slack"] = lambda: bot.trouble
        app = application(hub, clock, process.parts, streams=share.streams) if "web" in doors else None
        if app is not None:
            if wrap is not None:
                wrap(app)
            places = Places("web", share.web)
            opening = listening(
                app, settings.listen, "TEGATA_LISTEN", places=places, refuse=partial(malformed_requests.refuse, hub)
            )
            process.urls.append(await stack.enter_async_context(opening))
        if bot is not None:
            # Before its port, so ended behind it: what Slack is told was heard while the doors end is done still.
            await stack.enter_async_context(bot.kept())
        if bot is not None and not settings.is_slack_called_out:
            places = Places("slack", share.slack)
            opening = listening(bot.endpoint(), settings.slack_listen, "TEGATA_SLACK_LISTEN", places=places)
            process.urls.append(await stack.enter_async_context(opening))
        await _listen_for_watchers(stack, process, clock)
        # Behind the ports: a second hub that finds them taken must not claim a row before it ends.
        stack.enter_context(only_process(settings))
        await stack.enter_async_context(_leases_freed(hub, clock))
        if mail is not None:
            await stack.enter_async_context(mail.running())
        if bot is not None:
            await stack.enter_async_context(bot.running())
        await stack.enter_async_context(_clockwork(hub, clock))
        yield process


def stop_asked() -> asyncio.Event:
    """Give the event that SIGTERM, SIGINT and SIGHUP set; called first, it lets a start end as cleanly as a run."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stopped.set)
    return stopped


def _bot(hub: Hub, clock: Clock) -> "Bot":
    # Slack's libraries are a tenth of a hub's memory and of its start: who has no Slack doesn't pay for them.
    from bot.app import Bot

    return Bot(hub, clock)


@asynccontextmanager
async def _clockwork(hub: Hub, clock: Clock) -> AsyncIterator[None]:
    """Do the upkeep on a schedule; each job is done by whichever process takes its lease."""
    scheduler = AsyncIOScheduler(timezone=UTC)
    # Soon after the start: a hub that restarts more often than a job's span would never do it. One after the other.
    soon = datetime.now(UTC) + _FIRST_TURN
    outage = Outage("scheduled jobs")
    for number, (name, (_, every)) in enumerate(jobs.JOBS.items()):
        scheduler.add_job(
            _upkeep,
            "interval",
            seconds=every.total_seconds(),
            args=(hub, clock, name, outage),
            max_instances=1,
            coalesce=True,
            jitter=2,
            next_run_time=soon + number * _FIRST_TURN,
        )
    scheduler.start()
    try:
        yield
    finally:
        # A job that is handed out and has not begun begins here: the scheduler would log its cancellation as an error.
        scheduler.pause()
        await asyncio.sleep(0)
        scheduler.shutdown(wait=False)


@asynccontextmanager
async def _leases_freed(hub: Hub, clock: Clock) -> AsyncIterator[None]:
    """Free what killed processes had claimed: at the start on SQLite, all the time on PostgreSQL."""
    if sqlite_file(hub.settings.database_url) is not None:
        await jobs.free_abandoned(hub, now=clock())
        yield
        return
    async with beside(_free_leases(hub, clock)):
        yield


async def _free_leases(hub: Hub, clock: Clock) -> None:
    outage = Outage("leases")
    while True:
        try:
            freed = await jobs.free_abandoned(hub, now=clock())
        except Exception as error:
            # The loop must live on: leases run out by themselves, only later.
            await outage.wait(error)
        else:
            outage.over()
            if freed:
                _log.info("leases.freed", rows=freed)
        await asyncio.sleep(_FREE_EVERY)


async def _upkeep(hub: Hub, clock: Clock, name: str, outage: Outage) -> None:
    try:
        done = await jobs.run(hub, name, now=clock())
    except DATABASE_TROUBLE as error:
        outage.note(error)
        return
    except asyncio.CancelledError:
        # The hub ends. The scheduler cancels a job only then, and would log a traceback of it.
        return
    except Exception:
        # The next turn may go better; a job that fails must not end the clock.
        _log.exception("upkeep.failed", job=name)
        return
    outage.over()
    if done:
        _log.debug("upkeep.done", job=name, rows=done)


async def _listen_for_watchers(stack: AsyncExitStack, process: Running, clock: Clock) -> None:
    """Serve metrics and health apart from the pages; a port that is taken costs these, never the start."""
    where = process.hub.settings.metrics_listen
    if not where:
        return
    disable_created_metrics()  # type: ignore[no-untyped-call]
    app = Application()
    app[HUB], app[CLOCK], app[PARTS] = process.hub, clock, process.parts
    app[_OUTAGE] = Outage("metrics")
    app.add_routes(
        [
            web.get("/metrics", _show_metrics),
            web.get("/health/live", show_live),
            web.get("/health/ready", show_ready),
        ]
    )
    try:
        places = Places("metrics", file_descriptors.WATCHERS)
        await stack.enter_async_context(listening(app, where, "TEGATA_METRICS_LISTEN", places=places))
    except HubError as error:
        trouble = str(error)
        process.parts["metrics"] = lambda: trouble
        _log.warning("metrics.no_listener", error=trouble)
        return
    process.parts["metrics"] = lambda: ""


async def _show_metrics(request: web.Request) -> web.Response:
    try:
        await gauges.look(request.app[HUB], now=request.app[CLOCK]())
    except DATABASE_TROUBLE as error:
        # What this process counted itself is still worth having.
        request.app[_OUTAGE].note(error)
    else:
        request.app[_OUTAGE].over()
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
