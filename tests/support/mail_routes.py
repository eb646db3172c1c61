"""The two ways on which a hub's mail goes out and comes back: by itself, and through a Postfix of the campus."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from demo import answers
from demo.inbox import Inbox, mail_server
from hub.settings import Listen
from tests.support.inbound_smtp import DOMAIN, Postman, open_office
from tests.support.ports import free_port
from tests.support.postfix import Postfix, postfix
from tests.support.running_hub import House

WAYS = ("direct", "postfix")


@dataclass
class Way:
    """A hub with open mail doors, the world behind it, and the Postfix in between if there is one."""

    postman: Postman
    postfix: Postfix | None = None

    @property
    def house(self) -> House:
        """The running hub, its inbox being the world's."""
        return self.postman.house

    @asynccontextmanager
    async def dead(self, address: str) -> AsyncIterator[None]:
        """Have an address be none: Postfix hears it from the world and reports it; else the world reports it later."""
        if self.postfix is not None:
            self.house.inbox.refusals[address] = "550 5.1.1 no such user"
            yield
            return
        reporting = asyncio.create_task(self._reported(address))
        yield
        reporting.cancel()

    async def _reported(self, address: str) -> None:
        letter = await self.house.inbox.next_to(address)
        said = await answers.bounce(letter, Listen("127.0.0.1", self.postman.port), now=datetime.now(UTC))
        assert said.startswith("250"), said


@asynccontextmanager
async def directly(url: str, folder: Path) -> AsyncIterator[Way]:
    """A hub that hands its mail to the world itself, and takes what comes at a port of its own."""
    async with open_office(url, folder) as postman:
        yield Way(postman)


@asynccontextmanager
async def through_postfix(url: str, folder: Path, *, more: str = "") -> AsyncIterator[Way]:
    """A hub whose mail leaves and returns through a Postfix, set up as docs/mail.md says."""
    world, port, lmtp_port = Inbox(), free_port(), free_port()
    given = {"smtp_url": f"smtp://127.0.0.1:{port}", "mail_listen": "", "lmtp_listen": f"127.0.0.1:{lmtp_port}"}
    async with (
        mail_server(world) as world_port,
        postfix(mail_domain=DOMAIN, port=port, lmtp_port=lmtp_port, world_port=world_port, more=more) as running,
        open_office(url, folder, **given) as postman,
    ):
        postman.house.inbox = world
        # Who has mail for the hub brings it to Postfix.
        postman.port, postman.lmtp_port = port, lmtp_port
        yield Way(postman, running)
