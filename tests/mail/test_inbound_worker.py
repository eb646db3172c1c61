"""What happens to kept mail: acted on once whoever dies, shelved when not understood, bounces told to the hub."""

import asyncio
import json
import os
import signal
import sys
from email.message import EmailMessage
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from hub.inbound import mail_queue
from hub.inbound.mail_queue import Arrival, Intake
from mail_gateway.inbound.parser_process import Reader
from mail_gateway.inbound.parsing import UnreadableError, parse
from models.contact import Contact
from models.delivery import Delivery
from models.inbound import InboundMail
from models.kinds import Letter, MailUse, Verdict
from tests.mail.test_answers import asked_to_confirm
from tests.support.inbound_smtp import SAMPLES, Postman, answer_to, open_office, reply_to
from tests.support.ports import free_port

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("sample", "state"),
    [
        ("hard/postfix-user-unknown", "failed"),
        ("soft/postfix-mailbox-full", "failed"),
        ("delayed/postfix-delayed", "delayed"),
        ("policy/gmail-dmarc", "failed"),
    ],
)
async def test_a_report_reaches_its_delivery(office: Postman, sample: str, state: str) -> None:
    """The address alone says which delivery it is about; the report says what became of it."""
    letter, contact = await asked_to_confirm(office)
    await office.bring((SAMPLES / f"{sample}.eml").read_bytes(), to=letter.sender, sender="")
    assert (await office.read()).verdict is Verdict.BOUNCED
    delivery = await Delivery.get(contact_id=contact.id)
    assert (delivery.failed_at is not None) is (state == "failed")
    assert (delivery.delayed_at is not None) is (state == "delayed")
    assert delivery.reply != "250 kept"


async def test_a_report_of_success_changes_nothing(office_on_sqlite: Postman) -> None:
    """Delivered is what was thought."""
    letter, contact = await asked_to_confirm(office_on_sqlite)
    await office_on_sqlite.bring((SAMPLES / "delivered/postfix-success.eml").read_bytes(), to=letter.sender, sender="")
    assert (await office_on_sqlite.read()).verdict is Verdict.DELIVERED
    assert (await Delivery.get(contact_id=contact.id)).failed_at is None


def bombs() -> dict[str, bytes]:
    """Mail that was made to break its reader; each was seen to raise, or to cost seconds, in Python's own parser."""
    deep = b"Content-Type: multipart/mixed; boundary=b0\r\n\r\n"
    for level in range(1, 60):
        deep += b"--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n" % (level - 1, level)
    parts = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nyes\r\n" * 5000
    nested = b"From: " + (b"(" * 70 + b"\r\n ") * 300 + b"a@b" + (b")" * 70 + b"\r\n ") * 300 + b"x\r\n\r\nyes\r\n"
    folded = (
        b"Content-Type: text/plain" + b"".join(b";\r\n a%d*0*=x''%%41" % n for n in range(3000)) + b"\r\n\r\nyes\r\n"
    )
    return {
        "header of 100 kB": b"X-Long: " + (b"x" * 70 + b"\r\n ") * 1500 + b"\r\n\r\nyes\r\n",
        "59 levels": deep,
        "5000 parts": parts,
        "nested comments": nested,
        "folded parameters": folded + b"\r\n\r\nyes\r\n",
        "message in message": b"Content-Type: message/rfc822\r\n\r\n" * 500 + b"yes\r\n",
        "charset undefined": b"From: a@b.test\r\nContent-Type: text/plain; charset=undefined\r\n\r\nhello\r\n",
        "broken base64": b"From: a@b.test\r\nContent-Transfer-Encoding: base64\r\n\r\n\xff\xfe=A=\r\n",
        "broken encoded word": b"From: a@b.test\r\nSubject: =?utf-7?B?????=\r\n\r\nhello\r\n",
        "message id of brackets": b"From: a@b.test\r\nMessage-ID: <[[[[[\r\n\r\nhello\r\n",
        "no header": b"yes\r\n",
        "nothing": b"",
        "nul bytes": b"From: a@b.test\r\n\r\n" + b"\x00" * 900,
        "html without end": b"From: a@b.test\r\nContent-Type: text/html\r\n\r\n" + b"<div class=quote><!--\r\n" * 5000,
        "escape without end": b"From: a@b.test\r\nContent-Type: text/plain; charset=iso-2022-jp\r\n\r\n\x1b$B\x1b$(D!",
        "a line of 100 kB": b"From: a@b.test\r\n\r\n" + b"x" * 100_000,
    }


async def test_bombs_end_on_the_shelf_or_in_silence_and_the_process_lives(office_on_sqlite: Postman) -> None:
    """Each gets an answer and an end; none confirms, none is answered; mail gets through right behind them."""
    letter, contact = await asked_to_confirm(office_on_sqlite)
    codes = [(await office_on_sqlite.bring(content, to=reply_to(letter)))[0] for content in bombs().values()]
    # A line beyond the standard's length is refused in the dialogue; the rest is kept.
    assert codes.count(500) == 1
    kept = codes.count(250)
    assert kept == len(codes) - 1
    await office_on_sqlite.read(number=kept, timeout=60)
    quiet = {Verdict.SHELVED, Verdict.AUTOMATIC, Verdict.DROPPED, Verdict.UNCLEAR, Verdict.REPEATED}
    assert {row.verdict for row in await InboundMail.all()} <= quiet
    await contact.refresh_from_db()
    assert contact.confirmed_at is None
    # At most five help letters an hour, whatever comes.
    assert await Delivery.filter(letter=Letter.ANSWER).count() <= 5
    assert (await office_on_sqlite.answer(letter, "yes", number=kept + 1)).verdict is Verdict.CONFIRMED


@pytest.mark.parametrize(
    ("bomb", "reason"),
    [("header of 100 kB", "header"), ("59 levels", "deeper"), ("5000 parts", "parts")],
)
def test_a_bomb_is_not_taken_apart(bomb: str, reason: str) -> None:
    """64 kB of header, 100 parts, 10 levels: beyond them nothing is looked at."""
    with pytest.raises(UnreadableError, match=reason):
        parse(bombs()[bomb])


async def test_a_reader_that_hangs_is_ended_and_the_next_message_is_read() -> None:
    """The time limit is the process's: the child is killed, and started again for the next one."""
    patient = Reader(longest=1.0)
    try:
        assert (await patient.parse(b"From: a@b.test\r\n\r\nyes\r\n")).text == "yes"
        assert patient._child is not None
        os.kill(patient._child.pid, signal.SIGSTOP)
        with pytest.raises(UnreadableError, match="longer"):
            await patient.parse(b"From: a@b.test\r\n\r\nyes\r\n")
        assert (await patient.parse(b"From: a@b.test\r\n\r\nyes\r\n")).text == "yes"
        assert patient._child is not None
        os.kill(patient._child.pid, signal.SIGKILL)
        with pytest.raises(UnreadableError, match="ended"):
            await patient.parse(b"From: a@b.test\r\n\r\nyes\r\n")
        assert (await patient.parse(b"From: a@b.test\r\n\r\nhelp\r\n")).text == "help"
    finally:
        await patient.close()


async def test_a_slow_start_is_no_messages_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine in a hurry the child takes long to begin: the message's own time begins when it has."""
    slow = tmp_path / "slow"
    slow.write_text(f'#!/bin/sh\nsleep 1.5\nexec {sys.executable} "$@"\n')
    slow.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(slow))
    reader = Reader(longest=1.2)
    try:
        assert (await reader.parse(b"From: a@b.test\r\n\r\nyes\r\n")).text == "yes"
    finally:
        await reader.close()


async def test_two_readers_act_on_a_message_once(people, hub) -> None:
    """A lease is one reader's; whoever comes with an old one changes nothing."""
    member = await people.member(contacts=("home",))
    delivery = await _posted(people, hub, member)
    await Intake(hub).keep(_arrival(people, delivery))
    (first,) = await mail_queue.claim(hub, limit=10, now=people.now)
    assert await mail_queue.claim(hub, limit=10, now=people.now) == []
    people.later(minutes=2)
    (second,) = await mail_queue.claim(hub, limit=10, now=people.now)
    assert not await mail_queue.take(first, Verdict.AUTOMATIC, "", now=people.now)
    assert await mail_queue.take(second, Verdict.AUTOMATIC, "", now=people.now)
    assert not await mail_queue.take(second, Verdict.AUTOMATIC, "", now=people.now)


async def test_a_message_that_ends_every_reader_is_shelved(people, hub) -> None:
    """Five leases ran out over it: the sixth puts it aside, so that it stops nobody else."""
    member = await people.member(contacts=("home",))
    delivery = await _posted(people, hub, member)
    await Intake(hub).keep(_arrival(people, delivery))
    for _ in range(5):
        assert len(await mail_queue.claim(hub, limit=10, now=people.now)) == 1
        people.later(minutes=2)
    assert await mail_queue.claim(hub, limit=10, now=people.now) == []
    (line,) = await mail_queue.shelf()
    assert "again and again" in line.reason


async def test_one_letters_answers_never_fill_the_shelf(people, hub) -> None:
    """Ten of what one letter brought lie there; of the rest the reason is kept, and another letter's has its place."""
    member = await people.member(contacts=("home", "phone"))
    first, other = await _posted(people, hub, member), await _posted(people, hub, member, label="phone")
    for delivery in (*[first] * 12, other):
        await Intake(hub).keep(_arrival(people, delivery))
    claimed = await mail_queue.claim(hub, limit=20, now=people.now)
    verdicts = [await mail_queue.shelve(one.id, one.lease, "no command", now=people.now) for one in claimed]
    assert verdicts == [Verdict.SHELVED] * 10 + [Verdict.DROPPED] * 2 + [Verdict.SHELVED]
    assert len(await mail_queue.shelf()) == 11
    assert await InboundMail.filter(verdict=Verdict.DROPPED, content=None, reason="no command").count() == 2
    assert (await mail_queue.kept()).unread == 0


async def test_kept_mail_can_be_read_by_the_key_ring_alone(people, hub) -> None:
    """What rests in the row is sealed for that row: the address in its headers is as good as a token."""
    member = await people.member(contacts=("home",))
    delivery = await _posted(people, hub, member)
    arrival = _arrival(people, delivery)
    await Intake(hub).keep(arrival)
    row = await InboundMail.get()
    assert row.content is not None
    assert b"secret-words" not in bytes(row.content)
    (unread,) = await mail_queue.claim(hub, limit=1, now=people.now)
    assert unread.content == arrival.content


async def test_kept_mail_goes_over_to_a_new_key(people, hub) -> None:
    """After a rotation what lies on the shelf is sealed anew, so that the old key can go; it reads the same."""
    from hub.maintenance import jobs

    member = await people.member(contacts=("home",))
    await Intake(hub).keep(_arrival(people, await _posted(people, hub, member)))
    hub.keys.rotated(now=people.now)
    hub.keys.reload()
    left = await jobs.to_reseal(hub)
    assert await jobs.reseal(hub, people.now) == left
    assert await jobs.to_reseal(hub) == 0
    hub.keys.pruned()
    hub.keys.reload()
    (unread,) = await mail_queue.claim(hub, limit=1, now=people.now)
    assert b"secret-words" in unread.content


async def test_what_was_read_is_forgotten_after_a_month_and_the_shelf_is_not(people, hub) -> None:
    """Upkeep drops the record of what was read; what nobody decided about stays."""
    from hub.maintenance import jobs

    member = await people.member(contacts=("home",))
    delivery = await _posted(people, hub, member)
    for _ in range(2):
        await Intake(hub).keep(_arrival(people, delivery))
    read, shelved = await mail_queue.claim(hub, limit=2, now=people.now)
    await mail_queue.take(read, Verdict.AUTOMATIC, "", now=people.now)
    await mail_queue.shelve(shelved.id, shelved.lease, "no command", now=people.now)
    people.later(days=31)
    await jobs.prune(hub, people.now)
    assert [row.id for row in await InboundMail.all()] == [shelved.id]


def test_a_log_shows_no_reply_address() -> None:
    """The address is as good as a token; it is hidden whoever logs it, in whatever case."""
    from cli.server import log_setup

    event = log_setup.redact(
        None, "info", {"to": f"REPLY+12X{'A' * 26}@tegata.test", "from": f"reply+1x{'b' * 26}@t.test"}
    )
    assert event == {"to": "REPLY+(token)@tegata.test", "from": "reply+(token)@t.test"}


async def test_killed_between_250_and_reading_it_is_acted_on_once(sqlite_template: Path, tmp_path: Path) -> None:
    """A hub that only keeps is killed with -9 after its 250; the hub that starts next acts on it, once."""
    file = tmp_path / "tegata.db"
    file.write_bytes(sqlite_template.read_bytes())
    file.chmod(0o600)
    url = f"sqlite:///{file}"
    async with open_office(url, tmp_path) as office:
        letter, contact = await asked_to_confirm(office)
    content = answer_to(letter, "yes")
    port = free_port()
    killed = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _KEEPER, url, str(tmp_path / "keys.json"), str(port), stdout=asyncio.subprocess.PIPE
    )
    assert killed.stdout is not None
    assert (await asyncio.wait_for(killed.stdout.readline(), 20)).strip() == b"listening"
    code, _ = await Postman(office.house, port, 0, office.names).bring(content, to=reply_to(letter))
    killed.send_signal(signal.SIGKILL)
    await killed.wait()
    assert code == 250
    async with open_office(url, tmp_path) as again:
        assert (await again.read()).verdict is Verdict.CONFIRMED
        await asyncio.sleep(0.5)
        assert await InboundMail.all().count() == 1
        assert await Delivery.filter(letter=Letter.ANSWER).count() == 1
        assert (await Contact.get(id=contact.id)).confirmed_at is not None


async def test_the_shelf_is_looked_through_from_the_command_line(house_on_sqlite, tmp_path, monkeypatch) -> None:
    """List with its reason, show as it came, read again, drop."""
    hub = house_on_sqlite.hub
    house_on_sqlite.sync()
    people = house_on_sqlite.people
    member = await people.member(contacts=("home",))
    delivery = await _posted(people, hub, member)
    for name in ("DATABASE_URL", "KEYS_FILE", "MODE", "ORIGIN"):
        monkeypatch.setenv(f"TEGATA_{name}", str(getattr(hub.settings, name.lower())))
    arrival = _arrival(people, delivery)
    await Intake(hub).keep(arrival)
    (unread,) = await mail_queue.claim(hub, limit=1, now=people.now)
    await mail_queue.shelve(unread.id, unread.lease, "its first line is no command", now=people.now)

    async def run(*words: str):
        return await asyncio.to_thread(CliRunner().invoke, app, ["mail", "shelf", *words])

    listed = json.loads((await run("list", "--json")).stdout)
    assert [line["reason"] for line in listed] == ["its first line is no command"]
    number = str(listed[0]["id"])
    assert b"secret-words" in (await run("show", number)).stdout_bytes
    assert (await run("retry", number)).exit_code == 0
    assert (await mail_queue.kept()).unread == 1
    assert (await run("drop", number)).exit_code == 1
    (unread,) = await mail_queue.claim(hub, limit=1, now=house_on_sqlite.clock())
    await mail_queue.shelve(unread.id, unread.lease, "still not", now=people.now)
    assert (await run("drop", number)).exit_code == 0
    assert not await InboundMail.exists()


async def test_two_hubs_that_answer_each_other_stop_after_one_exchange(
    office_on_sqlite: Postman,
) -> None:
    """The other hub's answer says auto-replied, and ours to it is never written."""
    letter, _ = await asked_to_confirm(office_on_sqlite)
    theirs = EmailMessage()
    theirs["From"] = "tegata@other.test"
    theirs["To"] = reply_to(letter)
    theirs["Auto-Submitted"] = "auto-replied"
    theirs["Subject"] = "Answer to your mail (Other)"
    theirs.set_content("help\n")
    for number in range(1, 4):
        sender = "bounce+1xaaaaaaaaaaaaaaaaaaaaaaaaaa@other.test"
        await office_on_sqlite.bring(theirs.as_bytes(), to=reply_to(letter), sender=sender)
        assert (await office_on_sqlite.read(number=number)).verdict is Verdict.AUTOMATIC
    assert not await Delivery.exists(letter=Letter.ANSWER)


async def _posted(people, hub, member, *, label: str = "home") -> Delivery:
    from hub.domain.outcomes import ByContact
    from hub.login import password_login

    begun = await people.begun(member)
    await password_login.choose(hub, people.visit(), begun.token, ByContact(member.contacts[label]))
    delivery = await Delivery.all().order_by("-id").first()
    assert delivery is not None
    return delivery


def _arrival(people, delivery: Delivery) -> Arrival:
    content = b"From: taro0@mail.test\r\nSubject: x\r\n\r\nsecret-words\r\n"
    return Arrival(
        mail_queue.Recipient(MailUse.REPLY, delivery.id), "taro0@mail.test", "8.8.8.8", "mx", content, people.now
    )


_KEEPER = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from hub.context import opened
from hub.inbound.mail_queue import Intake
from hub.settings import Listen, load
from mail_gateway.inbound.smtp_server import Door, Doorkeeper, listening

async def main():
    url, keys, port = sys.argv[1:]
    settings = load({}, mode="demo", origin="http://portal.test", database_url=url, keys_file=Path(keys),
                    mail_from="tegata@portal.test", mail_domain="tegata.test")
    async with opened(settings) as hub:
        door = Door(Intake(hub), lambda: datetime.now(UTC), Doorkeeper())
        opening = listening(door, Listen("127.0.0.1", int(port)), is_lmtp=False, hostname="tegata.test", tls=None)
        async with opening:
            print("listening", flush=True)
            await asyncio.sleep(60)

asyncio.run(main())
"""
