"""When a mail domain is left alone for a while, and whether it is named where operators count."""

from dataclasses import dataclass

from hub.domain.identifiers import domain_of
from mail_gateway.mailbox_refusals import speaks_of_one_mailbox

_DOMAIN_FIRST = 2.0
_DOMAIN_LONGEST = 120.0
# So many mailboxes in a row that were refused, and none accepted between them, are the domain's own trouble.
_DOMAIN_PATIENCE = 3
_MOST_DOMAINS = 2000
MOST_SHOWN = 200
# So many different addresses make a domain one that is shared; with fewer it may name the member who has it.
SHARED = 5


@dataclass(slots=True)
class _Refusals:
    mailboxes: set[int]
    beyond: int = 0
    until: float = 0.0
    reply: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """A domain is left alone for so many seconds; the reply is what it said last."""

    seconds: float
    reply: str


class Destinations:
    """The mail domains that say "not now", and when each is tried again."""

    def __init__(self) -> None:
        self._refusals: dict[str, _Refusals] = {}

    def held(self, domain: str, now: float) -> Held | None:
        """Tell whether a domain is left alone; when its time is over one letter goes to find out."""
        found = self._refusals.get(domain)
        if found is None or len(found.mailboxes) < _DOMAIN_PATIENCE:
            return None
        if now >= found.until:
            found.until = now + _DOMAIN_FIRST
            return None
        return Held(found.until - now, found.reply)

    def refused(self, domain: str, address: str, reply: str, now: float) -> None:
        """Note that a domain said "not now" to a letter for this address.

        A mailbox that is full, greylisted or refused again and again says nothing about its neighbours.
        """
        if speaks_of_one_mailbox(reply):
            return
        if domain not in self._refusals and len(self._refusals) >= _MOST_DOMAINS:
            self._refusals.clear()
        found = self._refusals.setdefault(domain, _Refusals(set()))
        if len(found.mailboxes) < _DOMAIN_PATIENCE:
            found.mailboxes.add(hash(address.casefold()))
        else:
            found.beyond += 1
        found.reply = reply
        found.until = now + min(_DOMAIN_FIRST * 2 ** min(found.beyond, 10), _DOMAIN_LONGEST)

    def took(self, domain: str) -> None:
        """Note that a domain took a letter."""
        self._refusals.pop(domain, None)


class Domains:
    """The domains that measures name: those of many addresses, and not too many of them."""

    def __init__(self) -> None:
        self._addresses: dict[str, set[int]] = {}
        self._shown: set[str] = set()

    def shown(self, address: str) -> str:
        """Count an address; gives its domain, or "other"."""
        domain = domain_of(address)
        if domain in self._shown:
            return domain
        if domain not in self._addresses and len(self._addresses) >= _MOST_DOMAINS:
            self._addresses.clear()
        seen = self._addresses.setdefault(domain, set())
        seen.add(hash(address.casefold()))
        if len(seen) < SHARED or len(self._shown) >= MOST_SHOWN:
            return "other"
        self._shown.add(domain)
        del self._addresses[domain]
        return domain
