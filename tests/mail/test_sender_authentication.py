"""DKIM, SPF and DMARC of inbound mail: a real signature, a real name server, and a command turned into a question."""

from collections.abc import AsyncIterator, Sequence
from ipaddress import ip_network
from pathlib import Path

import dkim
import pytest
from aiosmtplib import SMTP
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from hub.domain.policy import Network
from mail_gateway.inbound.sender_authentication import Examiner, Message, Results, organisation
from mail_gateway.inbound.smtp_server import Client, client_in
from models.contact import Contact
from models.kinds import Verdict
from tests.mail.test_answers import asked_to_confirm
from tests.support.inbound_smtp import Postman, answer_to, open_office, reply_to, say_of
from tests.support.nameserver import BROKEN, Records, nameserver

_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PRIVATE = _KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)


def public() -> str:
    """The key's record."""
    import base64

    der = _KEY.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return f"v=DKIM1; k=rsa; p={base64.b64encode(der).decode()}"


def signed(content: bytes, domain: str = "mail.test") -> bytes:
    """Sign a message for a domain."""
    return dkim.sign(content, b"s1", domain.encode(), PRIVATE, include_headers=[b"From", b"Subject"]) + content


PLAIN = b"From: taro@mail.test\r\nSubject: Re\r\nTo: x@y.test\r\n\r\nyes\r\n"


async def _examined(
    names: Records,
    content: bytes = PLAIN,
    *,
    peer: str = "8.8.8.8",
    sender: str = "taro@mail.test",
    from_address: str = "taro@mail.test",
    authserv_id: str = "",
    fronts: Sequence[Network] = (),
) -> Results:
    message = Message(content, peer, "mx.mail.test", sender, from_address)
    async with nameserver(names) as port:
        return await Examiner(f"127.0.0.1:{port}", authserv_id=authserv_id, fronts=fronts).examine(message)


@pytest.mark.parametrize(
    ("policy", "peer", "sign", "line", "doubtful"),
    [
        ("v=DMARC1; p=reject", "8.8.8.8", "mail.test", "spf=pass dkim=pass dmarc=pass", False),
        ("v=DMARC1; p=reject", "9.9.9.9", "mail.test", "spf=fail dkim=pass dmarc=pass", False),
        ("v=DMARC1; p=reject", "8.8.8.8", "", "spf=pass dkim=none dmarc=pass", False),
        ("v=DMARC1; p=none", "9.9.9.9", "", "spf=fail dkim=none dmarc=fail p=none", False),
        ("v=DMARC1; p=quarantine", "9.9.9.9", "", "spf=fail dkim=none dmarc=fail", True),
        ("v=DMARC1; p=quarantine; pct=0", "9.9.9.9", "", "spf=fail dkim=none dmarc=fail p=none", False),
        ("v=DMARC1; rua=mailto:a@mail.test", "9.9.9.9", "", "spf=fail dkim=none dmarc=fail p=none", False),
        ("v=DMARC1; p=reject", "9.9.9.9", "elsewhere.test", "spf=fail dkim=pass dmarc=fail", True),
        ("", "9.9.9.9", "", "spf=fail dkim=none dmarc=none", True),
        ("", "9.9.9.9", "mail.test", "spf=fail dkim=pass dmarc=none", False),
    ],
)
async def test_alignment_decides(policy: str, peer: str, sign: str, line: str, doubtful: bool) -> None:
    """Whose signature and whose server counts is whether it is the From's own domain (RFC 7489, 3.1)."""
    names: Records = {}
    say_of(names, "mail.test", "v=spf1 ip4:8.8.8.8 -all")
    say_of(names, "s1._domainkey.mail.test", public())
    say_of(names, "s1._domainkey.elsewhere.test", public())
    if policy:
        say_of(names, "_dmarc.mail.test", policy)
    results = await _examined(names, signed(PLAIN, sign) if sign else PLAIN, peer=peer)
    assert results.line == line
    assert results.is_doubtful is doubtful


async def test_a_changed_message_fails_its_signature() -> None:
    """One sign of the body changed."""
    names: Records = {}
    say_of(names, "s1._domainkey.mail.test", public())
    results = await _examined(names, signed(PLAIN).replace(b"yes", b"yeS"))
    assert results.dkim == "fail"


async def test_what_nobody_says_anything_of_is_not_doubtful() -> None:
    """No records at all: the address's own token has to do."""
    results = await _examined({})
    assert results.line == "spf=none dkim=none dmarc=none"
    assert not results.is_doubtful


async def test_a_name_server_in_trouble_is_recorded_and_holds_nothing_up() -> None:
    """SERVFAIL for everything."""
    results = await _examined(BROKEN, signed(PLAIN))
    assert results.line == "spf=temperror dkim=temperror dmarc=temperror"
    assert not results.is_doubtful


async def test_our_own_mail_server_is_not_taken_for_the_sender() -> None:
    """What comes over LMTP or from a private network has a peer that says nothing of the sender."""
    names: Records = {}
    say_of(names, "mail.test", "v=spf1 -all")
    assert (await _examined(names, peer="127.0.0.1")).spf == "none"
    assert (await _examined({}, peer="10.1.2.3")).spf == "none"


@pytest.mark.parametrize(
    ("domain", "whose"), [("mx.example.ac.jp", "example.ac.jp"), ("a.b.example.com", "example.com"), ("test", "test")]
)
def test_a_domain_belongs_to_who_registered_it(domain: str, whose: str) -> None:
    """The public suffix list says where a registration begins."""
    assert organisation(domain) == whose


@pytest.mark.parametrize(
    ("policy", "change", "line"),
    [
        ("v=DMARC1; p=reject", "", "spf=none dkim=none dmarc=unknown"),
        ("v=DMARC1; p=none", "", "spf=none dkim=none dmarc=unknown"),
        ("v=DMARC1; p=reject", "a footer", "spf=none dkim=fail dmarc=unknown"),
        ("v=DMARC1; p=none", "a footer", "spf=none dkim=fail dmarc=unknown"),
    ],
)
@pytest.mark.parametrize("peer", ["127.0.0.1", "10.1.2.3", "2.2.2.2"])
async def test_behind_a_mail_server_of_ours_dmarc_without_spf_is_unknown(
    policy: str, change: str, line: str, peer: str
) -> None:
    """What SPF would have said is not seen from here, so nothing is held against the mail."""
    names: Records = {}
    say_of(names, "mail.test", "v=spf1 ip4:8.8.8.8 -all")
    say_of(names, "s1._domainkey.mail.test", public())
    say_of(names, "_dmarc.mail.test", policy)
    content = signed(PLAIN) + change.encode() if change else PLAIN
    results = await _examined(names, content, peer=peer, fronts=[ip_network("2.2.2.0/24")])
    assert (results.line, results.is_doubtful) == (line, False)


RELAXED, BOTH_STRICT = "v=DMARC1; p=reject", "v=DMARC1; p=reject; adkim=s; aspf=s"


@pytest.mark.parametrize(
    ("policy", "signer", "sender", "dmarc"),
    [
        (RELAXED, "sub.mail.test", "", "pass"),
        (RELAXED, "", "taro@sub.mail.test", "pass"),
        ("v=DMARC1; p=reject; adkim=s", "sub.mail.test", "", "fail"),
        ("v=DMARC1; p=reject; adkim=s", "mail.test", "", "pass"),
        ("v=DMARC1; p=reject; adkim=s", "", "taro@sub.mail.test", "pass"),
        ("v=DMARC1; p=reject; adkim=s", "sub.mail.test", "taro@sub.mail.test", "pass"),
        ("v=DMARC1; p=reject; aspf=s", "", "taro@sub.mail.test", "fail"),
        ("v=DMARC1; p=reject; aspf=s", "", "taro@mail.test", "pass"),
        ("v=DMARC1; p=reject; aspf=s", "sub.mail.test", "", "pass"),
        ("v=DMARC1; p=reject; aspf = s ; adkim=r", "sub.mail.test", "taro@sub.mail.test", "pass"),
        (BOTH_STRICT, "sub.mail.test", "taro@sub.mail.test", "fail"),
        (BOTH_STRICT, "mail.test", "", "pass"),
    ],
)
async def test_each_tag_of_a_record_judges_its_own_identifier(
    policy: str, signer: str, sender: str, dmarc: str
) -> None:
    """`adkim` is about the signature's domain, `aspf` about the envelope sender's (RFC 7489, 3.1.1 and 3.1.2)."""
    names: Records = {}
    say_of(names, "_dmarc.mail.test", policy)
    if signer:
        say_of(names, f"s1._domainkey.{signer}", public())
    for domain in ("mail.test", "sub.mail.test"):
        say_of(names, domain, "v=spf1 ip4:8.8.8.8 -all")
    results = await _examined(
        names, signed(PLAIN, signer) if signer else PLAIN, peer="8.8.8.8" if sender else "9.9.9.9", sender=sender
    )
    assert results.dmarc == dmarc


async def test_the_subdomains_policy_is_the_records_own_tag() -> None:
    """`sp` holds for a From below the domain whose record it is; `p` for the domain itself."""
    names: Records = {}
    say_of(names, "_dmarc.mail.test", "v=DMARC1; p=reject; sp=none")
    content = PLAIN.replace(b"taro@mail.test", b"taro@lab.mail.test")
    for address, doubtful in (("taro@mail.test", True), ("taro@lab.mail.test", False)):
        results = await _examined(names, content, peer="9.9.9.9", sender="x@else.test", from_address=address)
        assert (results.dmarc, results.is_doubtful) == ("fail", doubtful)


async def test_many_foreign_signatures_do_not_hide_the_domains_own() -> None:
    """Of all signatures the From's own are verified first."""
    names: Records = {}
    say_of(names, "_dmarc.mail.test", "v=DMARC1; p=reject")
    say_of(names, "s1._domainkey.mail.test", public())
    foreign = b"".join(
        b"DKIM-Signature: v=1; a=rsa-sha256; d=else%d.test; s=x; h=from; bh=eA==; b=eA==\r\n" % number
        for number in range(8)
    )
    results = await _examined(names, foreign + signed(PLAIN), peer="9.9.9.9", sender="x@else.test")
    assert results.dmarc == "pass"


def header(text: str) -> bytes:
    """Write the header above a mail."""
    return f"Authentication-Results: {text}\r\n".encode()


OURS = "mx.hub.test; spf=pass smtp.mailfrom=taro@mail.test; dmarc=pass (p=reject dis=none) header.from=mail.test"


@pytest.mark.parametrize(
    ("above", "peer", "line"),
    [
        (header(OURS), "127.0.0.1", "spf=pass dkim=none dmarc=pass"),
        (header(OURS), "2.2.2.2", "spf=pass dkim=none dmarc=pass"),
        (header("MX.hub.test 1;\r\n\tspf = pass smtp.mailfrom=mail.test"), "127.0.0.1",
         "spf=pass dkim=none dmarc=pass"),
        (header("mx.hub.test; dkim=pass header.d=mail.test"), "127.0.0.1", "spf=none dkim=pass dmarc=pass"),
        (header("mx.hub.test; dkim=pass header.d=mail.test; spf=fail smtp.mailfrom=a@else.test"), "127.0.0.1",
         "spf=fail dkim=pass dmarc=pass"),
        (header("mx.hub.test; spf=pass smtp.mailfrom=else.test"), "127.0.0.1", "spf=pass dkim=none dmarc=fail"),
        (header("mx.hub.test; dmarc=fail header.from=mail.test"), "127.0.0.1", "spf=none dkim=none dmarc=fail"),
        (header("mx.hub.test; none"), "127.0.0.1", "spf=none dkim=none dmarc=unknown"),
        # Two filters of one server write a header each.
        (header("mx.hub.test; dkim=none") + header(OURS), "127.0.0.1", "spf=pass dkim=none dmarc=pass"),
        # The forged one stands below the server's own.
        (header("mx.hub.test; spf=fail smtp.mailfrom=mail.test; dmarc=fail") + header(OURS), "127.0.0.1",
         "spf=fail dkim=none dmarc=fail"),
        # Another server's name, a name in a comment, another From.
        (header(OURS.replace("mx.hub", "mx.evil")), "127.0.0.1", "spf=none dkim=none dmarc=unknown"),
        (header("mx.evil.test (mx.hub.test; dmarc=pass); dmarc=pass"), "127.0.0.1", "spf=none dkim=none dmarc=unknown"),
        (header("mx.hub.test; x=y (; dmarc=pass )"), "127.0.0.1", "spf=none dkim=none dmarc=unknown"),
        (header("mx.hub.test; dmarc=pass header.from=else.test"), "127.0.0.1", "spf=none dkim=none dmarc=unknown"),
        # From a peer that is no server of ours.
        (header(OURS), "9.9.9.9", "spf=fail dkim=none dmarc=fail"),
        (header(OURS), "10.1.2.3", "spf=none dkim=none dmarc=unknown"),
    ],
)  # fmt: skip
async def test_the_named_servers_results_are_trusted_and_no_others(above: bytes, peer: str, line: str) -> None:
    """`Authentication-Results` counts under the set name and from our own servers only (RFC 8601, 5)."""
    names: Records = {}
    say_of(names, "mail.test", "v=spf1 ip4:8.8.8.8 -all")
    say_of(names, "_dmarc.mail.test", "v=DMARC1; p=reject")
    fronts = [ip_network("2.2.2.0/24")]
    results = await _examined(names, above + PLAIN, peer=peer, authserv_id="mx.hub.test", fronts=fronts)
    assert results.line == line
    assert (await _examined(names, above + PLAIN, peer="127.0.0.1")).line == "spf=none dkim=none dmarc=unknown"


async def test_a_front_server_says_who_gave_it_the_mail_and_nobody_else_does(
    sqlite_template: Path, tmp_path: Path
) -> None:
    """XFORWARD and XCLIENT are offered to the set networks alone; SPF is then judged for the client they name."""
    file = tmp_path / "tegata.db"
    file.write_bytes(sqlite_template.read_bytes())
    async with open_office(f"sqlite:///{file}", tmp_path, mail_front_servers="127.0.0.1") as office:
        letter, contact = await asked_to_confirm(office)
        say_of(office.names, "mail.test", "v=spf1 ip4:192.0.2.1 -all")
        say_of(office.names, "_dmarc.mail.test", "v=DMARC1; p=reject")
        for number, (command, address) in enumerate(
            [("XFORWARD", "9.9.9.9"), ("XCLIENT", "IPV6:2001:db8::1"), ("XFORWARD", "192.0.2.1")], 1
        ):
            client = SMTP(hostname="127.0.0.1", port=office.port, start_tls=False)
            async with client:
                await client.ehlo()
                assert client.supports_extension("xforward")
                reply = await client.execute_command(command.encode(), f"ADDR={address} HELO=mx.mail.test".encode())
                assert reply.code == (250 if command == "XFORWARD" else 220)
                if command == "XCLIENT":
                    await client.ehlo()
                await client.mail("taro@mail.test")
                await client.rcpt(reply_to(letter))
                await client.data(answer_to(letter, "yes").replace(b"<answer-1@", b"<%d@" % number))
            row = await office.read(number=number)
            assert row.peer == address.removeprefix("IPV6:")
            assert row.verdict is (Verdict.CONFIRMED if address == "192.0.2.1" else Verdict.DOUBTED)
        await contact.refresh_from_db()
        assert contact.confirmed_at is not None


async def test_a_strangers_xforward_is_refused(office_on_sqlite: Postman) -> None:
    """Without the setting no peer names another."""
    client = SMTP(hostname="127.0.0.1", port=office_on_sqlite.port, start_tls=False)
    async with client:
        await client.ehlo()
        assert not client.supports_extension("xforward")
        for command in (b"XFORWARD", b"XCLIENT"):
            assert (await client.execute_command(command, b"ADDR=8.8.8.8")).code == 550


@pytest.mark.parametrize(
    ("argument", "client"),
    [
        ("NAME=mx ADDR=192.0.2.1 HELO=mail.test", Client("192.0.2.1", "mail.test")),
        ("ADDR=IPV6:2001:db8::1 PORT=25", Client("2001:db8::1", "")),
        ("ADDR=[UNAVAILABLE] HELO=[UNAVAILABLE]", Client()),
        ("HELO=a+20b", Client("", "a b")),
        ("ADDR=elsewhere", None),
        ("EVIL=1", None),
        ("ADDR", None),
    ],
)
def test_the_attributes_of_xforward_are_read(argument: str, client: Client | None) -> None:
    """Postfix's forms; what is no address is none."""
    assert client_in(argument) == client


FAILED = "mx.hub.test; dmarc=fail header.from=mail.test"


@pytest.fixture
async def fronted(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Postman]:
    """A house whose mail comes through a server that is trusted, mx.hub.test; mail.test asks for rejection."""
    file = tmp_path / "tegata.db"
    file.write_bytes(sqlite_template.read_bytes())
    async with open_office(f"sqlite:///{file}", tmp_path, mail_authserv_id="mx.hub.test") as office:
        say_of(office.names, "_dmarc.mail.test", "v=DMARC1; p=reject")
        yield office


async def test_a_denial_is_obeyed_in_doubt(fronted: Postman) -> None:
    """Its reply address proves that the letter was read, and stopping is the safe side."""
    office = fronted
    letter, _ = await asked_to_confirm(office)
    row = await office.answer(letter, "not me", Authentication_Results=FAILED)
    assert row.verdict is Verdict.REFUSED
    assert "dmarc=fail" in row.authentication
    assert not await Contact.filter(address="taro@mail.test").exists()


async def test_a_mail_that_its_domain_disowns_is_answered_with_a_question(fronted: Postman) -> None:
    """The yes comes with the right address, and a DMARC that fails: nothing is confirmed, a page is named."""
    letter, contact = await asked_to_confirm(fronted)
    row = await fronted.answer(letter, "yes", Authentication_Results=FAILED)
    assert row.verdict is Verdict.DOUBTED
    assert "dmarc=fail" in row.authentication
    await contact.refresh_from_db()
    assert contact.confirmed_at is None
    answer = await fronted.house.inbox.next_to("taro@mail.test", after=letter.number)
    assert f"{fronted.house.url}/settings/contacts" in answer.text


async def test_an_answer_that_comes_through_a_mail_server_of_ours_is_not_doubted(office_on_sqlite: Postman) -> None:
    """No signature, a domain that asks for rejection, and nothing known of SPF: the reply address has to do."""
    letter, contact = await asked_to_confirm(office_on_sqlite)
    say_of(office_on_sqlite.names, "_dmarc.mail.test", "v=DMARC1; p=reject")
    row = await office_on_sqlite.answer(letter, "yes")
    assert (row.verdict, row.authentication) == (Verdict.CONFIRMED, "spf=none dkim=none dmarc=unknown")
    await contact.refresh_from_db()
    assert contact.confirmed_at is not None


async def test_a_signed_answer_confirms_and_is_recorded_so(office_on_sqlite: Postman) -> None:
    """The same with a signature of the domain's own."""
    letter, _ = await asked_to_confirm(office_on_sqlite)
    say_of(office_on_sqlite.names, "_dmarc.mail.test", "v=DMARC1; p=reject")
    say_of(office_on_sqlite.names, "s1._domainkey.mail.test", public())
    await office_on_sqlite.bring(signed(answer_to(letter, "yes")), to=reply_to(letter))
    row = await office_on_sqlite.read()
    assert row.verdict is Verdict.CONFIRMED
    assert row.authentication == "spf=none dkim=pass dmarc=pass"
    assert await Contact.exists(confirmed_at__isnull=False)
