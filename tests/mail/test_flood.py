"""A real process under crowds, noise and half messages: it lives, its memory is flat, legitimate mail gets through."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import pytest

from demo.inbox import Received
from tests.mail.test_answers import asked_to_confirm
from tests.mail.test_smtp_server import wired
from tests.support.hub_process import Child, serving
from tests.support.inbound_smtp import Postman, answer_to, open_office, reply_to

pytestmark = pytest.mark.slow

# A round of any flood brings far more than this; what grows with it is found, what a heap keeps for the next is not.
GROWTH = 8 * 2**20
ROUNDS = 4
LAST_FOR = 4.0
PEERS = ("127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.6")


@dataclass
class Flooded:
    """A hub in a process of its own, and one address of it that mail is good for."""

    child: Child
    postman: Postman
    letter: Received

    @property
    def port(self) -> int:
        """Where it takes mail."""
        return self.postman.port

    async def gets_through(self) -> None:
        """Bring a person's mail, in good time."""
        async with asyncio.timeout(5):
            code, reply = await self.postman.bring(answer_to(self.letter, "help"), to=reply_to(self.letter))
        assert code == 250, reply


@pytest.fixture
async def flooded(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Flooded]:
    """A hub as `tegata serve` runs it."""
    file = tmp_path / "tegata.db"
    file.write_bytes(sqlite_template.read_bytes())
    file.chmod(0o600)
    async with open_office(f"sqlite:///{file}", tmp_path) as office:
        letter, _ = await asked_to_confirm(office)
    async with serving(office.house.hub.settings, smtp_port=1) as child:
        yield Flooded(child, office, letter)


async def crowd(flooded: Flooded) -> None:
    """Come with two hundred and forty connections at once, from four peers with fifty places each."""
    async with AsyncExitStack() as stack:
        wires = [await stack.enter_async_context(wired(flooded.port, local=PEERS[n % 4])) for n in range(240)]
        greetings = await asyncio.gather(*(wire.hear() for wire in wires))
        assert sum(line.startswith(b"220") for line in greetings) == 200
        assert sum(line.startswith(b"421 4.3.2") for line in greetings) == 40
        await flooded.gets_through()
    await asyncio.sleep(0.5)


async def vanishing(flooded: Flooded) -> None:
    """Bring half a megabyte and vanish before its end, forty times."""
    for number in range(40):
        async with wired(flooded.port, local=PEERS[number % 4]) as wire:
            assert (await wire.to_data(reply_to(flooded.letter))).startswith(b"354")
            with suppress(OSError):
                wire.writer.write((b"x" * 70 + b"\r\n") * 7000)
                await wire.writer.drain()
            wire.writer.transport.abort()
        if number % 10 == 0:
            await flooded.gets_through()


async def trickle(flooded: Flooded) -> None:
    """A hundred peers say a byte now and then within a message, for seconds."""
    async with AsyncExitStack() as stack:
        wires = [await stack.enter_async_context(wired(flooded.port, local=PEERS[n % 4])) for n in range(100)]
        await asyncio.gather(*(wire.to_data(reply_to(flooded.letter)) for wire in wires))
        ends = monotonic() + LAST_FOR
        while monotonic() < ends:
            for wire in wires:
                wire.writer.write(b"x")
            await flooded.gets_through()
            await asyncio.sleep(0.5)


async def noise(flooded: Flooded) -> None:
    """Commands, addresses and random bytes, mixed by a fixed seed, as many as seconds allow."""
    chance = random.Random(20260413)
    to = reply_to(flooded.letter).encode()
    words = [b"EHLO x\r\n", b"MAIL FROM:<>\r\n", b"RCPT TO:<%s>\r\n" % to, b"RCPT TO:<a@b>\r\n", b"DATA\r\n"]
    words += [
        b"\r\n.\r\n",
        b"RSET\r\n",
        b"\xff\xfe\r\n",
        b"STARTTLS\r\n",
        b"AUTH PLAIN AAA=\r\n",
        b"\x00",
        b"MAIL FROM:\r\n",
    ]

    async def one(local: str) -> None:
        async with wired(flooded.port, local=local) as wire:
            with suppress(OSError):
                for _ in range(30):
                    wire.writer.write(chance.choice([*words, chance.randbytes(chance.randrange(1, 1500))]))
                    await wire.writer.drain()
                wire.writer.write_eof()
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(1):
                    assert b"Traceback" not in await wire.reader.read()

    ends = monotonic() + LAST_FOR
    while monotonic() < ends:
        await asyncio.gather(*(one(local) for local in PEERS * 4))
        await flooded.gets_through()


@pytest.mark.parametrize("flood", [crowd, vanishing, trickle, noise], ids=lambda flood: flood.__name__)
async def test_a_flood_leaves_the_process_as_it_was(flooded: Flooded, flood) -> None:
    """The first one warms the process up; a later one adds nothing that it keeps, and it still takes mail."""
    await flood(flooded)
    grown = []
    # A leak grows with every flood; a heap that had room for one more at its fullest grows once.
    while not grown or (grown[-1] >= GROWTH and len(grown) < ROUNDS):
        before = flooded.child.memory
        await flood(flooded)
        await asyncio.sleep(0.3)
        grown.append(flooded.child.memory - before)
    assert grown[-1] < GROWTH, f"it grew by {', '.join(f'{one / 2**20:.1f}' for one in grown)} MiB"
    assert flooded.child.process.returncode is None
    await flooded.gets_through()
