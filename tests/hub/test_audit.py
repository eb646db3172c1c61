"""The audit: whatever is changed, dropped or added is found; nothing is when nobody touched it."""

from datetime import timedelta
from typing import Any

import pytest
from tortoise.connection import get_connections

from hub.security import audit, keyring
from models.event import Event, Segment
from models.kinds import EventKind
from tests.support.factory import People
from tests.support.sql_trace import statements


async def _three_segments(people: People) -> list[int]:
    """Seal three segments and leave some events unsealed; returns the segments' ids."""
    for name in ("taro", "hanako", "jiro"):
        await people.session(await people.member(name))
        assert await audit.seal(people.hub.keys, now=people.now) > 2
        people.later(minutes=1)
    await people.session(await people.member("goro"))
    return [segment.id for segment in await Segment.all().order_by("id")]


async def _found(people: People) -> list[tuple[int | None, int | None]]:
    verdict = await audit.verify(people.hub.keys)
    return [(finding.segment, finding.event) for finding in verdict.findings]


async def test_an_untouched_audit_has_no_findings(people: People) -> None:
    """Sealed and unsealed events are looked through; the last seal is told."""
    await _three_segments(people)
    verdict = await audit.verify(people.hub.keys)
    assert verdict.findings == ()
    assert verdict.segments == 3
    assert verdict.events == await Event.all().count()
    last = await Segment.all().order_by("-id").first()
    assert last is not None
    assert verdict.last_seal == last.seal


async def test_an_empty_audit_is_well_and_nothing_is_sealed(people: People) -> None:
    """No events, no segment, no finding."""
    assert await audit.seal(people.hub.keys, now=people.now) == 0
    assert await audit.verify(people.hub.keys) == audit.Verdict(0, 0, "", ())


@pytest.mark.parametrize(
    "change",
    [
        {"at": timedelta(seconds=1)},
        {"kind": EventKind.SESSION_ENDED},
        {"account_id": 99},
        {"account_id": None},
        {"address": "192.0.2.1"},
        {"detail": '{"amr": "sc pin hwk mfa"}'},
        {"mac": "0" * 32},
    ],
)
@pytest.mark.parametrize("is_sealed", [True, False])
async def test_a_changed_event_is_found(people: People, change: dict[str, object], is_sealed: bool) -> None:
    """Each of its columns counts, sealed or not."""
    await _three_segments(people)
    chosen = await Event.filter(segment_id__isnull=not is_sealed).order_by("-id").first()
    assert chosen is not None
    if "at" in change:
        change = {"at": chosen.at + timedelta(seconds=1)}
    await Event.filter(id=chosen.id).update(**change)
    assert (chosen.segment_id, chosen.id) in await _found(people)


async def test_a_dropped_event_is_found(people: People) -> None:
    """Its segment holds one event fewer than it sealed."""
    segments = await _three_segments(people)
    chosen = await Event.filter(segment_id=segments[1]).order_by("id").first()
    assert chosen is not None
    await chosen.delete()
    assert {segment for segment, _ in await _found(people)} == {segments[1]}


@pytest.mark.parametrize("is_sealed", [True, False])
async def test_an_added_event_is_found(people: People, is_sealed: bool) -> None:
    """One written without the key, into a segment or behind the last."""
    segments = await _three_segments(people)
    added = await Event.create(
        at=people.now,
        kind=EventKind.ADMITTED,
        account_id=1,
        key=people.hub.keys.current,
        mac="ab" * 16,
        segment_id=segments[0] if is_sealed else None,
    )
    assert (added.segment_id, added.id) in await _found(people)


async def test_a_copied_event_is_found_in_a_segment(people: People) -> None:
    """Even a genuine event, written a second time into a segment, is one too many there."""
    segments = await _three_segments(people)
    chosen = await Event.filter(segment_id=segments[0]).first().values()
    assert chosen is not None
    del chosen["id"]
    await Event.create(**chosen)
    assert segments[0] in {segment for segment, _ in await _found(people)}


async def test_events_moved_to_another_segment_are_found(people: People) -> None:
    """Both segments tell."""
    segments = await _three_segments(people)
    chosen = await Event.filter(segment_id=segments[0]).first()
    assert chosen is not None
    await Event.filter(id=chosen.id).update(segment_id=segments[1])
    assert {segment for segment, _ in await _found(people)} == {segments[0], segments[1]}


@pytest.mark.parametrize("place", [0, 1])
async def test_a_dropped_segment_is_found(people: People, place: int) -> None:
    """With its events the next segment tells; alone, its events tell too."""
    segments = await _three_segments(people)
    await Segment.filter(id=segments[place]).delete()
    found = await _found(people)
    assert (segments[place + 1], None) in found
    assert segments[place] in {segment for segment, _ in found}
    await Event.filter(segment_id=segments[place]).delete()
    assert await _found(people) == [(segments[place + 1], None)]


async def test_the_last_segment_dropped_with_its_events_shows_in_the_last_seal(people: People) -> None:
    """Nothing in the database can tell it, so each seal is logged and `audit verify` shows the last one."""
    segments = await _three_segments(people)
    before = (await audit.verify(people.hub.keys)).last_seal
    await Event.filter(segment_id=segments[2]).delete()
    await Segment.filter(id=segments[2]).delete()
    verdict = await audit.verify(people.hub.keys)
    assert verdict.last_seal != before


@pytest.mark.parametrize("change", [{"events": 1}, {"seal": "0" * 64}, {"previous": "1" * 64}])
async def test_a_changed_segment_is_found(people: People, change: dict[str, object]) -> None:
    """Its count, its seal and the seal before it all count."""
    segments = await _three_segments(people)
    await Segment.filter(id=segments[1]).update(**change)
    assert segments[1] in {segment for segment, _ in await _found(people)}


async def test_an_audit_is_well_after_the_keys_were_rotated(people: People) -> None:
    """Each event and segment names the key it was made with."""
    await _three_segments(people)
    keyring.load(people.hub.settings.keys_file).rotated(now=people.now)
    people.hub.keys.reload()
    await people.session(await people.member("saburo"))
    await audit.seal(people.hub.keys, now=people.now)
    verdict = await audit.verify(people.hub.keys)
    assert verdict.findings == ()
    assert verdict.segments == 4
    assert len({segment.key for segment in await Segment.all()}) == 2


async def test_an_event_keeps_nothing_that_is_not_told(people: People) -> None:
    """Details that are None are left out; Japanese is kept as it is."""
    await audit.record(people.hub.keys, EventKind.CONTACT_ADDED, people.visit(), 1, label="自宅", contact=None)
    (told,) = await audit.listed(account_id=1, limit=5)
    assert told.detail == {"label": "自宅"}
    assert "自宅" in (await Event.get(kind=EventKind.CONTACT_ADDED)).detail


@pytest.mark.parametrize("which", [{"account_id": 1}, {"kind": EventKind.ADMITTED}])
async def test_the_events_of_a_kind_or_an_account_are_found_without_reading_the_others(
    people: People, which: dict[str, Any]
) -> None:
    """By an index that is in their order already."""
    (connection,) = get_connections().all()
    if connection.capabilities.dialect != "sqlite":
        pytest.skip("the planner of PostgreSQL reads a table of few rows whole")
    with statements() as told:
        await audit.listed(**{"account_id": None, "limit": 5, **which})
    (asked,) = (one for one in told if 'FROM "event"' in one)
    plan = str(await connection.execute_query_dict(f"EXPLAIN QUERY PLAN {asked.replace('?', '1')}"))
    assert "SEARCH" in plan
    assert "SCAN" not in plan
    assert "TEMP B-TREE" not in plan


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read and drop two rows at a time, so that a small audit has many pages."""
    monkeypatch.setattr(audit, "_PAGE", 2)
    monkeypatch.setattr(audit, "_PAUSE", 0)


@pytest.mark.usefixtures("small_pages")
async def test_an_audit_of_many_pages_is_looked_through_once(people: People) -> None:
    """Each event is seen once, whatever the pages, and the progress adds up; so it is for what is changed."""
    await _three_segments(people)
    seen: list[int] = []
    verdict = await audit.verify(people.hub.keys, seen.append)
    assert verdict.findings == ()
    assert sum(seen) == verdict.events == await Event.all().count()
    await Event.all().update(address="192.0.2.1")
    findings = (await audit.verify(people.hub.keys)).findings
    assert {one.event for one in findings} >= {event.id for event in await Event.all()}


async def test_a_thousand_findings_are_listed_and_the_rest_counted(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory does not grow with what is wrong."""
    await _three_segments(people)
    await Event.all().update(address="192.0.2.1")
    every = await audit.verify(people.hub.keys)
    monkeypatch.setattr(audit, "_MOST_FINDINGS", 3)
    some = await audit.verify(people.hub.keys)
    assert (len(some.findings), some.more) == (3, len(every.findings) - 3)


async def test_the_newest_segment_is_looked_at_alone(people: People) -> None:
    """The doctor's look finds what was changed there or is not sealed yet, and reads no older events."""
    segments = await _three_segments(people)
    assert (await audit.verify_newest(people.hub.keys)).findings == ()
    await Event.filter(segment_id=segments[0]).update(address="192.0.2.1")
    verdict = await audit.verify_newest(people.hub.keys)
    assert verdict.findings == ()
    assert verdict.events < await Event.all().count()
    await Event.filter(segment_id=segments[2]).update(address="192.0.2.1")
    assert {one.segment for one in (await audit.verify_newest(people.hub.keys)).findings} == {segments[2]}


async def _pruned(people: People) -> int:
    return await audit.prune(people.hub.keys, people.visit(), before=people.now - timedelta(minutes=1))


@pytest.mark.usefixtures("small_pages")
async def test_old_segments_are_dropped_whole_and_the_rest_is_well(people: People) -> None:
    """Retention tells what it dropped, sealed or not yet; the newest segment stays."""
    segments = await _three_segments(people)
    old = await Event.filter(segment_id__in=segments[:2]).count()
    assert await _pruned(people) == old
    assert [one.id for one in await Segment.all()] == segments[2:]
    assert await _found(people) == []
    await audit.seal(people.hub.keys, now=people.now)
    assert await _found(people) == []
    people.later(minutes=9)
    assert await _pruned(people) > 0
    assert await Segment.all().count() == 1
    assert await _found(people) == []
    assert await _pruned(people) == 0


@pytest.mark.usefixtures("small_pages")
async def test_what_retention_did_not_drop_is_missed(people: People) -> None:
    """One more segment taken away after it, or its event changed, shows as ever."""
    await _three_segments(people)
    people.later(minutes=-1)
    await _pruned(people)
    people.later(minutes=1)
    assert await _found(people) == []
    first, second = await Segment.all().order_by("id")
    await Event.filter(segment_id=first.id).delete()
    await first.delete()
    assert await _found(people) == [(second.id, None)]
    told = await Event.get(kind=EventKind.AUDIT_PRUNED)
    detail = told.detail.replace(str(first.previous), str(second.previous))
    await Event.filter(id=told.id).update(detail=detail)
    assert (second.id, None) in await _found(people)


async def test_a_drop_that_was_cut_off_goes_on_the_next_time(people: People) -> None:
    """What is left of dropped segments is no finding, and is dropped later."""
    segments = await _three_segments(people)
    left = await Event.filter(segment_id=segments[0]).values()
    await _pruned(people)
    await Event.bulk_create([Event(**one) for one in left])
    assert await _found(people) == []
    assert await _pruned(people) == len(left)
