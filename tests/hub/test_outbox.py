"""The outbox: one worker a delivery, the same mail after a crash, an end for everything."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from tortoise.connection import get_connections

from hub.context import Hub
from hub.domain.outcomes import Asked, ByContact, DeliveryState
from hub.login import password_login
from hub.maintenance import jobs
from hub.outbox.messages import Accepted, Claimed, Deferred, Failed, Unknown, line_of
from hub.settings import NUMBERS
from models.contact import Contact
from models.delivery import Delivery
from models.kinds import Channel, Letter, Notice
from models.login import Challenge, Login
from tests.support.factory import START, Member, People
from tests.support.second_hub import other_hub


async def _posted(people: People, member: Member, label: str = "自宅") -> str:
    """Ask for a code and leave it in the outbox; returns the login's token."""
    begun = await people.begun(member)
    asked = await password_login.choose(people.hub, people.visit(), begun.token, ByContact(member.contacts[label]))
    assert isinstance(asked, Asked), asked
    return begun.token


async def _claim(people: People, limit: int = 100) -> list[Claimed]:
    return await people.hub.outbox.claim(Channel.MAIL, limit=limit, now=people.now)


async def _notices(people: People, member: Member, number: int) -> None:
    contact = await Contact.get(id=member.contacts["自宅"])
    for _ in range(number):
        await people.hub.outbox.post_notice(
            Notice.CONTACT_ADDED, contact, member.account, people.visit(), about="携帯", session_id=None
        )


async def test_a_code_is_claimed_with_all_that_its_letter_needs(people: People) -> None:
    """Whose it is, where it goes, what it says, until when it holds; a code and no URL."""
    member = await people.member(contacts=("自宅",))
    await _posted(people, member)
    (claimed,) = await _claim(people)
    assert (claimed.account, claimed.label, claimed.address) == ("taro", "自宅", "taro0@mail.test")
    assert claimed.letter is Letter.CODE
    assert len(claimed.code) == 6
    assert claimed.url == ""
    assert claimed.expires_at == START + NUMBERS.code_life
    assert (claimed.asked_from, claimed.asked_with, claimed.asked_at) == ("10.0.0.1", "Firefox on Linux", START)
    assert claimed.message_id.endswith("@portal.test>")
    assert claimed.code not in repr(claimed)


async def test_a_claim_is_exclusive_between_two_hubs(people: People) -> None:
    """Two workers that claim at the same moment until nothing is left share forty deliveries, none twice."""
    member = await people.member(contacts=("自宅",))
    await _notices(people, member, 40)
    now = people.now

    async def emptied(hub: Hub) -> list[int]:
        taken: list[int] = []
        while claimed := await hub.outbox.claim(Channel.MAIL, limit=3, now=now):
            taken += [one.id for one in claimed]
            await asyncio.sleep(0)
        return taken

    async with other_hub(people.hub.settings) as other:
        here, there = await asyncio.gather(emptied(people.hub), other.does(emptied))
    assert len(here) + len(there) == 40
    assert len({*here, *there}) == 40
    assert {row.attempts for row in await Delivery.all()} == {1}


async def test_the_most_urgent_is_claimed_first(people: People) -> None:
    """A code goes before notices that wait longer."""
    member = await people.member(contacts=("自宅",))
    await _notices(people, member, 5)
    people.later(seconds=5)
    await _posted(people, member)
    (first,) = await _claim(people, limit=1)
    assert first.letter is Letter.CODE


async def test_a_lease_that_ran_out_sends_the_same_mail_again(people: People) -> None:
    """A worker that died loses it after a minute: same Message-ID, same code, one attempt more."""
    member = await people.member(contacts=("自宅",))
    await _posted(people, member)
    (first,) = await _claim(people)
    people.later(seconds=60, microseconds=-1)
    assert await _claim(people) == []
    people.later(microseconds=1)
    (second,) = await _claim(people)
    assert (second.message_id, second.code, second.expires_at) == (first.message_id, first.code, first.expires_at)
    assert (first.attempt, second.attempt) == (1, 2)
    assert second.lease != first.lease


@pytest.mark.parametrize("report", [Accepted("250 ok"), Failed("550 no"), Deferred("451 later")])
async def test_a_report_with_a_lost_lease_changes_nothing(people: People, report: Accepted | Failed | Deferred) -> None:
    """The worker that came back from the dead can't overrule the one that has the delivery now."""
    await _posted(people, await people.member(contacts=("自宅",)))
    (lost,) = await _claim(people)
    people.later(seconds=60)
    (held,) = await _claim(people)
    before = await Delivery.get().values()
    await people.hub.outbox.report(lost, report, now=people.now)
    assert await Delivery.get().values() == before
    await people.hub.outbox.report(held, Accepted("250 kept"), now=people.now)
    assert (await Delivery.get()).accepted_at == people.now


async def test_what_was_reported_is_never_claimed_again(people: People) -> None:
    """Accepted or failed, it is over, a day later too."""
    member = await people.member(contacts=("自宅",))
    await _notices(people, member, 2)
    one, other = await _claim(people)
    await people.hub.outbox.report(one, Accepted("250 kept"), now=people.now)
    await people.hub.outbox.report(other, Failed("550 no such user"), now=people.now)
    people.later(days=1)
    assert await _claim(people) == []


async def test_retries_back_off_with_jitter_until_the_codes_end_and_no_longer(people: People) -> None:
    """About 1, 2, 4, 8, 16, 30, 30 … seconds apart; the last try lies within the code's ten minutes, then it failed."""
    await _posted(people, await people.member(contacts=("自宅",)))
    waits = []
    while claimed := await _claim(people):
        await people.hub.outbox.report(claimed[0], Deferred("451 not now"), now=people.now)
        row = await Delivery.get()
        if row.due_at is None:
            break
        waits.append((row.due_at - people.now).total_seconds())
        people.now = row.due_at
    expected = [1, 2, 4, 8, 16] + [30] * (len(waits) - 5)
    assert all(right * 0.75 <= wait <= right * 1.25 for wait, right in zip(waits, expected, strict=True))
    assert len({wait / right for wait, right in zip(waits, expected, strict=True)}) > 3
    assert sum(waits) < 600
    assert len(waits) > 15
    row = await Delivery.get()
    assert row.failed_at is not None
    assert row.reply == "451 not now"


async def test_a_server_that_names_a_time_is_not_met_before_it(people: People) -> None:
    """Its wish counts when it is longer than our own wait."""
    await _posted(people, await people.member(contacts=("自宅",)))
    (claimed,) = await _claim(people)
    await people.hub.outbox.report(claimed, Deferred("451 greylisted", timedelta(minutes=5)), now=people.now)
    assert (await Delivery.get()).due_at == people.now + timedelta(minutes=5)


async def test_what_could_not_be_sent_in_its_time_expires(people: People) -> None:
    """At the code's end nothing is claimed any more; the job closes the row, a leased one when its lease is over."""
    member = await people.member(contacts=("自宅", "携帯"))
    await _posted(people, member)
    people.now = START + NUMBERS.code_life - timedelta(seconds=1)
    assert await people.hub.outbox.expire(now=people.now) == 0
    assert len(await _claim(people)) == 1
    people.now = START + NUMBERS.code_life
    assert await _claim(people) == []
    backlog = await people.hub.outbox.backlog(now=people.now)
    assert [backlog[channel].due for channel in Channel] == [0, 0]
    assert await people.hub.outbox.expire(now=people.now) == 0
    people.later(seconds=NUMBERS.delivery_lease.total_seconds())
    assert await people.hub.outbox.expire(now=people.now) == 1
    row = await Delivery.get()
    assert (row.failed_at, row.due_at) == (people.now, None)


async def test_a_notice_two_days_old_is_not_sent_any_more(people: People) -> None:
    """News of the day before yesterday only confuses; a second before, it goes out."""
    member = await people.member(contacts=("自宅",))
    await _notices(people, member, 2)
    people.later(days=2, seconds=-1)
    assert len(await _claim(people, limit=1)) == 1
    people.later(seconds=1)
    assert await _claim(people) == []


async def test_a_code_that_was_used_meanwhile_is_not_sent_any_more(people: People) -> None:
    """Its second mail, still waiting, is dropped when a worker comes to it."""
    member = await people.member(contacts=("自宅",))
    pending = await people.asked_for_code(member, "自宅")
    people.later(seconds=30)
    await password_login.send_again(people.hub, people.visit(), pending.token)
    await password_login.answer(people.hub, people.visit(), pending.token, pending.right)
    assert await _claim(people) == []
    row = await Delivery.all().order_by("-id").first()
    assert row is not None
    assert row.failed_at == people.now


async def test_the_page_sees_each_state_of_a_delivery(people: People) -> None:
    """Waiting, retrying with what the server said, accepted with the time."""
    token = await _posted(people, await people.member(contacts=("自宅",)))

    async def state() -> tuple[DeliveryState, str]:
        asked = await password_login.asked(people.hub, token, now=people.now)
        assert isinstance(asked, Asked)
        assert asked.delivery is not None
        return asked.delivery.state, asked.delivery.reply

    assert await state() == (DeliveryState.WAITING, "")
    (claimed,) = await _claim(people)
    await people.hub.outbox.report(claimed, Deferred("451 not\r\nnow"), now=people.now)
    assert await state() == (DeliveryState.RETRYING, "451 not  now")
    people.later(seconds=2)
    (claimed,) = await _claim(people)
    await people.hub.outbox.report(claimed, Accepted("250 kept"), now=people.now)
    assert await state() == (DeliveryState.ACCEPTED, "250 kept")


async def test_a_code_and_its_delivery_are_written_together_or_not_at_all(people: People) -> None:
    """When the delivery can't be written there is no challenge either, and the login asks nothing."""
    member = await people.member(contacts=("自宅",))
    begun = await people.begun(member)
    way = ByContact(member.contacts["自宅"])
    # A column that must not be empty stands in the delivery, and in nothing that is written before it.
    spoilt = replace(people.visit(), browser=None)  # type: ignore[arg-type]
    with pytest.raises(Exception, match="asked_with"):
        await password_login.choose(people.hub, spoilt, begun.token, way)
    assert await Delivery.all().count() == 0
    assert await Challenge.all().count() == 0
    assert (await Login.get()).chosen == ""
    assert isinstance(await password_login.choose(people.hub, people.visit(), begun.token, way), Asked)


async def test_what_a_killed_process_had_claimed_is_due_at_once(people: People) -> None:
    """On PostgreSQL its lock ends with its connection, on SQLite the next start frees it. A living one keeps it."""
    member = await people.member(contacts=("自宅",))
    await _posted(people, member)
    later = people.now + timedelta(seconds=5)
    is_sqlite = people.hub.settings.database_url.startswith("sqlite")

    async def claimed(hub: Hub) -> int:
        async with asyncio.timeout(5):
            while not await _is_locked(hub):
                await asyncio.sleep(0.05)
        return len(await hub.outbox.claim(Channel.MAIL, limit=9, now=people.now))

    async with other_hub(people.hub.settings) as other:
        assert await other.does(claimed) == 1
        if not is_sqlite:
            assert await jobs.free_abandoned(people.hub, now=later) == 0
    assert await jobs.free_abandoned(people.hub, now=later) == 1
    (again,) = await people.hub.outbox.claim(Channel.MAIL, limit=9, now=later)
    assert again.attempt == 2


async def _is_locked(hub: Hub) -> bool:
    """Tell whether this process's lock can be seen, which its listening connection takes a moment after the start."""
    if hub.settings.database_url.startswith("sqlite"):
        return True
    (connection,) = get_connections().all()
    number = int(hub.wakeups.holder.lease()[:8], 16)
    return bool(await connection.execute_query_dict("SELECT 1 FROM pg_locks WHERE objid::bigint = $1", [number]))


async def test_a_letter_whose_end_is_unknown_rests_ever_longer_and_has_an_end(people: People) -> None:
    """Five minutes, then twenty; three copies and no more, and it is never said that it failed."""
    member = await people.member(contacts=("自宅",))
    await _notices(people, member, 1)
    for copies, pause in ((1, NUMBERS.unknown_pause), (2, 4 * NUMBERS.unknown_pause), (3, None)):
        (claimed,) = await _claim(people)
        await people.hub.outbox.report(claimed, Unknown("the mail server hung up"), now=people.now)
        row = await Delivery.get()
        assert (row.copies, row.failed_at, row.unknown_at) == (copies, None, people.now)
        assert row.due_at == (people.now + pause if pause else None)
        assert line_of(row, people.now).state is DeliveryState.UNKNOWN
        people.later(seconds=pause.total_seconds() if pause else 0)


async def test_a_letter_whose_reports_are_lost_is_sent_a_bounded_number_of_times(people: People) -> None:
    """A lease that runs out may have sent a copy: after six the letter is not claimed any more."""
    member = await people.member(contacts=("自宅",))
    await _notices(people, member, 1)
    claims = 0
    for _ in range(10):
        claims += len(await _claim(people))
        people.later(seconds=NUMBERS.delivery_lease.total_seconds())
    row = await Delivery.get()
    assert (claims, row.due_at, row.failed_at) == (NUMBERS.letter_leases, None, None)
    assert line_of(row, people.now).state is DeliveryState.UNKNOWN


async def test_what_was_given_back_is_no_copy(people: People) -> None:
    """A worker that ends before it began gives its letters back at once; a slow one keeps its lease."""
    member = await people.member(contacts=("自宅",))
    await _notices(people, member, 1)
    for _ in range(5):
        claimed = await _claim(people)
        await people.hub.outbox.release(claimed, now=people.now)
    (claimed,) = await _claim(people)
    assert claimed.copies == 0
    for _ in range(5):
        people.later(seconds=NUMBERS.delivery_lease.total_seconds() / 2)
        await people.hub.outbox.renew([claimed], now=people.now)
        assert await _claim(people) == []


async def test_a_later_word_counts_more_than_an_unknown_end(people: People) -> None:
    """The next copy is taken, or refused for good: then that is how it stands."""
    member = await people.member(contacts=("自宅",))
    await _notices(people, member, 2)
    for claimed in await _claim(people):
        await people.hub.outbox.report(claimed, Unknown("lost"), now=people.now)
    people.later(seconds=NUMBERS.unknown_pause.total_seconds())
    first, second = await _claim(people)
    await people.hub.outbox.report(first, Accepted("250 taken"), now=people.now)
    await people.hub.outbox.report(second, Failed("550 5.1.1 no"), now=people.now)
    states = [line_of(row, people.now).state for row in await Delivery.all().order_by("id")]
    assert states == [DeliveryState.ACCEPTED, DeliveryState.FAILED]
