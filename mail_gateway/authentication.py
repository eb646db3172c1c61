"""Whether the domain that a mail claims to come from stands for it: DKIM, SPF and their alignment (RFC 7489)."""

import asyncio
import logging
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import Any

import dkim
import dns.exception
import dns.resolver
import spf
from publicsuffixlist import PublicSuffixList

from hub.settings import listen_of

_LONGEST = 8.0
_A_QUESTION = 2.5
_SIGNATURES = 5
_TOO_MANY_VOIDS = "void lookup limit exceeded"


@dataclass(frozen=True, slots=True)
class Message:
    """What is examined: the bytes, who brought them, and whom they claim to be from."""

    content: bytes
    peer: str
    helo: str
    sender: str
    from_address: str


@dataclass(frozen=True, slots=True)
class Results:
    """What was found, in the words of RFC 8601: pass, fail, softfail, neutral, none, temperror, permerror."""

    spf: str
    dkim: str
    dmarc: str

    @property
    def is_doubtful(self) -> bool:
        """Whether the claimed domain says that this mail is not its own."""
        if self.dmarc in {"pass", "fail"}:
            return self.dmarc == "fail"
        return self.spf == "fail" and self.dkim != "pass"

    @property
    def line(self) -> str:
        """The results on one line."""
        return f"spf={self.spf} dkim={self.dkim} dmarc={self.dmarc}"


UNKNOWN = Results("temperror", "temperror", "temperror")


class Examiner:
    """Asks the domain name system, which an operator may name."""

    def __init__(self, resolver: str) -> None:
        self._resolver = dns.resolver.Resolver(configure=not resolver)
        if resolver:
            listen = listen_of(resolver)
            self._resolver.nameservers = [listen.host]
            self._resolver.port = listen.port
        self._resolver.lifetime = _A_QUESTION
        self._resolver.timeout = _A_QUESTION
        # dkimpy tells each bad signature of strangers as an error of ours.
        self._quiet = logging.getLogger("tegata.dkim")
        self._quiet.setLevel(logging.CRITICAL)

    async def examine(self, message: Message) -> Results:
        """Examine a message off the event loop; what can't be asked in time is temperror."""
        try:
            async with asyncio.timeout(_LONGEST):
                return await asyncio.to_thread(self._examined, message)
        except TimeoutError:
            return UNKNOWN

    def _examined(self, message: Message) -> Results:
        domain = message.from_address.rpartition("@")[2].lower()
        by_dkim = self._dkim(message.content)
        by_spf, spf_domain = self._spf(message)
        aligned = {signer for result, signer in by_dkim if result == "pass"}
        if by_spf == "pass":
            aligned.add(spf_domain)
        return Results(by_spf, _best([result for result, _ in by_dkim]), self._dmarc(domain, aligned))

    def _dkim(self, content: bytes) -> list[tuple[str, str]]:
        """Verify each signature; gives what came of it and whose it claims to be."""
        found: list[tuple[str, str]] = []
        try:
            signatures = [value for name, value in dkim.rfc822_parse(content)[0] if name.lower() == b"dkim-signature"]
        except dkim.MessageFormatError:
            return found
        for place, signature in enumerate(signatures[:_SIGNATURES]):
            found.append((self._signed(content, place), _signer(signature)))
        return found

    def _signed(self, content: bytes, place: int) -> str:
        troubles: list[str] = []

        def key(name: bytes | str, timeout: float = _A_QUESTION) -> bytes | None:  # noqa: ARG001 - dkimpy's hook
            asked = name.decode("ascii") if isinstance(name, bytes) else name
            try:
                texts = self._texts(asked.rstrip("."))
            except dns.exception.DNSException as error:
                troubles.append(str(error))
                raise dkim.DnsTimeoutError(str(error)) from error
            return texts[0] if texts else None

        verifier = dkim.DKIM(content, logger=self._quiet, timeout=_A_QUESTION)
        try:
            right = verifier.verify(idx=place, dnsfunc=key)
        except (dkim.ValidationError, dkim.DnsTimeoutError):
            right = False
        except (dkim.DKIMException, ValueError, KeyError, IndexError, UnicodeError):
            return "permerror"
        if troubles:
            return "temperror"
        return "pass" if right else "fail"

    def _spf(self, message: Message) -> tuple[str, str]:
        try:
            peer = ip_address(message.peer)
        except ValueError:
            return "none", ""
        if peer.is_loopback or peer.is_private:
            # A mail server of ours brought it: whoever gave it to that one is not seen from here.
            return "none", ""
        sender = message.sender or f"postmaster@{message.helo}"
        query = _Query(self._resolver, str(peer), sender, message.helo)
        try:
            result = str(query.check()[0])
        except (spf.TempError, dns.exception.DNSException):
            return "temperror", ""
        except (spf.PermError, ValueError, UnicodeError, IndexError):
            return "permerror", ""
        return result, sender.rpartition("@")[2].lower()

    def _dmarc(self, domain: str, aligned: set[str]) -> str:
        if not domain:
            return "none"
        try:
            record = self._policy(domain)
        except dns.exception.DNSException:
            return "temperror"
        if record is None:
            return "none"
        tags = dict(part.strip().split("=", 1) for part in record.lower().split(";") if "=" in part)
        # Relaxed alignment is the default (RFC 7489, 3.1); strict where the record asks for it of both.
        strict = tags.get("adkim", "r").strip() == "s" and tags.get("aspf", "r").strip() == "s"
        same = domain in aligned if strict else organisation(domain) in {organisation(one) for one in aligned}
        return "pass" if same else "fail"

    def _policy(self, domain: str) -> str | None:
        for place in dict.fromkeys((domain, organisation(domain))):
            for text in self._texts(f"_dmarc.{place}"):
                if text.lower().startswith(b"v=dmarc1"):
                    return text.decode("ascii", "ignore")
        return None

    def _texts(self, name: str) -> list[bytes]:
        try:
            answer = self._resolver.resolve(name, "TXT")
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        return [b"".join(record.strings) for record in answer]


class _Query(spf.query):  # type: ignore[misc]
    """pyspf's evaluation, asking our resolver."""

    def __init__(self, resolver: dns.resolver.Resolver, peer: str, sender: str, helo: str) -> None:
        super().__init__(i=peer, s=sender, h=helo, timeout=_A_QUESTION, querytime=_LONGEST)
        self._resolver = resolver

    def dns(self, name: Any, qtype: str, cnames: Any = None, ignore_void: bool = False) -> list[Any]:  # noqa: ARG002, FBT001
        """Ask for one kind of record; an empty list when there is none (RFC 7208, 4.6.4 counts those)."""
        try:
            answer = self._resolver.resolve(str(name).rstrip("."), qtype)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            if not ignore_void:
                self.void_lookups += 1
                if self.void_lookups > spf.MAX_VOID_LOOKUPS:
                    raise spf.PermError(_TOO_MANY_VOIDS) from None
            return []
        except dns.exception.DNSException as error:
            raise spf.TempError(str(error)) from error
        return [_as_pyspf(record, qtype) for record in answer]


def _as_pyspf(record: Any, qtype: str) -> Any:
    match qtype:
        case "A" | "AAAA":
            return record.address
        case "MX":
            return (record.preference, str(record.exchange).rstrip("."))
        case "PTR":
            return str(record.target).rstrip(".")
        case _:
            return record.strings


def organisation(domain: str) -> str:
    """Name the domain that somebody registered, such as example.ac.jp of mail.example.ac.jp."""
    return str(_suffixes().privatesuffix(domain) or domain)


def _best(results: list[str]) -> str:
    for wanted in ("pass", "temperror", "fail", "permerror"):
        if wanted in results:
            return wanted
    return "none"


def _signer(signature: bytes) -> str:
    for part in signature.replace(b"\r\n", b"").split(b";"):
        name, _, value = part.strip().partition(b"=")
        if name.strip() == b"d":
            return value.strip().decode("ascii", "ignore").lower()
    return ""


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()
