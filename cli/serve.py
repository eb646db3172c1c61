"""`tegata serve`: run the doors asked for, until told to stop."""

from collections.abc import Coroutine, Sequence

import structlog
import uvloop

from cli import logs, readiness
from cli.process import DOORS, running, stop_asked
from hub.settings import Settings

_log = structlog.get_logger(__name__)


def serve(settings: Settings, doors: Sequence[str]) -> None:
    """Run a hub process; HubError when it can't or mustn't start."""
    asked = tuple(dict.fromkeys(doors)) or tuple(door for door in DOORS if door != "bot" or settings.has_slack)
    readiness.refuse_unsafe(settings, asked)
    logs.configure(settings)
    run(_served(settings, asked))


def run(main: Coroutine[object, object, None]) -> None:
    """Run a process on uvloop, which answers a page in two thirds of the time."""
    uvloop.run(main)


async def _served(settings: Settings, doors: Sequence[str]) -> None:
    stopped = stop_asked()
    async with running(settings, doors) as process:
        _log.info("hub.started", doors=" ".join(doors), listening=" ".join(process.urls), mode=str(settings.mode))
        await stopped.wait()
    _log.info("hub.stopped")
