"""How long from a card to the PIN page, from the PIN to the portal, and from the card's going to the session's end."""

import asyncio
import os
import random
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from statistics import median

from bench.figures import percentile, spread
from bench.kiosk_hub import Site, Walk, Walker, site
from bench.kiosk_place import Place, place
from demo.card.daemon import NoDaemonError
from demo.kiosk import missing

_ROUNDS, _WALKS = 3, 10
# Evenly between two of the reader's looks: moments drawn at random would be all that differs from round to round.
_MOMENTS = [(number + 0.5) / _WALKS for number in range(_WALKS)]
_KIOSKS = 50
_BURSTS = 3
# A quick hand: a PIN of six digits, a look at the portal, and the next one comes.
_TYPES_FOR, _STAYS_FOR, _COMES_AFTER = 2.0, 2.0, 1.0
_ASKED = Walk(500, 300, 1000)
_WORSE = 1.5
_SHARES = {"card on -> PIN page": "begun", "PIN -> portal, P-256": "gone_in", "card away -> session over": "ended"}


@dataclass
class Measured:
    """The walks of a whole kiosk, round by round: alone, and then beside the others."""

    alone: list[list[Walk]] = field(default_factory=list)
    beside: list[list[Walk]] = field(default_factory=list)


async def run() -> None:
    """Measure a whole kiosk alone and beside as many others as make fifty, and the hub with all in one instant."""
    if typed := missing():
        print(f"There is no virtual card reader here. Please type: {typed}")
        return
    with tempfile.TemporaryDirectory() as kept:
        async with site(Path(kept), _KIOSKS) as at:
            try:
                async with place(at) as kiosk:
                    measured = await _measured(at, kiosk)
            except NoDaemonError as error:
                print(error)
                return
            before = at.server.processor_seconds()
            bursts = [await _burst(at.walkers) for _ in range(_BURSTS)]
            spent = (at.server.processor_seconds() - before) / (_BURSTS * _KIOSKS)
    for name, share in _SHARES.items():
        _show(name, share, measured)
    for name, share in _SHARES.items():
        for which, hundredth in (("median", 50), ("p99", 99)):
            times = [percentile(_times(burst, share), hundredth) for burst in bursts]
            print(spread(f"{_KIOSKS} at once, the hub: {name}, {which}", times, "ms"))
    print(spread("the hub's processor for one login and its end", [1000 * spent], "ms"))
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")


async def _measured(at: Site, kiosk: Place) -> Measured:
    measured = Measured()
    # The first warms templates, statements and connections up.
    await kiosk.walk()
    await _burst(at.walkers[:4])
    # One beside the other, so that whatever else the machine does weighs on both.
    for _ in range(_ROUNDS):
        measured.alone.append([await kiosk.walk(moment) for moment in _MOMENTS])
        async with _busy(at.walkers[1:]):
            measured.beside.append([await kiosk.walk(moment) for moment in _MOMENTS])
    return measured


@asynccontextmanager
async def _busy(walkers: Sequence[Walker]) -> AsyncIterator[None]:
    """Let members come to the other kiosks, one after the other at each."""
    closed = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for walker in walkers:
            group.create_task(_visited(walker, closed))
        await asyncio.sleep(_COMES_AFTER + _TYPES_FOR)
        yield
        closed.set()


async def _visited(walker: Walker, closed: asyncio.Event) -> None:
    await asyncio.sleep(random.uniform(0, _TYPES_FOR + _STAYS_FOR + _COMES_AFTER))
    while not closed.is_set():
        await walker.walk(types_for=_TYPES_FOR, stays_for=_STAYS_FOR)
        await asyncio.sleep(_COMES_AFTER)


async def _burst(walkers: Sequence[Walker]) -> list[Walk]:
    return await asyncio.gather(*(one.walk(types_for=1, stays_for=1) for one in walkers))


def _show(name: str, share: str, measured: Measured) -> None:
    asked = getattr(_ASKED, share)
    alone = [_times(walks, share) for walks in measured.alone]
    beside = [_times(walks, share) for walks in measured.beside]
    print(spread(f"one kiosk: {name}", list(chain(*alone)), "ms", most=asked))
    print(spread(f"the same beside {_KIOSKS - 1} others", list(chain(*beside)), "ms", most=_WORSE * asked))
    ratios = [median(busy) / median(calm) for busy, calm in zip(beside, alone, strict=True)]
    print(spread("  how many times as long as alone", ratios, most=_WORSE))


def _times(walks: Sequence[Walk], share: str) -> list[float]:
    return [getattr(one, share) for one in walks]
