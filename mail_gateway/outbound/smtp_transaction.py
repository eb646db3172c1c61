"""One letter over an open connection: MAIL, RCPT and DATA in one flight where the server takes that (RFC 2920)."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from mail_gateway.outbound.smtp_connection import Reply, Wire, WireError
from mail_gateway.outbound.step_timeouts import Step

_GO_ON = 354
_LINE_END = re.compile(rb"\r\n|\r|\n")
_BEFORE = (Step.MAIL, Step.RCPT, Step.DATA)


@dataclass(frozen=True, slots=True)
class Taken:
    """The server answers for the letter from now on."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class Refused:
    """It does not; the connection is closed when the reply is no refusal of this step alone."""

    step: Step
    reply: Reply


@dataclass(frozen=True, slots=True)
class Lost:
    """The letter went out whole, and there is no answer to its end: it may have been taken."""

    trouble: str


Outcome = Taken | Refused | Lost


async def hand(
    wire: Wire, message: bytes, *, sender: str, recipient: str, at_end: Callable[[], None] | None = None
) -> Outcome:
    """Hand one letter over; a WireError means that the letter was not sent.

    The addresses must be fit to stand between the brackets of a command. `at_end` is called when the letter goes out.
    """
    replies = await _answers(wire, _commands(sender, recipient))
    refused = _refusal_in(replies)
    if refused is None:
        if at_end is not None:
            at_end()
        return await _end(wire, message)
    if len(replies) == len(_BEFORE) and replies[-1].code == _GO_ON:
        await _say_nothing(wire, refused)
    await _part(wire, refused)
    return refused


async def _end(wire: Wire, message: bytes) -> Outcome:
    """Send the letter and hear what became of it."""
    wire.say(_as_sent(message))
    try:
        reply = await wire.hear(Step.END)
    except WireError as error:
        return Lost(str(error))
    if reply.is_success:
        return Taken(reply)
    if not reply.is_failure:
        wire.close()
        return Lost(f"the mail server's answer to {Step.END} means nothing: {reply}")
    refused = Refused(Step.END, reply)
    await _part(wire, refused)
    return refused


def _commands(sender: str, recipient: str) -> list[bytes]:
    option = "" if sender.isascii() and recipient.isascii() else " SMTPUTF8"
    return [f"MAIL FROM:<{sender}>{option}\r\n".encode(), f"RCPT TO:<{recipient}>\r\n".encode(), b"DATA\r\n"]


async def _answers(wire: Wire, commands: list[bytes]) -> list[Reply]:
    """Say the commands, and hear a reply to each, or up to the one after which there is nothing to hear."""
    if wire.pipelines:
        wire.say(b"".join(commands), replies=len(commands))
    replies: list[Reply] = []
    for step, command in zip(_BEFORE, commands, strict=True):
        try:
            if not wire.pipelines:
                wire.say(command)
            reply = await wire.hear(step)
        except WireError:
            # Refused is refused, whatever became of the rest of the flight.
            if _refusal_in(replies) is None:
                raise
            break
        replies.append(reply)
        if not _is_right(step, reply) and not (wire.pipelines and reply.is_refusal):
            break
    return replies


def _refusal_in(replies: list[Reply]) -> Refused | None:
    for step, reply in zip(_BEFORE, replies, strict=False):
        if not _is_right(step, reply):
            return Refused(step, reply)
    return None


def _is_right(step: Step, reply: Reply) -> bool:
    return reply.code == _GO_ON if step is Step.DATA else reply.is_success


async def _say_nothing(wire: Wire, refused: Refused) -> None:
    """End a letter that the server waits for though it refused what came before (RFC 2920, 3.1)."""
    if refused.step is not Step.RCPT:
        # There is a recipient, who would get an empty letter.
        wire.close()
        return
    try:
        await wire.ask(b".")
    except WireError:
        wire.close()


async def _part(wire: Wire, refused: Refused) -> None:
    """Make the connection fit for the next letter, or close it when nobody knows what it would hear next."""
    if refused.reply.is_refusal:
        await wire.begin_anew()
    else:
        wire.close()


def _as_sent(message: bytes) -> bytes:
    """Give a letter as it goes over the wire: CRLF alone ends a line, and no line of it is the end."""
    if not message.count(b"\n") == message.count(b"\r") == message.count(b"\r\n"):
        message = _LINE_END.sub(b"\r\n", message)
    if not message.endswith(b"\r\n"):
        message += b"\r\n"
    if message.startswith(b"."):
        message = b"." + message
    return message.replace(b"\r\n.", b"\r\n..") + b".\r\n"
