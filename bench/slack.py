"""What Slack's door holds: how fast it is, what dropped sockets lose of it, and what two of it do twice."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from time import perf_counter

from bench.chatbox import Chatbox
from bench.crowd import Crowd, address_of, crowd, name_of, populate, user_of
from bench.figures import percentile, spread
from bench.postgres import postgres
from bench.server import Server, serving
from demo.slack.sending import Dispatched
from demo.slack.stand_in import StandIn, standing_in
from hub.authenticators.password import Cost
from models.kinds import Channel

_MEMBERS = 1000
_CHEAPEST = Cost(8, 1, 1)
_WARM = 20
_ACK_ROUNDS = 5
_AT_ONCE = 50
_ACK_MS = 500.0
_POSTED_ROUNDS = 3
_A_ROUND = 100
_RATE = 10
_POSTED_MS = 150.0
_MINUTE = 60
# Slack's limits of its third tier: so many calls a minute, with a burst.
_OPENED_A_MINUTE = 50
_OPENED_AT_ONCE = 55
_A_CROWD = 120
_CROWD_SECONDS = 30
_AT_ONCE_MS = 1000.0
_LOGINS_A_SECOND = 5
_DROPPED_EVERY = 2.0
_BOTS = 2
_SHARED_SECONDS = 10
_SETTLES_WITHIN = 30.0
_SETTLED = 2.0


async def run() -> None:
    """Measure a hub in a process of its own, then two bots on PostgreSQL beside a web door; Slack and members here."""
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        async with _portal(folder, f"sqlite:///{folder / 'tegata.db'}") as portal:
            await _one_hub(portal)
    with tempfile.TemporaryDirectory() as kept, postgres() as url:
        async with _portal(Path(kept), url, bots=_BOTS) as portal:
            await _two_bots(portal)


@dataclass(slots=True)
class Portal:
    """A hub, the Slack it is in and the members, each of whom does one thing once."""

    servers: Sequence[Server]
    slack: StandIn
    box: Chatbox
    members: Crowd
    numbers: Iterator[int]

    def names(self, number: int) -> list[str]:
        """Name so many members who have done nothing yet."""
        return [name_of(next(self.numbers)) for _ in range(number)]

    def processor_seconds(self) -> float:
        """Read how much processor time the hub has used, all its processes together."""
        return sum(one.processor_seconds() for one in self.servers)

    def waits(self, names: Sequence[str]) -> list[float]:
        """Give how many milliseconds each member's code took from the page's button to Slack."""
        addresses = [address_of(name, Channel.SLACK) for name in names]
        return [1000 * (self.box.arrived_at[one] - self.members.asked_at[one]) for one in addresses]


@asynccontextmanager
async def _portal(folder: Path, url: str, *, bots: int = 0) -> AsyncIterator[Portal]:
    """Run everything: one process with all doors, or a web door and so many bots."""
    await populate(folder, url, _MEMBERS, _CHEAPEST, channel=Channel.SLACK)
    kinds = [("web",), *[("bot",)] * bots] if bots else [()]
    async with AsyncExitStack() as stack:
        slack = await stack.enter_async_context(standing_in())
        box = Chatbox(slack)
        box.welcome([user_of(name_of(number)) for number in range(_MEMBERS)])
        given = {
            "TEGATA_ARGON2_MEMORY": str(_CHEAPEST.memory),
            "TEGATA_ARGON2_PASSES": str(_CHEAPEST.passes),
            "TEGATA_SLACK_API_URL": slack.base_url,
            "TEGATA_SLACK_BOT_TOKEN": slack.bot_token,
            "TEGATA_SLACK_APP_TOKEN": slack.app_token,
        }
        # No mail is sent here: nobody listens at that port.
        servers = [await stack.enter_async_context(serving(folder, url, 9, doors=doors, **given)) for doors in kinds]
        await slack.connected(bots or 1, timeout=_SETTLES_WITHIN)
        members = await stack.enter_async_context(crowd(servers[0].url, box))
        portal = Portal(servers, slack, box, members, count())
        await members.log_all_in(portal.names(_WARM), at_once=4)
        yield portal


async def _one_hub(portal: Portal) -> None:
    acknowledged = [await _acknowledged(portal) for _ in range(_ACK_ROUNDS)]
    print(spread(f"command acknowledged, {_AT_ONCE} at once, p99", acknowledged, "ms", most=_ACK_MS))
    await _posted(portal)
    await _never_written_to(portal)
    print(f"socket dropped every {_DROPPED_EVERY:g} s, {_LOGINS_A_SECOND} logins a second, {_MINUTE} s:")
    async with portal.slack.dropping(every=_DROPPED_EVERY):
        await _counted(portal, seconds=_MINUTE, told=1)


async def _two_bots(portal: Portal) -> None:
    print(f"{_BOTS} bot processes on PostgreSQL, {_LOGINS_A_SECOND} logins a second, {_SHARED_SECONDS} s:")
    await _counted(portal, seconds=_SHARED_SECONDS, told=3)
    print(f"  envelopes by socket: {', '.join(str(one.carried) for one in portal.slack.sockets.open)}")


async def _acknowledged(portal: Portal) -> float:
    users = [user_of(name) for name in portal.names(_AT_ONCE)]
    told = await asyncio.gather(*(portal.slack.slash(user, "/tegata", "link") for user in users))
    if not all(one.is_acknowledged for one in told):
        print("NOT ACKNOWLEDGED:", [one.error for one in told if one.error])
    # What was acknowledged is being done still.
    await _settled(portal, users, [])
    return percentile([1000 * one.seconds for one in told], 99)


async def _posted(portal: Portal) -> None:
    """Let members log in at a steady rate, round by round."""
    middle, tail, cost, late = [], [], [], []
    for _ in range(_POSTED_ROUNDS):
        names, before = portal.names(_A_ROUND), portal.processor_seconds()
        async with _lags() as lags:
            await _at_a_rate([portal.members.log_in(name) for name in names], _RATE)
        waits = portal.waits(names)
        middle.append(percentile(waits, 50))
        tail.append(percentile(waits, 99))
        late.append(percentile(lags, 99))
        cost.append(1000 * (portal.processor_seconds() - before) / _A_ROUND)
    print(spread("code asked for -> posted, median", middle, "ms"))
    print(spread(f"code asked for -> posted, {_RATE} a second, p99", tail, "ms", most=_POSTED_MS))
    print(spread("the machine's own delay of a step meanwhile, p99", late, "ms"))
    print(spread("whole login by Slack, the hub's processor", cost, "ms"))


async def _never_written_to(portal: Portal) -> None:
    """Let members log in to whom this process never wrote, as after a restart, while Slack limits opening chats."""
    portal.slack.faults.limit_calls("conversations.open", _OPENED_A_MINUTE, burst=_OPENED_AT_ONCE)
    before, names = len(portal.slack.calls), portal.names(_A_CROWD)
    await _at_a_rate([portal.members.log_in(name) for name in names], _A_CROWD // _CROWD_SECONDS)
    waits = portal.waits(names)
    refused = sum(one.error == "ratelimited" for one in portal.slack.calls[before:])
    at_once = sum(one < _AT_ONCE_MS for one in waits)
    print(f"after a restart, {_A_CROWD} members in {_CROWD_SECONDS} s, conversations.open limited as by Slack:")
    print(f"  codes within a second: {at_once}, refused calls: {refused}")
    print(spread("  code asked for -> posted, the last", [max(waits)], "ms", most=_AT_ONCE_MS))
    portal.slack.faults.mend()


async def _counted(portal: Portal, *, seconds: int, told: int) -> None:
    """Let members log in, and others give a command a second that Slack brings `told` times; count what came."""
    names, commanding = portal.names(seconds * _LOGINS_A_SECOND), portal.names(seconds)
    async with asyncio.TaskGroup() as group:
        group.create_task(_at_a_rate([portal.members.log_in(name) for name in names], _LOGINS_A_SECOND))
        group.create_task(_at_a_rate([_commanded(portal, user_of(name), told) for name in commanding], 1))
    asking, speaking = [user_of(name) for name in names], [user_of(name) for name in commanding]
    await _settled(portal, speaking, asking)
    waits = portal.waits(names)
    print(f"  codes: {portal.box.codes(asking)}")
    print(f"  commands, each brought {told} times or more: {portal.box.answers(speaking)}")
    print(spread("  code asked for -> posted, median", [percentile(waits, 50)], "ms"))
    print(spread("  code asked for -> posted, p99", [percentile(waits, 99)], "ms"))


async def _commanded(portal: Portal, user: str, times: int) -> None:
    """Give a command, whose envelope Slack brings several times at once."""
    first = asyncio.create_task(portal.slack.slash(user, "/tegata", "link"))
    envelope = (await first).envelope
    again: list[Awaitable[Dispatched]] = [portal.slack.again(envelope) for _ in range(times - 1)]
    await asyncio.gather(*again)


async def _at_a_rate(works: Sequence[Awaitable[None]], a_second: int) -> None:
    """Begin so many works a second, whether or not those before are done."""

    async def done(work: Awaitable[None]) -> None:
        await work

    async with asyncio.TaskGroup() as group:
        for work in works:
            group.create_task(done(work))
            await asyncio.sleep(1 / a_second)


async def _settled(portal: Portal, speaking: Sequence[str], asking: Sequence[str]) -> None:
    """Wait until all that was asked has come, and for what might come once more."""

    def all_came() -> bool | None:
        return not portal.box.answers(speaking).lost + portal.box.codes(asking).lost or None

    try:
        await portal.slack.until(all_came, timeout=_SETTLES_WITHIN)
    except TimeoutError:
        print("  NOT EVERYTHING CAME")
    await asyncio.sleep(_SETTLED)


@asynccontextmanager
async def _lags() -> AsyncIterator[list[float]]:
    """Measure how many milliseconds late this process comes to what is due, while the block runs."""
    lags: list[float] = []

    async def look() -> None:
        while True:
            began = perf_counter()
            await asyncio.sleep(0.005)
            lags.append(1000 * (perf_counter() - began) - 5)

    looking = asyncio.create_task(look())
    try:
        yield lags
    finally:
        looking.cancel()
