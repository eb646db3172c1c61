"""What `tegata delivery list` tells the help desk: the whole life of each letter, never its code."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from hub.contacts import suspension
from hub.contacts.suspension import Bounce, BounceKind
from hub.context import opened
from hub.domain.outcomes import Admitted, Asked, ByContact
from hub.login import password_login
from hub.outbox.messages import Accepted, Claimed, Deferred, Failed, Report, Unknown
from hub.settings import load
from models.kinds import Channel
from tests.support.cli import Shell
from tests.support.factory import Pending, People


def at_the_hub(work: Callable[[People], Awaitable[str]], *, minutes_ago: int = 0) -> str:
    """Do what members and senders do in the shell's hub; gives the code that was sent."""

    async def done() -> str:
        async with opened(load()) as hub:
            people = People(hub)
            people.now = datetime.now(UTC) - timedelta(minutes=minutes_ago)
            return await work(people)

    return asyncio.run(done())


async def sent(people: People, report: Callable[[Claimed], Report]) -> tuple[Claimed, Pending]:
    """Ask for a code and report what became of it."""
    member = await people.member(contacts=("自宅",))
    begun = await people.begun(member)
    asked = await password_login.choose(people.hub, people.visit(), begun.token, ByContact(member.contacts["自宅"]))
    assert isinstance(asked, Asked), asked
    (one,) = await people.hub.outbox.claim(Channel.MAIL, limit=9, now=people.now)
    await people.hub.outbox.report(one, report(one), now=people.now)
    return one, Pending(begun.token, asked, one.code)


def seen(desk: Shell, code: str) -> str:
    """Ask for the list, which has one letter, in words and as JSON; neither holds the code."""
    told = desk.run("delivery", "list", "taro", "--limit", 1)
    assert told.code == 0, told
    json = desk.run("delivery", "list", "TARO", "--limit", 1, "--json")
    assert len(json.json) == 1
    assert len(code) == 6
    assert code not in told.out + json.out
    return told.out


def test_a_code_that_was_used_is_told_with_the_servers_words(desk: Shell) -> None:
    """Asked when and from where, to which address, handed over with which words, used when."""

    async def used(people: People) -> str:
        claimed, pending = await sent(people, lambda _: Accepted("250 2.0.0 queued as 4F1C"))
        people.later(seconds=20)
        outcome = await password_login.answer(people.hub, people.visit(), pending.token, claimed.code)
        assert isinstance(outcome, Admitted), outcome
        return claimed.code

    lines = seen(desk, at_the_hub(used, minutes_ago=30)).splitlines()
    assert lines[0].endswith("  code by mail to 自宅 (taro0@mail.test)")
    assert lines[1].startswith("    asked for 2")
    assert lines[1].endswith(" UTC from 10.0.0.1 (Firefox on Linux)")
    assert lines[2].startswith("    handed over 2")
    assert lines[2].endswith(' after 1 try: "250 2.0.0 queued as 4F1C"')
    assert lines[3].startswith("    used 2")
    assert len(lines) == 4


def test_a_code_that_was_refused_is_told_with_the_servers_words(desk: Shell) -> None:
    """A 550 is the server's refusal; a code that the server quotes is hidden."""

    async def refused(people: People) -> str:
        return (await sent(people, lambda one: Failed(f"550 5.7.1 no {one.code} here")))[0].code

    out = seen(desk, at_the_hub(refused))
    assert ' UTC after 1 try: "550 5.7.1 no *** here"' in out
    assert "    refused 2" in out
    assert "handed over" not in out
    assert "    not used yet; good until 2" in out


def test_a_code_that_is_put_off_is_told_with_its_next_try(desk: Shell) -> None:
    """Tries so far, the server's words, and when the next try comes."""

    async def put_off(people: People) -> str:
        return (await sent(people, lambda _: Deferred("451 4.7.1 greylisted", timedelta(minutes=5))))[0].code

    out = seen(desk, at_the_hub(put_off))
    assert '    not handed over yet after 1 try: "451 4.7.1 greylisted"\n    waits; the next try is due 2' in out


def test_a_code_that_may_have_arrived_is_told_as_such(desk_on_sqlite: Shell) -> None:
    """A server that fell silent is not told as a refusal."""

    async def silent(people: People) -> str:
        return (await sent(people, lambda _: Unknown("the server fell silent")))[0].code

    out = seen(desk_on_sqlite, at_the_hub(silent))
    assert "    may have arrived: the server did not say so 2" in out
    assert 'after 1 try: "the server fell silent"' in out


def test_a_code_that_was_never_used_is_told_as_over(desk: Shell) -> None:
    """Its time was over, and it had been handed over."""

    async def kept(people: People) -> str:
        return (await sent(people, lambda _: Accepted("250 kept")))[0].code

    out = seen(desk, at_the_hub(kept, minutes_ago=60))
    assert 'after 1 try: "250 kept"\n    over 2' in out
    assert out.endswith(", not used: its time was over\n")


def test_a_bounce_that_came_back_is_told_after_the_delivery(desk_on_sqlite: Shell) -> None:
    """Handed over first, then back with the other server's words."""

    async def back(people: People) -> str:
        claimed, _ = await sent(people, lambda _: Accepted("250 kept"))
        people.later(seconds=5)
        bounce = Bounce(BounceKind.HARD, "5.1.1", "no such mailbox")
        await suspension.bounced(people.hub, people.visit(), claimed.id, bounce)
        return claimed.code

    out = seen(desk_on_sqlite, at_the_hub(back))
    assert " after 1 try\n    a bounce came back 2" in out
    assert ': "5.1.1 no such mailbox"\n' in out


def test_letters_are_listed_newest_last(desk_on_sqlite: Shell) -> None:
    """Notices are named by what they tell; one that waits says when its first try is due; none is told as none."""
    desk_on_sqlite.member()
    assert desk_on_sqlite.run("delivery", "list", "taro").out == "taro: nothing was sent in the last 30 days.\n"
    assert desk_on_sqlite.run("contact", "add", "taro", "自宅", "taro@mail.test").code == 0
    assert desk_on_sqlite.run("account", "disable", "taro").code == 0
    rows = desk_on_sqlite.run("delivery", "list", "taro", "--json").json
    assert [row["notice"] for row in rows] == ["contact-added", "account-disabled"]
    out = desk_on_sqlite.run("delivery", "list", "taro", "--limit", 1).out
    assert "  notice account-disabled by mail to 自宅 (taro@mail.test)\n    written 2" in out
    assert "    waits; the first try is due 2" in out
    assert "contact-added" not in out
    refused = desk_on_sqlite.run("delivery", "list", "nobody")
    assert (refused.code, refused.err) == (1, "nobody: there is no such account.\n")
