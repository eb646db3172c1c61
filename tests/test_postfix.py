"""The journeys through a real Postfix, set up as docs/mail.md says: mail out by relay, reports back over LMTP."""

import asyncio
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import Envelope, Session

from demo.inbox import Inbox, Received, mail_server
from hub import mail_addresses
from hub.bounces import Bounce, BounceKind, bounced
from hub.contacts import add
from hub.outcome import Added
from hub.visit import Visit
from models.delivery import Delivery
from models.kinds import Zone
from tests.house import House, free_port, open_house, url_in
from tests.postfix import RECIPE, Postfix, postfix
from tests.test_bounces import the_address_died, to_choice
from tests.test_not_me import WORDS, not_me_in

_DOMAIN = "portal.test"
_STATUS = re.compile(rb"^Status: (\d\.\d+\.\d+)", re.MULTILINE)
languages = pytest.mark.parametrize("language", ["en", "ja"])


class Reports:
    """Takes what Postfix hands in over LMTP, knows the delivery by its address, and tells the hub."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.taken: list[tuple[str, str]] = []

    async def handle_RCPT(self, server, session: Session, envelope: Envelope, address: str, options):  # noqa: N802
        delivery = await Delivery.get_or_none(id=mail_addresses.delivery_id_in(address) or 0)
        if delivery is None or not mail_addresses.is_right(self.house.hub.keys, delivery, address):
            return "550 5.1.1 no such address here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server, session: Session, envelope: Envelope) -> str:  # noqa: N802
        (address,) = envelope.rcpt_tos
        self.taken.append((envelope.mail_from or "", address))
        found = _STATUS.search(envelope.content)
        if found and envelope.mail_from == "<>":
            visit = Visit(self.house.clock(), "127.0.0.1", Zone.OFF_CAMPUS, "mail")
            delivery = mail_addresses.delivery_id_in(address)
            assert delivery is not None
            await bounced(self.house.hub, visit, delivery, Bounce(BounceKind.HARD, found[1].decode(), "bounced"))
        return "250 2.0.0 kept"


@pytest.fixture
async def behind_postfix(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[tuple[House, Postfix, Reports]]:
    """A hub whose mail leaves and returns through Postfix; the inbox is the world behind it."""
    file = tmp_path / "tegata.db"
    file.write_bytes(sqlite_template.read_bytes())
    world, port = Inbox(), free_port()
    async with (
        mail_server(world) as world_port,
        open_house(f"sqlite:///{file}", tmp_path, smtp_url=f"smtp://127.0.0.1:{port}", mail_domain=_DOMAIN) as house,
    ):
        house.inbox = world
        reports = Reports(house)
        server = await asyncio.get_running_loop().create_server(lambda: LMTP(reports), "127.0.0.1", 0)
        lmtp_port = server.sockets[0].getsockname()[1]
        async with postfix(mail_domain=_DOMAIN, port=port, lmtp_port=lmtp_port, world_port=world_port) as running:
            yield house, running, reports
        server.close()


@languages
async def test_j2_through_postfix(behind_postfix: tuple[House, Postfix, Reports], language: str) -> None:
    """The confirmation goes out by the relay, its URL confirms nothing elsewhere, its sender leads back to it."""
    house, _, _ = behind_postfix
    member = await house.people.member()
    session = await house.people.stepped_up(member)
    added = await add(house.hub, house.people.visit(), session, label="自宅", address="taro@mail.test")
    assert isinstance(added, Added)
    letter = await house.inbox.next_to("taro@mail.test")
    assert letter.sender.startswith("bounce+")
    assert str(letter.message["Reply-To"]).startswith("reply+")
    async with house.person(language=language) as person:
        await person.open(url_in(letter))
        assert person.page == "confirm-elsewhere"


@languages
async def test_j10_through_postfix(behind_postfix: tuple[House, Postfix, Reports], language: str) -> None:
    """A code that went out by the relay is disowned by its URL."""
    house, _, _ = behind_postfix
    member = await house.people.member(contacts=("自宅",))
    async with house.person(language=language) as stranger, house.person(language=language) as reader:
        await to_choice(stranger, member, language)
        await stranger.press("OK", way=stranger.option("自宅"))
        letter: Received = await house.inbox.next_to("taro0@mail.test")
        await reader.open(not_me_in(letter))
        await reader.press(WORDS[language]["end"])
        await stranger.press("OK", code="000000")
        assert stranger.page == "ended"


@languages
async def test_j12_through_postfix(behind_postfix: tuple[House, Postfix, Reports], language: str) -> None:
    """Postfix takes the code, the world refuses it, and Postfix's own report suspends the contact."""
    house, running, reports = behind_postfix
    member = await house.people.member(contacts=("自宅", "携帯"))
    house.inbox.refusals["taro0@mail.test"] = "550 5.1.1 no such user"
    await the_address_died(house, member, language)
    assert reports.taken[0][0] == "<>"
    assert "status=bounced" in running.log()


async def test_a_strangers_address_is_refused_in_the_dialogue(
    behind_postfix: tuple[House, Postfix, Reports],
) -> None:
    """What names no delivery of ours is not taken over LMTP; swaks, as docs/mail.md shows it, sees it."""
    _, running, reports = behind_postfix
    swaks = shutil.which("swaks")
    assert swaks, "swaks is missing: scripts/test installs it"
    for address in ("bounce+1xaaaaaaaaaaaaaaaaaaaaaaaaaa@portal.test", "nobody@portal.test"):
        command = [swaks, "--server", f"127.0.0.1:{running.port}", "--from", "a@b.test", "--to", address]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
    async with asyncio.timeout(10):
        while running.log().count("no such address here") < 2:
            await asyncio.sleep(0.05)
    assert reports.taken == []


def test_the_recipe_is_the_documentations() -> None:
    """Every line that the tests' Postfix is hardened with stands in docs/mail.md."""
    page = (Path(__file__).parent.parent / "docs" / "mail.md").read_text(encoding="utf-8")
    for line in RECIPE.strip().splitlines():
        assert line in page
