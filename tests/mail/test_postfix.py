"""What a Postfix that is set up as docs/mail.md says does for the hub beside it, and what it does not take."""

import asyncio
import re
import shutil
import subprocess
from pathlib import Path

from models.inbound import InboundMail
from models.kinds import MailUse, Verdict
from tests.support.inbound_smtp import DOMAIN
from tests.support.mail_routes import through_postfix
from tests.support.paths import ROOT
from tests.support.postfix import RECIPE


async def test_a_strangers_address_is_refused_in_the_dialogue(sqlite_template: Path, tmp_path: Path) -> None:
    """What names no delivery of ours is not taken over LMTP; swaks, as docs/mail.md shows it, sees it."""
    file = tmp_path / "tegata.db"
    file.write_bytes(sqlite_template.read_bytes())
    swaks = shutil.which("swaks")
    assert swaks, "swaks is missing: scripts/test installs it"
    async with through_postfix(f"sqlite:///{file}", tmp_path) as way:
        running = way.postfix
        assert running is not None
        for address in (f"bounce+1x{'a' * 26}@{DOMAIN}", f"nobody@{DOMAIN}"):
            command = [swaks, "--server", f"127.0.0.1:{running.port}", "--from", "a@b.test", "--to", address]
            done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout
        async with asyncio.timeout(10):
            while running.log().count("550 5.1.1 no such address here") < 2:
                await asyncio.sleep(0.05)
        assert not await InboundMail.exists()


async def test_the_operators_mail_goes_where_the_recipe_sends_it(sqlite_template: Path, tmp_path: Path) -> None:
    """An alias takes the postmaster's mail to a mailbox before it comes to us; abuse, without one, is shelved."""
    file = tmp_path / "tegata.db"
    file.write_bytes(sqlite_template.read_bytes())
    page = (ROOT / "docs" / "mail.md").read_text(encoding="utf-8")
    (aliases,) = re.findall(r"^virtual_alias_maps = .+\n.+$", page, re.MULTILINE)
    assert aliases.count("{") == 3
    more = aliases.replace("portal.example.ac.jp", DOMAIN).replace(f"abuse@{DOMAIN}", "nobody@elsewhere.test")
    async with through_postfix(f"sqlite:///{file}", tmp_path, more=more) as way:
        for name in ("postmaster", "abuse"):
            code, _ = await way.postman.bring(b"Subject: hello\r\n\r\nhello\r\n", to=f"{name}@{DOMAIN}")
            assert code == 250
        letter = await way.house.inbox.next_to("staff@example.ac.jp")
        assert letter.subject == "hello"
        row = await way.postman.read()
        assert (row.use, row.verdict) == (MailUse.OPERATOR, Verdict.SHELVED)
        assert await InboundMail.all().count() == 1


def test_the_recipe_is_the_documentations() -> None:
    """Every line that the tests' Postfix is hardened with stands in docs/mail.md."""
    page = (ROOT / "docs" / "mail.md").read_text(encoding="utf-8")
    for line in RECIPE.strip().splitlines():
        assert line in page
