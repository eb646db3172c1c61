"""A name server on loopback that knows what a test tells it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

Records = dict[tuple[str, str], list[str]]
# A name server that answers every question with its own trouble.
BROKEN: Records = {}


class _Answers(asyncio.DatagramProtocol):
    def __init__(self, records: dict[tuple[str, str], list[str]]) -> None:
        self._records = records

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        asked = dns.message.from_wire(data)
        answer = dns.message.make_response(asked)
        answer.flags |= dns.flags.RA
        question = asked.question[0]
        name = question.name.to_text().rstrip(".").lower()
        values = self._records.get((name, dns.rdatatype.to_text(question.rdtype)))
        if self._records is BROKEN:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif values:
            answer.answer.append(dns.rrset.from_text_list(question.name, 60, "IN", question.rdtype, values))
        else:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        self._transport.sendto(answer.to_wire(), addr)


@asynccontextmanager
async def nameserver(records: dict[tuple[str, str], list[str]]) -> AsyncIterator[int]:
    """Answer for these (name, type) pairs; gives the port."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Answers(records), local_addr=("127.0.0.1", 0))
    try:
        yield int(transport.get_extra_info("sockname")[1])
    finally:
        transport.close()


def txt(record: str) -> str:
    """Write a TXT record's text as a zone file does, in strings of 255 octets."""
    return " ".join(f'"{record[at : at + 255]}"' for at in range(0, len(record), 255))
