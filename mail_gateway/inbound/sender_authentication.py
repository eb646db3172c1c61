"""Whether the domain that a mail claims to come from stands for it: DKIM, SPF and their alignment (RFC 7489)."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any

import dkim
import dns.exception
import dns.resolver
import spf
from publicsuffixlist import PublicSuffixList

from hub.domain.policy import Network
from hub.settings import listen_of
from mail_gateway.inbound.authentication_results import Told, told_by

_LONGEST = 8.0
_A_QUESTION = 2.5
_SIGNATURES = 5
# RFC 1918 and RFC 4193. Python's `is_private` has other networks as well, such as those for documentation.
_LOCAL = tuple(ip_network(one) for one in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"))
_NO_POLICY = "none"
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
    """What was found, in the words of RFC 8601: pass, fail, softfail, neutral, none, temperror, permerror.

    DMARC is `unknown` where this hub can't know whether SPF would have passed. `policy` is what the domain asks for
    when DMARC fails.
    """

    spf: str
    dkim: str
    dmarc: str
    policy: str = ""

    @property
    def is_doubtful(self) -> bool:
        """Whether the claimed domain says that this mail is not its own; missing knowledge never says so."""
        match self.dmarc:
            case "fail":
                # RFC 7489, 6.3: with `p=none` the domain asks that its mail is treated as ever.
                return self.policy != _NO_POLICY
            case "none" | "temperror":
                return self.spf == "fail" and self.dkim in {"none", "fail", "permerror"}
            case _:
                return False

    @property
    def line(self) -> str:
        """The results on one line."""
        line = f"spf={self.spf} dkim={self.dkim} dmarc={self.dmarc}"
        return f"{line} p=none" if self.dmarc == "fail" and self.policy == _NO_POLICY else line


UNKNOWN = Results("temperror", "temperror", "temperror")


@dataclass(frozen=True, slots=True)
class _Spf:
    """SPF's result and the domain that it is about; not `is_known` where the sending server is not seen from here."""

    result: str
    domain: str = ""
    is_known: bool = True


@dataclass(frozen=True, slots=True)
class _Dkim:
    """What came of one signature, and the domain that it claims."""

    result: str
    domain: str


class Examiner:
    """Asks the domain name system, which an operator may name, and one trusted server's header (RFC 8601).

    `authserv_id` is that server's name. Its header counts in mail that came from this machine or from `fronts`.
    """

    def __init__(self, resolver: str, *, authserv_id: str = "", fronts: Sequence[Network] = ()) -> None:
        self._authserv_id = authserv_id
        self._fronts = tuple(fronts)
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
        told = self._told(message)
        by_dkim = [*self._dkim(message.content, domain), *(_Dkim(one.result, one.domain) for one in told.dkim)]
        by_spf = _Spf(told.spf.result, told.spf.domain) if told.spf is not None else self._spf(message)
        dmarc, policy = self._dmarc(domain, by_dkim, by_spf, said=told.dmarc_of(domain))
        return Results(by_spf.result, _best([one.result for one in by_dkim]), dmarc, policy)

    def _told(self, message: Message) -> Told:
        """Read what the trusted server found; nothing where the mail did not come from a server of ours."""
        if not self._authserv_id or not is_front(message.peer, self._fronts, or_loopback=True):
            return Told()
        return told_by(self._authserv_id, _headers(message.content))

    def _dkim(self, content: bytes, domain: str) -> list[_Dkim]:
        """Verify the signatures, those of the From's own organisation first."""
        named = (value for name, value in _headers(content) if name.lower() == b"dkim-signature")
        signers = [(place, _signer(value)) for place, value in enumerate(named)]
        own = organisation(domain)
        signers.sort(key=lambda one: organisation(one[1]) != own)
        return [_Dkim(self._signed(content, place), signer) for place, signer in signers[:_SIGNATURES]]

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

    def _spf(self, message: Message) -> _Spf:
        try:
            peer = ip_address(message.peer)
        except ValueError:
            return _Spf("none", is_known=False)
        if peer.is_loopback or peer.is_link_local or is_front(message.peer, (*_LOCAL, *self._fronts)):
            # A mail server of ours brought it: whoever gave it to that one is not seen from here.
            return _Spf("none", is_known=False)
        sender = message.sender or f"postmaster@{message.helo}"
        query = _Query(self._resolver, str(peer), sender, message.helo)
        try:
            result = str(query.check()[0])
        except (spf.TempError, dns.exception.DNSException):
            return _Spf("temperror")
        except (spf.PermError, ValueError, UnicodeError, IndexError):
            return _Spf("permerror")
        return _Spf(result, sender.rpartition("@")[2].lower())

    def _dmarc(self, domain: str, by_dkim: list[_Dkim], by_spf: _Spf, *, said: str) -> tuple[str, str]:
        """Tell DMARC's result and the domain's policy; `said` is what the trusted server found."""
        if not domain:
            return "none", ""
        try:
            record = self._record(domain)
        except dns.exception.DNSException:
            return ("pass", "") if said == "pass" else ("temperror", "")
        if record is None:
            return "none", ""
        if said in {"pass", "fail"}:
            return said, record.policy
        # Each tag judges its own identifier (RFC 7489, 3.1.1 and 3.1.2).
        if any(one.result == "pass" and _aligned(one.domain, domain, strict=record.strict_dkim) for one in by_dkim):
            return "pass", record.policy
        if by_spf.result == "pass" and _aligned(by_spf.domain, domain, strict=record.strict_spf):
            return "pass", record.policy
        if by_spf.result == "temperror" or "temperror" in {one.result for one in by_dkim}:
            return "temperror", record.policy
        return "fail" if by_spf.is_known else "unknown", record.policy

    def _record(self, domain: str) -> "_Record | None":
        for place in dict.fromkeys((domain, organisation(domain))):
            found = [record for text in self._texts(f"_dmarc.{place}") if (record := _record_in(text, place == domain))]
            if found:
                # RFC 7489, 6.6.3: several records are none.
                return found[0] if len(found) == 1 else None
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


@dataclass(frozen=True, slots=True)
class _Record:
    """A domain's DMARC record."""

    policy: str
    strict_dkim: bool
    strict_spf: bool


def _record_in(text: bytes, is_own: bool) -> _Record | None:  # noqa: FBT001 - whose record it is
    """Read a DMARC record, the domain's own or its organisation's; None for another text."""
    parts = [part.partition("=") for part in text.decode("ascii", "ignore").lower().split(";")]
    tags = {name.strip(): value.strip() for name, _, value in reversed(parts)}
    if (parts[0][0].strip(), parts[0][2].strip()) != ("v", "dmarc1"):
        return None
    policy = tags.get("p", "")
    if not is_own:
        policy = tags.get("sp", policy)
    if policy == "quarantine" and tags.get("pct") == "0":
        policy = _NO_POLICY
    # RFC 7489, 6.6.3: a record without a policy that can be read asks for nothing.
    known = policy if policy in {"quarantine", "reject"} else _NO_POLICY
    return _Record(known, tags.get("adkim") == "s", tags.get("aspf") == "s")


def _aligned(identifier: str, domain: str, *, strict: bool) -> bool:
    """Tell whether a verified domain stands for the From's; relaxed is the default (RFC 7489, 3.1)."""
    if strict:
        return identifier == domain
    return bool(identifier) and organisation(identifier) == organisation(domain)


def is_front(peer: str, fronts: Sequence[Network], *, or_loopback: bool = False) -> bool:
    """Tell whether an address is that of a mail server of ours, as the settings say."""
    try:
        address = ip_address(peer)
    except ValueError:
        return False
    return (or_loopback and address.is_loopback) or any(address in network for network in fronts)


def _headers(content: bytes) -> list[tuple[bytes, bytes]]:
    try:
        return [(bytes(name), bytes(value)) for name, value in dkim.rfc822_parse(content)[0]]
    except dkim.MessageFormatError:
        return []


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
