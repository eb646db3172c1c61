"""What one mail login costs in the hub alone: its decisions, its rows and its letter, without pages and SMTP."""

import asyncio
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from bench.crowd import PASSWORD, name_of, populate
from bench.figures import spread
from hub.authenticators.password import Cost
from hub.context import Hub, opened
from hub.domain.outcomes import Admitted, Asked, Begun, Choose
from hub.domain.request_context import Visit
from hub.login import password_login
from hub.outbox.messages import Accepted
from hub.settings import load
from mail_gateway.outbound.messages import House, write
from models.kinds import Channel, Zone

_ROUNDS = 5
_A_ROUND = 256
_AT_ONCE = 64
_VERIFIES = 50
_CLAIMED = 50


async def run() -> None:
    """Log members in, many at once, then one after another, with password parameters that cost next to nothing."""
    cost = Cost(8, 1, 1)
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        url = f"sqlite:///{folder / 'tegata.db'}"
        await populate(folder, url, 2 * (_ROUNDS + 1) * _A_ROUND, cost)
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
        names = [name_of(number) for number in range(2 * (_ROUNDS + 1) * _A_ROUND)]
        async with opened(settings) as hub:
            post = _Post(hub, house)
            sending = asyncio.create_task(post.send())
            for at_once in (_AT_ONCE, 1):
                rounds = [await _round(hub, post, names, at_once) for _ in range(_ROUNDS + 1)]
                # The first round builds the statements' texts and reads the templates.
                print(spread(f"one mail login in the hub, {at_once} at once, processor", rounds[1:], "ms", most=4))
            sending.cancel()


class _Post:
    """Writes letters as they are posted, and hands them over at once, as the mail door would to a perfect server."""

    def __init__(self, hub: Hub, house: House) -> None:
        self._hub = hub
        self._house = house
        self._codes: dict[str, asyncio.Future[str]] = {}

    async def send(self) -> None:
        """Claim, write and report, until cancelled."""
        outbox = self._hub.outbox
        while True:
            async with outbox.waiting(Channel.MAIL) as bell:
                claimed = await outbox.claim(Channel.MAIL, limit=_CLAIMED, now=datetime.now(UTC))
                if not claimed:
                    await bell.heard(timeout=1)
            for one in claimed:
                write(one, self._house)
            if claimed:
                await outbox.report_all([(one, Accepted("250 kept")) for one in claimed], now=datetime.now(UTC))
            for one in claimed:
                self._future(one.account).set_result(one.code)

    async def code_to(self, name: str) -> str:
        """Wait for a member's code."""
        return await self._future(name)

    def _future(self, name: str) -> "asyncio.Future[str]":
        return self._codes.setdefault(name, asyncio.get_running_loop().create_future())


async def _round(hub: Hub, post: _Post, names: list[str], at_once: int) -> float:
    """Give milliseconds of processor a login, without the password's share."""
    waiting = [names.pop() for _ in range(_A_ROUND)]

    async def one_after_another() -> None:
        while waiting:
            await _log_in(hub, post, waiting.pop())

    began = time.process_time()
    await asyncio.gather(*(one_after_another() for _ in range(at_once)))
    return 1000 * ((time.process_time() - began) / _A_ROUND - _one_verify(hub))


async def _log_in(hub: Hub, post: _Post, name: str) -> None:
    visit = Visit(datetime.now(UTC), "127.0.0.1", Zone.ON_CAMPUS, "Firefox on Linux", "en")
    begun = await password_login.begin(hub, visit, name=name, password=PASSWORD)
    assert isinstance(begun, Begun)
    assert isinstance(begun.step, Choose)
    asked = await password_login.choose(hub, visit, begun.token, begun.step.offers[0].way)
    assert isinstance(asked, Asked)
    assert isinstance(await password_login.answer(hub, visit, begun.token, await post.code_to(name)), Admitted)


def _one_verify(hub: Hub) -> float:
    hashed = hub.passwords.hashing.hash(PASSWORD)
    began = time.process_time()
    for _ in range(_VERIFIES):
        hub.passwords.hashing.is_right(hashed, PASSWORD)
    return (time.process_time() - began) / _VERIFIES
