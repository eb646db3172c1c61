"""PURE: what a letter says and how it is written: text and HTML, Japanese and English."""

import base64
import re
from dataclasses import dataclass
from datetime import datetime, tzinfo
from email.header import Header
from email.headerregistry import Address
from email.utils import format_datetime, parseaddr
from functools import lru_cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from hub.outbox import Claimed
from models.kinds import Letter, Notice

_WIDEST_HEADER = 76
# RFC 2045, 6.8: base64 in lines of 76 signs.
_LINE = re.compile(".{1,76}")
_SUBJECTS = {
    ("ja", Letter.CODE): "ワンタイムパスワードのお知らせ",
    ("en", Letter.CODE): "Your one-time password",
    ("ja", Letter.CONFIRMATION): "メールアドレスの登録の確認",
    ("en", Letter.CONFIRMATION): "Confirm your email address",
    ("ja", Letter.NOTICE): "認証設定の変更のお知らせ",
    ("en", Letter.NOTICE): "Your login settings were changed",
}
_NOTICES = {
    ("ja", Notice.CONTACT_ADDED): "連絡先「{about}」が登録されました。",
    ("en", Notice.CONTACT_ADDED): "The contact “{about}” was registered.",
    ("ja", Notice.CONTACT_REMOVED): "連絡先「{about}」が削除されました。",
    ("en", Notice.CONTACT_REMOVED): "The contact “{about}” was removed.",
    ("ja", Notice.SOFT_TOKEN_ADDED): "ソフトトークン「{about}」が登録されました。",
    ("en", Notice.SOFT_TOKEN_ADDED): "The soft token “{about}” was registered.",
    ("ja", Notice.SOFT_TOKEN_REMOVED): "ソフトトークン「{about}」が削除されました。",
    ("en", Notice.SOFT_TOKEN_REMOVED): "The soft token “{about}” was removed.",
    ("ja", Notice.MATRIX_OFF): "マトリクス認証がオフになりました。",
    ("en", Notice.MATRIX_OFF): "Matrix authentication was switched off.",
    ("ja", Notice.MATRIX_ON): "マトリクス認証がオンになりました。",
    ("en", Notice.MATRIX_ON): "Matrix authentication was switched on.",
    ("ja", Notice.NEW_LOGIN): "{service} へのログインがありました。",
    ("en", Notice.NEW_LOGIN): "Somebody logged in to {service} with your account.",
    ("ja", Notice.CONTACT_SUSPENDED): "連絡先「{about}」にメールが届かないため、送信を止めました。",
    ("en", Notice.CONTACT_SUSPENDED): "Mail to the contact “{about}” could not be delivered, so it is suspended.",
}


class UnwritableError(ValueError):
    """A letter whose address or headers can't be written."""


@dataclass(frozen=True, slots=True)
class House:
    """Whose letters these are: the sender as an operator wrote it, the service's name, where it lives, its clock."""

    sender: str
    service: str
    origin: str
    zone: tzinfo
    help_url: str = ""

    @property
    def envelope_sender(self) -> str:
        """The bare address that bounces go to."""
        return sender_address(self.sender)


@lru_cache(maxsize=8)
def sender_address(sender: str) -> str:
    """Give the bare address of a sender that an operator wrote."""
    return parseaddr(sender)[1]


def write(claimed: Claimed, house: House) -> bytes:
    """Write a whole message (RFC 5322, CRLF, lines below 998 octets); UnwritableError when an address can't be put.

    The parts are put together here and not by `email.message`, which takes ten times as long for the same bytes;
    the tests read them back with it.
    """
    words = _words(claimed, house)
    text = _template(claimed.letter, claimed.language, "txt").render(words)
    page = _template(claimed.letter, claimed.language, "html").render(words)
    boundary = f"=_{claimed.message_id[1:25]}"
    lines = [
        f"From: {_mailbox(house.sender)}",
        f"To: {_address(claimed.address)}",
        f"Subject: {_unstructured(f'{_SUBJECTS[claimed.language, claimed.letter]} ({house.service})')}",
        f"Date: {format_datetime(claimed.asked_at)}",
        f"Message-ID: {claimed.message_id}",
        *([f"Reply-To: {_mailbox(claimed.reply_to)}"] if claimed.reply_to else []),
        # What belongs together stands together: a code sent again, or the notices to one address.
        f"References: {claimed.thread}",
        # RFC 3834, 5: nobody should answer this by machine; and no out-of-office answer to a code.
        "Auto-Submitted: auto-generated",
        "X-Auto-Response-Suppress: All",
        f"Content-Language: {claimed.language}",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/alternative; boundary="{boundary}"',
        "",
        *_part(boundary, "plain", text),
        *_part(boundary, "html", page),
        f"--{boundary}--",
        "",
    ]
    return "\r\n".join(lines).encode("utf-8")


def _words(claimed: Claimed, house: House) -> dict[str, str]:
    notice = ""
    if claimed.notice:
        notice = _NOTICES[claimed.language, Notice(claimed.notice)].format(
            about=claimed.subject_label, service=house.service
        )
    return {
        "service": house.service,
        "origin": house.origin,
        "help_url": house.help_url,
        "account": claimed.account,
        "label": claimed.label,
        "code": claimed.code,
        "url": claimed.url,
        "not_me": claimed.not_me,
        "notice": notice,
        "asked_at": _moment(claimed.asked_at, house.zone),
        "asked_from": claimed.asked_from,
        "asked_with": claimed.asked_with,
        "expires_at": _moment(claimed.expires_at, house.zone),
    }


def _moment(at: datetime, zone: tzinfo) -> str:
    local = at.astimezone(zone)
    return f"{local:%Y-%m-%d %H:%M} ({local.tzname()})"


def _part(boundary: str, subtype: str, body: str) -> list[str]:
    if body.isascii():
        encoding, lines = "7bit", body.splitlines()
    else:
        encoding = "base64"
        lines = _LINE.findall(base64.b64encode(body.replace("\n", "\r\n").encode("utf-8")).decode("ascii"))
    return [
        f"--{boundary}",
        f'Content-Type: text/{subtype}; charset="utf-8"',
        f"Content-Transfer-Encoding: {encoding}",
        "",
        *lines,
    ]


@lru_cache(maxsize=256)
def _unstructured(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return Header(text, "utf-8", maxlinelen=_WIDEST_HEADER).encode(linesep="\r\n")


@lru_cache(maxsize=8)
def _mailbox(sender: str) -> str:
    name, address = parseaddr(sender)
    if not address:
        message = "the sender is no mail address"
        raise UnwritableError(message)
    if name.isascii():
        return str(Address(display_name=name, addr_spec=_address(address)))
    return f"{Header(name, 'utf-8').encode()} <{_address(address)}>"


def _address(address: str) -> str:
    # What was checked when it was added is checked again where it becomes a header.
    if not address.isprintable() or any(sign in address for sign in ' ,;<>()[]\\"'):
        message = "the address can't stand in a header"
        raise UnwritableError(message)
    return address


@lru_cache(maxsize=32)
def _template(letter: Letter, language: str, form: str) -> Template:
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
