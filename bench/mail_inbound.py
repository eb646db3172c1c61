"""How fast mail is taken in with a durable commit, beside a bare aiosmtpd that stores nothing (by smtp-source)."""

import asyncio
import shutil
import statistics
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, process_time

from aiosmtpd.smtp import SMTP, Envelope, Session

from bench.member import VISIT, hub_with_member
from hub.context import Hub
from hub.inbound.mail_queue import Intake
from hub.outbox import reply_addresses
from hub.settings import Listen
from mail_gateway.inbound.smtp_server import Door, Doorkeeper, listening
from models.account import Account
from models.contact import Contact
from models.delivery import Delivery
from models.inbound import InboundMail
from models.kinds import Notice

ROUNDS = 5
SESSIONS = 20
_DOMAIN = "tegata.test"
_NEEDED = {1_024: (0.6, 2_000), 20_480: (0.5, 1_000)}


class Bare:
    """A handler that answers and forgets."""

    async def handle_DATA(self, _server: SMTP, _session: Session, _envelope: Envelope) -> str:  # noqa: N802
        """Answer."""
        return "250 forgotten"


async def run() -> None:
    """Print the ratios, each with what is needed."""
    source = shutil.which("smtp-source", path="/usr/sbin:/usr/bin:/sbin")
    if source is None:
        print("mail inbound: needs smtp-source, of Debian's package postfix")
        return
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        async with hub_with_member(folder, mail_domain=_DOMAIN) as hub, _bare() as bare, _ours(hub) as ours:
            address = await _address(hub)
            for size, (needed, count) in _NEEDED.items():
                await _brought(source, ours, address, folder=folder, size=size, count=200)
                await _brought(source, bare, address, folder=folder, size=size, count=200)
                ratios, works = [], []
                for _ in range(ROUNDS):
                    worked = process_time()
                    mine = await _brought(source, ours, address, folder=folder, size=size, count=count)
                    our_work, worked = process_time() - worked, process_time()
                    theirs = await _brought(source, bare, address, folder=folder, size=size, count=count)
                    works.append((process_time() - worked) / our_work)
                    assert await InboundMail.all().count() >= count
                    await InboundMail.all().delete()
                    print(f"  {size // 1024} kB: ours {mine:.0f}/s, bare {theirs:.0f}/s")
                    ratios.append(mine / theirs)
                for what, asked, found in (
                    ("speed", f"(needed {needed})", ratios),
                    ("processor time", "(bare / ours)", works),
                ):
                    spread = f"{min(found):.2f} / {statistics.median(found):.2f} / {max(found):.2f}"
                    print(f"mail inbound, {size // 1024} kB, {what}: ours / bare {spread} {asked}")


async def _brought(source: str, port: int, address: str, *, folder: Path, size: int, count: int) -> float:
    """Bring messages with as many sessions, a connection a message; gives messages a second."""
    words = ["-s", str(SESSIONS), "-m", str(count), "-f", "taro@mail.test", "-t", address]
    if size > 2_048:
        words += ["-F", str(_multipart(folder, size))]
    else:
        words += ["-l", str(size)]
    began = perf_counter()
    child = await asyncio.create_subprocess_exec(source, *words, f"inet:127.0.0.1:{port}")
    assert await child.wait() == 0
    return count / (perf_counter() - began)


def _multipart(folder: Path, size: int) -> Path:
    """Write a message as mail clients do: text, HTML and the quote in both."""
    file = folder / "multipart.eml"
    half = ("x" * 72 + "\n") * (size // 146)
    file.write_text(
        "From: taro@mail.test\nSubject: Re\nMIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=b\n\n"
        f"--b\nContent-Type: text/plain\n\nyes\n{half}--b\nContent-Type: text/html\n\n<p>yes</p>\n{half}--b--\n"
    )
    return file


@asynccontextmanager
async def _bare() -> AsyncIterator[int]:
    handler = Bare()
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(handler, hostname="bare.test", enable_SMTPUTF8=True), "127.0.0.1", 0, backlog=512
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@asynccontextmanager
async def _ours(hub: Hub) -> AsyncIterator[int]:
    door = Door(Intake(hub), lambda: datetime.now(UTC), Doorkeeper())
    opening = listening(door, Listen("127.0.0.1", 0), is_lmtp=False, hostname=_DOMAIN, tls=None)
    async with opening as port:
        yield port


async def _address(hub: Hub) -> str:
    contact = await Contact.get()
    account = await Account.get()
    delivery: Delivery = await hub.outbox.post_notice(
        Notice.NEW_LOGIN, contact, account, VISIT, about="", session_id=None
    )
    return reply_addresses.reply_address(hub.keys, delivery, _DOMAIN)
