"""PURE: a message taken apart: who it is from, whether a machine wrote it, what its writer says."""

import re
from dataclasses import dataclass
from email import policy
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from email.utils import parseaddr

from hub.inbound.answers.commands import is_denial
from mail_gateway.inbound import automatic_mail, delivery_reports
from mail_gateway.inbound.answers.own_text import own_text
from mail_gateway.inbound.charsets import header_of, text_of
from mail_gateway.inbound.delivery_reports import Delivered, Finding
from mail_gateway.inbound.html_text import text_of_html

_HEADER = 65_536
_PARTS = 100
_DEPTH = 10
_TEXT = 100_000
_NAME = 100
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{3,250}>")
_ADDRESS = re.compile(r"[^\s<>\"(),;:]+@[^\s<>\"(),;:]+")
# What a mail program writes for readers that show no HTML.
_STUB = re.compile(
    r"html\s?(?:形式|メール|対応|表示|版)|(?:in|an?|the|support|view|read|as) html|"
    r"html (?:format|version|mail|e-?mail|message|view)|"
    r"テキスト形式では|view (?:this|the) (?:e-?mail|message|mail)",
    re.IGNORECASE,
)
_PARSER = BytesParser(policy=policy.compat32)


class UnreadableError(ValueError):
    """A message that is not taken apart, with the reason."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What is needed of a message.

    `writer` is the sender's name and address.
    `machine` says by what it is known that no person wrote it, `doubt` what only speaks for that. `text` is what its
    writer wrote, without quotes. `identity` is the same for each copy of a message.
    """

    from_address: str
    writer: str
    message_id: str
    identity: str
    machine: str
    doubt: str
    text: str
    report: Finding | Delivered | None


def parse(content: bytes, *, is_report: bool = True) -> Parsed:
    """Take a message apart, under caps; UnreadableError for one that is beyond them.

    `is_report` says that it came where delivery reports come.
    """
    head = re.split(rb"\r?\n\r?\n", content[: _HEADER + 4], maxsplit=1)
    if len(head[0]) > _HEADER:
        message = "its header is longer than 64 kB"
        raise UnreadableError(message)
    parsed = _PARSER.parsebytes(content)
    _count(parsed)
    sender = _address_in(parsed, "From")
    signs = automatic_mail.signs_of(parsed, sender, _subject(parsed))
    return Parsed(
        from_address=sender,
        writer=f"{_name_in(parsed)} {sender}",
        message_id=_message_id(parsed),
        identity=_message_id(parsed) or f"{header_of(parsed, 'Date')} {sender}",
        machine=signs.proof,
        doubt=signs.doubt,
        text=_own_text(parsed),
        report=_report(parsed) if is_report or _has_status(parsed) else None,
    )


def _has_status(message: Message) -> bool:
    """Tell whether a message is written as a delivery report (RFC 3464)."""
    return any(part.get_content_type() == "message/delivery-status" for part in message.walk())


def _report(message: Message) -> Finding | Delivered | None:
    """Look for a delivery report; a detector that fails at a message takes nothing else of it away."""
    try:
        return delivery_reports.finding(message)
    except Exception:
        return None


def _count(message: Message) -> None:
    """Count the parts and their levels; UnreadableError beyond 100 or 10."""
    found = 0
    level: list[Message] = [message]
    depth = 0
    while level:
        found += len(level)
        if found > _PARTS:
            why = f"it has more than {_PARTS} parts"
            raise UnreadableError(why)
        if depth > _DEPTH:
            why = f"its parts are nested deeper than {_DEPTH} levels"
            raise UnreadableError(why)
        level = [part for one in level for part in _inside(one)]
        depth += 1


def _inside(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [one for one in payload if isinstance(one, Message)] if isinstance(payload, list) else []


def _address_in(message: Message, name: str) -> str:
    """Read the one address of a header; empty when there is none, or more than one such header."""
    if len(message.get_all(name, [])) != 1:
        return ""
    value = " ".join(header_of(message, name).split())
    # A name with a comma that is not quoted makes two addresses of one.
    in_brackets = re.findall(rf"<({_ADDRESS.pattern})>", value)
    address = in_brackets[-1] if in_brackets else parseaddr(value)[1]
    return address if address.isprintable() and _ADDRESS.fullmatch(address) and address.count("@") == 1 else ""


def _name_in(message: Message) -> str:
    """Read the name in front of the sender's address."""
    name = _decoded(header_of(message, "From")).rpartition("<")[0]
    return " ".join(name.split())[:_NAME]


def _message_id(message: Message) -> str:
    found = _MESSAGE_ID.search(header_of(message, "Message-ID"))
    return found[0] if found else ""


def _subject(message: Message) -> str:
    return _decoded(header_of(message, "Subject"))


def _decoded(raw: str) -> str:
    if not raw.isascii():
        return raw
    try:
        pieces = decode_header(raw)
    except ValueError:
        return ""
    return "".join(piece if isinstance(piece, str) else text_of(piece, charset or "ascii") for piece, charset in pieces)


def _own_text(message: Message) -> str:
    """Give what the writer wrote: of the plain text, or of the HTML where that is the better text."""
    texts = _texts(message)
    plain = own_text("\n".join(texts["text/plain"]))
    page = own_text("\n".join(text_of_html(text) for text in texts["text/html"]))
    if not plain or (page and _STUB.search(plain)):
        return page
    # The two should be the same; where only the HTML denies, the denial counts.
    return f"{plain}\n{page}" if page and is_denial(page) and not is_denial(plain) else plain


def _texts(message: Message) -> dict[str, list[str]]:
    """Read the texts of a message by kind, without attachments and without messages inside of it."""
    found: dict[str, list[str]] = {"text/plain": [], "text/html": []}
    left = _TEXT
    for part in _leaves(message):
        kind = part.get_content_type()
        if (
            kind not in found
            or part.get_content_disposition() == "attachment"
            or (part.get_filename() and any(found.values()))
        ):
            continue
        payload = part.get_payload(decode=True)
        if isinstance(payload, bytes) and left > 0:
            found[kind].append(text_of(payload[:left], _charset(part)))
            left -= len(payload)
    return found


def _leaves(message: Message) -> list[Message]:
    """List the parts that have no parts, in their order; what is inside a message that is carried along is not said."""
    if message.get_content_maintype() == "message":
        return []
    inside = _inside(message)
    return [leaf for part in inside for leaf in _leaves(part)] if inside else [message]


def _charset(part: Message) -> str:
    named = part.get_param("charset")
    # RFC 2231 gives it in three.
    return str(named[-1] if isinstance(named, tuple) else named or "utf-8")
