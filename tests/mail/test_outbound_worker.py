"""Mail goes out whole, signed and in time, and leaves alone what does not want it."""

import asyncio
import email
import email.policy
import re
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dkim
import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from prometheus_client import REGISTRY, generate_latest

from hub.domain.identifiers import mail_address
from hub.outbox.messages import Claimed, Deferred, Failed
from hub.runtime.circuit_breaker import Breaker
from hub.settings import load
from mail_gateway.outbound import dkim_keys, messages, test_message
from mail_gateway.outbound.dkim_keys import Algorithm, DkimKey, DkimKeyError, Signer, State
from mail_gateway.outbound.domain_backoff import SHARED, Destinations
from mail_gateway.outbound.messages import House as Letterhead
from mail_gateway.outbound.messages import UnwritableError, write
from mail_gateway.outbound.relay import Relay
from mail_gateway.outbound.reply_codes import Meaning, meaning_of
from mail_gateway.outbound.step_timeouts import Patience, Step
from mail_gateway.outbound.worker import Sender
from mail_gateway.settings import relay_address
from models.delivery import Delivery
from models.kinds import Channel, Letter
from tests.support.factory import People
from tests.support.nameserver import nameserver, txt
from tests.support.ports import free_port

NOW = datetime(2026, 4, 13, 3, 0, tzinfo=UTC)
HEAD = Letterhead("Tegata 手形 <tegata@portal.test>", "Tegata", "https://portal.test", UTC)


def letter(letter: Letter = Letter.CODE, language: str = "ja", notice: str = "") -> Claimed:
    """A letter that was claimed."""
    return Claimed(
        id=7,
        lease="x",
        channel=Channel.MAIL,
        letter=letter,
        address="taro@mail.test",
        message_id="<0123456789abcdef0123456789abcdef@portal.test>",
        language=language,
        account="taro",
        label="自宅",
        code="123456",
        url="https://portal.test/confirm/1-abc",
        not_me="https://portal.test/not-me/7-abc",
        asked_at=NOW,
        asked_from="10.0.0.1",
        asked_with="Firefox on Linux",
        expires_at=NOW + timedelta(minutes=10),
        attempt=1,
        notice=notice,
        subject_label="携帯",
        thread="<feed@portal.test>",
        envelope_sender="bounce+7xabc@portal.test",
        reply_to="reply+7xabc@portal.test",
    )


# An approval is asked for in chats alone.
MAILED = [one for one in Letter if one is not Letter.APPROVAL]
TOLD = {Letter.NOTICE: "new-login", Letter.ANSWER: "list"}


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("kind", [one for one in MAILED if one is not Letter.ANSWER])
def test_a_letter_says_what_it_is_and_nothing_more(kind: Letter, language: str) -> None:
    """Automatic, threaded, answerable, never a mailing list; CRLF only; one "not me" in text and page.

    An answer is nobody's doing but its reader's own, so it has none.
    """
    is_answer = kind is Letter.ANSWER
    raw = write(letter(kind, language, TOLD.get(kind, "")), HEAD)
    assert raw.count(b"\n") == raw.count(b"\r") == raw.count(b"\r\n")
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert message["Auto-Submitted"] == ("auto-replied" if is_answer else "auto-generated")
    assert message["X-Auto-Response-Suppress"] == "All"
    assert message["References"] == "<feed@portal.test>"
    assert message["Reply-To"] == "reply+7xabc@portal.test"
    assert not [name for name in message if name.lower().startswith(("list-", "precedence"))]
    for subtype in ("plain", "html"):
        part = message.get_body((subtype,))
        assert part is not None
        assert part.get_content().count("/not-me/7-abc") == (0 if is_answer else 1)


@pytest.mark.parametrize("address", ["a@b.test\r\nBcc: c@d.test", "a@b.test\n", "a@b.test, c@d.test", "<a@b.test>"])
def test_no_address_adds_a_header(address: str) -> None:
    """An address with a line end, or two of them, is never written into a header."""
    with pytest.raises(UnwritableError):
        write(replace(letter(), address=address), HEAD)


def test_a_label_stays_in_the_body() -> None:
    """A label with a line end and a header behind it adds none, in whatever letter."""
    for kind in (Letter.CODE, Letter.CONFIRMATION, Letter.NOTICE):
        evil = "x\r\nBcc: c@d.test\r\n\r\nbody"
        claimed = replace(
            letter(kind, "en", TOLD.get(kind, "")), label=evil, labels=(evil,), subject_label=evil, asked_with=evil
        )
        raw = write(claimed, HEAD)
        assert raw.count(b"\n") == raw.count(b"\r") == raw.count(b"\r\n")
        message = email.message_from_bytes(raw, policy=email.policy.default)
        assert message["Bcc"] is None
        assert message.is_multipart()


@pytest.mark.parametrize("evil", ["<1@a.test>\r\nBcc: c@d.test", "<1@a.test>\n", "\r", "<1@a.test>\r\n\r\nbody"])
def test_what_a_letter_answers_adds_no_header(evil: str) -> None:
    """A Message-ID is what a stranger wrote: with a line end in it there is no letter."""
    with pytest.raises(UnwritableError):
        write(replace(letter(Letter.ANSWER, "en", "help"), answers_to=evil), HEAD)


@pytest.mark.parametrize(
    "address",
    [
        "taro@mail.test",
        "a.b+c_d'e=f@xn--p8j.mail.test",
        "a" * 64 + "@" + "b" * 60 + ".test",
        "a..b@mail.test",
        "太郎@mail.test",
        "taro@例え.test",
    ],
)
def test_each_header_is_as_the_email_package_writes_it(address: str) -> None:
    """What is plain is written without the package, what is not by it: nobody can tell which."""
    claimed = replace(letter(), address=address)
    head = write(claimed, HEAD).partition(b"\r\n\r\n")[0] + b"\r\n"
    policy = email.policy.SMTP if address.isascii() else email.policy.SMTPUTF8
    for name, value in (
        ("To", mail_address(address)),
        ("Date", NOW),
        ("Message-ID", claimed.message_id),
        ("Reply-To", claimed.reply_to),
        ("From", "Tegata 手形 <tegata@portal.test>"),
    ):
        assert policy.fold_binary(*policy.header_store_parse(name, value)) in head


def test_ids_stay_as_they_are_however_long() -> None:
    """Each on a line of its own, never as encoded words; one beyond ASCII can't be written at all."""
    first, second = "<feed@portal.test>", f"<{'9' * 300}@mail.test>"
    head = write(replace(letter(), thread=first, answers_to=second), HEAD)
    assert f"\r\nReferences: {first}\r\n {second}\r\n".encode() in head
    assert f"\r\nIn-Reply-To: {second}\r\n".encode() in head
    with pytest.raises(UnwritableError):
        write(replace(letter(), answers_to="<手形@mail.test>"), HEAD)


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("kind", MAILED)
def test_text_and_page_arrive_as_they_were_written(kind: Letter, language: str) -> None:
    """What a mail client decodes is what the templates made, to the last sign, long lines and 7-bit ones alike."""
    for labels in (("home",), ("自宅", "x" * 1_000)):
        claimed = replace(letter(kind, language, TOLD.get(kind, "")), label=labels[-1], labels=labels)
        message = email.message_from_bytes(write(claimed, HEAD), policy=email.policy.default)
        for subtype, form in (("plain", "txt"), ("html", "html")):
            part = message.get_body((subtype,))
            assert part is not None
            assert not part.defects
            rendered = messages._template(kind, language, form).render(messages._words(claimed, HEAD))
            assert part.get_content().replace("\r\n", "\n") == rendered.removesuffix("\n") + "\n"


@pytest.mark.parametrize("language", ["en", "ja"])
def test_whoever_reads_a_letter_by_mistake_knows_what_it_is(language: str) -> None:
    """A confirmation names the account, from where it was asked, and how to refuse; and it asks for nothing else."""
    message = email.message_from_bytes(write(letter(Letter.CONFIRMATION, language), HEAD), policy=email.policy.default)
    part = message.get_body(("plain",))
    assert part is not None
    for told in ("taro", "10.0.0.1", "Firefox on Linux", "2026-04-13", "/not-me/"):
        assert told in part.get_content()


def test_a_signed_letter_is_believed_by_others(tmp_path: Path) -> None:
    """Both signatures verify with dkimpy, RSA with Perl's Mail::DKIM too; a header more or another breaks them."""
    keys = dkim_keys.make(tmp_path / "dkim", now=NOW)
    raw = Signer(keys, "portal.test").sign(write(letter(), HEAD), now=NOW)
    records = _records(keys)
    assert _verdicts(raw, records) == [True, True]
    for added in (b"Reply-To: evil@else.test\r\n", b"Subject: other\r\n", b"Auto-Submitted: no\r\n"):
        assert _verdicts(raw.replace(b"From:", added + b"From:", 1), records) == [False, False]
    assert _verdicts(raw.replace(b"Auto-Submitted: auto-generated", b"Auto-Submitted: no", 1), records) == [False] * 2
    body = raw.index(b"\r\n\r\n--")
    assert _verdicts(raw[:body] + raw[body:].replace(b"Y", b"Z", 1), records) == [False, False]
    # Debian's Mail::DKIM knows no Ed25519 yet, which is why RSA stands beside it (RFC 8463, 3).
    assert asyncio.run(_foreign(raw, records))["rsa-sha256"] == "pass"


@pytest.mark.parametrize(
    "message",
    [
        b"From: a@portal.test\r\n\r\n",
        b"From: a@portal.test\r\n\r\n\r\n\r\n",
        b"From: a@portal.test\r\n\r\nno end",
        b"From: a@portal.test\r\n\r\n \t \r\n  a \t b  \r\n\r\n \r\n\t\r\n",
        b"FROM:   A   <a@portal.test>  \r\nSubject:\r\n  folded\r\n\tand folded\r\n   again\r\nTo:\r\n\r\nx\r\n",
        b"From: a@portal.test\r\nSubject: one\r\nX: y\r\nSubject: two\r\n\r\n.dots\r\n..\r\n",
        b"From: a@portal.test\r\nSubject: " + "手形".encode() + b"\r\n\r\n" + b"x" * 990 + b"\r\n",
    ],
    ids=["empty", "blank", "no-end", "spaces", "folded", "twice", "utf8"],
)
def test_whatever_form_a_letter_has_its_signature_holds(tmp_path: Path, message: bytes) -> None:
    """The relaxed forms of RFC 6376, 3.4, are those of two other implementations; lines stay short."""
    keys = dkim_keys.make(tmp_path / "dkim", now=NOW)
    raw = Signer(keys, "portal.test").sign(message, now=NOW)
    assert _verdicts(raw, _records(keys)) == [True, True]
    assert asyncio.run(_foreign(raw, _records(keys)))["rsa-sha256"] == "pass"
    assert raw.endswith(b"\r\n" + message)
    assert max(map(len, raw.removesuffix(message).split(b"\r\n"))) <= 78


def _records(keys: list[DkimKey]) -> dict[tuple[str, str], list[str]]:
    return {(f"{key.selector}._domainkey.portal.test", "TXT"): [txt(key.record)] for key in keys}


def _verdicts(message: bytes, records: dict[tuple[str, str], list[str]]) -> list[bool]:
    """Say what dkimpy thinks of both signatures."""

    def found(name: bytes, timeout: float = 5) -> bytes | None:
        texts = records.get((name.decode().rstrip("."), "TXT"))
        return texts[0].replace('" "', "").strip('"').encode() if texts else None

    def holds(number: int) -> bool:
        try:
            return bool(dkim.DKIM(message).verify(idx=number, dnsfunc=found))
        except dkim.ValidationError:
            return False

    return [holds(number) for number in (0, 1)]


async def _foreign(raw: bytes, records: dict[tuple[str, str], list[str]]) -> dict[str, str]:
    script = """
        use Mail::DKIM::Verifier; use Mail::DKIM::DNS; use Net::DNS;
        my $asker = Net::DNS::Resolver->new(nameservers => ['127.0.0.1'], port => $ARGV[0]);
        Mail::DKIM::DNS::resolver($asker);
        my $seen = Mail::DKIM::Verifier->new; binmode STDIN;
        while (<STDIN>) { $seen->PRINT($_) } $seen->CLOSE;
        print $_->algorithm, '=', $_->result, "\\n" for $seen->signatures;
    """
    async with nameserver(records) as port:
        done = await asyncio.to_thread(
            subprocess.run, ["perl", "-e", script, str(port)], input=raw, capture_output=True, check=False
        )
    assert done.returncode == 0, done.stderr
    return dict(line.split("=") for line in done.stdout.decode().split())


def test_a_new_key_signs_when_its_record_has_spread(tmp_path: Path) -> None:
    """The first pair signs at once; the next one a day after it was made, and the first is then retired."""
    first = dkim_keys.make(tmp_path / "dkim", now=NOW)
    assert dkim_keys.signing(first, now=NOW) == sorted(first, key=lambda key: key.algorithm is Algorithm.ED25519)
    second = dkim_keys.make(tmp_path / "dkim", now=NOW + timedelta(days=90))
    keys = dkim_keys.load(tmp_path / "dkim")
    for late, old, new in ((90, State.SIGNS, State.WAITS), (91, State.RETIRED, State.SIGNS)):
        now = NOW + timedelta(days=late)
        assert {dkim_keys.state_of(key, keys, now=now) for key in first} == {old}
        assert {dkim_keys.state_of(key, keys, now=now) for key in second} == {new}
    for path in (tmp_path / "dkim").iterdir():
        assert path.stat().st_mode & 0o077 == 0
        path.chmod(0o644)
    with pytest.raises(DkimKeyError):
        dkim_keys.load(tmp_path / "dkim")


@pytest.mark.parametrize("step", [Step.RCPT, Step.DATA, Step.END])
@pytest.mark.parametrize(
    ("code", "said", "meaning"),
    [
        (550, "5.1.1 no such user", Meaning.DEAD),
        (550, "5.1.10 null MX", Meaning.DEAD),
        (550, "5.2.1 disabled", Meaning.DEAD),
        (550, "5.4.1 access denied", Meaning.DEAD),
        (552, "5.2.2 mailbox full", Meaning.NEVER),
        (552, "too much", Meaning.NEVER),
        (554, "5.5.0 no", Meaning.NEVER),
        (550, "5.7.1 blocked", Meaning.POLICY),
        (554, "5.7.26 unauthenticated", Meaning.POLICY),
        (452, "4.2.2 over quota", Meaning.LATER),
        (450, "4.2.1 greylisted", Meaning.LATER),
        (421, "5.1.1 going down", Meaning.LATER),
        (451, "4.3.0 disk full", Meaning.BUSY),
        (530, "5.7.0 authentication required", Meaning.BUSY),
    ],
)
def test_a_refusal_means_what_its_code_says_at_whichever_step(
    code: int, said: str, meaning: Meaning, step: Step
) -> None:
    """The address's fault, the moment's, the server's or ours; only what says that there is no mailbox kills one."""
    assert meaning_of(code, said, step) is meaning


@pytest.mark.parametrize(
    ("code", "said", "step", "meaning"),
    [
        (550, "User unknown", Step.RCPT, Meaning.DEAD),
        # After the letter a bare 550 is as often about its text, and before RCPT no recipient was named.
        (550, "rejected", Step.END, Meaning.NEVER),
        (550, "sender rejected", Step.MAIL, Meaning.POLICY),
        (550, "5.7.1 sender refused", Step.MAIL, Meaning.POLICY),
        (553, "5.1.8 bad sender", Step.MAIL, Meaning.POLICY),
        (552, "5.3.4 too big", Step.MAIL, Meaning.NEVER),
        (451, "not now", Step.MAIL, Meaning.BUSY),
        (451, "not now", Step.END, Meaning.LATER),
    ],
)
def test_the_step_tells_only_what_a_code_leaves_open(code: int, said: str, step: Step, meaning: Meaning) -> None:
    """A code without an enhanced status says less."""
    assert meaning_of(code, said, step) is meaning


def test_a_step_is_waited_for_longer_where_a_server_needs_it() -> None:
    """Twice as long after each wait that was given up, RFC 5321's time at most; the letter's end has that at once."""
    patience = Patience(10)
    assert (patience.of(Step.GREETING), patience.of(Step.END)) == (10, 600)
    waits = []
    for _ in range(6):
        patience.was_short(Step.GREETING)
        waits.append(patience.of(Step.GREETING))
    assert waits == [20, 40, 80, 160, 300, 300]
    assert patience.of(Step.MAIL) == 10
    patience.was_enough(Step.GREETING, 15)
    assert patience.of(Step.GREETING) == 300
    patience.was_enough(Step.GREETING, 0.1)
    assert patience.of(Step.GREETING) == 150
    patience.was_short(Step.END)
    assert patience.of(Step.END) == 600


def test_a_server_that_is_down_is_tried_by_one_at_a_time_and_ever_later() -> None:
    """Nobody tries while it rests; then one does; each failure makes the rest longer, up to half a minute."""
    breaker, now, waits = Breaker(), 100.0, []
    for _ in range(10):
        assert breaker.admits(now, tries_for=10)
        breaker.failed(now)
        assert not breaker.admits(now, tries_for=10)
        waits.append(breaker.wait(now))
        now += breaker.wait(now)
    assert waits[:4] == [0.5, 1, 2, 4]
    assert waits[-1] == 30
    assert breaker.admits(now, tries_for=10)
    assert not breaker.admits(now, tries_for=10)
    breaker.reached()
    assert breaker.admits(now, tries_for=10)


def test_a_domain_that_says_not_now_is_left_alone() -> None:
    """Three mailboxes refused in a row hold a domain back, others not; one letter finds out; one accepted frees it."""
    places = Destinations()
    for number in range(3):
        assert places.held("slow.test", 100) is None
        places.refused("slow.test", f"m{number}@slow.test", "450 4.2.1 not now", 100)
    held = places.held("slow.test", 100)
    assert held is not None
    assert (held.seconds, held.reply) == (2, "450 4.2.1 not now")
    assert places.held("fast.test", 100) is None
    assert places.held("slow.test", 102) is None
    assert places.held("slow.test", 102) is not None
    places.took("slow.test")
    assert places.held("slow.test", 102) is None


@pytest.mark.parametrize(
    ("mailboxes", "reply"),
    [
        (1, "450 4.2.1 not now"),
        (2, "451 4.3.0 try again"),
        (9, "452 4.2.2 The email account that you tried to reach is over quota"),
        (9, "450 4.2.0 <a@slow.test>: Recipient address rejected: Greylisted, see http://postgrey.example"),
        (9, "450 4.7.1 Graylisting in effect, please come back later"),
        (9, "452 4.3.1 Mailbox is full / メールボックスの容量を超えています"),
    ],
)
def test_what_is_wrong_with_one_mailbox_holds_no_other_back(mailboxes: int, reply: str) -> None:
    """However often it is tried, a full, greylisted or odd mailbox is no trouble of its domain."""
    places = Destinations()
    for number in range(12):
        places.refused("slow.test", f"M{number % mailboxes}@slow.test", reply, 100)
    assert places.held("slow.test", 100) is None


class _World:
    """A mail server that counts its connections, and takes as long as it is told."""

    def __init__(self, *, slow: float = 0, reply: str = "250 OK") -> None:
        self.slow, self.reply, self.connections, self.times = slow, reply, 0, {}

    async def handle_EHLO(self, server, session: Session, envelope: Envelope, hostname: str, responses):  # noqa: N802
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(self, server, session, envelope: Envelope, address: str, options):  # noqa: N802
        if not self.reply.startswith("250"):
            return self.reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope: Envelope) -> str:  # noqa: N802
        await asyncio.sleep(self.slow)
        self.times[envelope.content] = asyncio.get_running_loop().time()
        return "250 OK"


@asynccontextmanager
async def _listening(world: _World, port: int = 0) -> AsyncIterator[int]:
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(world), "127.0.0.1", port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@asynccontextmanager
async def _sending(people: People, port: int, *, hands: int = 4) -> AsyncIterator[Sender]:
    relay = Relay(relay_address(f"smtp://127.0.0.1:{port}?starttls=never"), connections=hands, timeout=5)
    async with Sender(people.hub.outbox, relay, HEAD, hands=hands, clock=lambda: people.now).running() as sender:
        yield sender


async def _notices(people: People, count: int) -> None:
    """Post as many notices at once."""
    await people.delivered()
    pattern = await Delivery.all().order_by("-id").first()
    assert pattern is not None
    await Delivery.bulk_create(
        [
            Delivery(
                account_id=pattern.account_id,
                channel=Channel.MAIL,
                letter=Letter.NOTICE,
                urgency=2,
                notice="matrix-on",
                address=f"{number}@bulk.test",
                address_folded=f"{number}@bulk.test",
                label="x",
                language="en",
                message_id=f"<{number}@bulk.test>",
                asked_from="",
                asked_with="",
                posted_at=people.now,
                due_at=people.now,
                expires_at=people.now + timedelta(days=1),
            )
            for number in range(count)
        ]
    )


async def test_a_code_never_stands_behind_a_drain_of_notices(people: People) -> None:
    """With every other hand busy on slow notices, a code asked for meanwhile is away within one letter's time."""
    member = await people.member(contacts=("home",))
    await people.asked_for_code(member, "home")
    await _notices(people, 60)
    world = _World(slow=0.3)
    async with _listening(world) as port, _sending(people, port):
        await asyncio.sleep(0.5)
        people.later(minutes=1)
        loop = asyncio.get_running_loop()
        asked_at = loop.time()
        begun = await people.begun(member)
        from hub.domain.outcomes import Asked, ByContact
        from hub.login import password_login

        asked = await password_login.send_again(people.hub, people.visit(), begun.token)
        asked = await password_login.choose(people.hub, people.visit(), begun.token, ByContact(member.contacts["home"]))
        assert isinstance(asked, Asked)
        while await Delivery.filter(letter=Letter.CODE, due_at=None).count() != 2:
            assert loop.time() - asked_at < 1.5, "the code waits behind notices"
            await asyncio.sleep(0.02)
        assert await Delivery.filter(letter=Letter.NOTICE, due_at__isnull=False).count() > 20


async def test_the_report_of_a_code_waits_for_no_notices(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is told of notices is gathered; a page waits for what is told of a code."""
    monkeypatch.setattr("mail_gateway.outbound.worker._GATHER", 5.0)
    member = await people.member(contacts=("home",))
    await people.asked_for_code(member, "home")
    await _notices(people, 8)
    people.later(minutes=1)
    world = _World()
    async with _listening(world) as port, _sending(people, port), asyncio.timeout(4):
        while len(world.times) < 8:
            await asyncio.sleep(0.02)
        begun = await people.begun(member)
        from hub.domain.outcomes import Asked, ByContact
        from hub.login import password_login

        asked = await password_login.choose(people.hub, people.visit(), begun.token, ByContact(member.contacts["home"]))
        assert isinstance(asked, Asked)
        while await Delivery.filter(due_at__isnull=False).exists():
            await asyncio.sleep(0.02)


def test_a_long_try_under_way_puts_nothing_off_for_long() -> None:
    """A server that hangs is given minutes; the letters beside that try wait for half a minute at most."""
    breaker = Breaker()
    breaker.failed(100.0)
    assert breaker.admits(101.0, tries_for=300)
    assert breaker.is_tried(102.0)
    assert breaker.wait(102.0) == 30
    breaker.failed(103.0)
    assert not breaker.is_tried(103.0)


async def test_what_waits_is_sent_as_soon_as_the_server_is_back(people: People) -> None:
    """The first connection that stands again brings all letters on their way, whatever time each was put off to."""
    member = await people.member(contacts=("home",))
    await people.asked_for_code(member, "home")
    await _notices(people, 20)
    people.later(seconds=40)
    port = free_port()
    async with _sending(people, port):
        async with asyncio.timeout(5):
            while not await Delivery.filter(reply__not="").exists():
                await asyncio.sleep(0.02)
        # All but one are put off to a time that does not come here.
        waiting = await Delivery.filter(due_at__isnull=False).order_by("-id").values_list("id", flat=True)
        await Delivery.filter(id__in=list(waiting)[1:]).update(due_at=people.now + timedelta(hours=2), lease="")
        world = _World()
        async with _listening(world, port):
            async with asyncio.timeout(10):
                while await Delivery.filter(due_at__isnull=False).exists():
                    people.later(seconds=0.5)
                    await asyncio.sleep(0.05)
        assert len(world.times) == 20


async def test_no_storm_of_connections_meets_a_server_that_is_down(people: People) -> None:
    """Fifty letters and nobody listening: a handful of tries, health says so; when it is back all arrive once."""
    member = await people.member(contacts=("home",))
    await people.asked_for_code(member, "home")
    await _notices(people, 50)
    tries = 0
    port = free_port()

    async def slam(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal tries
        tries += 1
        writer.close()

    closed = await asyncio.start_server(slam, "127.0.0.1", port)
    async with _sending(people, port) as sender:
        await asyncio.sleep(1.2)
        assert 1 <= tries <= 4
        assert "tried again in" in sender.trouble
        closed.close()
        await closed.wait_closed()
        world = _World()
        async with _listening(world, port):
            people.later(seconds=40)
            async with asyncio.timeout(15):
                while await Delivery.filter(due_at__isnull=False).exists():
                    people.later(seconds=0.5)
                    await asyncio.sleep(0.05)
            assert sender.trouble == ""
        assert len(world.times) == 50


async def test_a_refusing_domain_is_seen_in_the_metrics(people: People) -> None:
    """What one domain says of its letters is counted by state and domain, with their age."""
    member = await people.member(contacts=("home",))
    await people.asked_for_code(member, "home")
    await _notices(people, 2 * SHARED)
    people.later(seconds=30)
    async with _listening(_World(reply="450 4.2.0 later")) as port, _sending(people, port), asyncio.timeout(10):
        while b'tegata_mail_age_seconds_bucket{domain="bulk.test",le="60.0",state="deferred"}' not in generate_latest():
            await asyncio.sleep(0.02)


async def test_the_time_to_the_mail_servers_250_is_that_of_codes(people: People) -> None:
    """Notices wait on purpose; their time would hide a code's."""
    member = await people.member(contacts=("home",))
    await people.asked_for_code(member, "home")
    await _notices(people, 3)
    people.later(minutes=1)
    begun = await people.begun(member)
    from hub.domain.outcomes import Asked, ByContact
    from hub.login import password_login

    asked = await password_login.choose(people.hub, people.visit(), begun.token, ByContact(member.contacts["home"]))
    assert isinstance(asked, Asked)
    before = REGISTRY.get_sample_value("tegata_mail_accepted_seconds_count") or 0
    async with _listening(_World()) as port, _sending(people, port), asyncio.timeout(10):
        while await Delivery.filter(due_at__isnull=False).exists():
            await asyncio.sleep(0.02)
        assert await Delivery.filter(accepted_at__isnull=False).count() >= 4
        assert REGISTRY.get_sample_value("tegata_mail_accepted_seconds_count") == before + 1


async def test_a_refusal_at_the_door_is_told_apart(people: People) -> None:
    """The relay's own words decide: dead, later, or ours."""
    for reply, report in (
        ("550 5.1.1 nobody", Failed("550 5.1.1 nobody", is_dead=True)),
        ("550 5.7.1 blocked", Failed("550 5.7.1 blocked")),
        ("450 4.2.0 later", Deferred("450 4.2.0 later")),
        ("552 5.2.2 full", Failed("552 5.2.2 full")),
    ):
        async with _listening(_World(reply=reply)) as port:
            relay = Relay(relay_address(f"smtp://127.0.0.1:{port}?starttls=never"))
            assert await relay.send(b"Subject: x\r\n\r\nx\r\n", sender="a@b.test", recipient="c@d.test") == report
            await relay.close()


async def test_the_dialogue_of_a_test_mail_is_shown(tmp_path: Path) -> None:
    """`tegata mail test` shows each line, a refusal included, and never the password."""
    for reply, accepted in (("250 OK", True), ("550 5.1.1 nobody", False)):
        async with _listening(_World(reply=reply)) as port:
            settings = load({}, mail_from="Tegata <t@portal.test>", smtp_url=f"smtp://127.0.0.1:{port}?starttls=never")
            told = await test_message.sent(settings, "taro@mail.test", now=NOW)
        assert told.is_accepted is accepted
        text = "\n".join(told.lines)
        assert "> RCPT TO:<taro@mail.test>" in text
        assert f"< {reply}" in text
        assert re.search(r"^< 220", text, re.MULTILINE)


async def test_the_doctor_reads_the_records(tmp_path: Path) -> None:
    """Right records are praised; missing, doubled and foreign ones are named with what to publish."""
    from cli.doctor.command import Grade
    from cli.doctor.mail import examine

    keys = dkim_keys.make(tmp_path / "dkim", now=NOW)
    good = {(f"{key.selector}._domainkey.portal.test", "TXT"): [txt(key.record)] for key in keys}
    good["portal.test", "TXT"] = ['"v=spf1 ip4:192.0.2.1 -all"']
    good["_dmarc.portal.test", "TXT"] = ['"v=DMARC1; p=reject"']
    good["portal.test", "MX"] = ["10 mx.portal.test."]
    bad = {
        ("portal.test", "TXT"): ['"v=spf1 -all"', '"v=spf1 +all"'],
        (f"{keys[0].selector}._domainkey.portal.test", "TXT"): ['"v=DKIM1; k=rsa; p=AAAA"'],
        ("_dmarc.portal.test", "TXT"): ['"v=DMARC1; p=none"'],
    }
    async with _listening(_World()) as port:
        for records, wrong in ((good, set()), (bad, {"spf", "dkim", "mx"})):
            async with nameserver(records) as dns:
                settings = load(
                    {},
                    mail_from="t@portal.test",
                    mail_domain="portal.test",
                    dkim_keys=str(tmp_path / "dkim"),
                    dns_resolver=f"127.0.0.1:{dns}",
                    smtp_url=f"smtp://127.0.0.1:{port}?starttls=never",
                )
                found = await examine(settings)
            assert {one.about for one in found} == {"mail", "spf", "dkim", "dmarc", "mx", "listener"}
            assert {one.about for one in found if one.grade is Grade.WRONG} == wrong
            assert (Grade.WARN in {one.grade for one in found if one.about == "dmarc"}) is bool(wrong)
