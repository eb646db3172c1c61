"""`tegata doctor mail`, the half about mail to us: whether the listeners answer, and take nothing that is not ours."""

import asyncio
from collections.abc import AsyncIterator

from aiosmtplib import SMTP, SMTPException

from cli.doctor.finding import Finding, Grade
from hub.settings import Listen, Settings, listen_of

_PATIENCE = 5.0
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - looked for, not listened at
# No address of ours: those have a number and 26 signs behind the plus.
_NOBODY = "nobody+doctor"
_TAKEN = range(200, 300)
_UNKNOWN = 550


async def listeners(settings: Settings) -> AsyncIterator[Finding]:
    """Look at each listener that the settings name; without one no answer comes back."""
    if not settings.mail_listen and not settings.lmtp_listen:
        yield Finding(
            "listener",
            Grade.WARN,
            "mail carries addresses that nobody takes mail for",
            "set TEGATA_LMTP_LISTEN or TEGATA_MAIL_LISTEN, or empty TEGATA_MAIL_DOMAIN",
        )
    for variable, where, hello in (
        ("TEGATA_MAIL_LISTEN", settings.mail_listen, b"EHLO"),
        ("TEGATA_LMTP_LISTEN", settings.lmtp_listen, b"LHLO"),
    ):
        if where:
            yield await _listener(variable, listen_of(where), hello, settings.mail_domain)


async def _listener(variable: str, listen: Listen, hello: bytes, domain: str) -> Finding:
    place = f"{variable}, {listen.host}:{listen.port}"
    client = SMTP(
        hostname=_EVERYWHERE.get(listen.host, listen.host), port=listen.port, start_tls=False, timeout=_PATIENCE
    )
    try:
        async with asyncio.timeout(2 * _PATIENCE):
            await client.connect()
            said = await _asked(client, hello, domain)
    except (SMTPException, OSError, TimeoutError, ValueError) as error:
        what = " ".join(str(error).split()) or type(error).__name__
        return Finding("listener", Grade.WRONG, f"{place}: {what}", "start the hub, or correct the setting")
    finally:
        client.close()
    if said:
        return Finding("listener", Grade.WRONG, f"{place}: {said}", "see what listens there: it is not this hub")
    return Finding("listener", Grade.OK, f"{place} answers, and takes no mail for strangers")


async def _asked(client: SMTP, hello: bytes, domain: str) -> str:
    """Go as far as a recipient that nobody has; returns what was wrong."""
    for command in (hello + b" doctor.invalid", b"MAIL FROM:<>"):
        told = await client.execute_command(*command.split(b" "))
        if told.code not in _TAKEN:
            return f"{command.decode()} was answered with {told.code} {told.message}"
    told = await client.execute_command(b"RCPT", f"TO:<{_NOBODY}@{domain}>".encode())
    if told.code != _UNKNOWN:
        return f"an address that nobody has was answered with {told.code} {told.message}"
    await client.execute_command(b"QUIT")
    return ""
