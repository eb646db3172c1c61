"""`tegata serve`: run the doors asked for, until told to stop."""

import gc
import os
import socket
from collections.abc import Coroutine, Sequence
from contextlib import suppress

import structlog
import uvloop

from cli.server import file_descriptors, log_setup, package_check, startup_checks
from cli.server.process import DOORS, running, stop_asked
from hub.domain.errors import HubError
from hub.settings import Settings

_log = structlog.get_logger(__name__)


def serve(settings: Settings, doors: Sequence[str]) -> None:
    """Run a hub process; HubError when it can't or mustn't start."""
    asked = tuple(dict.fromkeys(doors)) or tuple(door for door in DOORS if door != "bot" or settings.has_slack)
    for reason in package_check.foreign():
        message = f"{reason}: install Tegata into a virtual environment of its own."
        raise HubError(message)
    startup_checks.refuse_unsafe(settings, asked)
    log_setup.configure(settings)
    run(_served(settings, asked))


def run(main: Coroutine[object, object, None]) -> None:
    """Run a process on uvloop, which answers a page in two thirds of the time, with all the files it may open."""
    file_descriptors.raise_limit()
    uvloop.run(main)


async def _served(settings: Settings, doors: Sequence[str]) -> None:
    stopped = stop_asked()
    async with running(settings, doors) as process:
        # What is there now stays: a full look of the garbage collector at all of it would hold up pages by 50 ms.
        gc.collect()
        gc.freeze()
        _log.info("hub.started", doors=" ".join(doors), listening=" ".join(process.urls), mode=str(settings.mode))
        _notify("READY=1")
        await stopped.wait()
        _notify("STOPPING=1")
    _log.info("hub.stopped")


def _notify(state: str) -> None:
    """Tell systemd the state of a unit of Type=notify (sd_notify(3)); nothing without it."""
    address = os.environ.get("NOTIFY_SOCKET", "")  # noqa: TID251 - systemd's variable, no setting of ours
    if not address:
        return
    # A leading @ stands for the zero byte of an abstract socket.
    where = f"\0{address[1:]}" if address.startswith("@") else address
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifier:
        notifier.sendto(state.encode(), where)
