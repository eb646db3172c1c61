"""How much mail is let in and kept: places in the door, a ceiling on the shelf, and what an operator sees of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path

from prometheus_client import REGISTRY

from cli.doctor import listeners
from cli.doctor.command import Grade
from hub.inbound import mail_queue
from hub.inbound.mail_queue import Arrival, Intake, Recipient
from hub.maintenance import gauges
from hub.settings import NUMBERS, Listen
from mail_gateway.inbound.capacity import Room
from mail_gateway.inbound.smtp_server import Door, Doorkeeper, listening
from mail_gateway.outbound import dkim_keys
from mail_gateway.outbound.dkim_key_watcher import Renewal
from mail_gateway.outbound.dkim_keys import Signer
from models.inbound import InboundMail
from models.kinds import MailUse, Verdict
from tests.mail.test_answers import asked_to_confirm
from tests.mail.test_smtp_server import wired
from tests.support.factory import START, People
from tests.support.inbound_smtp import DOMAIN, Postman, answer_to, open_office, reply_to
from tests.support.ports import free_port
from tests.support.running_hub import House


async def keep(people: People, use: MailUse, *, number: int = 1) -> None:
    """Have mail lie unread, to no letter in particular."""
    kept = Intake(people.hub)
    for _ in range(number):
        await kept.keep(Arrival(Recipient(use, 0), "a@b.test", "8.8.8.8", "mx", b"x", people.now))


async def shelve_all(people: People) -> None:
    """Put what is unread on the shelf."""
    for one in await mail_queue.claim(people.hub, limit=1000, now=people.now):
        await mail_queue.shelve(one.id, one.lease, "no command", now=people.now)


async def test_a_shelf_at_its_ceiling_says_not_now_and_readiness_says_why(people: People) -> None:
    """Told before it is full; then no mail comes in, but for a look at the shelf; dropping one makes room."""
    room = Room(10, lambda: people.now)
    await keep(people, MailUse.REPLY, number=7)
    await shelve_all(people)
    await room.look()
    assert (room.is_left(MailUse.BOUNCE), room.trouble) == (True, "")
    await keep(people, MailUse.REPLY)
    await shelve_all(people)
    await room.look()
    assert (room.is_left(MailUse.REPLY), room.trouble) == (True, "the shelf is nearly full: 8 messages of 10")
    await keep(people, MailUse.REPLY, number=2)
    await room.look()
    assert not room.is_left(MailUse.REPLY)
    assert room.trouble == "no mail is taken: 2 messages are unread and 8 lie on the shelf"
    await mail_queue.drop((await mail_queue.shelf())[0].id)
    await room.look()
    assert room.is_left(MailUse.REPLY)


async def test_mail_to_the_operator_has_a_ceiling_of_its_own(people: People) -> None:
    """Anybody may write there: a flood of it takes no room from members' answers."""
    room = Room(1000, lambda: people.now)
    await keep(people, MailUse.OPERATOR, number=NUMBERS.operator_mail)
    await shelve_all(people)
    await room.look()
    assert not room.is_left(MailUse.OPERATOR)
    assert room.is_left(MailUse.REPLY)
    assert room.trouble == "no mail to the postmaster is taken: 200 messages lie on the shelf"


async def test_mail_that_nobody_reads_is_told_and_measured(people: People) -> None:
    """A reader that hangs is seen by the age of what waits for it."""
    room = Room(1000, lambda: people.now)
    await keep(people, MailUse.REPLY, number=2)
    people.later(minutes=6)
    await keep(people, MailUse.OPERATOR)
    await room.look()
    assert room.trouble == f"mail is not read: 3 messages wait, one since {START:%H:%M} UTC"
    await gauges.look(people.hub, now=people.now)
    assert REGISTRY.get_sample_value("tegata_mail_unread_oldest_seconds") == 360
    assert REGISTRY.get_sample_value("tegata_mail_kept", {"state": "unread"}) == 3
    await shelve_all(people)
    await room.look()
    await gauges.look(people.hub, now=people.now)
    assert room.trouble == ""
    seen = {state: REGISTRY.get_sample_value("tegata_mail_kept", {"state": state}) for state in ("unread", "shelved")}
    assert seen == {"unread": 0, "shelved": 3}
    assert REGISTRY.get_sample_value("tegata_mail_kept", {"state": "for-operator"}) == 1
    assert REGISTRY.get_sample_value("tegata_mail_unread_oldest_seconds") == 0


async def test_a_full_house_refuses_at_rcpt_and_takes_mail_again(sqlite_template: Path, tmp_path: Path) -> None:
    """452 in the dialogue, so that the peer keeps it and comes again; /health/ready is degraded meanwhile."""
    file = tmp_path / "tegata.db"
    file.write_bytes(sqlite_template.read_bytes())
    async with open_office(f"sqlite:///{file}", tmp_path, mail_kept=100) as office:
        letter, _ = await asked_to_confirm(office)
        house = office.house
        house.sync()
        await keep(house.people, MailUse.REPLY, number=100)
        # Whatever the reader has made of some of them by now.
        await InboundMail.all().update(shelved_at=house.people.now, due_at=None, lease="")
        await until(lambda: told_of(house), "no mail is taken")
        code, reply = await office.bring(answer_to(letter, "yes"), to=reply_to(letter))
        assert (code, reply) == (452, "4.3.1 no room for more mail now")
        await InboundMail.all().delete()
        await until(lambda: told_of(house), "ok")
        assert (await office.answer(letter, "yes")).verdict is Verdict.CONFIRMED


async def test_readiness_names_each_half_of_the_mail_door(sqlite_template: Path, tmp_path: Path) -> None:
    """What goes out, what signs it, what comes in: each is a part of its own, there where the settings ask for it."""
    file = tmp_path / "tegata.db"
    file.write_bytes(sqlite_template.read_bytes())
    (tmp_path / "dkim").mkdir(mode=0o700)
    async with open_office(f"sqlite:///{file}", tmp_path, dkim_keys=tmp_path / "dkim") as office:
        house = office.house
        async with house.person() as person, person.session.get(f"{house.url}/health/ready") as answer:
            told = await answer.json()
    assert set(told["parts"]) == {"database", "mail", "mail policy", "mail signing", "mail coming in"}
    assert told["status"] == "degraded"
    assert told["parts"]["mail signing"]["what"].endswith("holds no key, so mail goes out unsigned")


async def told_of(house: House) -> str:
    """Read what readiness says of the mail that comes in."""
    async with house.person() as person, person.session.get(f"{house.url}/health/ready") as answer:
        part = (await answer.json())["parts"]["mail coming in"]
    return str(part.get("what", part["status"]))


async def until(read, begins: str) -> None:
    """Wait until what is read begins so."""
    async with asyncio.timeout(10):
        while not (await read()).startswith(begins):
            await asyncio.sleep(0.1)


@asynccontextmanager
async def two_doors(house: House, keeper: Doorkeeper) -> AsyncIterator[tuple[int, int]]:
    """Open SMTP and LMTP behind one doorkeeper, as a hub does."""
    door = Door(Intake(house.hub), house.clock, keeper)
    async with AsyncExitStack() as stack:
        ports = [
            await stack.enter_async_context(
                listening(door, Listen("127.0.0.1", 0), is_lmtp=is_lmtp, hostname=DOMAIN, tls=None)
            )
            for is_lmtp in (False, True)
        ]
        yield ports[0], ports[1]


async def test_the_places_are_those_of_both_listeners(house_on_sqlite: House) -> None:
    """Three places in all: two over SMTP leave one over LMTP, and it comes back when one goes."""
    keeper = Doorkeeper(most=3, a_peer=50)
    async with two_doors(house_on_sqlite, keeper) as (smtp, lmtp), wired(smtp) as one, wired(lmtp) as other:
        assert (await one.hear()).startswith(b"220")
        assert (await other.hear()).startswith(b"220")
        async with wired(smtp) as third:
            assert (await third.hear()).startswith(b"220")
            for port in (smtp, lmtp):
                async with wired(port) as fourth:
                    assert (await fourth.hear()).startswith(b"421 4.3.2")
        await asyncio.sleep(0.1)
        async with wired(lmtp) as fourth:
            assert (await fourth.hear()).startswith(b"220")


async def test_a_hub_counts_both_its_listeners_together(office_on_sqlite: Postman) -> None:
    """One peer has fifty places, whichever listener it comes to."""
    async with AsyncExitStack() as stack:
        for port in [office_on_sqlite.port, office_on_sqlite.lmtp_port] * 25:
            wire = await stack.enter_async_context(wired(port))
            assert (await wire.hear()).startswith(b"220")
        for port in (office_on_sqlite.port, office_on_sqlite.lmtp_port):
            wire = await stack.enter_async_context(wired(port))
            assert (await wire.hear()).startswith(b"421 4.3.2")


async def test_new_keys_sign_without_a_new_start(tmp_path: Path) -> None:
    """A folder that changed is read again; one that can't be read leaves the keys as they are and says so."""
    folder = tmp_path / "dkim"
    (folder).mkdir(mode=0o700)
    letter = b"From: a@portal.test\r\nSubject: x\r\n\r\nx\r\n"
    signer = Signer(dkim_keys.load(folder), "portal.test")
    async with Renewal(signer, folder, every=0.02).running() as renewal:
        await asyncio.sleep(0.1)
        assert renewal.trouble == f"{folder} holds no key, so mail goes out unsigned"
        assert signer.sign(letter, now=START) == letter
        first = dkim_keys.make(folder, now=START)
        await until(lambda: signed_by(signer, letter), first[1].selector)
        assert renewal.trouble == ""
        dkim_keys.make(folder, now=START + timedelta(days=1))[0]
        (broken,) = folder.glob("t20260414*r.pem")
        broken.chmod(0o644)
        async with asyncio.timeout(5):
            while "can be read by others" not in renewal.trouble:
                await asyncio.sleep(0.02)
        assert first[0].selector in await signed_by(signer, letter)
        broken.chmod(0o600)
        async with asyncio.timeout(5):
            while renewal.trouble:
                await asyncio.sleep(0.02)
        later = signer.sign(letter, now=START + timedelta(days=3))
        assert b"s=t20260414030000r" in b"".join(later.split())


async def signed_by(signer: Signer, letter: bytes) -> str:
    """Name the selectors that sign now."""
    words = b"".join(signer.sign(letter, now=START).split()).split(b";")
    return " ".join(word[2:].decode() for word in words if word.startswith(b"s=t"))


async def test_the_doctor_asks_the_listeners(office_on_sqlite: Postman) -> None:
    """Both answer and know no stranger; a port where nobody listens, or a server that takes everything, is wrong."""
    house = office_on_sqlite.house
    found = [one async for one in listeners.listeners(house.hub.settings)]
    assert [one.grade for one in found] == [Grade.OK, Grade.OK]
    assert "TEGATA_LMTP_LISTEN" in found[1].what
    world = int(house.hub.settings.smtp_url.rpartition(":")[2].partition("?")[0])
    for port, what in ((free_port(), "connect"), (world, "an address that nobody has was answered with 250")):
        wrong = house.hub.settings.model_copy(update={"mail_listen": f"127.0.0.1:{port}", "lmtp_listen": ""})
        (finding,) = [one async for one in listeners.listeners(wrong)]
        assert finding.grade is Grade.WRONG
        assert what in finding.what
    silent = house.hub.settings.model_copy(update={"mail_listen": "", "lmtp_listen": ""})
    (finding,) = [one async for one in listeners.listeners(silent)]
    assert finding.grade is Grade.WARN
