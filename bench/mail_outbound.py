"""How fast mail goes out beside the best hand-written loop, and what a drain of notices costs a code."""

import asyncio
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from socket import create_connection, socket
from time import perf_counter, process_time

import aiosmtplib

from bench.figures import percentile
from bench.member import hub_with_member
from hub.context import Hub
from hub.domain.request_context import Visit
from mail_gateway.outbound import dkim_keys
from mail_gateway.outbound.dkim_keys import Signer
from mail_gateway.outbound.messages import House
from mail_gateway.outbound.relay import Relay
from mail_gateway.outbound.worker import Sender
from mail_gateway.settings import relay_address
from models.account import Account
from models.contact import Contact
from models.delivery import Delivery
from models.kinds import Channel, Letter, Notice, Zone
from models.queries import read

HANDS = 4
ROUNDS = 5
LETTERS = 3000
DRAIN = 10_000
CODES = 60
_NEEDED_RATIO = 0.7
_NEEDED_MS = 100.0


async def run() -> None:
    """Print both figures, each with what is needed."""
    sink = shutil.which("smtp-sink", path="/usr/sbin:/usr/bin:/sbin")
    if sink is None:
        print("mail outbound: needs smtp-sink, of Debian's package postfix")
        return
    with tempfile.TemporaryDirectory() as folder, _sunk(sink) as port:
        async with hub_with_member(Path(folder), smtp_url=f"smtp://127.0.0.1:{port}?starttls=never") as hub:
            rounds = [await _round(hub, port) for _ in range(ROUNDS)]
            signer = Signer(dkim_keys.make(Path(folder) / "dkim", now=datetime.now(UTC)), "portal.test")
            delays = await _delays(hub, port, drain=0)
            busy = await _delays(hub, port, drain=DRAIN)
            signed = await _delays(hub, port, drain=DRAIN, signer=signer)
    for what, ratios in (("speed", [one.speed for one in rounds]), ("processor time", [one.work for one in rounds])):
        low, middle, high = min(ratios), statistics.median(ratios), max(ratios)
        asked = f" (needed {_NEEDED_RATIO})" if what == "speed" else " (the loop's / ours)"
        print(f"mail outbound, {what}: ours / hand-written loop {low:.2f} / {middle:.2f} / {high:.2f}{asked}")
    alone = percentile(delays, 99)
    for what, times in (("", busy), (" signed", signed)):
        during = percentile(times, 99)
        print(
            f"mail outbound: a code's way to the 250, p99 {alone:.0f} ms alone, {during:.0f} ms while {DRAIN:,}{what}"
            f" notices drain: {during - alone:.0f} ms more (needed below {_NEEDED_MS:.0f})"
        )


@dataclass(frozen=True, slots=True)
class _Round:
    """How both compare: letters a second, and processor time a letter of this process; more is better."""

    speed: float
    work: float


async def _round(hub: Hub, port: int) -> _Round:
    """Send the same number of letters both ways, one after the other."""
    messages = await _post(LETTERS)
    began, worked = perf_counter(), process_time()
    async with _sender(hub, port):
        await _emptied()
        ours, our_work = LETTERS / (perf_counter() - began), process_time() - worked
    await Delivery.all().delete()
    worked = process_time()
    theirs = await _hand_written(port, messages)
    their_work = process_time() - worked
    print(f"  ours {ours:.0f}/s, hand-written {theirs:.0f}/s")
    return _Round(ours / theirs, their_work / our_work)


async def _hand_written(port: int, messages: list[tuple[str, bytes]]) -> float:
    """Send with as many kept connections and nothing else: no rows, no letters to write, nothing to report."""
    waiting = list(messages)

    async def hand() -> None:
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) as client:
            while waiting:
                recipient, message = waiting.pop()
                await client.sendmail("tegata@portal.test", [recipient], message)

    began = perf_counter()
    await asyncio.gather(*(hand() for _ in range(HANDS)))
    return len(messages) / (perf_counter() - began)


async def _delays(hub: Hub, port: int, *, drain: int, signer: Signer | None = None) -> list[float]:
    """Ask for codes one after another while notices drain; gives the milliseconds from asking to the 250."""
    if drain:
        await _post(drain)
    delays = []
    async with _sender(hub, port, signer):
        await asyncio.sleep(0.2)
        for number in range(CODES):
            row = await _code(hub, number)
            asked = datetime.now(UTC)
            await hub.outbox.rouse(Channel.MAIL)
            delays.append(((await _accepted(row)) - asked).total_seconds() * 1000)
        left = await Delivery.filter(due_at__isnull=False).count()
        if drain:
            print(f"  {left:,} notices were left when the last of {CODES} codes was away")
    await Delivery.all().delete()
    return delays


async def _post(count: int) -> list[tuple[str, bytes]]:
    contact = await Contact.all().first()
    assert contact is not None
    account = await Account.get(id=contact.account_id)
    rows = [_row(account, contact, number) for number in range(count)]
    await Delivery.bulk_create(rows)
    message = b"Subject: as long as ours\r\nFrom: tegata@portal.test\r\n\r\n" + b"x" * 70 + b"\r\n"
    return [(contact.address, message + (b"x" * 70 + b"\r\n") * 30)] * min(count, LETTERS)


def _row(account: Account, contact: Contact, number: int) -> Delivery:
    now = datetime.now(UTC)
    return Delivery(
        account_id=account.id,
        contact_id=contact.id,
        channel=Channel.MAIL,
        letter=Letter.NOTICE,
        urgency=2,
        notice=Notice.NEW_LOGIN,
        address=contact.address,
        address_folded=contact.address_folded,
        label=contact.label,
        language="ja",
        message_id=f"<{number}.{perf_counter()}@portal.test>",
        asked_from="10.0.0.1",
        asked_with="Firefox on Linux",
        posted_at=now,
        due_at=now,
        expires_at=now.replace(year=now.year + 1),
    )


async def _code(hub: Hub, number: int) -> Delivery:
    from hub.security import challenges
    from hub.settings import NUMBERS
    from models.kinds import AuthenticatorKind, Purpose

    now = datetime.now(UTC)
    contact = await Contact.all().first()
    assert contact is not None
    account = await Account.get(id=contact.account_id)
    drafted = challenges.draft(
        hub.keys,
        account_id=account.id,
        kind=AuthenticatorKind.ONE_TIME_PASSWORD,
        purpose=Purpose.LOGIN,
        slot=f"bench:{number}:{perf_counter()}",
        now=now,
    )
    drafted.contact_id, drafted.tries_left, drafted.expires_at = contact.id, 3, now + NUMBERS.code_life
    await drafted.save(force_create=True)
    visit = Visit(now, "10.0.0.1", Zone.ON_CAMPUS, "Firefox on Linux", "ja")
    return await hub.outbox.post_challenge(drafted, contact, account, visit)


async def _accepted(row: Delivery) -> datetime:
    while True:
        await asyncio.sleep(0.03)
        found = await Delivery.get(id=row.id)
        if found.accepted_at is not None:
            return found.accepted_at


async def _emptied() -> None:
    while await read('SELECT 1 FROM "delivery" WHERE "due_at" IS NOT NULL LIMIT 1'):  # noqa: ASYNC110 - rows ring no bell here
        await asyncio.sleep(0.01)


@asynccontextmanager
async def _sender(hub: Hub, port: int, signer: Signer | None = None) -> AsyncIterator[None]:
    relay = Relay(relay_address(f"smtp://127.0.0.1:{port}?starttls=never"), connections=HANDS)
    house = House("Tegata <tegata@portal.test>", "Tegata", "http://portal.test", UTC)
    sender = Sender(hub.outbox, relay, house, hands=HANDS, clock=lambda: datetime.now(UTC), signer=signer)
    async with sender.running():
        yield


class _sunk:  # noqa: N801 - a context manager in one place
    """Postfix's smtp-sink, which takes everything as fast as it can."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> int:
        with socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        self._process = subprocess.Popen([self._path, "-u", "nobody", f"127.0.0.1:{port}", "100"])
        began = perf_counter()
        while perf_counter() - began < 5:
            try:
                create_connection(("127.0.0.1", port), 0.2).close()
            except OSError:
                continue
            break
        return port

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
