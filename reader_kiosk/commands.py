"""What can be typed: the kiosk itself, and its enrolment."""

import argparse
import asyncio
import sys
from collections.abc import Sequence

from reader_kiosk.errors import KioskError
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
    typed = parser.parse_args(words)
    try:
        from reader_kiosk import number_reading, work
    except ModuleNotFoundError as error:
        sys.exit(_MISSING.format(name=error.name))
    try:
        settings = from_environment()
        if typed.command == "enrol":
            code = sys.stdin.readline().strip() if typed.code == "-" else typed.code
            asyncio.run(work.register(settings, typed.hub_url, code))
        elif typed.command == "number":
            number_reading.run(settings.reader, count=typed.count)
        else:
            asyncio.run(work.stand(settings))
    except KioskError as error:
        sys.exit(str(error))
