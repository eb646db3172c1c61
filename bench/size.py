"""How fast a hub is ready, and how much memory it holds while thousands log in."""

import tempfile
from pathlib import Path

from bench.crowd import Postbox, crowd, name_of, populate
from bench.figures import spread
from bench.server import serving
from hub.authenticators.password import Cost

_STARTS = 5
_STEP = 2500
_STEPS = 8


async def run() -> None:
    """Start it five times, then let 20,000 members log in."""
    cost = Cost(8, 1, 1)
    cheap = {"TEGATA_ARGON2_MEMORY": "8", "TEGATA_ARGON2_PASSES": "1"}
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        url = f"sqlite:///{folder / 'tegata.db'}"
        await populate(folder, url, _STEP * _STEPS, cost)
        postbox = Postbox()
        async with postbox.listening() as port:
            starts = []
            for _ in range(_STARTS):
                async with serving(folder, url, port, **cheap) as server:
                    starts.append(server.ready_after)
            print(spread("start to ready", starts, "s", most=1.5))
            async with serving(folder, url, port, **cheap) as server, crowd(server.url, postbox) as members:
                print(f"resident at the start: {server.resident_mib():.1f} MiB")
                for step in range(_STEPS):
                    names = [name_of(step * _STEP + one) for one in range(_STEP)]
                    await members.log_all_in(names, at_once=32)
                    print(f"after {(step + 1) * _STEP:>6} logins: {server.resident_mib():.1f} MiB (asked: under 150)")
