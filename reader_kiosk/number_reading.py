"""`python -m reader_kiosk number`: prints the numbers of the cards that are put on a reader, for the hub's files."""

import queue
import sys
import time

from reader_kiosk import pcsc
from reader_kiosk.errors import CardError, CardInUseError
from reader_kiosk.numbers import is_changing
from reader_kiosk.pcsc import CardEvent, CardOn

_PATIENCE, _PAUSE, _LOOK = 3.0, 0.1, 1.0


def run(reader: str, *, count: int) -> None:
    """Print the number of each card, one a line; `count` cards, or all until it is interrupted."""
    events: queue.Queue[CardEvent] = queue.Queue()
    watch = pcsc.Watch(events.put)
    watch.start()
    sys.stderr.write("Put the cards on the reader, one after the other. Ctrl+C ends.\n")
    printed = 0
    try:
        while not count or printed < count:
            event = _next(events)
            if isinstance(event, CardOn) and reader in event.reader:
                printed += _print(event)
    except KeyboardInterrupt:
        return
    finally:
        watch.stop()


def _print(card: CardOn) -> bool:
    """Print one card's number; False, with the reason beside the output, when it has none that names it."""
    try:
        number = _number(card.reader)
    except CardError as error:
        return _refuse(f"the card could not be read ({error})")
    if not number:
        return _refuse("this card has no number, or lies on a reader with contacts")
    if is_changing(number, card.atr):
        return _refuse(f"{number.hex().upper()} changes each time, so it cannot name an account")
    sys.stdout.write(f"{number.hex().upper()}\n")
    sys.stdout.flush()
    return True


def _number(reader: str) -> bytes:
    """Read a number; another program, such as the kiosk itself, may have the card for a moment."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            line = pcsc.connect(reader)
        except CardInUseError:
            if time.monotonic() > until:
                raise
            time.sleep(_PAUSE)
        else:
            break
    try:
        return line.uid()
    finally:
        line.close()


def _next(events: "queue.Queue[CardEvent]") -> CardEvent | None:
    try:
        return events.get(timeout=_LOOK)
    except queue.Empty:
        return None


def _refuse(why: str) -> bool:
    sys.stderr.write(f"{why}\n")
    return False
