"""The place on the virtual reader: a card is put on it and taken away (the protocol of vsmartcard's vpcd)."""

import asyncio
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

_OFF, _ON, _RESET, _ATR = 0, 1, 2, 4


class Card(Protocol):
    """What lies on the reader."""

    @property
    def atr(self) -> bytes:
        """What it says when it is given power."""

    def reset(self) -> None:
        """Lose the power."""

    def answer(self, sent: bytes) -> bytes:
        """Answer one command."""


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong with a card: pulled instead of answering command `pulled_at` (from 1), or slow by `delay` s."""

    pulled_at: int = 0
    delay: float = 0.0


class Slot:
    """One slot of a virtual reader, at the port where vpcd waits for its card."""

    def __init__(self, port: int, *, host: str = "127.0.0.1") -> None:
        self._host, self._port = host, port
        self._lying: asyncio.Task[None] | None = None
        self.commands = 0
        # Whether the reader gives the card power, which is so from the first command to the end of a connection.
        self.is_powered = False

    @property
    def is_taken(self) -> bool:
        """Whether a card lies here."""
        return self._lying is not None and not self._lying.done()

    async def put_on(self, card: Card, faults: Faults | None = None) -> None:
        """Put a card on the reader."""
        await self.take_away()
        reader, writer = await asyncio.open_connection(self._host, self._port)
        self.commands = 0
        self._lying = asyncio.create_task(self._lie(card, faults or Faults(), reader, writer))

    async def take_away(self) -> None:
        """Take the card away, in whatever it is doing."""
        lying, self._lying = self._lying, None
        if lying is not None:
            lying.cancel()
            with suppress(asyncio.CancelledError):
                await lying

    async def _lie(
        self, card: Card, faults: Faults, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        card.reset()
        try:
            while True:
                sent = await _read(reader, writer)
                if len(sent) == 1:
                    told = self._control(card, sent[0])
                else:
                    self.commands += 1
                    if self.commands == faults.pulled_at:
                        return
                    await asyncio.sleep(faults.delay)
                    told = card.answer(sent)
                if told is not None:
                    writer.write(len(told).to_bytes(2, "big") + told)
        except (asyncio.IncompleteReadError, ConnectionError):
            # The reader itself went away.
            return
        finally:
            card.reset()
            self.is_powered = False
            writer.close()

    def _control(self, card: Card, sign: int) -> bytes | None:
        if sign == _ATR:
            return card.atr
        if sign in {_OFF, _ON, _RESET}:
            self.is_powered = sign != _OFF
            card.reset()
        return None


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    # vpcd writes length and body apart: without this its Nagle waits 40 ms for our acknowledgement, each time.
    line: socket.socket = writer.get_extra_info("socket")
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
    size = int.from_bytes(await reader.readexactly(2), "big")
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
    return await reader.readexactly(size)
