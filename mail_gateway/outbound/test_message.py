"""One test mail, sent by the sender's own relay with every line shown; what opens a mail server's door stays hidden."""

import asyncio
import secrets
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import format_datetime

from hub.domain.identifiers import UnacceptableError, address_of, domain_of, mail_address
from hub.outbox.messages import Accepted, Deferred, Report
from hub.settings import Settings
from mail_gateway.outbound import dkim_keys
from mail_gateway.outbound.dialogue_recorder import Recorder
from mail_gateway.outbound.dkim_keys import Signer
from mail_gateway.outbound.messages import sender_address
from mail_gateway.outbound.relay import Relay
from mail_gateway.settings import BadSmtpUrlError, relay_address

# As the sender: a server that needs longer than the first wait is given it.
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Dialogue:
    """What was said, line by line, and whether the mail was taken."""

    lines: tuple[str, ...]
    is_accepted: bool


async def sent(settings: Settings, address: str, *, now: datetime) -> Dialogue:
    """Send a test mail over the mail server of the settings, on a connection of its own."""
    recorder = Recorder()
    try:
        recipient = mail_address(address_of(address, replace(settings.address_rules, own="")))
        relay = Relay(
            relay_address(settings.smtp_url),
            connections=1,
            timeout=settings.smtp_timeout,
            end_timeout=settings.smtp_end_timeout,
            recorder=recorder,
        )
    except UnacceptableError:
        return Dialogue((f"* {address} is no address that mail can be sent to",), is_accepted=False)
    except (BadSmtpUrlError, OSError) as error:
        return Dialogue((f"* TEGATA_SMTP_URL: {error}",), is_accepted=False)
    report = await _sent(relay, recorder, _letter(settings, recipient, now), settings, recipient)
    await relay.close()
    if not isinstance(report, Accepted):
        recorder.noted(report.reply)
    return Dialogue(tuple(recorder.lines), isinstance(report, Accepted))


async def _sent(relay: Relay, recorder: Recorder, letter: bytes, settings: Settings, recipient: str) -> Report:
    sender = sender_address(settings.mail_from)
    for _ in range(_TRIES - 1):
        given_up = relay.given_up
        report = await relay.send(letter, sender=sender, recipient=recipient)
        if not isinstance(report, Deferred) or relay.given_up == given_up:
            return report
        recorder.noted("no answer in time; trying again and waiting longer, as the sender does")
        await asyncio.sleep(relay.wait)
    return await relay.send(letter, sender=sender, recipient=recipient)


def _letter(settings: Settings, recipient: str, now: datetime) -> bytes:
    sender = sender_address(settings.mail_from)
    lines = [
        f"From: <{sender}>",
        f"To: <{recipient}>",
        "Subject: A test mail of Tegata",
        f"Date: {format_datetime(now)}",
        f"Message-ID: <{secrets.token_hex(16)}@{domain_of(sender)}>",
        "Auto-Submitted: auto-generated",
        "",
        "This mail was sent by `tegata mail test`. It asks for nothing.",
        "",
    ]
    message = "\r\n".join(lines).encode()
    if settings.dkim_keys is None:
        return message
    return Signer(dkim_keys.load(settings.dkim_keys), domain_of(sender)).sign(message, now=now)
