"""Members by the thousand, and a client that logs them in as a browser without scripts would."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import aiohttp
from aiosmtpd.smtp import SMTP, Envelope, Session
from yarl import URL

from demo.slack.workspace import TEAM
from hub.authenticators.password import Cost, Passwords
from hub.security import keyring
from models.account import Account
from models.contact import Contact
from models.database import connected, migrate
from models.kinds import Channel
from models.session import KnownBrowser
from models.slack import SlackMember
from web.request.context import BROWSER

PASSWORD = "correct horse battery"
_CSRF = re.compile(r'name="csrf" value="([^"]+)"')
_CODE = re.compile(rb"^ {4}(\d{6})\r?$", re.MULTILINE)
_BATCH = 1000
_PATIENCE = 2.0


async def populate(
    folder: Path, database_url: str, number: int, cost: Cost, *, channel: Channel = Channel.MAIL
) -> None:
    """Make a migrated database with this many members, each with one confirmed contact and a browser used before."""
    now = datetime.now(UTC)
    keys = keyring.create(folder / "keys.json", now=now)
    await migrate(database_url)
    hashed = Passwords(cost).hash(PASSWORD)
    async with connected(database_url):
        for start in range(0, number, _BATCH):
            names = [name_of(one) for one in range(start, min(start + _BATCH, number))]
            await Account.bulk_create(
                [Account(name=n, folded=n, password_hash=hashed, language="en", created_at=now) for n in names]
            )
            rows = {row.folded: row.id for row in await Account.filter(folded__in=names).only("id", "folded")}
            await Contact.bulk_create([_contact(name, rows[name], channel, now) for name in names])
            if channel is Channel.SLACK:
                linked = await Contact.filter(account_id__in=rows.values()).only("id", "address")
                await SlackMember.bulk_create([SlackMember(address=one.address, contact_id=one.id) for one in linked])
            digests = {name: keys.digest("browser", f"{rows[name]}:{browser_token_of(name)}") for name in names}
            await KnownBrowser.bulk_create(
                [KnownBrowser(account_id=rows[name], digest=digests[name], seen_at=now) for name in names]
            )


def browser_token_of(name: str) -> str:
    """Give what a member's usual browser is known by."""
    return f"browser-of-{name}"


def name_of(number: int) -> str:
    """Name a member."""
    return f"m{number:06d}"


def user_of(name: str) -> str:
    """Give what Slack knows a member by."""
    return f"U{name.upper()}"


def address_of(name: str, channel: Channel) -> str:
    """Give where a member's codes go."""
    return f"{TEAM}/{user_of(name)}" if channel is Channel.SLACK else f"{name}@mail.test"


def _contact(name: str, account_id: int, channel: Channel, now: datetime) -> Contact:
    address = address_of(name, channel)
    return Contact(
        account_id=account_id,
        channel=channel,
        label="home",
        label_folded="home",
        address=address,
        address_folded=address,
        added_at=now,
        confirmed_at=now,
    )


class Codes(Protocol):
    """Where members read their codes."""

    channel: Channel

    async def code_to(self, recipient: str) -> str:
        """Wait for the code to an address."""


class Postbox:
    """A real mail server whose letters are read for their code as they come."""

    channel = Channel.MAIL

    def __init__(self) -> None:
        self.arrived_at: dict[str, float] = {}
        self._codes: dict[str, asyncio.Future[str]] = {}

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take a letter."""
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        found = _CODE.search(content)
        if found:
            for recipient in envelope.rcpt_tos:
                self.arrived(recipient, found[1].decode())
        return "250 kept"

    def arrived(self, recipient: str, code: str) -> None:
        """Note a code that came for an address."""
        self.arrived_at[recipient] = time.monotonic()
        self._future(recipient).set_result(code)

    async def code_to(self, recipient: str) -> str:
        """Wait for the code to an address."""
        async with asyncio.timeout(30):
            return await self._future(recipient)

    def _future(self, recipient: str) -> "asyncio.Future[str]":
        return self._codes.setdefault(recipient, asyncio.get_running_loop().create_future())

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        """Listen on a free port of the loopback."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: SMTP(self, hostname="postbox.test"), "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()


class Crowd:
    """Browsers at one hub: the members' usual ones, or ones that were never seen, which costs a notice each."""

    def __init__(
        self, url: str, codes: Codes, connector: aiohttp.BaseConnector, *, in_usual_browser: bool = True
    ) -> None:
        self._url = url
        self._codes = codes
        self._connector = connector
        self._in_usual_browser = in_usual_browser
        self.asked_at: dict[str, float] = {}

    async def log_in(self, name: str) -> None:
        """Walk one login through all its pages: account, choice, code, portal."""
        address = address_of(name, self._codes.channel)
        jar = aiohttp.CookieJar(unsafe=True)
        if self._in_usual_browser:
            jar.update_cookies({BROWSER.name: browser_token_of(name)}, URL(self._url))
        async with aiohttp.ClientSession(
            self._url, connector=self._connector, connector_owner=False, cookie_jar=jar
        ) as browser:
            page = await self._get(browser, "/login/account")
            page = await self._post(browser, "/login/account", page, account=name, password=PASSWORD)
            while 'data-page="account"' in page:
                # The hub says that too many passwords wait: a member does as it asks.
                await asyncio.sleep(_PATIENCE)
                page = await self._post(browser, "/login/account", page, account=name, password=PASSWORD)
            self.asked_at[address] = time.monotonic()
            way = re.search(r'value="(contact:\d+)"', page)
            assert way, page
            page = await self._post(browser, "/login/choice", page, way=way[1])
            code = await self._codes.code_to(address)
            page = await self._post(browser, "/login/code", page, code=code)
            assert 'data-page="portal"' in page, page

    async def log_all_in(self, names: Sequence[str], *, at_once: int) -> None:
        """Log members in, so many at once."""
        waiting = list(reversed(names))

        async def one_after_another() -> None:
            while waiting:
                await self.log_in(waiting.pop())

        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(one_after_another())

    @staticmethod
    async def _get(browser: aiohttp.ClientSession, path: str) -> str:
        async with browser.get(path) as answer:
            return await answer.text()

    @staticmethod
    async def _post(browser: aiohttp.ClientSession, path: str, page: str, **fields: str) -> str:
        token = _CSRF.search(page)
        assert token, page
        async with browser.post(path, data={**fields, "csrf": token[1]}) as answer:
            return await answer.text()


@asynccontextmanager
async def crowd(url: str, codes: Codes, *, in_usual_browser: bool = True) -> AsyncIterator[Crowd]:
    """Open as many browsers as are needed."""
    connector = aiohttp.TCPConnector(limit=0)
    try:
        yield Crowd(url, codes, connector, in_usual_browser=in_usual_browser)
    finally:
        await connector.close()
