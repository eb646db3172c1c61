"""`tegata doctor mail`: whether mail from us is believed, and mail to us arrives."""

from collections.abc import AsyncIterator

import dns.asyncresolver
import dns.exception
import dns.resolver

from cli.doctor.command import mail_server
from cli.doctor.finding import Finding, Grade
from cli.doctor.listeners import listeners
from hub.domain.errors import HubError
from hub.domain.identifiers import domain_of
from hub.settings import Settings, listen_of
from mail_gateway.outbound import dkim_keys
from mail_gateway.outbound.dkim_keys import State
from mail_gateway.outbound.messages import sender_address

_PATIENCE = 5.0


async def examine(settings: Settings) -> list[Finding]:
    """Look at the records in the DNS, at the mail server and at our own listeners."""
    sender = sender_address(settings.mail_from)
    if not sender:
        return [Finding("sender", Grade.WRONG, "TEGATA_MAIL_FROM is not set", "write the sender of the mail")]
    asker = _resolver(settings)
    domain = domain_of(sender)
    findings = [await mail_server(settings), await _spf(asker, settings.mail_domain or domain)]
    findings += [finding async for finding in _dkim(asker, settings, domain)]
    findings.append(await _dmarc(asker, domain))
    if settings.mail_domain:
        findings.append(await _mx(asker, settings.mail_domain))
        findings += [finding async for finding in listeners(settings)]
    return findings


def _resolver(settings: Settings) -> dns.asyncresolver.Resolver:
    asker = dns.asyncresolver.Resolver(configure=not settings.dns_resolver)
    if settings.dns_resolver:
        where = listen_of(settings.dns_resolver)
        asker.nameservers = [where.host]
        asker.port = where.port
    asker.lifetime = _PATIENCE
    return asker


async def _texts(asker: dns.asyncresolver.Resolver, name: str) -> list[str]:
    """Read the TXT records of a name; none where there is no such name. HubError when nobody answers."""
    try:
        answer = await asker.resolve(name, "TXT")
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except dns.exception.DNSException as error:
        message = f"the name server does not answer for {name} ({type(error).__name__})"
        raise HubError(message) from error
    return [b"".join(record.strings).decode("ascii", "replace") for record in answer]


async def _spf(asker: dns.asyncresolver.Resolver, domain: str) -> Finding:
    """Look for one SPF record (RFC 7208, 4.5: two are an error) of the envelope sender's domain."""
    try:
        found = [text for text in await _texts(asker, domain) if text.lower().split(" ")[0] == "v=spf1"]
    except HubError as error:
        return Finding("spf", Grade.WARN, str(error), "look at the name server")
    if len(found) > 1:
        return Finding("spf", Grade.WRONG, f"{domain} has {len(found)} SPF records", "leave one of them")
    if not found:
        return Finding(
            "spf", Grade.WRONG, f"{domain} has no SPF record", f'publish {domain}. IN TXT "v=spf1 a:MAIL-SERVER -all"'
        )
    if found[0].split()[-1].lower() not in {"-all", "~all"} and "redirect=" not in found[0]:
        return Finding("spf", Grade.WARN, f"{domain}: {found[0]} lets everybody send", "end it with -all")
    return Finding("spf", Grade.OK, f"{domain}: {found[0]}")


async def _dkim(asker: dns.asyncresolver.Resolver, settings: Settings, domain: str) -> AsyncIterator[Finding]:
    if settings.dkim_keys is None:
        yield Finding("dkim", Grade.WARN, "TEGATA_DKIM_KEYS is not set", "set it, or let the mail server sign")
        return
    try:
        keys = dkim_keys.load(settings.dkim_keys)
    except HubError as error:
        yield Finding("dkim", Grade.WRONG, str(error).removesuffix("."), "correct the file or the setting")
        return
    if not keys:
        yield Finding("dkim", Grade.WRONG, f"{settings.dkim_keys} holds no key", "run `tegata mail dkim new`")
    from cli import runtime

    for key in keys:
        state = dkim_keys.state_of(key, keys, now=runtime.now())
        name = f"{key.selector}._domainkey.{domain}"
        try:
            texts = await _texts(asker, name)
        except HubError as error:
            yield Finding("dkim", Grade.WARN, str(error), "look at the name server")
            continue
        if any(key.public in "".join(text.split()) for text in texts):
            yield Finding("dkim", Grade.OK, f"{name} is published; the key {state}")
        elif state is not State.RETIRED:
            what = "has another key" if texts else "is not published"
            yield Finding("dkim", Grade.WRONG, f"{name} {what}", "publish what `tegata mail dkim dns` prints")


async def _dmarc(asker: dns.asyncresolver.Resolver, domain: str) -> Finding:
    name = f"_dmarc.{domain}"
    try:
        found = [text for text in await _texts(asker, name) if text.lower().startswith("v=dmarc1")]
    except HubError as error:
        return Finding("dmarc", Grade.WARN, str(error), "look at the name server")
    if not found:
        return Finding("dmarc", Grade.WARN, f"{name} is not published", f'publish {name}. IN TXT "v=DMARC1; p=reject"')
    if "p=none" in "".join(found[0].split()).lower():
        return Finding("dmarc", Grade.WARN, f"{name}: {found[0]} lets forged mail through", "write p=quarantine")
    return Finding("dmarc", Grade.OK, f"{name}: {found[0]}")


async def _mx(asker: dns.asyncresolver.Resolver, domain: str) -> Finding:
    try:
        answer = await asker.resolve(domain, "MX")
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return Finding("mx", Grade.WRONG, f"{domain} has no MX record, so no answer comes back", "publish one")
    except dns.exception.DNSException as error:
        said = type(error).__name__
        return Finding("mx", Grade.WARN, f"the name server does not answer for {domain} ({said})", "look at it")
    hosts = ", ".join(str(record.exchange).rstrip(".") for record in answer)
    return Finding("mx", Grade.OK, f"mail to {domain} goes to {hosts}")
