"""What can be typed: the kiosk itself, and its enrolment."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from signal import SIGINT, SIGTERM

from reader_kiosk import identity
from reader_kiosk.errors import HubUnreachableError, KioskError
from reader_kiosk.hub_client import Reason, Refused, enrol, line
from reader_kiosk.settings import Settings, from_environment

_REFUSED = {
    Reason.CODE_WRONG: "The hub doesn't take this code: it is wrong, used or too old. `tegata kiosk add` prints one.",
    Reason.CLOCK: "This machine's clock is off. Please set it (timedatectl set-ntp true) and try again.",
    Reason.THROTTLED: "Too many codes were tried from here. Please wait a while.",
}


def main(words: Sequence[str] | None = None) -> None:
    """Do what was typed."""
    parser = argparse.ArgumentParser(prog="python -m reader_kiosk", description="A kiosk with a card reader.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    enrolling = commands.add_parser("enrol", help="make this kiosk's key and register it at its hub")
    enrolling.add_argument("hub_url", metavar="HUB_URL", help="such as https://portal.example.ac.jp")
    enrolling.add_argument("code", metavar="CODE", help="what `tegata kiosk add` printed; - reads it from the input")
    typed = parser.parse_args(words)
    try:
        settings = from_environment()
        if typed.command == "enrol":
            code = sys.stdin.readline().strip() if typed.code == "-" else typed.code
            asyncio.run(_enrol(settings, typed.hub_url, code))
        else:
            asyncio.run(_run(settings))
    except KioskError as error:
        sys.exit(str(error))


async def _enrol(settings: Settings, hub_url: str, code: str) -> None:
    from reader_kiosk.kiosk import utc_now

    async with line(settings.hub_ca) as http:
        try:
            made = await enrol(http, hub_url, code, now=utc_now())
        except HubUnreachableError as error:
            message = f"The hub can't be reached at {hub_url}: {error}"
            raise KioskError(message) from error
    if isinstance(made, Refused):
        raise KioskError(_REFUSED.get(made.reason, f"The hub refused: {made.reason}."))
    identity.save(settings.folder, made)
    sys.stdout.write(f"Enrolled at {made.hub} as {made.name} ({made.zone}).\n")


async def _run(settings: Settings) -> None:
    try:
        from reader_kiosk import kiosk
    except ImportError as error:
        message = "What talks to card readers is missing. Please type: pip install '.[kiosk]'"
        raise KioskError(message) from error
    found = identity.load(settings.folder)
    standing = asyncio.create_task(kiosk.run(settings, found, ready=_tell(settings)))
    loop = asyncio.get_running_loop()
    for one in (SIGINT, SIGTERM):
        loop.add_signal_handler(one, standing.cancel)
    with suppress(asyncio.CancelledError):
        await standing


def _tell(settings: Settings) -> Callable[[str], None]:
    def tell(url: str) -> None:
        # The token opens the page: it is shown only to whoever has to open the browser by hand.
        sys.stdout.write(f"The kiosk is ready at {settings.origin if settings.browser else url}\n")
        sys.stdout.flush()

    return tell
