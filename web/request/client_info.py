"""PURE: whose request it is when proxies stand in between, and what it was made with."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import ip_address

from hub.domain.policy import Network

_UNKNOWN = "0.0.0.0"  # noqa: S104 - an address nobody has, not one to listen at
_FORWARDED_FOR = "X-Forwarded-For"
# By these a proxy says for whom it asks; only the first is ever believed.
FORWARDED = (_FORWARDED_FOR, "Forwarded", "X-Real-IP")
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
_OTHER = re.compile(r"[A-Za-z][\w.-]{0,30}")


def client_address(peer: str | None, forwarded_for: Iterable[str], trusted: Iterable[Network]) -> str:
    """Give the client's address: the peer's own, or what trusted proxies say of it.

    X-Forwarded-For is read from the right, as long as the hop that wrote an entry is trusted; whatever a stranger
    wrote further left is never reached.
    """
    return _walked(peer, forwarded_for, trusted)[0]


def speaks_for_itself(peer: str | None, headers: Mapping[str, Iterable[str]], trusted: Iterable[Network]) -> bool:
    """Tell whether the client's address is its own, not that of a proxy that forwards for somebody unknown.

    A request whose forwarded headers could not be followed to their end may come from anywhere.
    """
    forwarded_for = tuple(headers.get(_FORWARDED_FOR, ()))
    if not forwarded_for:
        return not any(headers.values())
    return _walked(peer, forwarded_for, trusted)[1]


def undeclared_proxy(peer: str | None, headers: Mapping[str, Iterable[str]], trusted: Iterable[Network]) -> str:
    """Give the peer's address when it forwards for others and is no trusted proxy; empty otherwise."""
    address = _plain(peer or "")
    if address is None or not any(headers.values()) or _is_trusted(address, tuple(trusted)):
        return ""
    return address


def _walked(peer: str | None, forwarded_for: Iterable[str], trusted: Iterable[Network]) -> tuple[str, bool]:
    """Walk back along the hops; gives the last known address, and whether no entry was left unread."""
    networks = tuple(trusted)
    hops = [part.strip() for header in forwarded_for for part in header.split(",")]
    address = _plain(peer or "")
    if address is None:
        return _UNKNOWN, not hops
    while hops and _is_trusted(address, networks):
        before = _plain(hops.pop())
        if before is None:
            return address, False
        address = before
    return address, not hops


@lru_cache(maxsize=1024)
def browser_of(user_agent: str) -> str:
    """Name browser and system in a few words, such as "Firefox on Linux"; empty when nothing is known."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    if browser:
        return f"{browser} on {system}" if system else browser
    other = _OTHER.match(user_agent)
    return other[0] if other else ""


@lru_cache(maxsize=4096)
def _plain(text: str) -> str | None:
    text = text.strip().removeprefix('"').removesuffix('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        parsed = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)


def _is_trusted(address: str, networks: tuple[Network, ...]) -> bool:
    parsed = ip_address(address)
    return any(parsed.version == network.version and parsed in network for network in networks)
