"""The log: what happened, and nothing that opens a door."""

import asyncio
import logging
from urllib.parse import urlsplit

import aiohttp
import pyotp
import pytest

from cli.server import log_setup
from demo.inbox import Inbox, mail_server
from tests.support.cli import Shell, wait_for
from tests.support.factory import PASSWORD
from tests.support.running_hub import Person, code_in, url_in


def test_what_a_secret_goes_by_is_hidden() -> None:
    """Whoever writes `password=…` or a mailed URL into an event."""
    event = log_setup.redact(None, "info", {"event": "x", "password": "geheim", "path": f"/confirm/12-{'a2' * 13}"})
    assert event == {"event": "x", "password": "(hidden)", "path": "/confirm/(token)"}


@pytest.mark.parametrize(
    "address", ["taro.yamada@mail.test", '"taro..yamada"@docomo.ne.jp', "利用者@例え.test", "t+x=y@[192.0.2.1]"]
)
def test_a_members_mail_address_in_a_servers_words_is_hidden(address: str) -> None:
    """Mail servers repeat the recipient in their replies; libraries put replies into their own lines."""
    said = f"550 5.1.1 <{address}>: Recipient address rejected: User unknown (from {address}, to={address})"
    written = str(log_setup.redact(None, "info", {"event": "mail.not_accepted", "reply": said})["reply"])
    assert written.startswith("550 5.1.1 <(address)")
    assert "Recipient address rejected: User unknown" in written
    record = logging.LogRecord("smtp", logging.ERROR, "", 1, said, (), None)
    for line in (written, log_setup._Redacted("%(message)s").format(record)):
        assert not [one for one in ("yamada", "利用者", "x=y") if one in line]


def test_what_a_library_logs_is_sieved_too() -> None:
    """Its traceback included."""
    formatter = log_setup._Redacted("%(message)s")
    token = f"12-{'a2' * 13}"
    error = ValueError(token)
    record = logging.LogRecord("aiohttp", logging.ERROR, "", 1, f"/confirm/{token}", (), (ValueError, error, None))
    assert "a2a2" not in formatter.format(record)


@pytest.mark.parametrize("sign", ["\u009b", "\x1b", "\u202e", "\u2028", "\n", "\x00", "\ud800", "\u200b"])
def test_signs_that_do_not_print_are_escaped_in_every_field(sign: str) -> None:
    """A terminal neither obeys them nor reads the line in another direction; words in any script stay as they are."""
    event = {"event": f"a{sign}", "origin": f"手形 {sign}31m", "many": [sign], "map": {sign: sign}}
    written = repr(log_setup.printable(None, "info", event))
    assert written.isprintable()
    assert "手形" in written
    assert str(log_setup.printable(None, "info", {"origin": sign})["origin"]).isprintable()
    assert log_setup.printable(None, "info", {"exception": "a\n b"}) == {"exception": "a\n b"}


async def test_a_whole_journey_leaves_no_secret_in_the_log(desk_on_sqlite: Shell) -> None:
    """Matrix, a mailed address, a soft token, a code; wrong answers, a forged form, a scanner; all at debug."""
    shell, inbox, secrets = desk_on_sqlite, Inbox(), [PASSWORD]
    await asyncio.to_thread(shell.member)
    issued = await asyncio.to_thread(shell.run, "matrix", "issue", "taro", "--format", "json")
    cells = issued.json[0]["cells"]
    async with mail_server(inbox) as port:
        shell.set(smtp_url=f"smtp://127.0.0.1:{port}?starttls=never", log_level="debug", campus_networks="127.0.0.0/8")
        url = f"http://{shell.variables['TEGATA_LISTEN']}"
        process = shell.start("serve")
        await asyncio.to_thread(wait_for, f"{url}/health/live", process)
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            person = Person(url, session)
            await person.open("/login/account")
            await person.press("OK", account="taro", password="a wrong password")
            await person.press("OK", account="taro", password=PASSWORD)
            asked = [cells[label.strip("[]")] for label in person.labels()]
            secrets += ["".join(asked), " ".join(asked), *person.cookies().values()]
            await person.press("OK", **{f"cell{number}": value for number, value in enumerate(asked, 1)})
            secrets += person.cookies().values()
            await person.open("/settings/authenticate")
            await person.press("Authenticate", password=PASSWORD)
            await person.follow("Email")
            await person.press("Add", label="自宅", email="taro@mail.test")
            letter = await inbox.next_to("taro@mail.test")
            secrets += [code_in(letter), urlsplit(url_in(letter)).path.rpartition("/")[2], person.token()]
            await person.send(url_in(letter), {"csrf": "forged"})
            await person.open(url_in(letter))
            await person.press("Confirm")
            assert person.page == "confirmed", person.text
            await person.open("/settings/soft-token")
            secret = str(person.soup.find(class_="secret-groups").get_text("")).replace(" ", "")
            secrets += [secret, pyotp.TOTP(secret).now()]
            await person.press("OK", label="Phone", code=pyotp.TOTP(secret).now())
            secrets += person.cookies().values()
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            person = Person(url, session)
            await person.open("/login/account")
            await person.press("OK", account="taro", password=PASSWORD)
            await person.press("OK", way=person.option("自宅"))
            code = await code_sent(inbox)
            secrets += [code, *person.cookies().values()]
            await person.press("OK", code=code)
            assert person.page == "portal", person.text
            secrets += person.cookies().values()
        process.terminate()
        _, log = await asyncio.to_thread(process.communicate, timeout=20)
    assert "hub.started" in log
    assert "web.forged" in log
    assert [secret for secret in secrets if secret in log] == []


async def code_sent(inbox: Inbox) -> str:
    """Wait for the login's code; a notice may come before it or behind it."""
    async with asyncio.timeout(10):
        while True:
            for letter in inbox.to("taro@mail.test"):
                if "one-time password" in letter.subject:
                    return code_in(letter)
            await inbox.changed(timeout=10)
