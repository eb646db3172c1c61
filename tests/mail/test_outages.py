"""A mail server in every kind of trouble: the page says so at once, nothing is lost, nothing reported goes twice."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from hub.settings import NUMBERS
from models.contact import Contact
from models.delivery import Delivery
from models.kinds import Channel
from tests.support.journeys import enter_password, house_with
from tests.support.ports import free_port
from tests.support.running_hub import House, Person
from tests.support.smtp_faults import CLOSE, HANG, Refusing

NOT_NOW = [
    ("greeting", "554 no service"),
    ("greeting", "421 too busy"),
    ("greeting", CLOSE),
    ("greeting", HANG),
    ("greeting", "SSH-2.0-OpenSSH_9.2"),
    ("greeting", "\xff\xfe\x00 nonsense"),
    ("greeting", "2"),
    ("greeting", "220-" + "a" * 200_000),
    ("EHLO", CLOSE),
    ("EHLO", HANG),
    ("EHLO", "421 going down"),
    ("MAIL", "451 4.3.0 try again"),
    ("MAIL", "421 going down"),
    ("MAIL", "999 what"),
    ("MAIL", "hello"),
    ("MAIL", CLOSE),
    ("MAIL", HANG),
    ("RCPT", "450 4.2.0 greylisted"),
    ("RCPT", "421 going down"),
    ("RCPT", CLOSE),
    ("RCPT", "nonsense"),
    ("DATA", "451 4.3.0 not now"),
    ("DATA", "421 going down"),
    ("DATA", CLOSE),
    ("DATA", HANG),
    ("end", "451 4.3.0 disk full"),
    ("end", "421 going down"),
]
MAYBE = [("end", CLOSE), ("end", HANG), ("end", "\x00\x01")]
NEVER = [
    ("RCPT", "550 5.1.1 no such mailbox"),
    ("RCPT", "553 5.1.3 no address"),
]
# The letter, or we, and not the address: it is final, and no contact is suspended.
REFUSED = [
    ("MAIL", "550 5.7.1 we don't know you", True),
    ("RCPT", "550 5.7.1 blocked", False),
    ("DATA", "554 5.5.0 no", False),
    ("end", "554 5.7.1 spam", False),
]


@asynccontextmanager
async def _served(template: Path, folder: Path, server: Refusing, **more: object) -> AsyncIterator[House]:
    url = f"smtp://127.0.0.1:{server.port or 9}?starttls=never"
    async with house_with(
        template, folder, **{"smtp_url": url, "smtp_timeout": 0.4, "smtp_end_timeout": 0.4, **more}
    ) as house:
        yield house


async def _ask(person: Person, house: House) -> None:
    """Log in as far as the code that is to be sent to 自宅; 携帯 is the other way."""
    member = await house.people.member(contacts=("自宅", "携帯"))
    await enter_password(person, member)
    await person.press("OK", way=person.option("自宅"))
    assert person.page == "code", person.text


async def _row(until: Callable[[Delivery], object]) -> Delivery:
    """Wait until the delivery is as it should be."""
    async with asyncio.timeout(8):
        while True:
            row = await Delivery.all().order_by("id").first()
            assert row is not None
            if until(row):
                return row
            await asyncio.sleep(0.02)


async def _retried(house: House) -> None:
    house.clock.later(seconds=45)
    await house.hub.outbox.rouse(Channel.MAIL)


async def _state(person: Person) -> str:
    await person.open("/login/code")
    line = person.soup.select_one(".live")
    assert line is not None
    return f"{line['data-state']}: {line.get_text()}"


async def _mail_part(person: Person) -> dict[str, Any]:
    async with person.session.get(f"{person.url}/health/ready") as answer:
        assert answer.status == 200
        parts: dict[str, Any] = (await answer.json())["parts"]
        return parts["mail"]


@pytest.mark.parametrize(("step", "reply"), NOT_NOW)
async def test_a_server_that_says_not_now_is_tried_again(
    sqlite_template: Path, tmp_path: Path, step: str, reply: str
) -> None:
    """Whatever goes wrong on the way: said on the page and in readiness, tried again under the same id, sent once."""
    server = Refusing({step: reply})
    async with (
        server.running(),
        _served(sqlite_template, tmp_path, server, smtp_end_timeout=5) as house,
        house.person() as person,
    ):
        await _ask(person, house)
        row = await _row(lambda row: row.reply)
        assert (row.accepted_at, row.failed_at) == (None, None)
        assert row.due_at is not None
        assert await _state(person) == (
            "retrying: Code by mail to 自宅: the mail server does not take it yet. It is being tried again;"
            " you can also choose another way."
        )
        await person.open("/login/choice")
        assert "携帯" in person.text
        assert (await _mail_part(person))["status"] == ("ok" if (step, reply[:3]) == ("RCPT", "450") else "degraded")
        server.replies.clear()
        async with asyncio.timeout(8):
            while not server.accepted:
                await _retried(house)
                await asyncio.sleep(0.2)
        row = await _row(lambda row: row.accepted_at)
        assert row.due_at is None
        assert "taken as 4711" in row.reply
        assert (await _state(person)).startswith("accepted: Code by mail to 自宅, handed to the mail server ")
        assert (await _mail_part(person))["status"] == "ok"
        assert len(server.accepted) == 1
        assert server.ids == {row.message_id}
        await _retried(house)
        await asyncio.sleep(0.1)
        assert len(server.accepted) == 1
        assert not [one for one in await Delivery.all() if one.due_at]


@pytest.mark.parametrize(("step", "reply"), NEVER)
@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("en", "failed: Code by mail to 自宅 could not be delivered. Please choose another way."),
        ("ja", "failed: 自宅 へのコード（メール）は届けられませんでした。ほかの方法を選んでください。"),
    ],
)
async def test_a_mailbox_that_does_not_exist_is_said_at_once(
    sqlite_template: Path, tmp_path: Path, step: str, reply: str, language: str, line: str
) -> None:
    """A 5xx to the address is for good: not tried again, the others are offered and told, the server itself is well."""
    server = Refusing({f"{step} taro0@mail.test": reply})
    async with (
        server.running(),
        _served(sqlite_template, tmp_path, server) as house,
        house.person(language=language) as person,
    ):
        await _ask(person, house)
        row = await _row(lambda row: row.failed_at)
        assert (row.due_at, row.reply) == (None, reply)
        assert await _state(person) == line
        assert (await _mail_part(person))["status"] == "ok"
        await _retried(house)
        async with asyncio.timeout(5):
            while not server.accepted:
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.1)
        # The address once, and the notice to the other contact that this one is suspended.
        assert server.commands.count("RCPT") == 2
        assert server.recipients == ["taro1@mail.test"]
        await person.open("/login/choice")
        await person.press("OK", way=person.option("携帯"))
        assert "携帯" in await _state(person)


@pytest.mark.parametrize(("step", "reply", "is_ours"), REFUSED)
async def test_a_refusal_of_the_letter_is_said_and_not_tried_again(
    sqlite_template: Path, tmp_path: Path, step: str, reply: str, is_ours: bool
) -> None:
    """The page says so at once; a refusal of the sender is the hub's trouble, one mailbox's is not."""
    server = Refusing({step: reply})
    async with server.running(), _served(sqlite_template, tmp_path, server) as house, house.person() as person:
        await _ask(person, house)
        row = await _row(lambda row: row.failed_at)
        assert (row.due_at, row.reply) == (None, reply)
        assert "could not be delivered. Please choose another way." in await _state(person)
        assert (await _mail_part(person))["status"] == ("degraded" if is_ours else "ok")
        await _retried(house)
        await asyncio.sleep(0.3)
        assert server.commands.count("MAIL") == 1
        assert not await Contact.filter(suspended_at__isnull=False).exists()


async def test_a_mailbox_that_is_denied_after_the_dot_is_suspended(sqlite_template: Path, tmp_path: Path) -> None:
    """A reply after the dot means what it means at RCPT."""
    server = Refusing({"end": "550 5.1.1 no such user"})
    async with server.running(), _served(sqlite_template, tmp_path, server) as house, house.person() as person:
        await _ask(person, house)
        await _row(lambda row: row.failed_at)
        assert "could not be delivered. Please choose another way." in await _state(person)
        assert (await _mail_part(person))["status"] == "ok"
        async with asyncio.timeout(5):
            while not await Contact.filter(suspended_at__isnull=False).exists():
                await asyncio.sleep(0.02)


async def test_a_mailbox_that_is_full_for_now_degrades_nothing(sqlite_template: Path, tmp_path: Path) -> None:
    """452 4.2.2 after the dot is tried again, and is no trouble of the server's."""
    server = Refusing({"end": "452 4.2.2 over quota"})
    async with server.running(), _served(sqlite_template, tmp_path, server) as house, house.person() as person:
        await _ask(person, house)
        await _row(lambda row: row.reply)
        assert (await _state(person)).startswith("retrying: ")
        assert (await _mail_part(person))["status"] == "ok"


@pytest.mark.parametrize(("step", "reply"), MAYBE)
async def test_a_letter_that_may_have_arrived_is_sent_again_late_and_seldom(
    sqlite_template: Path, tmp_path: Path, step: str, reply: str
) -> None:
    """The page says that it may have been delivered; the next copy waits for minutes, and a code gets one at most."""
    server = Refusing({step: reply})
    async with server.running(), _served(sqlite_template, tmp_path, server) as house, house.person() as person:
        await _ask(person, house)
        row = await _row(lambda row: row.unknown_at)
        assert row.due_at == row.unknown_at + NUMBERS.unknown_pause
        said = await _state(person)
        assert said.startswith("unknown: Code by mail to 自宅: it may have been delivered; ")
        assert "choose another way" in said
        for _ in range(3):
            await _retried(house)
            await asyncio.sleep(0.1)
        assert server.commands.count("MAIL") == 1
        house.clock.later(minutes=3)
        await house.hub.outbox.rouse(Channel.MAIL)
        row = await _row(lambda row: row.copies == 2)
        assert row.due_at is None
        assert len(server.seen) == 2
        assert server.ids == {row.message_id}


async def test_a_server_slow_after_the_dot_gets_one_letter(sqlite_template: Path, tmp_path: Path) -> None:
    """Its time there is its own: the letter is held on to, and no other worker takes it up."""
    server = Refusing(slow={"end": 2.0})
    async with (
        server.running(),
        _served(sqlite_template, tmp_path, server, smtp_end_timeout=600) as house,
        house.person() as person,
    ):
        await _ask(person, house)
        await _row(lambda row: row.lease)
        assert (await _state(person)).startswith("waiting: ")
        row = await _row(lambda row: row.accepted_at)
        assert (row.copies, row.attempts, len(server.accepted)) == (0, 1, 1)


async def test_a_report_that_fails_is_tried_again_and_sends_nothing_twice(
    sqlite_template: Path, tmp_path: Path
) -> None:
    """What was sent is written down when the database takes it, readiness says so meanwhile, and no copy goes out."""
    server = Refusing(slow={"end": 0.5})
    async with server.running(), _served(sqlite_template, tmp_path, server, smtp_end_timeout=9) as house:
        async with house.person() as person:
            await _ask(person, house)
        await _row(lambda row: row.lease)
        other = sqlite3.connect(tmp_path / "tegata.db")
        other.execute('ALTER TABLE "delivery" RENAME TO "gone"')
        other.commit()
        async with house.person() as person, asyncio.timeout(8):
            while "can't be written" not in (await _mail_part(person)).get("what", ""):
                await asyncio.sleep(0.1)
        other.execute('ALTER TABLE "gone" RENAME TO "delivery"')
        other.commit()
        other.close()
        row = await _row(lambda row: row.accepted_at)
        assert (row.attempts, len(server.accepted)) == (1, 1)


async def test_the_wait_is_said_in_japanese(sqlite_template: Path, tmp_path: Path) -> None:
    """The live line of a server that does not take it yet, in the member's language."""
    server = Refusing({"MAIL": "451 not now"})
    async with (
        server.running(),
        _served(sqlite_template, tmp_path, server) as house,
        house.person(language="ja") as person,
    ):
        await _ask(person, house)
        await _row(lambda row: row.reply)
        said = await _state(person)
        assert said.startswith("retrying: 自宅 へのコード（メール）: メールサーバーがまだ受け付けていません。")
        assert "the mail server" not in said


async def test_a_server_dead_at_the_start_stops_nothing(sqlite_template: Path, tmp_path: Path) -> None:
    """The hub starts, readiness says degraded before any mail, pages work, and what waits goes out when it is back."""
    server = Refusing(port=free_port())
    async with _served(sqlite_template, tmp_path, server) as house, house.person() as person:
        async with asyncio.timeout(5):
            while (await _mail_part(person))["status"] == "ok":
                await asyncio.sleep(0.05)
        await _ask(person, house)
        await _row(lambda row: row.reply)
        assert (await _state(person)).startswith("retrying: ")
        async with server.running():
            await _retried(house)
            await _row(lambda row: row.accepted_at)
            assert (await _mail_part(person)) == {"status": "ok"}


async def test_a_server_that_dies_in_mid_login_and_comes_back(sqlite_template: Path, tmp_path: Path) -> None:
    """Between two codes the kept connection and the server go away: the next code waits, and is sent once."""
    server = Refusing()
    async with server.running():
        port = server.port
        async with _served(sqlite_template, tmp_path, server) as house, house.person() as person:
            await _ask(person, house)
            await _row(lambda row: row.accepted_at)
            server.replies["MAIL"] = CLOSE
            await person.open("/login/choice")
            await person.press("OK", way=person.option("携帯"))
            async with asyncio.timeout(5):
                while not [one for one in await Delivery.all() if one.reply and one.due_at]:
                    await asyncio.sleep(0.02)
            server.replies.clear()
            await _retried(house)
            async with asyncio.timeout(5):
                while [one for one in await Delivery.all() if one.due_at]:
                    await asyncio.sleep(0.02)
            assert server.port == port
            assert len(server.accepted) == 2
            assert len(server.ids) == 2


async def test_a_code_is_tried_as_long_as_it_lives_and_no_longer(sqlite_template: Path, tmp_path: Path) -> None:
    """A letter with a dead code is worse than none."""
    server = Refusing({"MAIL": "451 not now"})
    async with server.running(), _served(sqlite_template, tmp_path, server) as house, house.person() as person:
        await _ask(person, house)
        for attempt in range(2, 5):
            await _row(lambda row: row.reply and not row.lease)
            await _retried(house)
            await _row(lambda row, least=attempt: row.attempts >= least and not row.lease)
        server.replies.clear()
        house.clock.later(minutes=10)
        await house.hub.outbox.rouse(Channel.MAIL)
        await asyncio.sleep(0.2)
        await house.hub.outbox.expire(now=house.clock())
        row = await _row(lambda row: row.failed_at)
        assert row.due_at is None
        assert not server.accepted


async def test_a_slow_server_holds_no_page(sqlite_template: Path, tmp_path: Path) -> None:
    """No page waits on SMTP: with every connection hanging, the next page comes as fast as ever."""
    server = Refusing({"greeting": HANG})
    async with (
        server.running(),
        _served(sqlite_template, tmp_path, server, smtp_timeout=4) as house,
        house.person() as person,
    ):
        async with asyncio.timeout(3):
            await _ask(person, house)
            assert (await _state(person)).startswith("waiting: ")
            await person.open("/login/choice")
            assert person.page == "choice"


async def test_connections_are_kept(sqlite_template: Path, tmp_path: Path) -> None:
    """One after another, ten letters need one connection; at once, never more than the setting allows."""
    server = Refusing()
    async with server.running(), _served(sqlite_template, tmp_path, server, smtp_connections=2) as house:
        for number in range(10):
            await _post(house, f"one{number}")
            async with asyncio.timeout(5):
                while len(server.accepted) <= number:
                    await asyncio.sleep(0.01)
        # The first look at the server, and then the letters over what it left.
        assert server.connections == 1
        await asyncio.gather(*(_post(house, f"many{number}") for number in range(20)))
        async with asyncio.timeout(5):
            while len(server.accepted) < 30:
                await asyncio.sleep(0.01)
        assert server.connections <= 2
    assert server.commands.count("QUIT") == server.connections


async def _post(house: House, name: str) -> None:
    member = await house.people.member(name, card=False, contacts=("自宅",))
    await house.people.begun(member)
    async with house.person() as person:
        await enter_password(person, member)
        await person.press("OK")
