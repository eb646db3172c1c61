"""What `tegata doctor` says of the CAs of IC cards and their revocation lists."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from cryptography.x509 import Certificate

from cli.console import counted
from cli.doctor.finding import Finding, Grade
from hub.security import certificate_paths, certificate_validation, revocation_lists
from hub.security.certificate_validation import CardTrustError, Trust
from hub.security.revocation_lists import RevocationList
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
        trust = certificate_validation.read(settings)
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
        if features := certificate_paths.unsupported(certificate):
            what = (
                f"{_name(certificate)} uses {', '.join(features)}, which is not supported: none of its cards is taken"
            )
            yield Finding("cards", Grade.WRONG, what, "see docs/cards.md for what is supported")
        until = certificate.not_valid_after_utc
        if until <= now:
            what = f"{_name(certificate)} expired on {until:%Y-%m-%d}, and its cards with it"
            yield Finding("cards", Grade.WRONG, what, "put the CA's new certificate in")
        elif until <= now + _SOON:
            what = f"{_name(certificate)} expires on {until:%Y-%m-%d}"
            yield Finding("cards", Grade.WARN, what, "ask for the CA's new certificate")


def _lists(settings: Settings, trust: Trust, now: datetime) -> Iterator[Finding]:
    is_current_needed = settings.card_revocation == "current"
    for problem in trust.problems:
        yield Finding(
            "cards", Grade.WRONG, f"{problem.file}: {problem.what}", "leave in the file only what belongs there"
        )
    for one in trust.lists:
        is_old = not one.is_current(now)
        grade = (Grade.WRONG if is_current_needed else Grade.WARN) if is_old else Grade.OK
        yield Finding("cards", grade, _list(one, now), "fetch the newest list" if is_old else "")
    for delta in revocation_lists.without_base(trust.lists):
        what = f"{delta.file} only adds to list {delta.base} of {_name(delta.issuer)}, which is missing"
        yield Finding("cards", Grade.WRONG, what, "name the complete list's file as well: until then no card is taken")
    if is_current_needed:
        yield from _uncovered(trust, now)
    if not trust.lists:
        yield Finding(
            "cards",
            Grade.WARN,
            "TEGATA_CARD_CRLS names no list, so a card that its CA revoked is taken until it is blocked here",
            "fetch the CAs' lists regularly and name their files",
        )


def _uncovered(trust: Trust, now: datetime) -> Iterator[Finding]:
    """Find the CAs that have no list in force for all of their certificates."""
    for issuer in (*trust.roots, *trust.intermediates):
        current = [one for one in trust.lists_of(issuer) if one.is_current(now)]
        if not current:
            what = f"no list of {_name(issuer)} is in force, so none of its cards is taken"
            yield Finding("cards", Grade.WRONG, what, "fetch its list, or set TEGATA_CARD_REVOCATION=listed")
        elif not any(one.is_complete for one in current):
            what = f"the lists of {_name(issuer)} are for a part of its cards; the others are not taken"
            yield Finding("cards", Grade.WARN, what, "fetch the lists for all of its cards")


def _list(one: RevocationList, now: datetime) -> str:
    number = "without a number" if one.number is None else f"number {one.number}"
    until = f"next update {one.until:%Y-%m-%d %H:%M} UTC" if one.until else "without a next update"
    facts = [number, until, counted(len(one.entries), "revoked certificate"), *_limits(one)]
    if one.until is not None and one.until <= now:
        facts.append("is too old")
    elif not one.is_current(now):
        facts.append("is not in force")
    return f"{one.file}: list of {_name(one.issuer)}, {', '.join(facts)}"


def _limits(one: RevocationList) -> Iterator[str]:
    if one.base is not None:
        yield f"adds to list {one.base}"
    if one.point is not None:
        yield "for a part of the CA's certificates or reasons"
    if not one.is_understood:
        yield "with a critical extension that is not supported, so it only revokes"


def _name(certificate: Certificate) -> str:
    return certificate.subject.rfc4514_string() or f"serial number {certificate.serial_number}"
