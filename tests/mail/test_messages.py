"""Letters as a mail reader takes them: whole in both parts and languages, and safe whatever the names in them are."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo

import pytest
from bs4 import BeautifulSoup
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hub.domain.identifiers import UnacceptableError, address_of, label_of
from hub.outbox.messages import Claimed
from mail_gateway.outbound.messages import _SUBJECTS, House, UnwritableError, write
from models.kinds import OF_LOGINS, Channel, Letter, Notice

HOUSE = House(
    "Tegata <tegata@portal.test>",
    "Campus Portal",
    "https://portal.test",
    ZoneInfo("Asia/Tokyo"),
    "https://portal.test/desk",
)
ASKED = datetime(2026, 4, 13, 3, 4, 5, tzinfo=UTC)
# An approval goes by chat alone, and an answer says other things.
BY_MAIL = [Letter.CODE, Letter.CONFIRMATION, Letter.NOTICE]
LETTER = Claimed(
    id=1,
    lease="x",
    channel=Channel.MAIL,
    letter=Letter.CODE,
    address="taro@mail.test",
    message_id="<0123456789abcdef0123456789abcdef@portal.test>",
    language="en",
    account="taro",
    label="自宅",
    code="482913",
    url="https://portal.test/confirm/12-abcdefghijklmnopqrstuvwxyz",
    not_me="https://portal.test/not-me/1-abcdefghijklmnopqrstuvwxyz",
    asked_at=ASKED,
    asked_from="203.0.113.7",
    asked_with="Firefox on Linux",
    expires_at=ASKED + timedelta(minutes=10),
    attempt=1,
    notice="",
    subject_label="携帯",
    thread="<fedcba9876543210fedcba9876543210@portal.test>",
    reply_to="reply+1xabcdefghijklmnopqrstuvwxyz@portal.test",
)
HEADERS = [
    "From",
    "To",
    "Date",
    "Message-ID",
    "Subject",
    "References",
    "Reply-To",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "Content-Language",
    "MIME-Version",
    "Content-Type",
]
IF_NOT_YOU = {
    (Letter.CODE, "en"): "If this was not you, somebody else may know your password.",
    (Letter.CODE, "ja"): "お心当たりがない場合は、パスワードが第三者に知られているおそれがあります。",
    (Letter.CONFIRMATION, "en"): "If this was not you, do not type the code anywhere.",
    (Letter.CONFIRMATION, "ja"): "お心当たりがない場合は、コードをどこにも入力しないでください。",
    (Letter.NOTICE, "en"): "If this was you, there is nothing to do.",
    (Letter.NOTICE, "ja"): "ご本人の操作であれば、何もする必要はありません。",
}


def _read(written: bytes) -> EmailMessage:
    message = message_from_bytes(written, policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    assert [part.defects for part in message.walk()] == [[], [], []]
    return message


def _parts(message: EmailMessage) -> tuple[str, str]:
    """Read both parts as a person does: the text, and the words of the page."""
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    plain, html = (str(part.get_content()) for part in message.iter_parts())
    return " ".join(plain.split()), " ".join(BeautifulSoup(html, "html.parser").get_text(" ").split())


def _is_on_the_wire(written: bytes) -> bool:
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", written), "only CRLF ends a line"
    assert written.endswith(b"\r\n")
    assert b"\0" not in written
    assert max(len(line) for line in written.split(b"\r\n")) <= 998
    return True


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("letter", BY_MAIL)
def test_a_letter_says_who_where_when_until_when_and_what_if_not(letter: Letter, language: str) -> None:
    """Both parts say all of it, in the member's language."""
    notice = Notice.CONTACT_ADDED if letter is Letter.NOTICE else ""
    written = write(replace(LETTER, letter=letter, language=language, notice=notice), HOUSE)
    assert _is_on_the_wire(written)
    message = _read(written)
    for said in _parts(message):
        assert "taro" in said
        assert "203.0.113.7 (Firefox on Linux)" in said
        assert "2026-04-13 12:04 (JST)" in said
        assert IF_NOT_YOU[letter, language].replace(" ", "") in said.replace(" ", "")
        if letter is not Letter.NOTICE:
            assert LETTER.code in said
            assert "2026-04-13 12:14 (JST)" in said
            assert "Campus Portal" in said
        if letter is Letter.CONFIRMATION:
            assert LETTER.url in said
            # The address may be a stranger's: the words of the person who asked stay out.
            assert "自宅" not in said
        if letter is Letter.NOTICE:
            assert "携帯" in said
            assert LETTER.code not in said
        if letter is Letter.CODE:
            assert "/confirm/" not in said
    page = BeautifulSoup(message.get_body(("html",)).get_content(), "html.parser")
    assert page.html["lang"] == language
    assert LETTER.not_me in message.get_body(("plain",)).get_content()
    assert [link["href"] for link in page.find_all("a") if "/not-me/" in link["href"]] == [LETTER.not_me]
    assert message["Content-Language"] == language


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("notice", list(Notice))
def test_each_notice_has_its_own_sentence(notice: Notice, language: str) -> None:
    """What was changed is said in words, not by a name of ours."""
    said, _ = _parts(_read(write(replace(LETTER, letter=Letter.NOTICE, language=language, notice=notice), HOUSE)))
    # Names of one word are words that a sentence may hold.
    assert "-" not in str(notice) or str(notice) not in said
    others = {
        _parts(_read(write(replace(LETTER, letter=Letter.NOTICE, language=language, notice=one), HOUSE)))[0]
        for one in Notice
        if one is not notice
    }
    assert said not in others


def test_the_head_of_a_letter() -> None:
    """Each header once, the order the same, RFC 3834's marks, the date of the asking, one Message-ID a delivery."""
    message = _read(write(LETTER, HOUSE))
    assert sorted(message.keys()) == sorted(HEADERS)
    assert (message["Auto-Submitted"], message["X-Auto-Response-Suppress"]) == ("auto-generated", "All")
    assert message["Message-ID"] == LETTER.message_id
    assert parsedate_to_datetime(message["Date"]) == ASKED
    assert message["From"].addresses == (Address("Tegata", addr_spec="tegata@portal.test"),)
    assert [one.addr_spec for one in message["To"].addresses] == ["taro@mail.test"]
    assert message["Subject"] == "Your one-time password (Campus Portal)"
    # A code is shown on a locked phone's screen only where the reader opens the mail.
    assert LETTER.code not in message["Subject"]


@pytest.mark.parametrize(
    ("language", "notice", "subject"),
    [
        ("en", Notice.NEW_LOGIN, "A login to your account (Campus Portal)"),
        ("ja", Notice.NEW_LOGIN, "ログインのお知らせ (Campus Portal)"),
        ("en", Notice.ANSWERS_WRONG, "Failed logins to your account (Campus Portal)"),
        ("ja", Notice.ANSWERS_WRONG, "ログイン失敗のお知らせ (Campus Portal)"),
        ("en", Notice.PASSWORDS_WRONG, "Failed logins to your account (Campus Portal)"),
        ("ja", Notice.PASSWORDS_WRONG, "ログイン失敗のお知らせ (Campus Portal)"),
        ("en", Notice.CONTACT_ADDED, "Your login settings were changed (Campus Portal)"),
        ("ja", Notice.CONTACT_ADDED, "認証設定の変更のお知らせ (Campus Portal)"),
    ],
)
def test_the_subject_of_a_login_speaks_of_no_change(language: str, notice: Notice, subject: str) -> None:
    """A login changed nothing, a failed one neither; what did, says so. An answer keeps the subject."""
    letter = replace(LETTER, letter=Letter.NOTICE, notice=notice, language=language)
    assert _read(write(letter, HOUSE))["Subject"] == subject
    asked = notice if notice in OF_LOGINS else Letter.NOTICE
    answer = replace(LETTER, letter=Letter.ANSWER, notice="help", answered=asked, language=language)
    assert _read(write(answer, HOUSE))["Subject"] == f"Re: {subject}"


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("letter", BY_MAIL)
def test_the_names_of_a_letters_facts_stay_whole_on_a_narrow_screen(letter: Letter, language: str) -> None:
    """At 320 pixels "Account" is not broken in the middle: only the values beside the names may wrap."""
    page = _read(write(replace(LETTER, letter=letter, language=language), HOUSE)).get_body(("html",))
    assert page is not None
    names = [row.find("td") for row in BeautifulSoup(page.get_content(), "html.parser").find_all("tr")]
    assert len(names) == 3
    assert all("white-space:nowrap" in str(name["style"]) for name in names if name)


def test_a_letter_nobody_may_answer_names_no_address_for_it() -> None:
    """Without a domain that takes mail there is no Reply-To, whatever the letter before it had."""
    write(LETTER, HOUSE)
    message = _read(write(replace(LETTER, reply_to="", thread=""), HOUSE))
    assert (message["Reply-To"], message["References"]) == (None, None)
    assert sorted(_read(write(LETTER, HOUSE)).keys()) == sorted(HEADERS)


def test_ids_and_addresses_of_a_long_domain_are_written_as_they_are() -> None:
    """No id and no address of ours is folded or becomes an encoded word."""
    domain = ".".join(["a" * 60] * 4)
    long = replace(LETTER, message_id=f"<1@{domain}>", thread=f"<2@{domain}>", reply_to=f"reply+3@{domain}")
    written = write(long, HOUSE)
    for line in (f"Message-ID: <1@{domain}>", f"References: <2@{domain}>"):
        assert f"\r\n{line}\r\n".encode() in written
    assert f"reply+3@{domain}\r\n".encode() in written


def test_a_retry_writes_the_same_letter() -> None:
    """What a server may have taken already comes again byte for byte, whatever was written in between."""
    first = write(LETTER, HOUSE)
    write(replace(LETTER, language="ja", address="hanako@mail.test", code="000000"), HOUSE)
    write(replace(LETTER, address="hanako@mail.test", code="000000", message_id="<2@portal.test>"), HOUSE)
    assert write(replace(LETTER, attempt=2, lease="y"), HOUSE) == first


@pytest.mark.parametrize("address", ["太郎@mail.test", "jürgen@xn--mller-kva.test"])
def test_an_address_beyond_ascii_is_written_as_utf8(address: str) -> None:
    """RFC 6532: no encoded word stands inside of an address."""
    written = write(replace(LETTER, address=address), HOUSE)
    assert f"To: {address}\r\n".encode() in written


@pytest.mark.parametrize(
    "address",
    [
        "a@b.test\r\nBcc: c@d.test",
        "a@b.test, c@d.test",
        "a b@c.test",
        "<a@b.test>",
        "a@b.test;",
        "a@[127.0.0.1]",
        "a\0@b",
        "",
    ],
)
def test_an_address_that_would_be_more_than_one_is_not_written(address: str) -> None:
    """What was checked at the door is checked again where it becomes a header."""
    with pytest.raises(UnwritableError):
        write(replace(LETTER, address=address), HOUSE)


@pytest.mark.parametrize(
    "house",
    [
        replace(HOUSE, sender="nobody"),
        replace(HOUSE, service="a\r\nBcc: c@d.test"),
        replace(HOUSE, sender="A\r\nBcc: c@d.test <a@b.test>"),
    ],
)
def test_an_operators_slip_is_no_second_header(house: House) -> None:
    """A sender or a name with a line break in it is refused, never sent."""
    with pytest.raises(UnwritableError):
        write(LETTER, house)


def _acceptable(check: object) -> object:
    def accepted(typed: str) -> bool:
        try:
            check(typed)  # type: ignore[operator]
        except UnacceptableError:
            return False
        return True

    return accepted


LABELS = st.text(min_size=1, max_size=32).filter(_acceptable(label_of)).map(label_of)
LOCALS = st.text(alphabet="abcXYZ019!#$%&'*+-/=?^_`{|}~.é太", min_size=1, max_size=64)
DOMAINS = st.lists(st.text(alphabet="abcz09-é大", min_size=1, max_size=40), min_size=2, max_size=5).map(".".join)
ADDRESSES = st.tuples(LOCALS, DOMAINS).map("@".join).filter(_acceptable(address_of)).map(address_of) | st.integers(
    1, 64
).map(lambda length: "a" * length + "@" + "b" * 60 + ".test")
NAMES = st.text(st.characters(blacklist_categories=("C", "Zl", "Zp")), min_size=1, max_size=1200).filter(
    lambda name: name.strip() and "=?" not in name
)


@settings(max_examples=300, deadline=None)
@given(
    LABELS,
    ADDRESSES,
    NAMES,
    st.sampled_from(BY_MAIL),
    st.sampled_from(["en", "ja"]),
)
@example("自宅", "taro@mail.test", "a" * 1200, Letter.CODE, "en")
@example("=?utf-8?q?home?=", "=?a?=@mail.test", "?= =", Letter.CONFIRMATION, "en")
@example(".", "a" * 64 + "@" + "b" * 60 + ".test", "--=_", Letter.NOTICE, "ja")
def test_whatever_the_names_are_the_letter_is_read_as_the_library_would_write_it(
    label: str, address: str, service: str, letter: Letter, language: str
) -> None:
    """Kept and filled in, it reads the same as a message that the library makes from nothing."""
    notice = Notice.CONTACT_ADDED if letter is Letter.NOTICE else ""
    claimed = replace(
        LETTER, label=label, subject_label=label, address=address, letter=letter, language=language, notice=notice
    )
    written = write(claimed, replace(HOUSE, service=service))
    assert _is_on_the_wire(written)
    read = _read(written)
    plain, html = (part.get_content() for part in read.iter_parts())
    made = EmailMessage(policy.SMTPUTF8 if not address.isascii() else policy.SMTP)
    made["From"], made["To"], made["Date"] = HOUSE.sender, address, ASKED
    made["Message-ID"], made["Subject"] = LETTER.message_id, f"{_SUBJECTS[language, letter]} ({service})"
    made["References"], made["Reply-To"] = LETTER.thread, LETTER.reply_to
    made.set_content(plain, cte="base64")
    made.add_alternative(html, subtype="html", cte="base64")
    fresh = _read(made.as_bytes())
    for name in HEADERS[:7]:
        assert str(read[name]) == str(fresh[name])
    assert [part.get_content() for part in fresh.iter_parts()] == [plain, html]
    # The library's reader keeps UTF-8 in a header as the octets it is.
    assert [one.addr_spec.encode("utf-8", "surrogateescape").decode() for one in read["To"].addresses] == [address]
    if letter is not Letter.CODE:
        assert label in plain or letter is Letter.CONFIRMATION


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("kind", [Letter.CODE, Letter.CONFIRMATION])
def test_a_code_is_bound_to_its_site_and_seen_in_a_preview(kind: Letter, language: str) -> None:
    """The last line names the host and the code, by which clients fill it in there alone; the code comes early."""
    written = message_from_bytes(
        write(replace(LETTER, letter=kind, language=language, code="123456"), HOUSE), policy=policy.default
    )
    assert isinstance(written, EmailMessage)
    part = written.get_body(("plain",))
    assert part is not None
    text = part.get_content()
    assert text.rstrip().splitlines()[-1] == "@portal.test #123456"
    assert text.index("123456") < 100
    assert "http" not in text[: text.index("123456")]


@pytest.mark.parametrize(
    ("language", "answered", "subject"),
    [
        ("en", "code", "Re: Your one-time password (Campus Portal)"),
        ("ja", "confirmation", "Re: メールアドレスの登録の確認 (Campus Portal)"),
        ("en", "new-login", "Re: A login to your account (Campus Portal)"),
        ("ja", "", "メールへのお返事 (Campus Portal)"),
    ],
)
def test_an_answer_keeps_the_subject_of_the_letter(language: str, answered: str, subject: str) -> None:
    """It stands in the same thread, and its first line says what happened."""
    answer = replace(
        LETTER, letter=Letter.ANSWER, language=language, notice="confirmed", subject_label="home", answered=answered
    )
    written = message_from_bytes(write(answer, HOUSE), policy=policy.default)
    assert written["Subject"] == subject
    assert isinstance(written, EmailMessage)
    part = written.get_body(("plain",))
    assert part is not None
    assert "home" in part.get_content().splitlines()[0]


@pytest.mark.parametrize(("service", "begins"), [("学内ポータル", "学内ポータルの"), ("Tegata", "Tegata の")])
def test_japanese_goes_on_after_a_name_as_it_should(service: str, begins: str) -> None:
    """No space behind Japanese, one behind Latin letters; an address of the help desk is no URL in a text."""
    house = replace(HOUSE, service=service, help_url="mailto:help@portal.test")
    written = message_from_bytes(write(replace(LETTER, language="ja"), house), policy=policy.default)
    assert isinstance(written, EmailMessage)
    part = written.get_body(("plain",))
    assert part is not None
    assert part.get_content().startswith(begins)
    assert "mailto:" not in part.get_content()
    assert "help@portal.test" in part.get_content()


@pytest.mark.parametrize(("language", "name"), [("ja", "学内ポータル"), ("en", "Portal")])
def test_a_letter_calls_the_service_by_its_name_in_the_readers_language(language: str, name: str) -> None:
    """In the subject and in the text; the other name stands nowhere."""
    house = replace(HOUSE, service="Portal", service_ja="学内ポータル", origin="https://login.test")
    written = message_from_bytes(write(replace(LETTER, language=language), house), policy=policy.default)
    assert isinstance(written, EmailMessage)
    part = written.get_body(("plain",))
    assert part is not None
    assert name in written["Subject"]
    assert name in part.get_content()
    other = {"学内ポータル": "Portal", "Portal": "学内ポータル"}[name]
    assert other not in written["Subject"] + part.get_content()
