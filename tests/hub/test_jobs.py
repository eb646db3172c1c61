"""The jobs of the clock: one of many hubs does each, what is old goes, what is needed stays."""

import asyncio
import re
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from tortoise.connection import get_connections
from tortoise.transactions import in_transaction

from cli.server import process
from hub.context import Hub
from hub.domain.outcomes import Admitted, ByContact, Reason, Refused
from hub.login import password_login
from hub.maintenance import checks, gauges, jobs
from hub.security import rate_limits
from hub.sessions import sessions
from hub.verification import one_time_passwords, soft_tokens
from models.account import Account
from models.delivery import Delivery
from models.event import Event, Segment
from models.holders import free_abandoned
from models.indexes import BeginningIndex, beginning
from models.kinds import Channel
from models.lease import Lease
from models.login import Challenge, Login
from models.session import KnownBrowser, Session
from models.throttle import Throttle
from tests.support.factory import People
from tests.support.second_hub import other_hub
from tests.support.sql_trace import statements


async def test_of_two_hubs_one_does_the_job(people: People) -> None:
    """Twenty turns at once from two hubs: one seals, the others find the lease taken."""
    await people.member()
    now = people.now

    async def turns(hub: Hub) -> list[int]:
        return list(await asyncio.gather(*(jobs.run(hub, "seal", now=now) for _ in range(10))))

    async with other_hub(people.hub.settings) as other:
        here, there = await asyncio.gather(turns(people.hub), other.does(turns))
    done = [count for count in (*here, *there) if count]
    assert len(done) == 1
    assert await Segment.all().count() == 1
    assert await Lease.all().count() == 1


async def test_a_lease_that_ran_out_is_anybodys(people: People) -> None:
    """A hub that died in its job is followed by another one, half a turn later."""
    _, every = jobs.JOBS["seal"]
    await people.member()
    assert await jobs.run(people.hub, "seal", now=people.now) > 0
    await people.member("hanako")
    people.now += every / 2 - timedelta(microseconds=1)
    assert await jobs.run(people.hub, "seal", now=people.now) == 0
    people.now += timedelta(microseconds=1)
    async with other_hub(people.hub.settings) as other:
        now = people.now
        assert await other.does(lambda hub: jobs.run(hub, "seal", now=now)) > 0


async def test_jobs_do_not_hold_each_other_back(people: People) -> None:
    """Each has a lease of its own."""
    for name in jobs.JOBS:
        await jobs.run(people.hub, name, now=people.now)
    assert {row.name for row in await Lease.all()} == set(jobs.JOBS)


async def test_what_is_old_is_dropped_and_what_lives_stays(people: People) -> None:
    """After ninety-one days a member's old logins, codes, mails, sessions and counts are gone; the audit is not."""
    member = await people.member(contacts=("自宅",))
    pending = await people.asked_for_code(member, "自宅")
    session = await people.session(member)
    await people.asked_for_cells(member)
    await people.wronged("confirm:1:one_time_password", 3)
    await people.wronged("password:10.0.0.0/24:x", 3)
    await people.wronged(f"answer:{member.account.id}:matrix", 99)
    events = await Event.all().count()
    assert await jobs.prune(people.hub, people.now) == 0
    people.later(days=91)
    waiting = await people.begun(member)
    assert await jobs.prune(people.hub, people.now) > 0
    assert await Login.all().count() == 1
    assert waiting.token
    assert await Delivery.all().count() == 0
    assert await Session.filter(id=session.id).count() == 0
    assert {row.subject for row in await Throttle.all()} == {f"answer:{member.account.id}:matrix"}
    assert await Event.all().count() == events + 1
    # The cells that were never answered wait on.
    assert await Challenge.filter(slot=f"matrix:{member.account.id}").count() == 1
    assert not await Challenge.exists(id=pending.asked.challenge_id, slot=None)


async def test_a_database_that_answers_is_found_well(people: People) -> None:
    """The probe of readiness writes one row, and says nothing."""
    assert await jobs.probe(people.hub, now=people.now) == ""


@pytest.mark.parametrize("name", list(jobs.JOBS))
async def test_every_job_may_find_nothing_to_do(people: People, name: str) -> None:
    """On an empty database each counts zero."""
    assert await jobs.run(people.hub, name, now=people.now) == 0


async def test_every_job_is_done_soon_after_the_start(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub that is restarted more often than a job's span does it all the same."""
    monkeypatch.setattr(process, "_FIRST_TURN", timedelta(seconds=0.05))
    async with process._clockwork(people.hub, lambda: people.now):
        async with asyncio.timeout(10):
            while {row.name for row in await Lease.all()} != set(jobs.JOBS):
                await asyncio.sleep(0.05)


async def test_old_rows_are_dropped_page_by_page(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the size of a page, the same rows go and the same stay."""
    monkeypatch.setattr(jobs, "_PAGE", 2)
    monkeypatch.setattr(jobs, "_PAUSE", 0)
    member = await people.member()
    for _ in range(5):
        await people.session(member)
    kept = await Session.all().count()
    await jobs.prune(people.hub, people.now)
    assert await Session.all().count() == kept
    people.later(days=200)
    await people.session(member)
    await jobs.prune(people.hub, people.now)
    assert await Session.all().count() == 1
    assert await Event.all().exists()


def kept_for(hub: Hub, days: int) -> Hub:
    """Give a hub that keeps events so long."""
    return replace(hub, settings=hub.settings.model_copy(update={"audit_days": days}))


async def test_events_are_kept_as_long_as_the_setting_says(people: People) -> None:
    """Two years unless it says otherwise; 0 for ever."""
    await people.member()
    await jobs.seal(people.hub, people.now)
    people.later(days=800)
    await people.member("hanako")
    await jobs.seal(people.hub, people.now)
    await jobs.prune(kept_for(people.hub, 0), people.now)
    assert await Segment.all().count() == 2
    await jobs.prune(kept_for(people.hub, 730), people.now)
    assert await Segment.all().count() == 1


async def test_jobs_read_what_they_need_and_not_every_row(people: People) -> None:
    """Expiry, metrics, what was put off and killed processes' claims go by the index of what is due, counts by theirs.

    A table may be walked by its ids, a page at a time.
    """
    (connection,) = get_connections().all()
    if connection.capabilities.dialect != "sqlite":
        pytest.skip("what the planner says is told by SQLite in a form of its own")
    hub, now = people.hub, people.now
    with statements() as told:
        await jobs.expire(hub, now)
        await gauges.look(hub, now=now)
        await hub.outbox.hurry(Channel.MAIL, now=now)
        await free_abandoned("sqlite", now=now, longest=timedelta(seconds=60))
        await rate_limits.welcomed("192.0.2.1", now=now)
        await rate_limits.reopen(1)
        await jobs.prune(hub, now)
    asked = {one for one in told if "FROM" in one or one.startswith(("UPDATE", "DELETE"))}
    assert len(asked) > 20
    for one in asked:
        plan = await connection.execute_query_dict(f"EXPLAIN QUERY PLAN {_askable(one)}")
        scans = [step["detail"] for step in plan if step["detail"].startswith("SCAN")]
        assert not scans or 'ORDER BY "id"' in one, (one, scans)
        if re.search(r'"delivery"(?! SET).*"due_at" ?> ?\?', one):
            assert "due_at>" in str(plan), (one, plan)


def _askable(statement: str) -> str:
    """Put values into a traced statement, those that an index holds among them."""
    return statement.replace('substr("subject", ?, ?)', beginning("subject")).replace("?", "1")


async def test_pruning_finds_what_is_old_by_indexes(people: People) -> None:
    """Every statement, of those that choose and those that drop: with nothing to drop it costs next to nothing."""
    (connection,) = get_connections().all()
    is_sqlite = connection.capabilities.dialect == "sqlite"
    member = await people.member(contacts=("自宅",))
    await people.session(member)
    await people.asked_for_code(member, "自宅")
    await people.wronged("password:10.0.0.0/24:x", 3)
    await KnownBrowser.create(account_id=member.account.id, digest="0" * 64, seen_at=people.now)
    await jobs.seal(people.hub, people.now)
    people.later(days=900)
    await people.member("hanako")
    await jobs.seal(people.hub, people.now)
    with statements() as told:
        await jobs.prune(people.hub, people.now)
    asked = {one for one in told if one.startswith(("SELECT", "DELETE")) and "nextval" not in one}
    dropped = {one.split('"')[1] for one in asked if one.startswith("DELETE")}
    assert dropped == {"challenge", "delivery", "event", "known_browser", "login", "segment", "session", "throttle"}
    plan = _sqlite_plan if is_sqlite else _postgres_plan
    for one in asked:
        # The lowest or highest ids, as many as are wanted.
        walked = re.search(r'ORDER BY "id"( ASC| DESC)? LIMIT', one) is not None
        steps = await plan(one)
        assert walked or not re.search(r"SCAN|Seq Scan", steps), (one, steps)


async def _sqlite_plan(statement: str) -> str:
    (connection,) = get_connections().all()
    return str([dict(row) for row in await connection.execute_query_dict(f"EXPLAIN QUERY PLAN {_askable(statement)}")])


async def _postgres_plan(statement: str) -> str:
    """Ask for the plan for any values, of a server that reads a whole table only where no index serves."""
    values = ", ".join("NULL" for _ in set(re.findall(r"\$\d+", statement)))
    async with in_transaction() as transaction:
        await transaction.execute_script(
            "SET LOCAL enable_seqscan = off; SET LOCAL plan_cache_mode = force_generic_plan"
        )
        await transaction.execute_script(f"PREPARE asked AS {statement}")
        plan = await transaction.execute_query_dict(f"EXPLAIN EXECUTE asked{f'({values})' if values else ''}")
        await transaction.execute_script("DEALLOCATE asked")
    return str([dict(row) for row in plan])


def test_the_scopes_of_counts_differ_in_the_letters_that_are_indexed() -> None:
    """Else counts of one scope would be kept as long as another's."""
    assert len({scope[: BeginningIndex.LETTERS] for scope in rate_limits.Scope}) == len(rate_limits.Scope)


async def test_each_kind_of_count_is_dropped_when_its_own_life_is_over(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page at a time, and what is no kind of this release stays as long as the longest."""
    monkeypatch.setattr(jobs, "_PAGE", 2)
    monkeypatch.setattr(jobs, "_PAUSE", 0)
    longest = max(rate_limits.LIVES.values())
    for scope, life in [*rate_limits.LIVES.items(), ("later", longest)]:
        for name, open_at in (("old", people.now - life - timedelta(seconds=1)), ("young", people.now - life)):
            await Throttle.create(subject=f"{scope}:{name}", wrong=1, open_at=open_at)
    await jobs.prune(people.hub, people.now)
    left = {row.subject.partition(":")[2] for row in await Throttle.all()}
    assert left == {"young"}
    assert await Throttle.all().count() == len(rate_limits.LIVES) + 1


async def test_a_clock_that_ran_ahead_leaves_nothing_behind(people: People) -> None:
    """Nine hours ahead, then set: codes are sent, jobs are done, and no session or code outlives its end."""
    member = await people.member(contacts=("自宅", "職場"))
    right_time = people.now
    people.later(hours=9)
    session = await people.stepped_up(member)
    ahead = await people.asked_for_code(member, "自宅")
    begun = await people.begun(member)
    await password_login.choose(people.hub, people.visit(), begun.token, ByContact(member.contacts["職場"]))
    await Account.filter(id=member.account.id).update(codes_blocked_until=people.now + timedelta(hours=1))
    await jobs.run(people.hub, "expire", now=people.now)
    future = await checks.rows_from_the_future(now=right_time)
    assert {"event", "session", "login", "challenge", "letter", "paused account", "lease"} <= set(future)
    people.now = right_time
    await jobs.run(people.hub, "expire", now=people.now)
    assert one_time_passwords.kept_until(await Account.get(id=member.account.id), now=people.now) is None
    assert await sessions.current(people.hub, session.token, now=people.now) is None
    assert not session.is_stepped_up(people.now)
    outcome = await password_login.answer(people.hub, people.visit(), ahead.token, ahead.right)
    assert outcome == Refused(Reason.LOGIN_OVER)
    pending = await people.asked_for_code(member, "自宅")
    assert pending.right
    assert isinstance(await password_login.answer(people.hub, people.visit(), pending.token, pending.right), Admitted)


async def test_a_soft_token_is_heard_after_a_clock_that_ran_ahead(people: People) -> None:
    """The step that was spent in a time to come is no bound; each step of now is taken once all the same."""
    member = await people.member()
    device = await people.soft_token(member)
    right_time = people.now

    async def answered() -> Reason | None:
        return await soft_tokens.answered(people.hub, member.account.id, device.code(people.now), now=people.now)

    people.later(hours=9)
    assert await answered() is None
    people.now = right_time
    people.later(minutes=2)
    assert await answered() is None
    assert await answered() == Reason.CODE_USED
    people.later(seconds=60)
    assert await answered() is None
    # A difference that clocks of two hubs may have.
    people.later(seconds=-60)
    assert await answered() == Reason.CODE_USED


async def test_a_job_that_is_under_way_when_the_hub_ends_leaves_no_traceback(
    people: People, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The scheduler cancels it, and the log says nothing of an error."""
    monkeypatch.setattr(process, "_FIRST_TURN", timedelta(milliseconds=1))
    begun = asyncio.Event()

    def clock() -> datetime:
        begun.set()
        return people.now

    async with process._clockwork(people.hub, clock):
        await asyncio.wait_for(begun.wait(), 5)
    await asyncio.sleep(0.2)
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []
