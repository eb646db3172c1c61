"""DKIM, SPF and DMARC of inbound mail: a real signature, a real name server, and a command turned into a question."""

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from mail_gateway.authentication import Examiner, Message, organisation
from models.contact import Contact
from models.kinds import Verdict
from tests.nameserver import BROKEN, Records, nameserver
from tests.postman import Postman, answer_to, reply_to, say_of
from tests.test_answers import asked_to_confirm

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


async def _examined(names: Records, content: bytes = PLAIN, *, peer: str = "8.8.8.8", **more: str):
    message = Message(
        content, peer, more.get("helo", "mx.mail.test"), more.get("sender", "taro@mail.test"), "taro@mail.test"
    )
    async with nameserver(names) as port:
        return await Examiner(f"127.0.0.1:{port}").examine(message)


@pytest.mark.parametrize(
    ("policy", "peer", "sign", "line", "doubtful"),
    [
        ("v=DMARC1; p=reject", "8.8.8.8", "mail.test", "spf=pass dkim=pass dmarc=pass", False),
        ("v=DMARC1; p=reject", "9.9.9.9", "mail.test", "spf=fail dkim=pass dmarc=pass", False),
        ("v=DMARC1; p=reject", "8.8.8.8", "", "spf=pass dkim=none dmarc=pass", False),
        ("v=DMARC1; p=none", "9.9.9.9", "", "spf=fail dkim=none dmarc=fail", True),
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


async def test_a_mail_that_its_domain_disowns_is_answered_with_a_question(office_on_sqlite: Postman) -> None:
    """The yes comes with the right address, and a DMARC that fails: nothing is confirmed, a page is named."""
    letter, contact = await asked_to_confirm(office_on_sqlite)
    say_of(office_on_sqlite.names, "_dmarc.mail.test", "v=DMARC1; p=reject")
    row = await office_on_sqlite.answer(letter, "yes")
    assert row.verdict is Verdict.DOUBTED
    assert "dmarc=fail" in row.authentication
    await contact.refresh_from_db()
    assert contact.confirmed_at is None
    answer = await office_on_sqlite.house.inbox.next_to("taro@mail.test", after=letter.number)
    assert f"{office_on_sqlite.house.url}/settings/contacts" in answer.text


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
