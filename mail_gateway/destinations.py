"""When a mail domain is left alone for a while, and for how long."""

from dataclasses import dataclass

_DOMAIN_FIRST = 2.0
_DOMAIN_LONGEST = 120.0
# One refusal may be about one mailbox; several in a row are the domain's.
_DOMAIN_PATIENCE = 3
_MOST_DOMAINS = 2000


@dataclass(slots=True)
class _Refusals:
    count: int
    until: float
    reply: str


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
        if found is None or found.count < _DOMAIN_PATIENCE:
            return None
        if now >= found.until:
            found.until = now + _DOMAIN_FIRST
            return None
        return Held(found.until - now, found.reply)

    def refused(self, domain: str, reply: str, now: float) -> None:
        """Note that a domain said "not now"."""
        if domain not in self._refusals and len(self._refusals) >= _MOST_DOMAINS:
            self._refusals.clear()
        found = self._refusals.setdefault(domain, _Refusals(0, 0.0, ""))
        found.count += 1
        found.reply = reply
        beyond = max(0, found.count - _DOMAIN_PATIENCE)
        found.until = now + min(_DOMAIN_FIRST * 2 ** min(beyond, 10), _DOMAIN_LONGEST)

    def took(self, domain: str) -> None:
        """Note that a domain took a letter."""
        self._refusals.pop(domain, None)
