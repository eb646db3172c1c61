"""What one mail login costs in the hub alone: its decisions, its rows and its letter, without pages and SMTP."""

import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from bench.crowd import PASSWORD, name_of, populate
from bench.figures import spread
from hub import login
from hub.authenticators.password import Cost
from hub.hub import Hub, opened
from hub.outbox import Accepted
from hub.outcome import Admitted, Asked, Begun, Choose
from hub.settings import load
from hub.visit import Visit
from mail_gateway.letters import House, write
from models.kinds import Channel, Zone

_ROUNDS = 5
_A_ROUND = 200
_VERIFIES = 50


async def run() -> None:
    """Log members in one after another, with password parameters that cost next to nothing."""
    cost = Cost(8, 1, 1)
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        url = f"sqlite:///{folder / 'tegata.db'}"
        await populate(folder, url, (_ROUNDS + 1) * _A_ROUND, cost)
        settings = load(
            {},
            mode="demo",
            origin="http://portal.test",
            database_url=url,
            keys_file=folder / "keys.json",
            mail_from="tegata@portal.test",
            argon2_memory=cost.memory,
            argon2_passes=cost.passes,
        )
        house = House(settings.mail_from, settings.service_name, settings.origin, settings.zone)
        async with opened(settings) as hub:
            rounds = []
            for number in range(_ROUNDS + 1):
                began = time.process_time()
                for one in range(_A_ROUND):
                    await _log_in(hub, house, name_of(number * _A_ROUND + one))
                spent = (time.process_time() - began) / _A_ROUND
                # The first round builds the statements' texts and reads the templates.
                if number:
                    rounds.append(1000 * (spent - _one_verify(hub)))
    print(spread("one mail login in the hub, processor", rounds, "ms", most=4))


async def _log_in(hub: Hub, house: House, name: str) -> None:
    visit = Visit(datetime.now(UTC), "127.0.0.1", Zone.ON_CAMPUS, "Firefox on Linux", "en")
    begun = await login.begin(hub, visit, name=name, password=PASSWORD)
    assert isinstance(begun, Begun)
    assert isinstance(begun.step, Choose)
    asked = await login.choose(hub, visit, begun.token, begun.step.offers[0].way)
    assert isinstance(asked, Asked)
    (claimed,) = await hub.outbox.claim(Channel.MAIL, limit=4, now=visit.now)
    write(claimed, house)
    await hub.outbox.report(claimed, Accepted("250 kept"), now=visit.now)
    assert isinstance(await login.answer(hub, visit, begun.token, claimed.code), Admitted)


def _one_verify(hub: Hub) -> float:
    hashed = hub.passwords.hashing.hash(PASSWORD)
    began = time.process_time()
    for _ in range(_VERIFIES):
        hub.passwords.hashing.is_right(hashed, PASSWORD)
    return (time.process_time() - began) / _VERIFIES
