"""PURE: what a letter says and how it is written: text and HTML, Japanese and English."""

import base64
import re
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8, EmailPolicy
from email.utils import format_datetime, parseaddr
from functools import lru_cache
from typing import TypeAlias
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from hub.domain.identifiers import mail_address
from hub.outbox.messages import Claimed
from hub.outbox.notice_text import CHANNELS, NOTICES
from models.kinds import FOR_DESK, OF_LOGINS, Answer, Letter, Notice

_Policy: TypeAlias = "EmailPolicy[EmailMessage]"
Words = dict[str, str | tuple[str, ...]]
_LONGEST_LINE = 900
_OF_IDS = {"In-Reply-To", "References"}
_SUBJECTS: dict[tuple[str, Letter | Notice], str] = {
    ("ja", Letter.CODE): "ワンタイムパスワードのお知らせ",
    ("en", Letter.CODE): "Your one-time password",
    ("ja", Letter.CONFIRMATION): "メールアドレスの登録の確認",
    ("en", Letter.CONFIRMATION): "Confirm your email address",
    ("ja", Letter.NOTICE): "認証設定の変更のお知らせ",
    ("en", Letter.NOTICE): "Your login settings were changed",
    ("ja", Notice.NEW_LOGIN): "ログインのお知らせ",
    ("en", Notice.NEW_LOGIN): "A login to your account",
    ("ja", Notice.ANSWERS_WRONG): "ログイン失敗のお知らせ",
    ("en", Notice.ANSWERS_WRONG): "Failed logins to your account",
    ("ja", Notice.PASSWORDS_WRONG): "ログイン失敗のお知らせ",
    ("en", Notice.PASSWORDS_WRONG): "Failed logins to your account",
    ("ja", Notice.DISOWNED): "「心当たりがない」との連絡 / This was not me",
    ("en", Notice.DISOWNED): "This was not me / 「心当たりがない」との連絡",
    ("ja", Notice.CONTACT_UNREACHABLE): "連絡先に届きません / A contact can’t be reached",
    ("en", Notice.CONTACT_UNREACHABLE): "A contact can’t be reached / 連絡先に届きません",
    ("ja", Letter.ANSWER): "メールへのお返事",
    ("en", Letter.ANSWER): "Answer to your mail",
}
_ANSWERS = {
    ("ja", Answer.CONFIRMED): "連絡先「{about}」を登録しました。",
    ("en", Answer.CONFIRMED): "The contact “{about}” is registered.",
    ("ja", Answer.REFUSED): "ご連絡いただいたログインまたは登録を取り消しました。",
    ("en", Answer.REFUSED): "The login or registration in that mail was stopped.",
    (
        "ja",
        Answer.REFUSED_DESK_TOLD,
    ): "ご連絡いただいたログインまたは登録を取り消しました。窓口に連絡しました。",
    (
        "en",
        Answer.REFUSED_DESK_TOLD,
    ): "The login or registration in that mail was stopped. The help desk was notified.",
    ("ja", Answer.LIST): "登録済みの連絡先:",
    ("en", Answer.LIST): "Your registered contacts:",
    ("ja", Answer.REMOVE_HERE): "連絡先の削除にはパスワードが必要です。次の画面で「{about}」を削除できます。",
    ("en", Answer.REMOVE_HERE): "Removing a contact needs your password. You can remove “{about}” here:",
    ("ja", Answer.HELP): "このメールには次のように返信できます。",
    ("en", Answer.HELP): "You can answer our mails with:",
    ("ja", Answer.HOW_TO_CONFIRM): "登録の確認のメールには次のように返信できます。",
    ("en", Answer.HOW_TO_CONFIRM): "You can answer the mail that asked about this address with:",
    ("ja", Answer.UNCLEAR): "ご返信の内容を読み取れなかったため、何も行っていません。次のように返信できます。",
    ("en", Answer.UNCLEAR): "We could not understand your answer, so nothing was done. You can answer with:",
    (
        "ja",
        Answer.AUTOMATIC,
    ): "ご返信を自動応答と判断したため、何も行っていません。自動応答でなければ、件名を変えて返信してください。",
    (
        "en",
        Answer.AUTOMATIC,
    ): "We took your answer for an automatic one. If it was not, please change the subject and answer with:",
    ("ja", Answer.NOT_SURE): "メールの送信者を確認できませんでした。次の画面で続けてください。",
    ("en", Answer.NOT_SURE): "We could not verify that the mail came from you. Please continue here:",
    ("ja", Answer.TOO_LATE): "そのメールは期限切れか、返信を受け付け済みです。次の画面で続けてください。",
    ("en", Answer.TOO_LATE): "That mail has expired or was already answered. Please continue here:",
}
_SAYABLE = {
    "ja": (
        "一覧 … 連絡先の一覧",
        "削除 ラベル … 連絡先の削除",
        "心当たりがない … ログインや操作を止める",
        "ヘルプ … この説明",
    ),
    "en": (
        "list - your contacts",
        "remove LABEL - remove one",
        "not me - stop the login or change in the mail",
        "help - this",
    ),
}
_CONFIRMABLE = {
    "ja": ("はい … このアドレスを登録する", "心当たりがない … 登録を止める"),
    "en": ("yes - register this address", "not me - stop the registration"),
}
_ENDABLE = {
    "ja": "心当たりがない場合は、次の URL を開いて止めることもできます。",
    "en": "If this was not you, you can also stop it at this URL:",
}
_HELPING = {Answer.HELP, Answer.HOW_TO_CONFIRM, Answer.UNCLEAR, Answer.AUTOMATIC}
_WITH_LINK = {Answer.LIST, Answer.REMOVE_HERE, Answer.NOT_SURE, Answer.TOO_LATE}


def sentences() -> tuple[str, ...]:
    """Give the sentences of our letters that stand in no template."""
    return (*NOTICES.values(), *_ANSWERS.values(), *_ENDABLE.values(), *menus())


def menus() -> tuple[str, ...]:
    """Give the lines that say what can be answered."""
    return tuple(line for table in (_SAYABLE, _CONFIRMABLE) for lines in table.values() for line in lines)


# What a member disowned, where no notice announced it.
_DISOWNED = {
    "confirmation": (
        "メールアドレスの登録（宛先の方が拒否）",
        "address registration, refused by its reader",
    ),
    "code": ("ワンタイムパスワード", "one-time password"),
    "approval": ("Slack でのログインの承認", "approval of a login in Slack"),
    "lock": ("Slack での「止める」", "lock, typed in Slack"),
}


# Letters to the help desk are written in both languages.
_TEMPLATES: dict[str, str] = {Notice.DISOWNED: "disowned", Notice.CONTACT_UNREACHABLE: "unreachable"}


class UnwritableError(ValueError):
    """A letter whose address or headers can't be written."""


_LINE_END = re.compile(r"\r\n|\r|\n")
# Values that the library writes as they are: an address, or an id, of plain atoms (RFC 5322, 3.2.3).
_ATOMS = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_PLAIN = re.compile(rf"<{_ATOMS}@{_ATOMS}>|{_ATOMS}@{_ATOMS}")
_WIDTH = 78
_BASE64_LINE = 76


@dataclass(frozen=True, slots=True)
class House:
    """Whose letters these are: the sender as an operator wrote it, the service's name, where it lives, its clock."""

    sender: str
    service: str
    origin: str
    zone: tzinfo
    help_url: str = ""
    service_ja: str = ""

    def speaking(self, language: str) -> "House":
        """Give the same house under its name in a language."""
        return _in_japanese(self) if language == "ja" and self.service_ja else self

    @property
    def envelope_sender(self) -> str:
        """The bare address that bounces go to."""
        return sender_address(self.sender)


@lru_cache(maxsize=8)
def _in_japanese(house: House) -> House:
    return replace(house, service=house.service_ja, service_ja="")


@lru_cache(maxsize=8)
def sender_address(sender: str) -> str:
    """Give the bare address of a sender that an operator wrote."""
    return parseaddr(sender)[1]


def write(claimed: Claimed, house: House) -> bytes:
    """Write a whole message (RFC 5322, CRLF, lines below 998 octets); UnwritableError when an address can't be put.

    The email package writes each kind of letter once; what differs from one to the next is put into its places.
    """
    house = house.speaking(claimed.language)
    words = _words(claimed, house)
    template = _TEMPLATES.get(claimed.notice) or str(claimed.letter)
    text = _rendered(template, claimed.language, "txt", words)
    page = _rendered(template, claimed.language, "html", words)
    policy = SMTPUTF8 if not claimed.address.isascii() else SMTP
    encodings = (_encoding(text), _encoding(page))
    form = _form(house, _kind(claimed), claimed.answered, claimed.language, policy, encodings)
    return b"".join(
        [
            _own_headers(claimed, policy),
            form.head,
            _encoded(text, encodings[0]),
            form.between,
            _encoded(page, encodings[1]),
            form.end,
        ]
    )


def _own_headers(claimed: Claimed, policy: _Policy) -> bytes:
    """Write the headers that differ from letter to letter."""
    headers = [
        ("To", mail_address(_address(claimed.address))),
        ("Message-ID", claimed.message_id),
        # What belongs together stands together: a code sent again, the notices to one address, a mail and its answer.
        ("In-Reply-To", claimed.answers_to),
        ("References", f"{claimed.thread} {claimed.answers_to}".strip()),
        ("Reply-To", _address(claimed.reply_to) if claimed.reply_to else ""),
    ]
    written = [_header(name, value, policy) for name, value in headers if value]
    return b"".join([_date(claimed.asked_at.replace(microsecond=0)), *written])


@lru_cache(maxsize=256)
def _date(at: datetime) -> bytes:
    return f"Date: {format_datetime(at)}\r\n".encode("ascii")


def _header(name: str, value: str, policy: _Policy) -> bytes:
    """Write a header as the library does, which is asked only for what is not plain."""
    if len(name) + len(value) + 2 <= _WIDTH and _PLAIN.fullmatch(value):
        return f"{name}: {value}\r\n".encode("ascii")
    if not value.isprintable() or (name in _OF_IDS and not value.isascii()):
        message = f"{name}: what was to stand there can't stand in a header"
        raise UnwritableError(message)
    if name in _OF_IDS:
        # The library would make encoded words of a long id; none is longer than a line may be.
        return f"{name}: {f'{policy.linesep} '.join(value.split())}{policy.linesep}".encode("ascii")
    return policy.fold_binary(*policy.header_store_parse(name, value))


def _words(claimed: Claimed, house: House) -> Words:
    if claimed.letter is Letter.ANSWER:
        return _answer_words(claimed, house)
    notice = ""
    if claimed.notice:
        notice = NOTICES[claimed.language, Notice(claimed.notice)].format(
            about=claimed.subject_label,
            service=_then(house.service) if claimed.language == "ja" else house.service,
        )
    return {
        **_desk_words(claimed, house),
        "service": house.service,
        "service_then": _then(house.service),
        "host": urlsplit(house.origin).hostname or "",
        "help_text": house.help_url.removeprefix("mailto:"),
        "origin": house.origin,
        "help_url": house.help_url,
        "account": claimed.account,
        "label": claimed.label,
        "code": claimed.code,
        "url": claimed.url,
        "not_me": claimed.not_me,
        "notice": notice,
        "can_answer": "yes" if claimed.reply_to else "",
        "asked_at": _moment(claimed.named_at or claimed.asked_at, house.zone),
        "asked_from": claimed.asked_from,
        "asked_with": claimed.asked_with,
        "expires_at": _moment(claimed.expires_at, house.zone),
    }


def _desk_words(claimed: Claimed, house: House) -> Words:
    """Give the words of the letter to the help desk: what was disowned, and who asked for it."""
    if claimed.notice == Notice.CONTACT_UNREACHABLE:
        sentences = {f"told_{language}": NOTICES[language, Notice.CONTACT_UNREACHABLE] for language in ("ja", "en")}
        return {**sentences, "about": claimed.subject_label, "channel": CHANNELS.get(claimed.answered, "-")}
    if claimed.notice != Notice.DISOWNED:
        return {}
    what = _DISOWNED.get(claimed.answered) or tuple(
        NOTICES[language, Notice(claimed.answered)].format(about=claimed.subject_label, service=house.service)
        for language in ("ja", "en")
        if claimed.answered
    )
    return {
        "what": " / ".join(what),
        "disowned_at": _moment(claimed.disowned_at, house.zone) if claimed.disowned_at else "",
        "disowned_from": claimed.disowned_from,
        "disowned_with": claimed.disowned_with,
    }


def _answer_words(claimed: Claimed, house: House) -> Words:
    answer = Answer(claimed.notice)
    return {
        "service": house.service,
        "account": claimed.account,
        "help_url": house.help_url,
        "help_text": house.help_url.removeprefix("mailto:"),
        "answer": _ANSWERS[claimed.language, answer].format(about=claimed.subject_label),
        "lines": _answer_lines(answer, claimed),
        "says": _ENDABLE[claimed.language] if answer in _HELPING and claimed.not_me else "",
        "url": _answer_url(answer, claimed, house),
    }


def _answer_url(answer: Answer, claimed: Claimed, house: House) -> str:
    if answer in _HELPING:
        return claimed.not_me
    return f"{house.origin}/settings/contacts" if answer in _WITH_LINK else ""


def _answer_lines(answer: Answer, claimed: Claimed) -> tuple[str, ...]:
    match answer:
        case Answer.LIST:
            return claimed.labels
        case Answer.HELP:
            return _SAYABLE[claimed.language]
        case Answer.HOW_TO_CONFIRM:
            return _CONFIRMABLE[claimed.language]
        case Answer.UNCLEAR | Answer.AUTOMATIC:
            said = _CONFIRMABLE if claimed.answered == Letter.CONFIRMATION else _SAYABLE
            return said[claimed.language]
        case _:
            return ()


def _then(service: str) -> str:
    """Give a name as Japanese goes on after it: with a space behind Latin letters alone."""
    return f"{service} " if service[-1:].isascii() else service


def _moment(at: datetime, zone: tzinfo) -> str:
    return _minute(at.replace(second=0, microsecond=0), zone)


@lru_cache(maxsize=256)
def _minute(at: datetime, zone: tzinfo) -> str:
    local = at.astimezone(zone)
    return f"{local:%Y-%m-%d %H:%M} ({local.tzname()})"


@dataclass(frozen=True, slots=True)
class _Form:
    """What is the same in all letters of a kind: up to the text, from there to the page, and what follows that."""

    head: bytes
    between: bytes
    end: bytes


_WITH_SUBJECT = {*OF_LOGINS, *FOR_DESK}


def _kind(claimed: Claimed) -> Letter | Notice:
    """Tell what a letter's subject says: of a notice, that something was changed, but of a login."""
    if claimed.letter is Letter.NOTICE and claimed.notice in _WITH_SUBJECT:
        return Notice(claimed.notice)
    return claimed.letter


def _subject(kind: Letter | Notice, answered: str, language: str) -> str:
    """Name a letter's matter; an answer keeps that of the letter that was answered, so that they stand together."""
    if kind is not Letter.ANSWER or not answered:
        return _SUBJECTS[language, kind]
    asked = Notice(answered) if answered in OF_LOGINS else Letter(answered)
    return f"Re: {_SUBJECTS[language, asked]}"


@lru_cache(maxsize=64)
def _form(
    house: House, kind: Letter | Notice, answered: str, language: str, policy: _Policy, encodings: tuple[str, str]
) -> _Form:
    """Have the library write the message of a letter, and cut it where text and page belong."""
    form = EmailMessage(policy)
    try:
        form["From"] = _mailbox(house.sender)
        form["Subject"] = f"{_subject(kind, answered, language)} ({house.service})"
    except ValueError as error:
        message = "the sender or the service's name can't stand in a header"
        raise UnwritableError(message) from error
    # RFC 3834, 5: nobody should answer this by machine; and no out-of-office answer to a code.
    form["Auto-Submitted"] = "auto-replied" if kind is Letter.ANSWER else "auto-generated"
    form["X-Auto-Response-Suppress"] = "All"
    form.set_content("", cte=encodings[0])
    form.add_alternative("", subtype="html", cte=encodings[1])
    # Only now: what is said of the content before it has two parts would move into the first of them.
    form["Content-Language"] = language
    form.set_boundary(f"=_{secrets.token_hex(12)}")
    mark = secrets.token_hex(16)
    for part in form.iter_parts():
        part.set_payload(f"{mark}\n")
    return _Form(*form.as_bytes().split(f"{mark}\r\n".encode("ascii")))


def _encoding(body: str) -> str:
    is_plain = body.isascii() and all(len(line) <= _LONGEST_LINE for line in body.split("\n"))
    return "7bit" if is_plain else "base64"


def _encoded(body: str, encoding: str) -> bytes:
    """Write a part's content, to the end of its last line."""
    text = body if body.endswith("\n") else f"{body}\n"
    lines = (_LINE_END.sub("\r\n", text) if "\r" in text else text.replace("\n", "\r\n")).encode()
    if encoding == "7bit":
        return lines
    # As `base64.encodebytes` has it, line by line, in half the time.
    encoded = base64.b64encode(lines)
    return b"".join([encoded[at : at + _BASE64_LINE] + b"\r\n" for at in range(0, len(encoded), _BASE64_LINE)])


@lru_cache(maxsize=8)
def _mailbox(sender: str) -> Address:
    name, address = parseaddr(sender)
    if not address or not sender.isprintable():
        message = "the sender is no mail address"
        raise UnwritableError(message)
    return Address(display_name=name, addr_spec=_address(address))


def _address(address: str) -> str:
    # What was checked when it was added is checked again where it becomes a header.
    if not address or not address.isprintable() or any(sign in address for sign in ' ,;<>()[]\\"'):
        message = "the address can't stand in a header"
        raise UnwritableError(message)
    return address


def _rendered(letter: str, language: str, form: str, words: Words) -> str:
    # As `render` has it, but for the copies of the words and of Jinja's own, which no letter uses.
    template = _template(letter, language, form)
    return "".join(template.root_render_func(template.new_context(words, shared=True)))


@lru_cache(maxsize=32)
def _template(letter: str, language: str, form: str) -> Template:
    return _environment(form).get_template(f"{letter}.{language}.{form}")


@lru_cache(maxsize=2)
def _environment(form: str) -> Environment:
    return Environment(
        loader=PackageLoader("mail_gateway", "templates"),
        autoescape=form == "html",  # noqa: S701 - plain text has nothing to escape
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
