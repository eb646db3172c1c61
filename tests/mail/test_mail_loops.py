"""Two real hubs, each the other's mail server: whatever starts them, they stop after one exchange."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from models.delivery import Delivery
from models.inbound import InboundMail
from models.kinds import Letter, Verdict
from tests.mail.test_answers import asked_to_confirm
from tests.support.hub_process import serving
from tests.support.inbound_smtp import Postman, open_office, reply_to
from tests.support.ports import free_port

# What a loop would need for its next turn, many times over.
QUIET = 2.0


async def lettered(template: Path, folder: Path, domain: str) -> tuple[str, Postman]:
    """Make a hub that has mailed a confirmation; gives where an answer to it goes, and the letter's house."""
    folder.mkdir()
    file = folder / "tegata.db"
    file.write_bytes(template.read_bytes())
    file.chmod(0o600)
    async with open_office(f"sqlite:///{file}", folder, mail_domain=domain) as office:
        letter, _ = await asked_to_confirm(office)
        return reply_to(letter), office


def point(folder: Path, address: str) -> None:
    """Have a hub's letters go to an address."""
    with closing(sqlite3.connect(folder / "tegata.db")) as database, database:
        database.execute("UPDATE delivery SET address = ?, address_folded = ?", (address, address))


def taken(folder: Path) -> tuple[list[str], int]:
    """Read what a hub took its mail for, and how many letters it wrote in answer."""
    with closing(sqlite3.connect(folder / "tegata.db")) as database:
        verdicts = [one for (one,) in database.execute("SELECT verdict FROM inbound_mail ORDER BY id")]
        ((answers,),) = database.execute("SELECT count(*) FROM delivery WHERE letter = 'answer'")
    return verdicts, answers


async def test_two_hubs_whose_letters_go_to_each_other_stop_after_one_exchange(
    sqlite_template: Path, tmp_path: Path
) -> None:
    """A person asks one hub for help; its answer goes to the other hub, which takes it for a machine's."""
    here, there = tmp_path / "here", tmp_path / "there"
    at_here, office = await lettered(sqlite_template, here, "here.test")
    at_there, other = await lettered(sqlite_template, there, "there.test")
    point(here, at_there)
    point(there, at_here)
    here_port, there_port = free_port(), free_port()
    settings = other.house.hub.settings.model_copy(update={"mail_listen": f"127.0.0.1:{there_port}", "lmtp_listen": ""})
    async with (
        serving(settings, smtp_port=here_port),
        open_office(
            office.house.hub.settings.database_url,
            here,
            mail_domain="here.test",
            mail_listen=f"127.0.0.1:{here_port}",
            smtp_url=f"smtp://127.0.0.1:{there_port}?starttls=never",
        ) as opened,
    ):
        opened.port = here_port
        code, _ = await opened.bring(b"From: taro@mail.test\r\nSubject: x\r\n\r\nhelp\r\n", to=at_here)
        assert code == 250
        assert (await opened.read()).verdict is Verdict.HELPED
        async with asyncio.timeout(10):
            while taken(there) != (["automatic"], 0):
                await asyncio.sleep(0.05)
        await asyncio.sleep(QUIET)
        assert taken(there) == (["automatic"], 0)
        assert await Delivery.filter(letter=Letter.ANSWER, accepted_at__isnull=False).count() == 1
        assert [row.verdict for row in await InboundMail.all()] == [Verdict.HELPED]
