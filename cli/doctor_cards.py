"""What `tegata doctor` says of the CAs of IC cards and their revocation lists."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from cryptography.x509 import Certificate

from cli.console import counted
from cli.finding import Finding, Grade
from hub import certificates
from hub.certificates import CardTrustError, Revocations, Trust
from hub.settings import Settings

_SOON = timedelta(days=60)


def examine(settings: Settings, *, now: datetime) -> Iterator[Finding]:
    """Look at the files that cards are judged by; nothing to say where no cards are taken."""
    if settings.card_cas is None:
        if settings.card_intermediates or settings.card_crls or settings.card_rule:
            yield Finding(
                "cards", Grade.WRONG, "TEGATA_CARD_CAS is empty, so no IC card is taken", "name the CAs' file"
            )
        return
    try:
        trust = certificates.read(settings)
    except CardTrustError as error:
        yield Finding("cards", Grade.WRONG, str(error).removesuffix("."), "bring the file back")
        return
    if not trust.roots:
        yield Finding("cards", Grade.WRONG, f"{settings.card_cas} holds no CA", "put the CAs' certificates in (PEM)")
        return
    yield from _authorities(trust, now)
    yield from _lists(settings, trust, now)
    yield Finding("cards", Grade.OK, f"{counted(len(trust.roots), 'CA')} pinned")


def _authorities(trust: Trust, now: datetime) -> Iterator[Finding]:
    for certificate in (*trust.roots, *trust.intermediates):
        until = certificate.not_valid_after_utc
        if until <= now:
            what = f"{_name(certificate)} expired on {until:%Y-%m-%d}, and its cards with it"
            yield Finding("cards", Grade.WRONG, what, "put the CA's new certificate in")
        elif until <= now + _SOON:
            what = f"{_name(certificate)} expires on {until:%Y-%m-%d}"
            yield Finding("cards", Grade.WARN, what, "ask for the CA's new certificate")


def _lists(settings: Settings, trust: Trust, now: datetime) -> Iterator[Finding]:
    for file in trust.strange:
        what = f"{file} is signed by none of the CAs, or is not for all of its cards"
        yield Finding("cards", Grade.WRONG, what, "name the CA's own list")
    for one in trust.revocations:
        if not one.is_current(now):
            grade = Grade.WRONG if settings.card_revocation == "current" else Grade.WARN
            yield Finding("cards", grade, _age(one), "fetch the newest list")
    if not trust.revocations:
        yield Finding(
            "cards",
            Grade.WARN,
            "TEGATA_CARD_CRLS names no list, so a card that its CA revoked is taken until it is blocked here",
            "fetch the CAs' lists by the clock and name their files",
        )


def _age(one: Revocations) -> str:
    if one.until is None:
        return f"{one.file} does not say how long it is good"
    return f"{one.file} is too old: a newer one was promised for {one.until:%Y-%m-%d %H:%M} UTC"


def _name(certificate: Certificate) -> str:
    return certificate.subject.rfc4514_string() or f"serial number {certificate.serial_number}"
