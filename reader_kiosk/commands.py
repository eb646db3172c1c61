"""What can be typed: the kiosk itself, and its enrolment."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from reader_kiosk.errors import KioskError
from reader_kiosk.session import PROGRAM_USER, SOCKET, serve
from reader_kiosk.settings import from_environment

_MISSING = "What talks to card readers and signs is missing here ({name}). Please type: pip install '.[kiosk]'"


def main(words: Sequence[str] | None = None) -> None:
    """Do what was typed."""
    parser = argparse.ArgumentParser(prog="python -m reader_kiosk", description="A kiosk with a card reader.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    enrolling = commands.add_parser("enrol", help="make this kiosk's key and register it at its hub")
    enrolling.add_argument("hub_url", metavar="HUB_URL", help="such as https://portal.example.ac.jp")
    enrolling.add_argument("code", metavar="CODE", help="what `tegata kiosk add` printed; - reads it from the input")
    reading = commands.add_parser("number", help="print the numbers of cards that are put on the reader, one a line")
    reading.add_argument("--count", type=int, default=0, metavar="N", help="end after N cards; else Ctrl+C ends")
    policy = commands.add_parser("policy", help="write the browser's policy; needs root")
    policy.add_argument("--print", action="store_true", dest="is_shown", help="print it instead of writing it")
    session = commands.add_parser("session", help="start browsers for the kiosk; runs as the browser's own user")
    session.add_argument("--socket", type=Path, default=SOCKET, help="where the kiosk connects (%(default)s)")
    session.add_argument("--program-user", default=PROGRAM_USER, help="whose program may connect (%(default)s)")
    session.add_argument("browser", nargs="*", default=["chromium", "--kiosk"], help="a Chromium, after --")
    typed = parser.parse_args(words)
    if typed.command == "session":
        _run_session(typed)
        return
    try:
        from reader_kiosk import actions, number_reading
    except ModuleNotFoundError as error:
        sys.exit(_MISSING.format(name=error.name))
    try:
        settings = from_environment()
        if typed.command == "enrol":
            code = sys.stdin.readline().strip() if typed.code == "-" else typed.code
            asyncio.run(actions.register(settings, typed.hub_url, code))
        elif typed.command == "number":
            number_reading.run(settings.reader, count=typed.count)
        elif typed.command == "policy":
            actions.lock_down(settings, is_shown=typed.is_shown)
        else:
            asyncio.run(actions.stand(settings))
    except KioskError as error:
        sys.exit(str(error))


def _run_session(typed: argparse.Namespace) -> None:
    try:
        asyncio.run(serve(typed.socket, typed.browser, typed.program_user))
    except KioskError as error:
        sys.exit(str(error))
