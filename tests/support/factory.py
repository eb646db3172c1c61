"""A hub on a fresh database, and members made through the hub itself."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pyotp
import pytest

from hub.accounts import accounts
from hub.contacts import registration
from hub.context import Hub, opened
from hub.domain.outcomes import Added, Admitted, Asked, Begun, ByContact, ByMatrix, Done
from hub.domain.request_context import Visit
from hub.login import password_login
from hub.outbox.messages import Accepted, Claimed
from hub.security import keyring
from hub.sessions import sessions
from hub.sessions.sessions import Current
from hub.settings import Settings, load
from hub.verification import matrix_cards, soft_tokens
from models.account import Account
from models.kinds import Channel, Letter, Zone
from models.throttle import Throttle

Result = TypeVar("Result")
PASSWORD = "correct horse battery"
START = datetime(2026, 4, 13, 3, 0, tzinfo=UTC)


def settings_for(url: str, folder: Path, **more: object) -> Settings:
    """Settings of a hub for tests, with passwords that are cheap to hash."""
    keys = folder / "keys.json"
    if not keys.exists():
        keyring.create(keys, now=START)
    given: dict[str, object] = {
        "mode": "demo",
        "origin": "http://portal.test",
        "database_url": url,
        "keys_file": keys,
        "mail_from": "Tegata <tegata@portal.test>",
        "campus_networks": "10.0.0.0/8",
        "argon2_memory": 8,
        "argon2_passes": 1,
        "metrics_listen": "",
        **more,
    }
    return load({}, **given)


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    """A hub on each engine."""
    async with opened(settings_for(database_url, tmp_path)) as made:
        yield made


@dataclass
class Member:
    """A member with what was issued."""

    account: Account
    cells: Mapping[str, str] = field(default_factory=dict)
    contacts: dict[str, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The account's name."""
        return self.account.name


class People:
    """Makes members, moves the clock, does what members do."""

    def __init__(self, made: Hub) -> None:
        self.hub = made
        self.now = START

    def visit(self, *, address: str = "10.0.0.1", zone: Zone = Zone.ON_CAMPUS) -> Visit:
        """A request at the present time."""
        return Visit(self.now, address, zone, "Firefox on Linux", "en")

    def later(self, **span: float) -> None:
        """Let time go by."""
        self.now += timedelta(**span)

    async def member(self, name: str = "taro", *, card: bool = True, contacts: tuple[str, ...] = ()) -> Member:
        """Make a member with a matrix card and confirmed contacts under these labels."""
        account = await accounts.add(self.hub, self.visit(), name=name, password=PASSWORD)
        made = Member(account)
        if card:
            (printed,) = await matrix_cards.issue_to(self.hub, self.visit(), [account], quiet=True)
            made.cells = printed.cells
        for number, label in enumerate(contacts):
            line = await accounts.add_contact(
                self.hub, self.visit(), name, label=label, address=f"{name}{number}@mail.test", quiet=True
            )
            made.contacts[label] = line.id
        return made

    async def begun(self, member: Member, *, visit: Visit | None = None, before: str = "") -> Begun:
        """Log in as far as the password; `before` is the login that the browser was at."""
        outcome = await password_login.begin(
            self.hub, visit or self.visit(), name=member.name, password=PASSWORD, before=before
        )
        assert isinstance(outcome, Begun), outcome
        return outcome

    async def asked_for_code(
        self, member: Member, label: str, *, visit: Visit | None = None, before: str = ""
    ) -> "Pending":
        """Log in as far as the code, and read the code that was sent."""
        visit = visit or self.visit()
        begun = await self.begun(member, visit=visit, before=before)
        asked = await password_login.choose(self.hub, visit, begun.token, ByContact(member.contacts[label]))
        assert isinstance(asked, Asked), asked
        sent = [one for one in await self.delivered() if one.letter is Letter.CODE]
        return Pending(begun.token, asked, sent[-1].code if sent else "")

    async def asked_for_cells(self, member: Member) -> "Pending":
        """Log in as far as the matrix card, and look the cells up."""
        begun = await self.begun(member)
        asked = begun.step
        if not isinstance(asked, Asked):
            chosen = await password_login.choose(self.hub, self.visit(), begun.token, ByMatrix())
            assert isinstance(chosen, Asked), chosen
            asked = chosen
        return Pending(begun.token, asked, "".join(member.cells[cell] for cell in asked.cells))

    async def adding(self, session: Current, *, label: str = "自宅", address: str = "taro@mail.test") -> "Registration":
        """Add an address and read the mail that was sent to it."""
        added = await registration.add(self.hub, self.visit(), session, label=label, address=address)
        assert isinstance(added, Added), added
        sent = [one for one in await self.delivered() if one.letter is Letter.CONFIRMATION]
        return Registration(session, added.contact_id, sent[-1].code, sent[-1].url.rpartition("/")[2])

    async def soft_token(self, member: Member, label: str = "電話") -> "Device":
        """Bind a soft token to a member; its present code is spent by it."""
        session = await self.stepped_up(member)
        setup = await soft_tokens.set_up(self.hub, self.visit(), session)
        assert isinstance(setup, soft_tokens.Setup), setup
        device = Device("".join(setup.secret))
        bound = await soft_tokens.bind(self.hub, self.visit(), session, label=label, code=device.code(self.now))
        assert isinstance(bound, Done), bound
        return device

    async def wronged(self, subject: str, wrong: int) -> None:
        """Count wrong answers under a subject, the next one heard at once."""
        await Throttle.create(subject=subject, wrong=wrong, open_at=self.now)

    @staticmethod
    async def at_once(times: int, act: Callable[[], Awaitable[Result]]) -> list[Result]:
        """Do the same many times at once."""
        return list(await asyncio.gather(*(act() for _ in range(times))))

    async def delivered(self) -> list[Claimed]:
        """Take what waits in the outbox and report it as accepted, as a sender does."""
        claimed = await self.hub.outbox.claim(Channel.MAIL, limit=100, now=self.now)
        for one in claimed:
            await self.hub.outbox.report(one, Accepted("250 kept"), now=self.now)
        return claimed

    async def session(self, member: Member, *, visit: Visit | None = None) -> Current:
        """Log in with the matrix card."""
        visit = visit or self.visit()
        pending = await self.asked_for_cells(member)
        outcome = await password_login.answer(self.hub, visit, pending.token, pending.right)
        assert isinstance(outcome, Admitted), outcome
        session = await sessions.current(self.hub, outcome.token, now=self.now)
        assert session is not None
        return session

    async def stepped_up(self, member: Member, *, visit: Visit | None = None) -> Current:
        """Log in with the matrix card and give the password again."""
        session = await self.session(member, visit=visit)
        outcome = await sessions.step_up(self.hub, visit or self.visit(), session, PASSWORD)
        assert isinstance(outcome, sessions.SteppedUp), outcome
        renewed = await sessions.current(self.hub, outcome.token, now=self.now)
        assert renewed is not None
        return renewed


@dataclass(frozen=True)
class Device:
    """A phone with a soft token, spelled in base32."""

    secret: str

    def code(self, now: datetime) -> str:
        """Read the code it shows."""
        return pyotp.TOTP(self.secret).at(now)


@dataclass(frozen=True)
class Registration:
    """A contact that waits for its confirmation, with what was mailed."""

    session: Current
    contact_id: int
    code: str
    token: str

    @property
    def wrong(self) -> str:
        """A code that is not right."""
        return wrong_for(self.code)


@dataclass(frozen=True)
class Pending:
    """A login that waits for its answer, with the right one."""

    token: str
    asked: Asked
    right: str

    @property
    def wrong(self) -> str:
        """An answer that is not right."""
        return wrong_for(self.right)


def wrong_for(right: str) -> str:
    """Give an answer that is not right."""
    return "000000" if right != "000000" else "000001"


@pytest.fixture
def people(hub: Hub) -> People:
    """Members of a hub on each engine."""
    return People(hub)


__all__ = [
    "PASSWORD",
    "START",
    "Member",
    "Pending",
    "People",
    "Registration",
    "hub",
    "people",
    "settings_for",
    "wrong_for",
]
