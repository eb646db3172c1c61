"""How a waiter hears that rows arrived: in the same process, from another hub, from a command beside SQLite."""

import asyncio
from time import monotonic

import pytest
from tortoise.connection import get_connections

from hub.context import Hub
from hub.domain.outcomes import Asked, ByContact
from hub.login import password_login
from hub.outbox.queue import topic_of
from hub.runtime.notifier import Wakeups
from models.kinds import Channel
from tests.support.factory import People
from tests.support.second_hub import other_hub


async def test_a_bell_rings_for_its_own_topic_only_and_until_it_was_heard() -> None:
    """Told before the waiter waits, it is heard; heard once, it is silent; another topic is not heard."""
    wakeups = Wakeups()
    with wakeups.listening("a") as bell, wakeups.listening("b") as other:
        await wakeups.tell("a")
        await wakeups.tell("a")
        assert await bell.heard(timeout=0)
        assert not await bell.heard(timeout=0)
        assert not await other.heard(timeout=0)
    await wakeups.tell("a")
    assert not await bell.heard(timeout=0)


async def test_every_waiter_of_a_topic_hears_it() -> None:
    """A page in two tabs is two waiters."""
    wakeups = Wakeups()
    with wakeups.listening("a") as one, wakeups.listening("a") as other:
        await wakeups.tell("a")
        assert await one.heard(timeout=0)
        assert await other.heard(timeout=0)


async def test_a_sender_in_another_hub_hears_a_code_at_once(people: People) -> None:
    """By LISTEN and NOTIFY on PostgreSQL, by the file's version on SQLite: within a second, mostly far sooner."""
    member = await people.member(contacts=("自宅",))
    begun = await people.begun(member)
    async with other_hub(people.hub.settings) as other:
        listening = asyncio.Event()

        async def heard(hub: Hub) -> bool:
            async with hub.outbox.waiting(Channel.MAIL) as bell:
                # What rang while the second hub was starting is not what this is about.
                await asyncio.sleep(0.6)
                await bell.heard(timeout=0)
                listening.set()
                return await bell.heard(timeout=5)

        waiting = asyncio.create_task(other.does(heard))
        await listening.wait()
        began = monotonic()
        await password_login.choose(people.hub, people.visit(), begun.token, ByContact(member.contacts["自宅"]))
        assert await waiting
        assert monotonic() - began < 2


async def test_a_page_hears_what_a_command_beside_the_hub_wrote(people: People) -> None:
    """The hub hears of the other one's report on a delivery, whichever engine tells it."""
    member = await people.member(contacts=("自宅",))
    begun = await people.begun(member)
    asked = await password_login.choose(people.hub, people.visit(), begun.token, ByContact(member.contacts["自宅"]))
    assert isinstance(asked, Asked)
    assert asked.challenge_id is not None
    now = people.now
    async with other_hub(people.hub.settings) as other:

        async def sent(hub: Hub) -> None:
            there = People(hub)
            there.now = now
            assert len(await there.delivered()) == 1

        with people.hub.wakeups.listening(topic_of(asked.challenge_id)) as bell:
            await asyncio.sleep(0.6)
            await bell.heard(timeout=0)
            await other.does(sent)
            assert await bell.heard(timeout=5)


async def test_a_lost_listener_is_made_again(people: People) -> None:
    """PostgreSQL ends the listening connection: a second later the hub hears again."""
    if not people.hub.settings.database_url.startswith("postgres"):
        pytest.skip("SQLite has no listener that could be lost")
    (connection,) = get_connections().all()
    await asyncio.sleep(0.3)
    ended = await connection.execute_query_dict(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE 'LISTEN%'"
    )
    assert ended
    with people.hub.wakeups.listening("outbox:mail") as bell:
        # Made again, it rings for whatever was told meanwhile.
        assert await bell.heard(timeout=5)
        async with other_hub(people.hub.settings) as other:
            await asyncio.sleep(0.3)
            await bell.heard(timeout=0)
            await other.does(lambda hub: hub.outbox.rouse(Channel.MAIL))
            assert await bell.heard(timeout=5)
