"""PURE: what a delivery report says, by RFC 3464 where it is written so, else by the signs that mail servers leave."""

import re
from dataclasses import dataclass
from email.message import Message

from flufl.bounce import all_failures

from hub.contacts.suspension import Bounce, BounceKind
from mail_gateway.inbound.charsets import header_of, text_of
from mail_gateway.mailbox_refusals import FULL_WORDS, POLICY_WORDS, STATUS, Told, told_by

_CODE = re.compile(r"\b(4\d\d|5\d\d)[ -]")
_SAID = 160
_RETURNED = re.compile(r"^-{3,}.*(?:copy|original|returned|below).*$", re.MULTILINE | re.IGNORECASE)
_LATE_WORDS = re.compile(r"delayed|will (be|keep) (retr|try)|still being retried|warning message only", re.IGNORECASE)


_KINDS = {Told.DEAD: BounceKind.HARD, Told.POLICY: BounceKind.POLICY}


@dataclass(frozen=True, slots=True)
class Delivered:
    """A report of success, or of no failure at all."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A report's meaning, and by what it was understood."""

    bounce: Bounce
    by: str


def finding(message: Message) -> Finding | Delivered | None:
    """Read a delivery report; None when the message is none that can be told."""
    fields = _status_fields(message)
    if fields is not None:
        return _by_fields(fields)
    text = _own_text(message)
    if not text:
        return None
    failed = _failed(message)
    if _LATE_WORDS.search(text) and not failed:
        return Finding(Bounce(BounceKind.DELAYED, "", _line(text)), "words")
    return _by_words(text, is_known=failed)


def kind_of(status: str, said: str) -> BounceKind:
    """Tell what a status (RFC 3463) means together with the words of the other side."""
    found = STATUS.search(status)
    if found is None or found[1] == "4":
        return BounceKind.SOFT
    return _KINDS.get(told_by(status, said), BounceKind.SOFT)


def _status_fields(message: Message) -> Message | None:
    """Find the first recipient's fields of a message/delivery-status part."""
    for part in message.walk():
        if part.get_content_type() != "message/delivery-status":
            continue
        payload = part.get_payload()
        groups = payload if isinstance(payload, list) else []
        for group in groups:
            if isinstance(group, Message) and group.get("Action") is not None:
                return group
    return None


def _by_fields(fields: Message) -> Finding | Delivered:
    action = header_of(fields, "Action").strip().lower()
    diagnostic = header_of(fields, "Diagnostic-Code")
    said = _line(diagnostic.partition(";")[2] or diagnostic)
    status = _status_in(header_of(fields, "Status"))
    if status in {"", "5.0.0", "4.0.0"}:
        # Some servers give a generic status and the true one in the words of the other side.
        status = _status_in(said) or status
    if action in {"delivered", "relayed", "expanded"}:
        return Delivered()
    if action == "delayed":
        return Finding(Bounce(BounceKind.DELAYED, status, said), "status")
    return Finding(Bounce(kind_of(status, said), status, said), "status")


def _by_words(text: str, *, is_known: bool) -> Finding | None:
    status = _status_in(text)
    said = _telling_line(text)
    if status and status[0] in "45":
        return Finding(Bounce(kind_of(status, text), status, said), "words")
    match told_by("", text):
        case Told.DEAD if not FULL_WORDS.search(text):
            return Finding(Bounce(BounceKind.HARD, "", said), "words")
        case Told.POLICY if is_known:
            return Finding(Bounce(BounceKind.POLICY, "", said), "words")
        case Told.LIVING if FULL_WORDS.search(text):
            return Finding(Bounce(BounceKind.SOFT, "", said), "words")
        case _:
            pass
    if POLICY_WORDS.search(text) and is_known:
        return Finding(Bounce(BounceKind.POLICY, "", said), "words")
    return Finding(Bounce(BounceKind.SOFT, "", said), "words") if is_known else None


def _failed(message: Message) -> bool:
    return bool(all_failures(message)[1])


def _own_text(message: Message) -> str:
    """Give the report's own words, without the message that it returns."""
    for part in message.walk():
        if part.get_content_type() == "text/plain":
            payload = part.get_payload(decode=True)
            if isinstance(payload, bytes):
                text = text_of(payload[:20_000], str(part.get_param("charset") or "utf-8"))
                return _RETURNED.split(text, maxsplit=1)[0]
    return ""


def _telling_line(text: str) -> str:
    for line in text.splitlines():
        if STATUS.search(line) or told_by("", line) is not Told.NOTHING or _CODE.search(line):
            return _line(line)
    return ""


def _status_in(text: str) -> str:
    found = STATUS.search(text)
    return found[0] if found else ""


def _line(text: str) -> str:
    return " ".join(text.split())[:_SAID]
