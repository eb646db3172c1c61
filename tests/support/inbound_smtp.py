"""Brings mail to a hub's inbound door over real SMTP, and sees what became of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from email.utils import parseaddr
from pathlib import Path

import aiosmtplib
import pytest

from demo.inbox import Received
from models.inbound import InboundMail
from tests.support.nameserver import Records, nameserver, txt
from tests.support.paths import SAMPLES
from tests.support.ports import free_port
from tests.support.running_hub import House, open_house

DOMAIN = "tegata.test"


class Postman:
    """Somebody with a mail client, and the mail servers between."""

    def __init__(self, house: House, port: int, lmtp_port: int, names: Records) -> None:
        self.house = house
        self.port = port
        self.lmtp_port = lmtp_port
        self.names = names

    async def bring(self, content: bytes, *, to: str, sender: str = "taro@mail.test") -> tuple[int, str]:
        """Hand a message over; gives the door's last reply."""
        client = aiosmtplib.SMTP(hostname="127.0.0.1", port=self.port, start_tls=False, local_hostname="mail.test")
        async with client:
            try:
                await client.ehlo()
                await client.mail(sender)
                await client.rcpt(to)
                code, reply = await client.data(content)
            except aiosmtplib.SMTPResponseException as refusal:
                return refusal.code, refusal.message
            return code, reply

    async def read(self, *, number: int = 1, timeout: float = 15.0) -> InboundMail:
        """Wait until so many messages have been read or shelved; gives the last."""
        async with asyncio.timeout(timeout):
            while True:
                rows = await InboundMail.filter(due_at=None).order_by("id")
                if len(rows) >= number:
                    return rows[-1]
                await asyncio.sleep(0.05)

    async def answer(self, letter: Received, text: str, *, number: int = 1, **headers: str) -> InboundMail:
        """Answer a letter as a mail client does; gives what became of it."""
        headers = {"Message_ID": f"<answer-{number}@mail.test>", **headers}
        await self.bring(answer_to(letter, text, **headers), to=reply_to(letter), sender=letter.recipient)
        return await self.read(number=number)


def say_of(names: Records, name: str, text: str) -> None:
    """Have the name server say a text of a name."""
    names[name, "TXT"] = [txt(text)]


def reply_to(letter: Received) -> str:
    """Read where an answer to a letter goes."""
    return parseaddr(str(letter.message["Reply-To"]))[1]


def answer_to(letter: Received, text: str, **headers: str) -> bytes:
    """Write an answer that quotes the letter below."""
    message = EmailMessage()
    message["From"] = letter.recipient
    message["To"] = reply_to(letter)
    message["Subject"] = f"Re: {letter.subject}"
    headers = {"Message_ID": "<answer-1@mail.test>", **headers}
    message["In-Reply-To"] = str(letter.message["Message-ID"])
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    quoted = "".join(f"> {line}\n" for line in letter.text.splitlines())
    message.set_content(f"{text}\n\nOn Mon, Apr 13, 2026 at 12:00 PM Tegata <tegata@portal.test> wrote:\n\n{quoted}")
    return message.as_bytes(policy=message.policy.clone(linesep="\r\n"))


@asynccontextmanager
async def open_office(url: str, folder: Path, **more: object) -> AsyncIterator[Postman]:
    """Run a house whose mail door is open."""
    port, lmtp_port = free_port(), free_port()
    names: Records = {}
    given: dict[str, object] = {
        "mail_domain": DOMAIN,
        "mail_listen": f"127.0.0.1:{port}",
        "lmtp_listen": f"127.0.0.1:{lmtp_port}",
        **more,
    }
    async with (
        nameserver(names) as name_port,
        open_house(url, folder, dns_resolver=f"127.0.0.1:{name_port}", **given) as house,
    ):
        yield Postman(house, port, lmtp_port, names)


@pytest.fixture
async def office(database_url: str, tmp_path: Path) -> AsyncIterator[Postman]:
    """A house with an open mail door, on each engine."""
    async with open_office(database_url, tmp_path) as made:
        yield made


@pytest.fixture
async def office_on_sqlite(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Postman]:
    """The same on SQLite, for what does not depend on the engine."""
    file = tmp_path / "tegata.db"
    file.write_bytes(sqlite_template.read_bytes())
    async with open_office(f"sqlite:///{file}", tmp_path) as made:
        yield made


__all__ = ["DOMAIN", "SAMPLES", "Postman", "answer_to", "office", "office_on_sqlite", "open_office", "reply_to"]
