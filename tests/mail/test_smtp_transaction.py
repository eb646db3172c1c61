"""A letter's commands go in one flight or one by one, and what comes of it is the same."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from hub.outbox.messages import Accepted, Deferred, Failed, Report, Unknown
from mail_gateway.outbound.relay import Relay
from mail_gateway.settings import relay_address
from tests.support.smtp_faults import CLOSE, HANG, Refusing

LETTER = b"From: a@portal.test\r\nTo: b@mail.test\r\nMessage-ID: <1@portal.test>\r\nSubject: x\r\n\r\nbody\r\n"
NOT_NOW = [
    ("MAIL", "451 4.3.0 try again"),
    ("MAIL", "421 going down"),
    ("MAIL", "354 what"),
    ("MAIL", "999 what"),
    ("MAIL", "hello"),
    ("MAIL", "250 fine\r\n250 and again"),
    ("MAIL", "250-fine\r\n550 or not"),
    ("MAIL", "250-" + "a" * 200_000),
    ("MAIL", "\r\n".join([*["250-a"] * 9_000, "250 fine"])),
    ("MAIL", CLOSE),
    ("MAIL", HANG),
    ("RCPT", "450 4.2.0 greylisted"),
    ("RCPT", "421 going down"),
    ("RCPT", "354 what"),
    ("RCPT", "nonsense"),
    ("RCPT", CLOSE),
    ("RCPT", HANG),
    ("DATA", "451 4.3.0 not now"),
    ("DATA", "250 taken already"),
    ("DATA", "354 go on\r\n250 taken already"),
    ("DATA", "421 going down"),
    ("DATA", CLOSE),
    ("end", "451 4.3.0 disk full"),
    ("end", "421 going down"),
]
UNKNOWN = [("end", "354 go on"), ("end", "\x00\x01"), ("end", CLOSE), ("end", HANG)]
NEVER = [
    ("RCPT", "550 5.1.1 no such mailbox", True),
    ("RCPT", "550-5.1.1 no such\r\n550 mailbox \xe9", True),
    ("RCPT", "552 5.2.2 full", False),
    ("RCPT", "550 5.7.1 blocked", False),
]
AT_ONCE = [
    ("MAIL", "550 5.7.1 we don't know you", False),
    ("DATA", "554 5.5.0 no", False),
    ("end", "550 5.1.1 no such user", True),
    ("end", "554 5.7.1 spam", False),
    ("end", "552 5.2.2 full", False),
]
BOTH = pytest.mark.parametrize("pipelines", [True, False], ids=["one-flight", "one-by-one"])


@asynccontextmanager
async def _relay(port: int) -> AsyncIterator[Relay]:
    relay = Relay(relay_address(f"smtp://127.0.0.1:{port}?starttls=never"), timeout=0.3, end_timeout=0.3)
    try:
        yield relay
    finally:
        await relay.close()


async def _sent(relay: Relay, letter: bytes = LETTER, *, recipient: str = "b@mail.test") -> Report:
    return await relay.send(letter, sender="a@portal.test", recipient=recipient)


@BOTH
@pytest.mark.parametrize(("step", "reply"), NOT_NOW)
async def test_what_goes_wrong_on_the_way_is_not_now(step: str, reply: str, pipelines: bool) -> None:
    """Deferred, nothing believed that was not said; and the next letter gets through, over whichever connection."""
    server = Refusing({step: reply}, pipelines=pipelines)
    async with server.running(), _relay(server.port) as relay:
        report = await _sent(relay)
        assert isinstance(report, Deferred)
        if reply[:3] in {"421", "450", "451", "550"} and "\r" not in reply:
            assert report.reply == reply
        server.replies.clear()
        assert not server.accepted
        assert isinstance(await _sent(relay), Accepted)
        assert len(server.accepted) == 1
        assert relay.trouble == ""


@BOTH
@pytest.mark.parametrize(("step", "reply", "is_dead"), NEVER)
async def test_a_recipient_refused_for_good_leaves_the_connection_fit(
    step: str, reply: str, is_dead: bool, pipelines: bool
) -> None:
    """Failed, with the server's words, even when it took DATA with nobody to write to; then the next letter."""
    server = Refusing({step: reply}, pipelines=pipelines)
    async with server.running(), _relay(server.port) as relay:
        report = await _sent(relay)
        assert isinstance(report, Failed)
        assert report.is_dead is is_dead
        assert report.reply.startswith(f"{reply[:3]} {reply[4:9]}")
        # RFC 2920, 3.1: after the server's 354 a lone dot; nothing of the letter goes out.
        assert [message.get_payload() for message in server.seen] == ([""] if pipelines else [])
        server.replies.clear()
        assert isinstance(await _sent(relay), Accepted)
        assert server.connections == 1
        assert server.ids >= {"<1@portal.test>"}


@BOTH
@pytest.mark.parametrize(("step", "reply", "is_dead"), AT_ONCE)
async def test_a_5yz_at_whichever_step_is_final(step: str, reply: str, is_dead: bool, pipelines: bool) -> None:
    """It is not sent again unchanged (RFC 5321, 4.2.1), and one mailbox's refusal is no trouble of the server's."""
    server = Refusing({step: reply}, pipelines=pipelines)
    async with server.running(), _relay(server.port) as relay:
        assert await _sent(relay) == Failed(reply, is_dead=is_dead)
        assert (relay.trouble == "") is (step != "MAIL")
        server.replies.clear()
        assert isinstance(await _sent(relay), Accepted)


async def test_a_refusal_of_two_recipients_as_such_is_ours() -> None:
    """One mailbox may have a rule of its own; two of them mean that our mail is refused."""
    server = Refusing({"RCPT": "550 5.7.1 blocked"})
    async with server.running(), _relay(server.port) as relay:
        await _sent(relay)
        await _sent(relay)
        assert relay.trouble == ""
        await _sent(relay, recipient="c@mail.test")
        assert relay.trouble == "550 5.7.1 blocked"


@BOTH
@pytest.mark.parametrize(("step", "reply"), UNKNOWN)
async def test_a_letter_whose_end_is_not_answered_may_have_been_delivered(
    step: str, reply: str, pipelines: bool
) -> None:
    """Neither sent nor not sent; the next letter goes over a new connection."""
    server = Refusing({step: reply}, pipelines=pipelines)
    async with server.running(), _relay(server.port) as relay:
        assert isinstance(await _sent(relay), Unknown)
        assert relay.trouble
        server.replies.clear()
        assert isinstance(await _sent(relay), Accepted)


@pytest.mark.parametrize("step", ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "end"])
async def test_a_server_that_is_always_slow_gets_its_letter(step: str) -> None:
    """Whichever step takes longer than the first wait: the next waits are longer, and one copy arrives."""
    server = Refusing(slow={step: 0.5})
    async with server.running():
        relay = Relay(relay_address(f"smtp://127.0.0.1:{server.port}?starttls=never"), timeout=0.2)
        reports = []
        async with asyncio.timeout(8):
            while not reports or not isinstance(reports[-1], Accepted):
                reports.append(await _sent(relay))
                await asyncio.sleep(relay.wait)
        await relay.close()
    assert len(server.accepted) == 1
    assert len(reports) <= 3


async def test_a_server_that_ends_a_connection_after_a_letter_is_not_down() -> None:
    """421, or a hang-up, at the next MAIL calls for a new connection, at once."""
    for reply in ("421 one letter a connection", CLOSE):
        server = Refusing()
        async with server.running(), _relay(server.port) as relay:
            for _ in range(3):
                server.replies = {}
                server.once = {"MAIL": reply} if server.accepted else {}
                assert isinstance(await _sent(relay), Accepted)
                assert (relay.trouble, relay.wait) == ("", 0)
        assert len(server.accepted) == 3


async def test_a_server_that_knows_only_helo_is_asked_so() -> None:
    """502 to EHLO is no refusal of us (RFC 5321, 3.2)."""
    server = Refusing({"EHLO": "502 5.5.1 what"})
    async with server.running(), _relay(server.port) as relay:
        assert isinstance(await _sent(relay), Accepted)
    assert server.commands[:3] == ["EHLO", "HELO", "MAIL"]


async def test_252_is_no_refusal_of_a_recipient() -> None:
    """The first digit alone says what was done (RFC 5321, 4.2.1)."""
    server = Refusing({"RCPT": "252 cannot verify, will try"})
    async with server.running(), _relay(server.port) as relay:
        assert isinstance(await _sent(relay), Accepted)


@BOTH
async def test_nobody_gets_an_empty_letter(pipelines: bool) -> None:
    """A server that refuses the sender and takes recipient and DATA gets no dot: it would have something to deliver."""
    server = Refusing({"MAIL": "550 5.7.1 not you"}, pipelines=pipelines)
    async with server.running(), _relay(server.port) as relay:
        assert await _sent(relay) == Failed("550 5.7.1 not you")
        await asyncio.sleep(0.05)
        assert not server.seen
        server.replies.clear()
        assert isinstance(await _sent(relay), Accepted)
    assert len(server.seen) == 1


@BOTH
async def test_many_letters_go_over_one_connection(pipelines: bool) -> None:
    """The next MAIL follows the last 250; nothing is mixed up."""
    server = Refusing(pipelines=pipelines)
    async with server.running(), _relay(server.port) as relay:
        for number in range(10):
            letter = LETTER.replace(b"<1@", f"<{number}@".encode())
            assert await _sent(relay, letter) == Accepted("250 2.0.0 taken as 4711")
    assert [str(message["Message-ID"]) for message in server.accepted] == [f"<{n}@portal.test>" for n in range(10)]
    assert (server.connections, server.commands[-1]) == (1, "QUIT")


async def test_what_the_server_says_while_nobody_asked_ends_the_connection() -> None:
    """A 250 too many is not believed of the next letter: that one goes over a new connection."""
    server = Refusing({"end": "250 taken\r\n250 the next one, too"})
    async with server.running(), _relay(server.port) as relay:
        assert isinstance(await _sent(relay), Accepted)
        await asyncio.sleep(0.02)
        server.replies = {"end": "451 no"}
        assert await _sent(relay) == Deferred("451 no")
    assert server.connections == 2


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        (b".\r\n", b"..\r\n"),
        (b".one\r\n..two\r\n", b"..one\r\n...two\r\n"),
        (b"no end", b"no end\r\n"),
        (b"", b""),
        (b"a\n.\nMAIL FROM:<x@y.test>\n", b"a\r\n..\r\nMAIL FROM:<x@y.test>\r\n"),
        (b"a\r\n.\rb\r.\r\n", b"a\r\n..\r\nb\r\n..\r\n"),
        (b"a\n.\r\n\r.\n", b"a\r\n..\r\n\r\n..\r\n"),
    ],
)
async def test_no_line_of_a_letter_is_its_end(body: bytes, sent: bytes) -> None:
    """Dots are doubled and every line end is CRLF, so that no server can take a part for the next command."""
    async with _recording(pieces=1_000) as (port, heard), _relay(port) as relay:
        assert isinstance(await _sent(relay, b"Subject: x\r\n\r\n" + body), Accepted)
        assert bytes(heard).endswith(b"DATA\r\nSubject: x\r\n\r\n" + sent + b".\r\n")


@pytest.mark.parametrize("pieces", [1, 3, 1_000])
async def test_replies_come_in_whatever_pieces(pieces: int) -> None:
    """All three in one packet, or byte by byte."""
    async with _recording(pieces=pieces) as (port, heard), _relay(port) as relay:
        for _ in range(3):
            assert await _sent(relay) == Accepted("250 2.0.0 taken whole")
        assert heard.count(b"MAIL FROM:<a@portal.test>\r\nRCPT TO:<b@mail.test>\r\nDATA\r\n") == 3


async def test_a_server_that_offers_no_flight_is_asked_step_by_step() -> None:
    """No command leaves before the reply to the last has come, and the letter not before 354."""
    async with _recording(pieces=1_000, pipelines=False) as (port, heard), _relay(port) as relay:
        assert await _sent(relay) == Accepted("250 2.0.0 taken whole")
        assert heard.count(b"DATA\r\n") == 1


async def test_smtputf8_is_asked_for_only_where_it_is_needed() -> None:
    """An address beyond ASCII needs the option; another must not have it, for the next server may not know it."""
    server = Refusing()
    async with server.running(), _relay(server.port) as relay:
        await _sent(relay)
        await _sent(relay, recipient="太郎@mail.test")
    assert [line for line in server.lines if line.startswith("MAIL")] == [
        "MAIL FROM:<a@portal.test>",
        "MAIL FROM:<a@portal.test> SMTPUTF8",
    ]


@pytest.mark.parametrize("address", ["b@mail.test>\r\nRSET", "b@mail.test> X=1", "b@mail.test\n", "<b@mail.test>"])
async def test_no_address_becomes_a_command(address: str) -> None:
    """What would end the command, or the brackets in it, is never said."""
    server = Refusing()
    async with server.running(), _relay(server.port) as relay:
        assert isinstance(await relay.send(LETTER, sender="a@portal.test", recipient=address), Failed)
        assert isinstance(await relay.send(LETTER, sender=address, recipient="b@mail.test"), Failed)
    assert not server.commands


@asynccontextmanager
async def _recording(*, pieces: int, pipelines: bool = True) -> AsyncIterator[tuple[int, bytearray]]:
    """Serve one connection and keep what it said; the replies go out in pieces of so many bytes."""
    heard = bytearray()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def until(end: bytes) -> None:
            nonlocal heard
            while not heard.endswith(end):
                if not (more := await reader.read(10_000)):
                    return
                heard += more
            if not pipelines:
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(reader.read(1), 0.03)

        async def say(replies: bytes) -> None:
            for at in range(0, len(replies), pieces):
                writer.write(replies[at : at + pieces])
                await writer.drain()
                await asyncio.sleep(0)

        await say(b"220 here\r\n")
        await until(b"\r\n")
        await say(b"250-here\r\n250 PIPELINING\r\n" if pipelines else b"250 here\r\n")
        steps = {
            b"portal.test>\r\n": b"250 one\r\n",
            b"mail.test>\r\n": b"250-two\r\n250 more\r\n",
            b"DATA\r\n": b"354 x\r\n",
        }
        for _ in range(3):
            for step, reply in ({b"DATA\r\n": b"".join(steps.values())} if pipelines else steps).items():
                await until(step)
                await say(reply)
            await until(b"\r\n.\r\n")
            await say(b"250-2.0.0 taken\r\n250 whole\r\n")
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], heard
    finally:
        server.close()
