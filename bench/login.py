"""What a whole mail login costs the hub's processor, beside one argon2id verify at the same parameters.

Also what the web library alone takes of it: as many requests for pages with nothing behind them.
"""

import tempfile
import time
from pathlib import Path

from bench.bare import NoCodes, bare
from bench.crowd import PASSWORD, Postbox, crowd, name_of, populate
from bench.figures import spread
from bench.server import serving
from hub.authenticators.password import Cost, Passwords
from hub.settings import Settings

_ROUNDS = 5
_A_ROUND = 256
_AT_ONCE = 64
_VERIFIES = 40
_CHEAPEST = Cost(8, 1, 1)


async def run() -> None:
    """Measure with the default password parameters, then with ones that cost nothing."""
    settings = Settings()
    cost = Cost(settings.argon2_memory, settings.argon2_passes, settings.argon2_lanes)
    dear = await _measured(cost)
    ratios = [login / verify for login, verify in dear]
    print(spread("one argon2id verify, processor", [1000 * verify for _, verify in dear], "ms"))
    print(spread("whole login, 64 at once, processor", [1000 * login for login, _ in dear], "ms"))
    print(spread("whole login / one verify", ratios, most=1.5))
    cheap = await _measured(_CHEAPEST)
    rest = [1000 * (login - verify) for login, verify in cheap]
    print(spread("the login without its password hash, all seven requests", rest, "ms", most=4))
    print(spread("the web library alone for as many requests and bytes", await _bare(), "ms"))


async def _measured(cost: Cost) -> list[tuple[float, float]]:
    """Give processor seconds a login and a verify, round by round, one beside the other."""
    rounds = []
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        url = f"sqlite:///{folder / 'tegata.db'}"
        await populate(folder, url, (_ROUNDS + 1) * _A_ROUND, cost)
        hashing = Passwords(cost)
        hashed = hashing.hash(PASSWORD)
        postbox = Postbox()
        parameters = {
            "TEGATA_ARGON2_MEMORY": str(cost.memory),
            "TEGATA_ARGON2_PASSES": str(cost.passes),
            "TEGATA_ARGON2_LANES": str(cost.lanes),
        }
        async with (
            postbox.listening() as port,
            serving(folder, url, port, **parameters) as server,
            crowd(server.url, postbox) as members,
        ):
            for number in range(_ROUNDS + 1):
                names = [name_of(number * _A_ROUND + one) for one in range(_A_ROUND)]
                before = server.processor_seconds()
                await members.log_all_in(names, at_once=_AT_ONCE)
                login = (server.processor_seconds() - before) / _A_ROUND
                began = time.process_time()
                for _ in range(_VERIFIES):
                    hashing.is_right(hashed, PASSWORD)
                # The first round warms templates, statements and connections up.
                if number:
                    rounds.append((login, (time.process_time() - began) / _VERIFIES))
    return rounds


async def _bare() -> list[float]:
    """Give processor milliseconds a walk through the same pages, with nothing behind them."""
    rounds = []
    async with bare() as server, crowd(server.url, NoCodes()) as members:
        for number in range(_ROUNDS + 1):
            before = server.processor_seconds()
            await members.log_all_in([name_of(one) for one in range(_A_ROUND)], at_once=_AT_ONCE)
            if number:
                rounds.append(1000 * (server.processor_seconds() - before) / _A_ROUND)
    return rounds
