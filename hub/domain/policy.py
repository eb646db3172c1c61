"""PURE: what may be offered, what is enough, where enrolment is allowed, what the default is."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_address

from hub.domain.outcomes import ByApproval, ByContact, ByMatrix, BySoftToken, Offer
from models.kinds import AuthenticatorKind, Channel, Factor, Zone

Network = IPv4Network | IPv6Network

_FACTORS = {
    AuthenticatorKind.PASSWORD: {Factor.KNOWLEDGE},
    AuthenticatorKind.MATRIX: {Factor.POSSESSION},
    AuthenticatorKind.ONE_TIME_PASSWORD: {Factor.POSSESSION},
    AuthenticatorKind.SOFT_TOKEN: {Factor.POSSESSION},
    # The chat account that approves is had; what is typed there is no secret, it names the browser.
    AuthenticatorKind.APPROVAL: {Factor.POSSESSION},
    # The card's key is had, its PIN is known.
    AuthenticatorKind.IC_CARD: {Factor.KNOWLEDGE, Factor.POSSESSION},
}
# RFC 8176 has no value for a look-up secret: `matrix` is this project's own.
_AMR = {
    AuthenticatorKind.PASSWORD: ("pwd",),
    AuthenticatorKind.MATRIX: ("matrix",),
    AuthenticatorKind.ONE_TIME_PASSWORD: ("otp",),
    AuthenticatorKind.SOFT_TOKEN: ("otp",),
    AuthenticatorKind.IC_CARD: ("sc", "pin", "hwk"),
    # RFC 8176, 2: "communication over more than one distinct communication channel"; no key of the member's is used.
    AuthenticatorKind.APPROVAL: ("mca",),
}
# Where a button can be pressed and an answer typed.
_APPROVES = {Channel.SLACK}
_SENT = (ByContact, ByApproval)


@dataclass(frozen=True, slots=True)
class BoundContact:
    """A contact that codes may go to: confirmed and not suspended."""

    id: int
    label: str
    channel: Channel


@dataclass(frozen=True, slots=True)
class Bound:
    """What an account has beside its password; `contacts` with the one used last first."""

    contacts: tuple[BoundContact, ...] = ()
    soft_tokens: int = 0
    matrix_card: bool = False
    matrix_off: bool = False


def offers(bound: Bound) -> tuple[Offer, ...]:
    """List the ways to go on after the password, the default first: contacts, Soft Token, Matrix.

    A contact in a chat can be asked for an approval as well, behind all codes. Matrix comes last, so it is the default
    only when nothing else is bound. Switched off, it is offered only when nothing else is left, for then the card is
    all the member has.
    """
    approving = [contact for contact in bound.contacts if contact.channel in _APPROVES]
    found = [Offer(ByContact(contact.id), contact.label, contact.channel) for contact in bound.contacts]
    found += [Offer(ByApproval(contact.id), contact.label, contact.channel) for contact in approving]
    if bound.soft_tokens:
        found.append(Offer(BySoftToken()))
    if bound.matrix_card and not (bound.matrix_off and found):
        found.append(Offer(ByMatrix()))
    return tuple(found)


def paused(offers: Iterable[Offer], until: datetime) -> tuple[Offer, ...]:
    """Mark the ways by which nothing is sent until then, and put them behind all others."""
    marked = [replace(offer, paused_until=until) if isinstance(offer.way, _SENT) else offer for offer in offers]
    return tuple(sorted(marked, key=lambda offer: offer.paused_until is not None))


def factors(proved: Iterable[AuthenticatorKind]) -> frozenset[Factor]:
    """Name the factors that a set of proofs rests on."""
    return frozenset[Factor]().union(*(_FACTORS[kind] for kind in proved))


def is_enough(proved: Iterable[AuthenticatorKind]) -> bool:
    """Tell whether these proofs admit: both factors, never one twice."""
    return factors(proved) == {Factor.KNOWLEDGE, Factor.POSSESSION}


def amr(proved: Iterable[AuthenticatorKind]) -> str:
    """Write the proofs as RFC 8176 values, `mfa` last when two factors are proved."""
    given = frozenset(proved)
    kinds = [kind for kind in AuthenticatorKind if kind in given]
    values = [value for kind in kinds for value in _AMR[kind]]
    if is_enough(kinds):
        values.append("mfa")
    return " ".join(dict.fromkeys(values))


def may_enrol(*, session_amr: str, session_zone: Zone, zone: Zone) -> bool:
    """Tell whether a session may change authenticators: with a matrix card never from off campus.

    Both count: where the session was opened, and where this request comes from.
    """
    opened_by_matrix = "matrix" in session_amr.split()
    return not (opened_by_matrix and Zone.OFF_CAMPUS in {session_zone, zone})


def has_card_and_pin(session_amr: str) -> bool:
    """Tell whether an IC card with its PIN opened a session: the strongest proof there is here."""
    return {"sc", "pin"} <= set(session_amr.split())


def may_switch_matrix_off(bound: Bound) -> bool:
    """Tell whether another authenticator is bound, so that Matrix can be done without."""
    return bool(bound.contacts or bound.soft_tokens)


def zone_of(address: str, campus_networks: Iterable[Network]) -> Zone:
    """Tell the zone of a client's address; what is no address is off campus."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return Zone.OFF_CAMPUS
    mapped = getattr(parsed, "ipv4_mapped", None)
    parsed = mapped or parsed
    if any(parsed.version == network.version and parsed in network for network in campus_networks):
        return Zone.ON_CAMPUS
    return Zone.OFF_CAMPUS
