"""What a reader's mail program and a mail server send back: an answer to a mail, and a report that it bounced."""

from datetime import datetime
from email.message import EmailMessage, Message
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import SMTP
from email.utils import format_datetime, make_msgid

import aiosmtplib

from demo.inbox import Received
from hub.settings import Listen

_SERVER = "inbox.example"


async def answer(mail: Received, text: str, door: Listen, *, now: datetime) -> str:
    """Answer a mail as its reader would, with the mail quoted; returns what the server said."""
    told = mail.message
    message = EmailMessage(policy=SMTP)
    message["From"] = mail.recipient
    message["To"] = str(told["Reply-To"] or told["From"])
    message["Subject"] = f"Re: {mail.subject}"
    message["Date"] = format_datetime(now)
    message["Message-ID"] = make_msgid(domain=_SERVER)
    message["In-Reply-To"] = str(told["Message-ID"])
    message["References"] = str(told["Message-ID"])
    quoted = "\n".join(f"> {line}" for line in mail.text.splitlines())
    message.set_content(f"{text}\n\n{mail.subject}:\n{quoted}\n")
    return await _sent(message.as_bytes(), sender=mail.recipient, recipient=_bare(message["To"]), door=door)


async def bounce(mail: Received, door: Listen, *, now: datetime) -> str:
    """Report to the envelope sender that there is no such mailbox (RFC 3464); returns what the server said."""
    report = MIMEMultipart("report", report_type="delivery-status")
    report["From"] = f"Mail Delivery System <mailer-daemon@{_SERVER}>"
    report["To"] = mail.sender
    report["Subject"] = "Undelivered Mail Returned to Sender"
    report["Date"] = format_datetime(now)
    report["Message-ID"] = make_msgid(domain=_SERVER)
    report["Auto-Submitted"] = "auto-replied"
    report.attach(MIMEText(f"Mail to {mail.recipient} could not be delivered: there is no such mailbox.\n"))
    report.attach(_status(mail.recipient))
    report.attach(MIMEMessage(mail.message))
    return await _sent(report.as_bytes(policy=SMTP), sender="", recipient=mail.sender, door=door)


def _status(recipient: str) -> Message:
    server, one = Message(), Message()
    server["Reporting-MTA"] = f"dns; {_SERVER}"
    one["Final-Recipient"] = f"rfc822; {recipient}"
    one["Action"] = "failed"
    one["Status"] = "5.1.1"
    one["Diagnostic-Code"] = "smtp; 550 5.1.1 no such user"
    status = Message()
    status["Content-Type"] = "message/delivery-status"
    status.set_payload([server, one])
    return status


async def _sent(message: bytes, *, sender: str, recipient: str, door: Listen) -> str:
    try:
        async with aiosmtplib.SMTP(hostname=door.host, port=door.port, start_tls=False) as client:
            await client.mail(sender)
            await client.rcpt(recipient)
            told = await client.data(message)
    except (aiosmtplib.SMTPException, OSError) as error:
        return " ".join(str(error).split()) or type(error).__name__
    return f"{told.code} {told.message}"


def _bare(address: str) -> str:
    return address.rpartition("<")[2].rstrip(">").strip()
