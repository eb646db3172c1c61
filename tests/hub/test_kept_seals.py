"""What the audit's numbers, kept seals and keys find: rows cut off, and what a replaced key makes."""

import re
import sqlite3
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from hub.maintenance import gauges
from hub.security import audit, keyring
from hub.security.audit import Kept
from hub.sessions import sessions
from models.event import Event, Segment
from models.kinds import EventKind
from models.session import Session
from tests.support.cli import Shell
from tests.support.factory import People

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


async def _grown(people: People) -> Kept:
    """Seal two segments and leave events unsealed; returns what an operator keeps elsewhere."""
    for name in ("taro", "hanako"):
        await people.session(await people.member(name))
        await audit.seal(people.hub.keys, now=people.now)
        people.later(minutes=1)
    await people.session(await people.member("jiro"))
    verdict = await audit.verify(people.hub.keys)
    assert verdict.findings == ()
    return Kept(verdict.last_seal, verdict.total)


async def _unsealed() -> None:
    await Event.filter(segment_id=None).delete()


async def _one_unsealed() -> None:
    first = await Event.filter(segment_id=None).order_by("id").first()
    assert first is not None
    await first.delete()


async def _newest_unsealed() -> None:
    last = await Event.filter(segment_id=None).order_by("-id").first()
    assert last is not None
    await last.delete()


async def _last_segment() -> None:
    last = await Segment.all().order_by("-id").first()
    assert last is not None
    await Event.filter(segment_id=last.id).delete()
    await _unsealed()
    await last.delete()


async def _everything() -> None:
    await Event.all().delete()
    await Segment.all().delete()


CUTS = pytest.mark.parametrize("cut", [_unsealed, _one_unsealed, _newest_unsealed, _last_segment, _everything])


@CUTS
async def test_what_is_cut_off_shows_beside_what_was_kept_elsewhere(people: People, cut) -> None:
    """On each engine: a seal and a number of events that were written down find each cut."""
    kept = await _grown(people)
    assert (await audit.verify(people.hub.keys, kept=kept)).findings == ()
    await cut()
    assert (await audit.verify(people.hub.keys, kept=kept)).findings


@ON_SQLITE
@CUTS
async def test_what_is_cut_off_leaves_a_gap_in_the_numbers(people: People, cut) -> None:
    """On SQLite the running numbers have no gaps, so that a cut shows without anything kept."""
    await _grown(people)
    await cut()
    assert (await audit.verify(people.hub.keys)).findings


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_an_audit_that_is_gone_as_a_whole_is_missed_on_postgresql(people: People) -> None:
    """Its sequence says that there were events."""
    assert (await audit.verify(people.hub.keys)).findings == ()
    await _grown(people)
    await _everything()
    assert (await audit.verify(people.hub.keys)).findings


@ON_SQLITE
@pytest.mark.parametrize(
    ("seal", "more", "is_well"),
    [("kept", 0, True), ("kept", -1, True), ("", 0, True), ("kept", 1, False), ("", 1, False), ("a" * 64, 0, False)],
)
async def test_a_kept_seal_and_number_are_compared(people: People, seal: str, more: int, *, is_well: bool) -> None:
    """The seal must be there, and no fewer events than were kept; later events are no finding."""
    kept = await _grown(people)
    compared = Kept(kept.seal if seal == "kept" else seal, kept.events + more)
    assert (not (await audit.verify(people.hub.keys, kept=compared)).findings) is is_well


@ON_SQLITE
async def test_an_event_copied_under_another_number_is_found(people: People) -> None:
    """The number is part of the MAC: a genuine event in a dropped one's place shows, although the count is right."""
    await _grown(people)
    first, second = await Event.filter(segment_id=None).order_by("id").limit(2).values()
    await Event.filter(id=first["id"]).delete()
    await Event.create(**(second | {"id": first["id"]}))
    found = (await audit.verify(people.hub.keys)).findings
    assert [one.event for one in found] == [first["id"]]


@ON_SQLITE
async def test_what_retention_dropped_is_counted_with_what_was_kept(people: People) -> None:
    """Old segments go whole and the total stays; a kept seal that went with them is no finding."""
    early = Kept(*(await _sealed(people)))
    kept = await _grown(people)
    people.later(days=1)
    await audit.seal(people.hub.keys, now=people.now)
    assert await audit.prune(people.hub.keys, people.visit(), before=people.now - timedelta(minutes=1)) > 0
    assert (await audit.verify(people.hub.keys, kept=early)).findings == ()
    late = await audit.verify(people.hub.keys)
    assert late.findings == ()
    assert late.total == kept.events + 1
    await audit.seal_all(people.hub.keys, now=people.now)
    assert (await audit.verify(people.hub.keys)).total == kept.events + 1


async def _sealed(people: People) -> tuple[str, int]:
    await people.session(await people.member("goro"))
    newest = await audit.seal_all(people.hub.keys, now=people.now)
    assert newest is not None
    return newest.seal, newest.events


async def _as_an_older_release_wrote(people: People) -> None:
    """Take the numbers out of all MACs and seals."""
    keys = people.hub.keys
    for event in await Event.all():
        await Event.filter(id=event.id).update(mac=audit._old_mac(keys, event))
    before = None
    for segment in await Segment.all().order_by("id"):
        segment.total, segment.previous = 0, before.seal if before else segment.previous
        segment.seal = audit._seal(keys, segment, await Event.filter(segment_id=segment.id).order_by("id"))
        await segment.save()
        before = segment


async def test_the_audit_of_an_older_release_is_well_and_goes_on(people: People) -> None:
    """Rows without numbers are taken as they were, sealed on, counted, dropped; behind the next seal no more."""
    kept = await _grown(people)
    await _as_an_older_release_wrote(people)
    assert (await audit.verify(people.hub.keys)).findings == ()
    people.later(minutes=1)
    await people.session(await people.member("goro"))
    await audit.seal(people.hub.keys, now=people.now)
    verdict = await audit.verify(people.hub.keys)
    assert verdict.findings == ()
    assert verdict.total > kept.events
    people.later(days=1)
    assert await audit.prune(people.hub.keys, people.visit(), before=people.now - timedelta(minutes=1)) > 0
    after = await audit.verify(people.hub.keys)
    assert (after.findings, after.total) == ((), verdict.total + 1)
    (told,) = await Event.filter(segment_id=None)
    await Event.filter(id=told.id).update(mac=audit._old_mac(people.hub.keys, told))
    assert [one.event for one in (await audit.verify(people.hub.keys)).findings if one.event] == [told.id]


async def _rotated(people: People) -> str:
    """Add a key as `tegata keys rotate` does; returns the one that it replaced."""
    old = people.hub.keys.current
    keyring.load(people.hub.settings.keys_file).rotated(now=people.now)
    people.later(minutes=1)
    assert people.hub.keys.current != old
    return old


@ON_SQLITE
@pytest.mark.parametrize("is_backdated", [False, True])
async def test_an_event_rewritten_with_a_replaced_key_is_found(people: People, *, is_backdated: bool) -> None:
    """A key counts only for what was made while it was current, whatever time the event is given."""
    await _grown(people)
    at = people.now
    old = await _rotated(people)
    await people.session(await people.member("goro"))
    assert (await audit.verify(people.hub.keys)).findings == ()
    event = await Event.filter(segment_id=None).order_by("-id").first()
    assert event is not None
    event.key, event.address, event.at = old, "192.0.2.1", at if is_backdated else event.at
    event.mac = audit._mac(people.hub.keys, event)
    await event.save()
    assert [one.event for one in (await audit.verify(people.hub.keys)).findings] == [event.id]
    assert (await audit.verify_newest(people.hub.keys)).findings


@ON_SQLITE
@pytest.mark.parametrize("is_backdated", [False, True])
async def test_a_segment_sealed_with_a_replaced_key_is_found(people: People, *, is_backdated: bool) -> None:
    """Neither a seal after the key's time counts, nor one that closes events of a newer key."""
    await _grown(people)
    at = people.now
    old = await _rotated(people)
    await people.session(await people.member("goro"))
    await audit.seal(people.hub.keys, now=people.now)
    assert (await audit.verify(people.hub.keys)).findings == ()
    segment = await Segment.all().order_by("-id").first()
    assert segment is not None
    segment.key, segment.sealed_at = old, at if is_backdated else segment.sealed_at
    segment.seal = audit._seal(people.hub.keys, segment, await Event.filter(segment_id=segment.id).order_by("id"))
    await segment.save()
    assert (await audit.verify(people.hub.keys)).findings


async def _forged(people: People, key_id: str, opened_at: datetime) -> str:
    """Write a session row with a key that was stolen, as an attacker who can write the database would."""
    member = await people.member(f"victim{await Session.all().count()}")
    token = f"forged{member.account.id}"
    await Session.create(
        digest=people.hub.keys.mac("session", token.encode(), key_id=key_id).hex(),
        account_id=member.account.id,
        amr="pwd otp mfa",
        zone="on-campus",
        address="10.0.0.9",
        browser="Firefox",
        opened_at=opened_at,
        seen_at=people.now,
        expires_at=people.now + timedelta(days=30),
    )
    return token


@ON_SQLITE
async def test_a_session_made_with_a_replaced_key_opens_nothing(people: People) -> None:
    """Dated after the key's time never; dated before it not longer than a session lives; retired not at all."""
    genuine = await people.session(await people.member())
    before = people.now
    old = await _rotated(people)
    hub = people.hub
    assert await sessions.current(hub, await _forged(people, old, people.now), now=people.now) is None
    assert await sessions.current(hub, genuine.token, now=people.now) is not None
    backdated = await _forged(people, old, before)
    people.later(hours=12)
    await Session.all().update(seen_at=people.now)
    assert await sessions.current(hub, backdated, now=people.now) is None
    fresh = await people.session(await people.member("hanako"))
    again = await _rotated(people)
    assert again != old
    assert await sessions.current(hub, fresh.token, now=people.now) is not None
    keyring.load(hub.settings.keys_file).without_replaced(now=people.now)
    assert await sessions.current(hub, fresh.token, now=people.now) is None
    assert hub.keys.opening == (hub.keys.current,)


@ON_SQLITE
async def test_the_newest_seal_and_its_number_are_measured(people: People) -> None:
    """One series: the seal as a label, the events that it covers as the value."""
    seals = [await _sealed(people)]
    await gauges.look(people.hub, now=people.now)
    await people.session(await people.member("saburo"))
    newest = await audit.seal_all(people.hub.keys, now=people.now)
    assert newest is not None
    await gauges.look(people.hub, now=people.now)
    name = "tegata_audit_sealed_events"
    assert REGISTRY.get_sample_value(name, {"seal": newest.seal}) == newest.events
    assert REGISTRY.get_sample_value(name, {"seal": seals[0][0]}) is None


def test_the_commands_print_what_is_kept_and_compare_it(desk_on_sqlite: Shell) -> None:
    """`audit seal`, `audit verify` and `doctor` give the seal and the number; `verify` takes them back."""
    desk = desk_on_sqlite
    assert desk.run("audit", "seal").code == 1
    desk.member("taro")
    sealed = desk.run("audit", "seal").out.split()
    assert [sealed[0], sealed[2]] == ["--seal", "--events"]
    assert " ".join(sealed) in desk.run("doctor").out
    desk.member("hanako")
    told = desk.run("audit", "verify", *sealed)
    assert told.code == 0
    kept = re.search(r"--seal [0-9a-f]{64} --events 2", told.out)
    assert kept
    with sqlite3.connect(Path(desk.variables["TEGATA_DATABASE_URL"].removeprefix("sqlite://"))) as rows:
        rows.execute("DELETE FROM event WHERE segment_id IS NULL")
        rows.execute("UPDATE sqlite_sequence SET seq = 1 WHERE name = 'event'")
    assert desk.run("audit", "verify").code == 0
    missed = desk.run("audit", "verify", *kept[0].split())
    assert (missed.code, "there were 2 events, and the audit accounts for 1 now" in missed.err) == (1, True)
    assert "64 hexadecimal digits" in desk.run("audit", "verify", "--seal", "abc").err


def test_older_keys_are_retired_by_a_command(desk_on_sqlite: Shell) -> None:
    """One key alone is not retired; afterwards cards open, the audit is well, and it tells of both acts."""
    desk = desk_on_sqlite
    desk.member("taro")
    desk.run("matrix", "issue", "taro")
    alone = desk.run("keys", "retire")
    assert (alone.code, "`tegata keys rotate`" in alone.err) == (1, True)
    assert desk.run("keys", "rotate").code == 0
    assert desk.run("keys", "retire").code == 0
    assert desk.run("keys", "retire").code == 1
    assert desk.run("audit", "verify").code == 0
    kinds = [one["kind"] for one in desk.run("audit", "list", "--json").json]
    assert kinds[-2:] == [EventKind.KEYS_ROTATED, EventKind.KEYS_RETIRED]
    assert desk.run("doctor").code == 0
