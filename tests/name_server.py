"""A real name server on the loopback that knows the text records it was told."""

from types import TracebackType
from typing import Self

from dnslib import QTYPE, RCODE, RR, TXT, A, DNSRecord
from dnslib.server import BaseResolver, DNSHandler, DNSLogger, DNSServer

from tests.house import free_port


class NameServer(BaseResolver):
    """Answers for the names in `texts` and `addresses`; all others don't exist, unless it is `silent`."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.addresses: dict[str, str] = {}
        self.silent = False
        self._port = free_port()
        self._servers = [
            DNSServer(self, address="127.0.0.1", port=self._port, tcp=tcp, logger=DNSLogger("-request,-reply"))
            for tcp in (False, True)
        ]

    @property
    def where(self) -> str:
        """Its address as a setting has it."""
        return f"127.0.0.1:{self._port}"

    def resolve(self, request: DNSRecord, _handler: DNSHandler) -> DNSRecord:
        """Answer one question."""
        reply = request.reply()
        name = str(request.q.qname).rstrip(".").lower()
        if self.silent:
            reply.header.rcode = RCODE.SERVFAIL
        elif name in self.texts and request.q.qtype == QTYPE.TXT:
            text = self.texts[name]
            pieces = [text[start : start + 250] for start in range(0, len(text), 250)]
            reply.add_answer(RR(request.q.qname, QTYPE.TXT, rdata=TXT(pieces), ttl=1))
        elif name in self.addresses and request.q.qtype == QTYPE.A:
            reply.add_answer(RR(request.q.qname, QTYPE.A, rdata=A(self.addresses[name]), ttl=1))
        else:
            reply.header.rcode = RCODE.NXDOMAIN
        return reply

    def __enter__(self) -> Self:
        for server in self._servers:
            server.start_thread()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _t: TracebackType | None
    ) -> None:
        for server in self._servers:
            server.stop()
            server.server.server_close()
