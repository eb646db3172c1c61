"""PURE: what a trusted mail server wrote into `Authentication-Results` (RFC 8601)."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_NAME = b"authentication-results"
_MOST = 20
_RESULT = re.compile(r"\s*([a-z0-9_.-]+)\s*(?:/\s*\d+\s*)?=\s*([a-z]+)", re.IGNORECASE)
_PROPERTY = re.compile(r"\b(smtp|header|policy|body)\s*\.\s*([a-z0-9_-]+)\s*=\s*(\"[^\"]*\"|[^\s;]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Identified:
    """A method's result with the domain that it is about."""

    result: str
    domain: str


@dataclass(frozen=True, slots=True)
class Told:
    """What the server found; a method that it does not name is missing."""

    spf: Identified | None = None
    dkim: tuple[Identified, ...] = ()
    dmarc: Identified | None = None

    def dmarc_of(self, domain: str) -> str:
        """Give DMARC's result for a From domain; empty when the server judged none or another."""
        return self.dmarc.result if self.dmarc is not None and self.dmarc.domain in {"", domain} else ""


def told_by(authserv_id: str, headers: Sequence[tuple[bytes, bytes]]) -> Told:
    """Read the headers that carry a server's name; of each method the header that stands first decides.

    A server writes its header above what it received, so a forged one stands below.
    """
    spf: Identified | None = None
    dmarc: Identified | None = None
    dkim: tuple[Identified, ...] = ()
    for name, value in headers[:200]:
        if name.strip().lower() != _NAME:
            continue
        found = list(_results(value, authserv_id))
        spf = spf or next((one for method, one in found if method == "spf"), None)
        dmarc = dmarc or next((one for method, one in found if method == "dmarc"), None)
        dkim = dkim or tuple(one for method, one in found if method == "dkim")
    return Told(spf, dkim, dmarc)


def _results(value: bytes, authserv_id: str) -> Iterator[tuple[str, Identified]]:
    segments = _without_comments(value.decode("utf-8", "replace")).split(";")
    words = segments[0].split()
    if not words or words[0].strip('"').lower() != authserv_id.lower():
        return
    for segment in segments[1:_MOST]:
        found = _RESULT.match(segment)
        if found is None:
            continue
        method = found[1].lower()
        properties = {
            f"{kind}.{name}".lower(): text.strip('"').lower() for kind, name, text in _PROPERTY.findall(segment)
        }
        names = {
            "spf": ("smtp.mailfrom", "smtp.helo"),
            "dkim": ("header.d", "header.i"),
            "dmarc": ("header.from",),
        }.get(method, ())
        identifier = next((properties[name] for name in names if name in properties), "")
        yield method, Identified(found[2].lower(), identifier.rpartition("@")[2])


def _without_comments(text: str) -> str:
    """Drop what stands in brackets, which may be nested."""
    kept: list[str] = []
    depth, is_quoted, is_escaped = 0, False, False
    for sign in text:
        if is_escaped:
            is_escaped = False
        elif sign == "\\":
            is_escaped = True
            continue
        elif sign == '"' and not depth:
            is_quoted = not is_quoted
        elif sign == "(" and not is_quoted:
            depth += 1
        elif sign == ")" and depth and not is_quoted:
            depth -= 1
            continue
        if not depth:
            kept.append(sign)
    return "".join(kept)
