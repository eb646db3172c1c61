"""The mail door under every kind of peer: polite, wrong, slow, many, vanishing, malicious."""

import asyncio
import random
import sqlite3
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiosmtplib
import pytest

from hub.inbound.mail_queue import Intake
from hub.settings import NUMBERS, Listen
from mail_gateway.inbound.smtp_server import Door, Doorkeeper, Pace, listening
from models.inbound import InboundMail
from models.kinds import Verdict
from tests.mail.test_answers import asked_to_confirm
from tests.support.inbound_smtp import DOMAIN, Postman, answer_to, open_office, reply_to
from tests.support.running_hub import House

pytestmark = pytest.mark.slow

ENDINGS = [
    b"\n.\n",
    b"\n.\r\n",
    b"\r\n.\n",
    b"\r.\r",
    b"\r.\r\n",
    b"\r\n.\r",
    b"\r\n\x00.\r\n",
    b"\n\r.\n\r",
]


class Wire:
    """A peer that says just what it is told, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def say(self, content: bytes) -> bytes:
        """Say something; gives the answer's last line."""
        self.writer.write(content)
        await self.writer.drain()
        return await self.hear()

    async def hear(self) -> bytes:
        """Hear one answer."""
        async with asyncio.timeout(10):
            while True:
                line = await self.reader.readline()
                if line[3:4] != b"-":
                    return line

    async def to_data(self, recipient: str) -> bytes:
        """Go as far as DATA."""
        await self.hear()
        await self.say(b"EHLO peer.test\r\n")
        await self.say(b"MAIL FROM:<taro@mail.test>\r\n")
        await self.say(f"RCPT TO:<{recipient}>\r\n".encode())
        return await self.say(b"DATA\r\n")


@asynccontextmanager
async def wired(port: int, *, local: str = "127.0.0.1") -> AsyncIterator[Wire]:
    """Connect, from an address of the loopback."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(local, 0))
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()


@asynccontextmanager
async def another_door(house: House, *, pace: Pace | None = None, keeper: Doorkeeper | None = None, tls=None):
    """Open one more door of the same hub, with a pace or limits of its own."""
    door = Door(Intake(house.hub), house.clock, keeper or Doorkeeper())
    opening = listening(door, Listen("127.0.0.1", 0), is_lmtp=False, hostname=DOMAIN, tls=tls, pace=pace)
    async with opening as port:
        yield port


@pytest.mark.parametrize("ending", ENDINGS, ids=repr)
async def test_only_crlf_dot_crlf_ends_a_message(office_on_sqlite: Postman, ending: bytes) -> None:
    """CVE-2023-51764 and its kin: every other spelling stays content of the one message, or is refused."""
    letter, _ = await asked_to_confirm(office_on_sqlite)
    address = reply_to(letter)
    second = (
        f"MAIL FROM:<evil@mail.test>\r\nRCPT TO:<{address}>\r\nDATA\r\nSubject: second\r\n\r\nyes\r\n.\r\n".encode()
    )
    async with wired(office_on_sqlite.port) as wire:
        await wire.to_data(address)
        reply = await wire.say(b"Subject: first\r\n\r\nhello" + ending + second)
        assert reply[:3] in {b"250", b"500", b"554"}
        await wire.say(b"QUIT\r\n")
    if reply.startswith(b"250"):
        await office_on_sqlite.read()
    assert await InboundMail.all().count() <= 1
    assert not await InboundMail.exists(verdict=Verdict.CONFIRMED)


async def test_a_message_beyond_the_limit_is_refused(office_on_sqlite: Postman) -> None:
    """The limit stands in EHLO; MAIL that announces more, and DATA that brings more, get 552."""
    letter, _ = await asked_to_confirm(office_on_sqlite)
    address = reply_to(letter)
    async with wired(office_on_sqlite.port) as wire:
        await wire.hear()
        wire.writer.write(b"EHLO peer.test\r\n")
        said = b""
        while not said.endswith(b"HELP\r\n"):
            said += await wire.reader.readline()
        assert b"250-SIZE %d\r\n" % NUMBERS.mail_size in said
        assert (await wire.say(b"MAIL FROM:<a@b.test> SIZE=%d\r\n" % (NUMBERS.mail_size + 1))).startswith(b"552")
        await wire.say(b"MAIL FROM:<a@b.test>\r\n")
        await wire.say(f"RCPT TO:<{address}>\r\n".encode())
        await wire.say(b"DATA\r\n")
        assert (await wire.say(b"x" * 70 + (b"\r\n" + b"x" * 70) * 15_000 + b"\r\n.\r\n")).startswith(b"552")
    assert not await InboundMail.exists()


async def test_a_reply_echoes_no_control_character(office_on_sqlite: Postman) -> None:
    """A terminal or a log that shows the dialogue obeys nothing that a peer sent."""
    async with wired(office_on_sqlite.port) as wire:
        await wire.hear()
        reply = await wire.say(b"FOO\rBAR\x1b[31m\x07 x\r\n")
        assert reply.startswith(b"500 ")
        assert not set(reply.rstrip(b"\r\n")) & {*range(32), 127}


async def test_a_line_of_ten_thousand_octets_is_taken(office_on_sqlite: Postman) -> None:
    """HTML is often written in one line, and most servers take it."""
    letter, _ = await asked_to_confirm(office_on_sqlite)
    async with wired(office_on_sqlite.port) as wire:
        await wire.to_data(reply_to(letter))
        page = b"<p>" + b"x" * 10_000 + b"</p>"
        reply = await wire.say(b"Subject: long\r\nContent-Type: text/html\r\n\r\n" + page + b"\r\n.\r\n")
        assert reply.startswith(b"250")


async def test_one_recipient_a_message_and_never_a_relay(office_on_sqlite: Postman) -> None:
    """The second address gets 452, so that its server sends it once more; a foreign one is refused."""
    letter, _ = await asked_to_confirm(office_on_sqlite)
    address = reply_to(letter).encode()
    async with wired(office_on_sqlite.port) as wire:
        await wire.hear()
        await wire.say(b"EHLO peer.test\r\n")
        await wire.say(b"MAIL FROM:<a@b.test>\r\n")
        assert (await wire.say(b"RCPT TO:<someone@elsewhere.test>\r\n")).startswith(b"550 5.1.1")
        assert (await wire.say(b"RCPT TO:<%s>\r\n" % address)).startswith(b"250")
        assert (await wire.say(b"RCPT TO:<%s>\r\n" % address)).startswith(b"452 4.5.3")
        assert (await wire.say(b"VRFY <taro@mail.test>\r\n")).startswith(b"252")


async def test_who_guesses_addresses_is_shown_the_door(office_on_sqlite: Postman) -> None:
    """The tenth unknown address ends the connection."""
    async with wired(office_on_sqlite.port) as wire:
        await wire.hear()
        await wire.say(b"EHLO peer.test\r\n")
        await wire.say(b"MAIL FROM:<a@b.test>\r\n")
        replies = [await wire.say(b"RCPT TO:<reply+1x%s@%s>\r\n" % (b"a" * 26, DOMAIN.encode())) for _ in range(10)]
        assert [reply[:3] for reply in replies] == [b"550"] * 9 + [b"421"]
        assert await wire.reader.read() == b""


async def test_lmtp_answers_each_recipient(office_on_sqlite: Postman) -> None:
    """LHLO, one recipient, one reply to DATA (RFC 2033, 4.2)."""
    letter, _ = await asked_to_confirm(office_on_sqlite)
    async with wired(office_on_sqlite.lmtp_port) as wire:
        await wire.hear()
        assert (await wire.say(b"EHLO relay.test\r\n")).startswith(b"500")
        assert (await wire.say(b"LHLO relay.test\r\n")).startswith(b"250")
        await wire.say(b"MAIL FROM:<taro@mail.test>\r\n")
        await wire.say(f"RCPT TO:<{reply_to(letter)}>\r\n".encode())
        await wire.say(b"DATA\r\n")
        body = answer_to(letter, "yes").replace(b"\r\n.", b"\r\n..")
        assert (await wire.say(body + b"\r\n.\r\n")).startswith(b"250")
    assert (await office_on_sqlite.read()).verdict is Verdict.CONFIRMED


async def test_what_was_said_before_tls_is_dropped(office_on_sqlite: Postman, tmp_path: Path) -> None:
    """CVE-2024-34083: text that was pipelined behind STARTTLS is not taken for the encrypted peer's."""
    letter, _ = await asked_to_confirm(office_on_sqlite)
    async with another_door(office_on_sqlite.house, tls=certificate(tmp_path)) as port, wired(port) as wire:
        await wire.hear()
        await wire.say(b"EHLO peer.test\r\n")
        injected = f"MAIL FROM:<evil@mail.test>\r\nRCPT TO:<{reply_to(letter)}>\r\n".encode()
        assert (await wire.say(b"STARTTLS\r\n" + injected)).startswith(b"220")
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        try:
            await asyncio.wait_for(wire.writer.start_tls(trusting), 3)
        except (OSError, TimeoutError):
            return
        assert not (await wire.say(b"DATA\r\n")).startswith(b"354")


async def test_an_answer_over_tls_is_kept(office_on_sqlite: Postman, tmp_path: Path) -> None:
    """STARTTLS is offered where there is a certificate; the connection's counts and ends hold on after it."""
    letter, _ = await asked_to_confirm(office_on_sqlite)
    keeper = Doorkeeper()
    async with another_door(office_on_sqlite.house, tls=certificate(tmp_path), keeper=keeper) as port:
        client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=True, validate_certs=False)
        async with client:
            assert keeper._all == 1
            await client.sendmail("taro@mail.test", [reply_to(letter)], answer_to(letter, "yes"))
        await asyncio.sleep(0.2)
        assert keeper._all == 0
    assert (await office_on_sqlite.read()).verdict is Verdict.CONFIRMED


async def test_a_byte_a_second_comes_to_an_end(office_on_sqlite: Postman) -> None:
    """Each byte is in time and the whole is not: the dialogue has an end of its own."""
    async with another_door(office_on_sqlite.house, pace=Pace(idle=5, dialogue=1)) as port, wired(port) as wire:
        await wire.hear()
        async with asyncio.timeout(5):
            while not wire.reader.at_eof() and not wire.writer.is_closing():
                wire.writer.write(b"E")
                await asyncio.sleep(0.1)


async def test_who_says_nothing_is_let_go(office_on_sqlite: Postman) -> None:
    """An idle peer holds a place for the idle time and no longer."""
    keeper = Doorkeeper()
    pace = Pace(idle=0.3, dialogue=30)
    async with another_door(office_on_sqlite.house, pace=pace, keeper=keeper) as port, wired(port) as wire:
        await wire.hear()
        async with asyncio.timeout(5):
            while await wire.reader.read(1000):
                pass
    assert keeper._all == 0


async def test_who_vanishes_within_data_leaves_nothing(office_on_sqlite: Postman) -> None:
    """Half a message is none; the place is given back, and the door lives."""
    letter, _ = await asked_to_confirm(office_on_sqlite)
    keeper = Doorkeeper()
    async with another_door(office_on_sqlite.house, keeper=keeper) as port:
        for _ in range(20):
            async with wired(port) as wire:
                await wire.to_data(reply_to(letter))
                wire.writer.write(b"Subject: half\r\n\r\nyes")
                await wire.writer.drain()
                wire.writer.transport.abort()
        await asyncio.sleep(0.3)
        assert keeper._all == 0
    assert not await InboundMail.exists()
    assert (await office_on_sqlite.answer(letter, "yes")).verdict is Verdict.CONFIRMED


async def test_a_peer_that_shuts_its_side_after_quit_hears_its_250(office_on_sqlite: Postman) -> None:
    """Its mail is kept; without the 250 it would bring it again. A message that was cut short is not kept."""
    letter, _ = await asked_to_confirm(office_on_sqlite)
    head = f"EHLO mail.test\r\nMAIL FROM:<taro@mail.test>\r\nRCPT TO:<{reply_to(letter)}>\r\nDATA\r\n".encode()
    for said, is_kept in ((answer_to(letter, "yes") + b"\r\n.\r\nQUIT\r\n", True), (b"Subject: half", False)):
        async with wired(office_on_sqlite.port) as wire:
            wire.writer.write(head + said)
            wire.writer.write_eof()
            async with asyncio.timeout(10):
                heard = await wire.reader.read()
        assert (b"250 2.0.0 kept" in heard) is is_kept
        assert (b"221 " in heard) is is_kept
    assert (await office_on_sqlite.read()).verdict is Verdict.CONFIRMED
    assert await InboundMail.all().count() == 1


async def test_two_hundred_at_once_are_counted_and_mail_gets_through(office_on_sqlite: Postman) -> None:
    """One peer has 50 places and hears 421 for the rest; another peer's mail is kept, and all places come back."""
    letter, _ = await asked_to_confirm(office_on_sqlite)
    keeper = Doorkeeper()
    async with another_door(office_on_sqlite.house, keeper=keeper) as port:
        crowd = await asyncio.gather(*(asyncio.open_connection("127.0.0.1", port) for _ in range(200)))
        greetings = await asyncio.gather(*(reader.readline() for reader, _ in crowd))
        assert sum(line.startswith(b"220") for line in greetings) == 50
        assert sum(line.startswith(b"421 4.3.2") for line in greetings) == 150
        async with wired(port, local="127.0.0.2") as wire:
            await wire.to_data(reply_to(letter))
            assert (await wire.say(answer_to(letter, "yes") + b"\r\n.\r\n")).startswith(b"250")
        for _, writer in crowd:
            writer.close()
        await asyncio.sleep(0.3)
        assert keeper._all == 0
    assert (await office_on_sqlite.read()).verdict is Verdict.CONFIRMED


async def test_random_bytes_leave_the_door_standing(office_on_sqlite: Postman) -> None:
    """A bounded run with a fixed seed, commands and noise mixed: no traceback to the peer, and mail gets through."""
    letter, _ = await asked_to_confirm(office_on_sqlite)
    chance = random.Random(20260413)
    words = [
        b"EHLO x\r\n",
        b"MAIL FROM:<>\r\n",
        b"RCPT TO:<a@b>\r\n",
        b"DATA\r\n",
        b".\r\n",
        b"RSET\r\n",
        b"\xff\xfe\r\n",
    ]
    words += [
        f"RCPT TO:<{reply_to(letter)}>\r\n".encode(),
        b"STARTTLS\r\n",
        b"AUTH PLAIN AAA=\r\n",
        b"MAIL FROM:\r\n",
        b"\x00",
    ]

    async def noise(count: int) -> bytes:
        heard = b""
        async with wired(office_on_sqlite.port) as wire:
            for _ in range(count):
                said = chance.choice([*words, chance.randbytes(chance.randrange(1, 1500))])
                try:
                    wire.writer.write(said)
                    await wire.writer.drain()
                except ConnectionError:
                    break
            wire.writer.write_eof() if not wire.writer.is_closing() else None
            try:
                async with asyncio.timeout(5):
                    heard = await wire.reader.read()
            except (TimeoutError, ConnectionError):
                pass
        return heard

    for _ in range(4):
        heard = await asyncio.gather(*(noise(25) for _ in range(8)))
        for one in heard:
            assert b"Traceback" not in one
            assert b"Error" not in one.replace(b"Error: ", b"")
    before = await InboundMail.all().count()
    row = await office_on_sqlite.answer(letter, "yes", number=before + 1)
    assert row.verdict in {Verdict.CONFIRMED, Verdict.TOO_LATE}


async def test_a_database_in_trouble_is_a_not_now(sqlite_template: Path, tmp_path: Path) -> None:
    """No 250 without a commit: the peer hears 451 with a reference and nothing of the reason, and brings it again."""
    file = tmp_path / "tegata.db"
    file.write_bytes(sqlite_template.read_bytes())
    async with open_office(f"sqlite:///{file}?busy_timeout=100", tmp_path) as office:
        letter, _ = await asked_to_confirm(office)
        await asyncio.sleep(0.5)
        holder = sqlite3.connect(file, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        code, reply = await office.bring(answer_to(letter, "yes"), to=reply_to(letter))
        holder.rollback()
        holder.close()
        assert code == 451
        assert reply.startswith("4.3.0 not now (reference ")
        assert "locked" not in reply
        assert (await office.answer(letter, "yes")).verdict is Verdict.CONFIRMED


def certificate(folder: Path) -> ssl.SSLContext:
    """Make a certificate as an operator would for a trial."""
    from mail_gateway.inbound.smtp_server import tls_context

    key, made = folder / "key.pem", folder / "certificate.pem"
    asked = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={DOMAIN}"]
    subprocess.run([*asked, "-keyout", str(key), "-out", str(made)], check=True, capture_output=True)
    return tls_context(str(made), str(key))
