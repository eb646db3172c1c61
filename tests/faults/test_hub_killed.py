"""A hub that is killed at any moment: every mail is sent or over, no code counts twice, no attempt is free."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from aiosmtpd.smtp import SMTP, Envelope
from aiosmtpd.smtp import Session as SmtpSession

from demo.inbox import Inbox, Received
from hub.context import opened
from hub.domain.outcomes import Admitted, ByContact
from hub.login import password_login
from models.delivery import Delivery
from models.kinds import Letter
from models.login import Challenge
from models.session import Session
from models.throttle import Throttle
from tests.support.factory import PASSWORD, Member, People, settings_for, wrong_for
from tests.support.hub_process import Child, serving
from tests.support.running_hub import MovableClock, Person, code_in, open_house

pytestmark = pytest.mark.slow


# A mail lies this long in the mail server's hands before it says "250": time enough to be killed in between.
SLOW = 0.15
MEMBERS = 6
# After so many mails of a round have come in, and so long after.
KILLED_AFTER = ((1, 0.0), (3, SLOW / 2), (MEMBERS, SLOW + 0.3))


class SlowSink:
    """Keeps what comes in at once, and says so late."""

    def __init__(self) -> None:
        self.inbox = Inbox()

    async def handle_DATA(self, _server: SMTP, _session: SmtpSession, envelope: Envelope) -> str:  # noqa: N802
        await self.inbox.take(envelope)
        await asyncio.sleep(SLOW)
        return "250 kept"


@asynccontextmanager
async def _slow_server(sink: SlowSink) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(sink, hostname="slow.test"), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@dataclass
class Told:
    """What the pages said before the hub died."""

    wrong: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    admitted: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    codes: dict[str, str] = field(default_factory=dict)


async def _log_in(child: Child, sink: SlowSink, member: Member, told: Told, *, guesses: bool) -> None:
    """Walk a login until the hub dies; a guesser types wrong codes, another the right one in two browsers at once."""
    headers = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}
    async with aiohttp.ClientSession(headers=headers, cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        person = Person(child.url, session)
        await person.open("/login/account")
        await person.press("OK", account=member.name, password=PASSWORD)
        await person.press("OK", way=person.option("自宅"))
        code = code_in(await sink.inbox.next_to(f"{member.name}0@mail.test"))
        told.codes[member.name] = code
        while True:
            await person.press("OK", code=wrong_for(code) if guesses else code)
            if person.page == "portal":
                told.admitted[member.name] += 1
                return
            # "Wait a second" is no guess that was heard; a try that was heard says how many are left.
            told.wrong[member.name] += person.status == 422
            if not person.has_button("OK"):
                return


async def _until_killed(
    child: Child, sink: SlowSink, members: list[Member], told: Told, *, mails: int, after: float
) -> None:
    """Log members in until so many mails came in, then kill the hub."""

    async def walk(member: Member, guesses: bool) -> None:
        with suppress(aiohttp.ClientError, TimeoutError, ConnectionError):
            await _log_in(child, sink, member, told, guesses=guesses)

    known = len(sink.inbox.received)
    walks = [asyncio.create_task(walk(member, number % 2 == 0)) for number, member in enumerate(members)]
    async with asyncio.timeout(20):
        while len(sink.inbox.received) < known + mails:
            await sink.inbox.changed(timeout=0.5)
    await asyncio.sleep(after)
    await child.kill()
    await asyncio.wait(walks, timeout=0.3)
    for late in walks:
        late.cancel()
    for walked in await asyncio.gather(*walks, return_exceptions=True):
        assert walked is None or isinstance(walked, asyncio.CancelledError), walked


async def test_a_hub_killed_in_the_middle_of_logins_and_sends_loses_and_gives_nothing(
    database_url: str, tmp_path: Path
) -> None:
    """Killed three times at different moments and started again, with a mail server that answers late."""
    settings = settings_for(database_url, tmp_path)
    sink, told, members = SlowSink(), Told(), list[Member]()
    async with _slow_server(sink) as port:
        for round_number, (mails, after) in enumerate(KILLED_AFTER):
            async with opened(settings) as hub:
                people = People(hub)
                people.now = MovableClock()()
                fresh = [
                    await people.member(f"m{round_number}{number}", card=False, contacts=("自宅",))
                    for number in range(MEMBERS)
                ]
            members += fresh
            async with serving(settings, smtp_port=port) as child:
                await _until_killed(child, sink, fresh, told, mails=mails, after=after)
    before = list(sink.inbox.received)
    async with opened(settings):
        left = await Delivery.filter(due_at__isnull=False).count()
    assert left
    assert told.codes
    async with open_house(database_url, tmp_path) as house:
        # The leases of the dead have run out.
        house.clock.later(seconds=61)
        for _ in range(200):
            if not await Delivery.filter(due_at__isnull=False).exists():
                break
            await asyncio.sleep(0.05)
        await _nothing_lost([*before, *house.inbox.received])
        await _nothing_free(told, members)
        await _nothing_twice(house.people, told, members, house.clock)


async def _nothing_lost(received: list[Received]) -> None:
    """Every delivery was accepted, in time; what went out twice was the same mail with the same code."""
    rows = await Delivery.filter(letter=Letter.CODE)
    assert rows
    assert all(row.accepted_at is not None or row.failed_at is not None for row in rows)
    codes: defaultdict[str, set[str]] = defaultdict(set)
    for mail in received:
        message_id = str(mail.message["Message-ID"])
        # A notice of a login from a new browser carries none.
        if message_id in {row.message_id for row in rows}:
            codes[message_id].add(code_in(mail))
    assert set(codes) >= {row.message_id for row in rows if row.accepted_at is not None}
    assert {len(found) for found in codes.values()} == {1}


async def _nothing_free(told: Told, members: list[Member]) -> None:
    """Each wrong answer that a page told of is counted with its account and its code."""
    for member in members:
        heard = told.wrong[member.name]
        challenge = await Challenge.filter(account_id=member.account.id).order_by("-id").first()
        if not heard or challenge is None:
            continue
        row = await Throttle.get(subject=f"answer:{member.account.id}:one_time_password")
        assert row.wrong >= heard
        assert challenge.tries_left <= 3 - heard


async def _nothing_twice(people: People, told: Told, members: list[Member], clock: MovableClock) -> None:
    """A code that admitted before the end admits nobody after it; one that did not, once."""
    for member in members:
        code = told.codes.get(member.name)
        if code is None:
            continue
        opened_before = await Session.filter(account_id=member.account.id).count()
        assert told.admitted[member.name] <= opened_before <= 1
        for _ in range(2):
            people.now = clock()
            begun = await people.begun(member)
            await password_login.choose(people.hub, people.visit(), begun.token, ByContact(member.contacts["自宅"]))
            outcome = await password_login.answer(people.hub, people.visit(), begun.token, code)
            assert not (opened_before and isinstance(outcome, Admitted))
            clock.later(seconds=10)
        assert await Session.filter(account_id=member.account.id).count() <= 1
