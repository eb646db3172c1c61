"""`tegata mail test` runs the sender's own steps and comes to the sender's verdict, with every line shown."""

from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hub.settings import load
from mail_gateway.outbound import test_message
from mail_gateway.outbound.test_message import Dialogue
from tests.support.smtp_faults import CLOSE, Refusing, certified

NOW = datetime(2026, 4, 13, 3, 0, tzinfo=UTC)
LOGIN = ("tegata", "p@ss:w\u00f6rd/")
SECRET = "p%40ss%3Aw%C3%B6rd%2F"
IN_CLEAR = "* the mail server offers no encryption: the password is not sent in clear"


async def _tested(url: str, address: str = "taro@mail.test", **more: object) -> Dialogue:
    settings = load({}, mail_from="Tegata <t@portal.test>", smtp_url=url, **{"smtp_timeout": 0.3, **more})
    return await test_message.sent(settings, address, now=NOW)


@pytest.mark.parametrize("option", ["", "?starttls=never"])
async def test_a_password_never_goes_in_clear_to_another_machine(option: str) -> None:
    """The test refuses with the sender's sentence, and says no AUTH; 0.0.0.0 stands for any other machine."""
    server = Refusing(login=LOGIN)
    async with server.running(host="0.0.0.0"):
        told = await _tested(f"smtp://tegata:{SECRET}@0.0.0.0:{server.port}{option}")
    assert not told.is_accepted
    assert told.lines[-1] == IN_CLEAR
    assert "AUTH" not in server.commands
    assert not server.seen


@pytest.mark.parametrize("methods", ["PLAIN", "LOGIN XOAUTH2", "XOAUTH2", "GSSAPI"])
async def test_the_test_logs_in_as_the_sender_does(methods: str) -> None:
    """The same methods are tried, and what is said there is hidden, in whatever form."""
    server = Refusing(login=LOGIN, methods=methods)
    url = "smtp://tegata:{}@127.0.0.1:{}?starttls=never"
    server.replies["AUTH"] = "504 5.5.4 unknown" if methods == "XOAUTH2" else "235 welcome"
    async with server.running():
        if methods == "XOAUTH2":
            server.replies["EHLO"] = "250-refusing.test\r\n250 AUTH GSSAPI"
        told = await _tested(url.format(SECRET, server.port))
    assert told.is_accepted is (methods in {"PLAIN", "LOGIN XOAUTH2"})
    text = "\n".join(told.lines)
    for secret in (LOGIN[1], SECRET, b64encode(LOGIN[1].encode()).decode(), b64encode(b"tegata").decode()[:-1]):
        assert secret not in text
    if told.is_accepted:
        assert f"> AUTH {methods.split(maxsplit=1)[0]} (hidden)" in told.lines
    # Without its AUTH step the mail would go out all the same.
    assert ("AUTH" in server.commands) is told.is_accepted


@pytest.mark.parametrize(
    ("replies", "address", "last"),
    [
        ({}, "taro@mail.test", ""),
        ({"RCPT": "550 5.1.1 no such user"}, "taro@mail.test", "* 550 5.1.1 no such user"),
        ({"end": "554 5.7.1 spam"}, "taro@mail.test", "* 554 5.7.1 spam"),
        ({"MAIL": "451 4.3.0 not now"}, "taro@mail.test", "* 451 4.3.0 not now"),
        ({"greeting": "554 no service"}, "taro@mail.test", "* 554 no service"),
        ({"end": CLOSE}, "taro@mail.test", "* the mail server hung up"),
        ({"EHLO": "502 what"}, "taro@mail.test", ""),
        ({}, "\u592a\u90ce@mail.test", "* the mail server does not take addresses with such signs"),
    ],
)
async def test_the_verdict_is_the_senders(replies: dict[str, str], address: str, last: str) -> None:
    """Taken, or why not, in the words that the sender writes down."""
    server = Refusing(replies, offers_utf8=False)
    async with server.running():
        told = await _tested(f"smtp://127.0.0.1:{server.port}?starttls=never", address)
    assert told.is_accepted is (last == "")
    assert last in {"", told.lines[-1]}
    assert told.lines[0] == f"* connecting to 127.0.0.1:{server.port}"
    assert told.lines[1].startswith("< ")


async def test_every_line_is_shown(tmp_path: Path) -> None:
    """Both EHLOs, the encryption, each command, the letter, the goodbye."""
    context, ca = certified(tmp_path)
    server = Refusing(tls=context, offers_tls=True)
    async with server.running():
        told = await _tested(f"smtp://127.0.0.1:{server.port}?ca={ca}")
    assert told.is_accepted
    said = [line for line in told.lines if line[0] != "<"]
    steps = [line.split()[1] for line in said if len(line.split()) > 1]
    wanted = ["EHLO", "STARTTLS", "TLS", "EHLO", "MAIL", "RCPT", "DATA", "QUIT"]
    assert [step for step in steps if step in wanted] == wanted
    assert "> Subject: A test mail of Tegata" in said
    assert "> ." in said
    assert "< 250 2.0.0 taken as 4711" in told.lines


async def test_a_late_greeting_is_waited_for_as_the_sender_does() -> None:
    """The first wait is too short, the next is longer."""
    server = Refusing(slow={"greeting": 0.4})
    async with server.running():
        told = await _tested(f"smtp://127.0.0.1:{server.port}?starttls=never", smtp_timeout=0.25)
    assert told.is_accepted
    assert len(server.accepted) == 1
