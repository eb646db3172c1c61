"""How long from a code being asked for to the mail server's 250, with members coming at a steady rate."""

import asyncio
import tempfile
from pathlib import Path

from bench.crowd import Postbox, crowd, name_of, populate
from bench.figures import percentile, spread
from bench.server import serving
from hub.authenticators.password import Cost

_ROUNDS = 3
_RATE = 50
_SECONDS = 12


async def run() -> None:
    """Let 50 members a second log in; the password costs next to nothing, so that only the mail is measured."""
    cost = Cost(8, 1, 1)
    median, tail, longest = [], [], []
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        url = f"sqlite:///{folder / 'tegata.db'}"
        await populate(folder, url, _ROUNDS * _RATE * _SECONDS + _RATE, cost)
        postbox = Postbox()
        cheap = {"TEGATA_ARGON2_MEMORY": "8", "TEGATA_ARGON2_PASSES": "1"}
        async with (
            postbox.listening() as port,
            serving(folder, url, port, **cheap) as server,
            crowd(server.url, postbox) as members,
        ):
            await members.log_all_in([name_of(_ROUNDS * _RATE * _SECONDS + one) for one in range(_RATE)], at_once=8)
            for number in range(_ROUNDS):
                first = number * _RATE * _SECONDS
                names = [name_of(first + one) for one in range(_RATE * _SECONDS)]
                async with asyncio.TaskGroup() as group:
                    for name in names:
                        group.create_task(members.log_in(name))
                        await asyncio.sleep(1 / _RATE)
                waits = [
                    1000 * (postbox.arrived_at[address] - members.asked_at[address])
                    for address in (f"{name}@mail.test" for name in names)
                ]
                median.append(percentile(waits, 50))
                tail.append(percentile(waits, 99))
                longest.append(max(waits))
    print(spread("code asked for -> accepted, median", median, "ms"))
    print(spread("code asked for -> accepted, p99", tail, "ms", most=100))
    print(spread("code asked for -> accepted, longest", longest, "ms"))
