"""The ways to a mail server: encrypted, with a password, with addresses beyond ASCII; and what is never done."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hub.outbox.messages import Accepted, Deferred, Failed, Report
from mail_gateway.outbound.relay import Relay
from mail_gateway.settings import BadSmtpUrlError, RelayAddress, StartTls, relay_address
from tests.support.smtp_faults import Refusing, certified

LETTER = b"From: a@portal.test\r\nTo: b@mail.test\r\nMessage-ID: <1@portal.test>\r\nSubject: x\r\n\r\nbody\r\n"
LOGIN = ("tegata", "p@ss:wörd/")
SECRET = "p%40ss%3Aw%C3%B6rd%2F"


@asynccontextmanager
async def _relay(url: str) -> AsyncIterator[Relay]:
    relay = Relay(relay_address(url), timeout=1.0)
    try:
        yield relay
    finally:
        await relay.close()


async def _sent(url: str, recipient: str = "b@mail.test") -> tuple[Report, str]:
    async with _relay(url) as relay:
        report = await relay.send(LETTER, sender="a@portal.test", recipient=recipient)
        return report, relay.trouble


async def test_smtps_with_a_private_ca(tmp_path: Path) -> None:
    """The named CA's server is trusted; without its name the connection is refused, and nothing is sent."""
    context, ca = certified(tmp_path)
    server = Refusing(tls=context)
    async with server.running(is_tls=True):
        report, trouble = await _sent(f"smtps://127.0.0.1:{server.port}?ca={ca}")
        assert isinstance(report, Accepted)
        assert (trouble, server.encrypted) == ("", 1)
        report, trouble = await _sent(f"smtps://127.0.0.1:{server.port}")
        assert isinstance(report, Deferred)
        assert "certificate" in trouble.casefold()
        report, _ = await _sent(f"smtps://localhost:{server.port}?ca={ca}")
        assert isinstance(report, Deferred), "the certificate is another name's"
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("offers", "wanted", "encrypted"), [(True, "required", 1), (True, "", 1), (True, "never", 0), (False, "", 0)]
)
async def test_starttls_is_taken_as_set(tmp_path: Path, offers: bool, wanted: str, encrypted: int) -> None:
    """Required and offered: encrypted; never: not; not offered and not required: in clear, without a password."""
    context, ca = certified(tmp_path)
    server = Refusing(tls=context, offers_tls=offers)
    option = f"starttls={wanted}&" if wanted else ""
    async with server.running():
        report, _ = await _sent(f"smtp://127.0.0.1:{server.port}?{option}ca={ca}")
    assert isinstance(report, Accepted)
    assert server.encrypted == encrypted
    # What was said before the encryption counts no more (RFC 3207, 4.2).
    assert server.commands[server.commands.index("MAIL") - 1] == "EHLO"


async def test_starttls_that_is_required_and_not_offered_sends_nothing() -> None:
    """A stranger who takes STARTTLS out of the answer gets no letter."""
    server = Refusing(login=LOGIN)
    async with server.running():
        report, trouble = await _sent(f"smtp://tegata:{SECRET}@127.0.0.1:{server.port}?starttls=required")
    assert isinstance(report, Deferred)
    assert "STARTTLS" in trouble
    assert not server.seen
    assert not server.logins


@pytest.mark.parametrize("reply", ["454 not available", "close", "nonsense"])
async def test_starttls_that_fails_is_not_gone_around(tmp_path: Path, reply: str) -> None:
    """An encryption that was begun and failed ends the connection: nothing goes in clear after it."""
    context, ca = certified(tmp_path)
    server = Refusing({"STARTTLS": reply}, tls=context, offers_tls=True)
    async with server.running():
        report, trouble = await _sent(f"smtp://127.0.0.1:{server.port}?ca={ca}")
    assert isinstance(report, Deferred)
    assert report.reply.startswith("STARTTLS failed: ")
    assert trouble.startswith("STARTTLS failed: ")
    assert not server.seen


async def test_a_login_that_is_not_offered_is_named() -> None:
    """The operator reads what is missing and which setting asks for it."""
    server = Refusing()
    async with server.running():
        report, trouble = await _sent(f"smtp://tegata:{SECRET}@127.0.0.1:{server.port}?starttls=never")
    assert isinstance(report, Deferred)
    assert trouble.startswith("the login (AUTH) failed: the mail server offers none")
    assert "TEGATA_SMTP_URL" in trouble
    assert not server.seen


@pytest.mark.parametrize(
    ("step", "reply", "told"),
    [
        ("DATA", "250 2.0.0 ok?", "the mail server's answer to DATA means nothing: 250 2.0.0 ok?"),
        ("MAIL", "354 go on", "the mail server's answer to MAIL means nothing: 354 go on"),
        ("RCPT", "250-yes\r\n550 or no", "the mail server's answer is two at once: 250 yes 550 or no"),
        ("RCPT", "421 going down", "421 going down"),
    ],
)
async def test_an_answer_that_means_nothing_is_told_as_one(step: str, reply: str, told: str) -> None:
    """A 250 is no trouble by itself: the operator reads at which step it came, and each line's code."""
    server = Refusing({step: reply})
    async with server.running():
        report, _ = await _sent(f"smtp://127.0.0.1:{server.port}?starttls=never")
    assert isinstance(report, Deferred)
    assert report.reply == told


async def test_a_certificate_nobody_vouches_for_gets_no_password(tmp_path: Path) -> None:
    """Taken because it is offered, it is better than none (RFC 7435); a password asks for a right one."""
    context, _ = certified(tmp_path)
    server = Refusing(tls=context, offers_tls=True, login=LOGIN)
    async with server.running():
        report, _ = await _sent(f"smtp://127.0.0.1:{server.port}")
        assert isinstance(report, Accepted)
        assert server.encrypted == 1
        report, _ = await _sent(f"smtp://tegata:{SECRET}@127.0.0.1:{server.port}")
        assert isinstance(report, Deferred)
    assert not server.logins


async def test_the_right_password_lets_in(tmp_path: Path) -> None:
    """AUTH after STARTTLS and over SMTPS, with signs that a URL must spell out; once a connection."""
    context, ca = certified(tmp_path)
    for is_tls in (False, True):
        server = Refusing(tls=context, offers_tls=not is_tls, login=LOGIN)
        async with server.running(is_tls=is_tls):
            scheme = "smtps" if is_tls else "smtp"
            async with _relay(f"{scheme}://tegata:{SECRET}@127.0.0.1:{server.port}?ca={ca}") as relay:
                for _ in range(3):
                    assert isinstance(
                        await relay.send(LETTER, sender="a@portal.test", recipient="b@mail.test"), Accepted
                    )
        assert (server.logins, server.encrypted, server.connections) == (["tegata"], 1, 1)


async def test_the_wrong_password_is_said_without_being_told() -> None:
    """The server's own words reach the operator, the password doesn't."""
    server = Refusing(login=LOGIN)
    async with server.running():
        report, trouble = await _sent(f"smtp://tegata:wrong-secret@127.0.0.1:{server.port}?starttls=never")
    assert isinstance(report, Deferred)
    assert trouble.startswith("the login (AUTH) failed: 535 ")
    assert "wrong-secret" not in trouble + report.reply
    assert "wrong-secret" not in repr(relay_address("smtp://tegata:wrong-secret@127.0.0.1"))
    assert not server.seen


async def test_no_password_goes_in_clear_to_another_machine() -> None:
    """0.0.0.0 is this machine to the system and none to us: a stand-in for any other."""
    server = Refusing(login=LOGIN)
    async with server.running():
        for option in ("", "?starttls=never"):
            report, trouble = await _sent(f"smtp://tegata:{SECRET}@0.0.0.0:{server.port}{option}")
            assert isinstance(report, Deferred)
            assert "not sent in clear" in trouble
        assert not server.logins
        report, _ = await _sent(f"smtp://tegata:{SECRET}@127.0.0.1:{server.port}")
        assert isinstance(report, Accepted)
    assert server.logins == ["tegata"]


async def test_an_address_beyond_ascii_needs_a_server_that_takes_it() -> None:
    """With SMTPUTF8 it is sent as it is written; without, it failed for good, in words an operator understands."""
    server = Refusing()
    async with server.running():
        report, _ = await _sent(f"smtp://127.0.0.1:{server.port}", "太郎@mail.test")
        assert isinstance(report, Accepted)
        assert server.recipients == ["太郎@mail.test"]
        server.offers_utf8 = False
        report, trouble = await _sent(f"smtp://127.0.0.1:{server.port}", "太郎@mail.test")
        assert isinstance(report, Failed)
        assert "signs" in report.reply
        assert trouble == ""


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mail.test",
        "http://mail.test",
        "smtp://",
        "smtp://mail.test/path",
        "smtp://mail.test:99999",
        "smtp://[::1",
        "smtp://mail.test?starttls=maybe",
        "smtp://mail.test?tls=yes",
        "smtp://mail.test?starttls",
    ],
)
def test_a_url_that_cant_be_read_is_said(url: str) -> None:
    """An operator's slip is a sentence, not a guess."""
    with pytest.raises(BadSmtpUrlError) as refusal:
        relay_address(url)
    assert "mail server" in str(refusal.value)


def test_a_url_is_read_whole() -> None:
    """Scheme, host, port, user, password, STARTTLS, CA."""
    assert relay_address("smtp://mail.test") == RelayAddress("mail.test", 25, False, StartTls.OFFERED)
    assert relay_address("smtps://[2001:db8::1]") == RelayAddress("2001:db8::1", 465, True, StartTls.OFFERED)
    whole = relay_address(f"smtp://tegata:{SECRET}@mail.test:587?starttls=required&ca=/etc/ca.pem")
    assert whole == RelayAddress("mail.test", 587, False, StartTls.REQUIRED, *LOGIN, "/etc/ca.pem")
    assert relay_address("smtp://[::1]").is_loopback
    assert relay_address("smtp://localhost").is_loopback
    assert not relay_address("smtp://mail.test").is_loopback
