"""How fast a command is acknowledged with 50 at once, and how long a code takes from being asked for to its message."""

import asyncio
import statistics
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from bench.figures import percentile, spread
from bench.member import VISIT, hub_with_member
from bot.app import Bot
from demo.slack.stand_in import StandIn, standing_in
from demo.slack.workspace import TEAM, User
from hub import accounts, login
from hub.hub import Hub
from hub.outcome import Asked, Begun, ByContact
from hub.visit import Visit
from models.contact import Contact
from models.kinds import Channel, Zone
from models.slack import SlackMember

_ROUNDS = 3
_AT_ONCE = 50
_MEMBERS = 100
_RATE = 10
_ACK_MS = 500.0
_POSTED_MS = 150.0


async def run() -> None:
    """Measure both, with hub, bot and the stand-in in one process, which has all of them wait for each other."""
    async with _open() as (hub, slack):
        acknowledged = [await _acknowledged(slack) for _ in range(_ROUNDS)]
        # What was acknowledged is being done still.
        answered = _ROUNDS * _AT_ONCE
        await slack.until(
            lambda: sum(one.method == "response_url" for one in slack.calls) >= answered or None, timeout=60
        )
        lagging = asyncio.create_task(_lags())
        waits = await _posted(hub, slack)
        lagging.cancel()
        lags = await lagging
    print(spread(f"command acknowledged, {_AT_ONCE} at once, p99", acknowledged, "ms", most=_ACK_MS))
    print(spread("the machine's own delay of a step meanwhile, p99", [percentile(lags, 99)], "ms"))
    print(spread("code asked for -> posted, median", [statistics.median(waits)], "ms"))
    print(spread(f"code asked for -> posted, {_RATE} a second, p99", [percentile(waits, 99)], "ms", most=_POSTED_MS))


@asynccontextmanager
async def _open() -> AsyncIterator[tuple[Hub, StandIn]]:
    with tempfile.TemporaryDirectory() as folder:
        async with standing_in() as slack:
            given = {
                "slack_api_url": slack.base_url,
                "slack_bot_token": slack.bot_token,
                "slack_app_token": slack.app_token,
            }
            async with hub_with_member(Path(folder), **given) as hub:
                for number in range(_MEMBERS):
                    await _member(hub, slack, number)
                async with Bot(hub, _now).running():
                    await slack.connected()
                    yield hub, slack


async def _acknowledged(slack: StandIn) -> float:
    told = await asyncio.gather(*(slack.slash(f"U{number}", "/tegata", "link") for number in range(_AT_ONCE)))
    if not all(one.is_acknowledged for one in told):
        print("NOT ACKNOWLEDGED:", [one.error for one in told if one.error])
    return percentile([1000 * one.seconds for one in told], 99)


async def _lags() -> list[float]:
    """Measure, until cancelled, how many milliseconds late the loop comes to what is due: a message takes twenty."""
    lags: list[float] = []
    try:
        while True:
            began = perf_counter()
            await asyncio.sleep(0.005)
            lags.append(1000 * (perf_counter() - began) - 5)
    except asyncio.CancelledError:
        return lags


async def _posted(hub: Hub, slack: StandIn) -> list[float]:
    """Let members ask for a code at a steady rate; gives how many milliseconds each message took."""
    async with asyncio.TaskGroup() as group:
        asked = []
        for number in range(_MEMBERS):
            asked.append(group.create_task(_asked(hub, slack, number)))
            await asyncio.sleep(1 / _RATE)
    return [one.result() for one in asked]


async def _asked(hub: Hub, slack: StandIn, number: int) -> float:
    visit = Visit(_now(), "10.0.0.1", Zone.ON_CAMPUS, "Firefox on Linux", "en")
    begun = await login.begin(hub, visit, name=f"member{number}", password="correct horse battery")
    contact = await Contact.get(address=f"{TEAM}/U{number}")
    assert isinstance(begun, Begun)
    began = perf_counter()
    outcome = await login.choose(hub, visit, begun.token, ByContact(contact.id))
    assert isinstance(outcome, Asked)
    await slack.next_message(f"U{number}", timeout=30)
    return 1000 * (perf_counter() - began)


async def _member(hub: Hub, slack: StandIn, number: int) -> None:
    """Make a member whose Slack account is linked."""
    slack.workspace.users[f"U{number}"] = User(f"U{number}", f"member{number}", f"Member {number}")
    account = await accounts.add(hub, VISIT, name=f"member{number}", password="correct horse battery")
    address = f"{TEAM}/U{number}"
    contact = await Contact.create(
        account=account,
        channel=Channel.SLACK,
        label="Slack",
        label_folded="slack",
        address=address,
        address_folded=address,
        added_at=VISIT.now,
        confirmed_at=VISIT.now,
    )
    await SlackMember.create(address=address, contact=contact)


def _now() -> datetime:
    return datetime.now(UTC)
