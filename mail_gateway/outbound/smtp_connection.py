"""An open connection to a mail server: commands go out, and each reply that comes in belongs to one of them."""

import asyncio
import re
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic

from mail_gateway.outbound.dialogue_recorder import Recorder
from mail_gateway.outbound.step_timeouts import Patience, Step

# RFC 5321, 4.2: what is longer is no reply, and nothing that we keep.
_LONGEST = 16_384
_LINE = re.compile(rb"([2-5]\d\d)(?:([ -])(.*))?\r?\n", re.DOTALL)
_TOLD = 80
_ENDLESS = "the mail server's reply has no end"
_CLOSING = 421
_SUCCESSES = range(200, 300)
_REFUSALS = range(400, 600)
_DONE = 250


class WireError(Exception):
    """Nothing more can be said or heard here; what became of whatever has no reply yet is unknown."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server said to one command, its lines in one."""

    code: int
    said: str

    @property
    def is_success(self) -> bool:
        """Whether the command was obeyed: the first digit alone says so (RFC 5321, 4.2.1)."""
        return self.code in _SUCCESSES

    @property
    def is_failure(self) -> bool:
        """Whether the command was refused, now or for good."""
        return self.code in _REFUSALS

    @property
    def is_refusal(self) -> bool:
        """Whether one command was refused, and the next may be said; not so when the server is closing."""
        return self.code in _REFUSALS and self.code != _CLOSING

    def __str__(self) -> str:
        return f"{self.code} {self.said}".rstrip()


class Wire(asyncio.Protocol):
    """Takes a connection over that was opened by others; `pipelines` and `takes_utf8` are what its server offers.

    What comes unasked, or is no reply, ends it: after that nobody could tell which reply belongs to what.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        *,
        pipelines: bool,
        takes_utf8: bool,
        patience: Patience,
        recorder: Recorder | None = None,
    ) -> None:
        self._recorder = recorder
        self.pipelines = pipelines
        self.takes_utf8 = takes_utf8
        self._transport = transport
        self._patience = patience
        self._incoming = bytearray()
        self._begun: list[Reply] = []
        self._length = 0
        self._replies: deque[Reply] = deque()
        self._owed = 0
        self._waiter: asyncio.Future[None] | None = None
        self._trouble = ""
        transport.set_protocol(self)

    @property
    def is_open(self) -> bool:
        """Whether the next command may be said: nothing is owed, and nobody hung up."""
        return not (self._trouble or self._owed or self._replies or self._incoming or self._transport.is_closing())

    def say(self, commands: bytes, *, replies: int = 1) -> None:
        """Send commands in one go, to which so many replies will be heard."""
        if self._trouble:
            raise WireError(self._trouble)
        self._owed += replies
        if self._recorder is not None:
            for line in commands.removesuffix(b"\r\n").split(b"\r\n"):
                self._recorder.said(line.decode("utf-8", "replace"))
        self._transport.write(commands)

    async def hear(self, step: Step) -> Reply:
        """Give the next reply; WireError when there won't be one, or not in the step's time."""
        if not self._replies and not self._trouble:
            await self._wait(step)
        if not self._replies:
            raise WireError(self._trouble)
        return self._replies.popleft()

    async def ask(self, command: bytes) -> Reply:
        """Say one command and hear its reply."""
        self.say(command + b"\r\n")
        return await self.hear(Step.COMMAND)

    async def _wait(self, step: Step) -> None:
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        begun = monotonic()
        late = loop.call_later(self._patience.of(step), self._give_up, step)
        try:
            await self._waiter
        finally:
            late.cancel()
            self._waiter = None
        if self._replies:
            self._patience.was_enough(step, monotonic() - begun)

    def _give_up(self, step: Step) -> None:
        self._patience.was_short(step)
        self._end("the mail server does not answer")

    async def begin_anew(self) -> None:
        """Have the server forget a letter that was refused; a server that won't has nothing more to hear."""
        try:
            if (await self.ask(b"RSET")).code != _DONE:
                self.close()
        except WireError:
            self.close()

    async def say_goodbye(self) -> None:
        """Close as the standard wants it, if that can be done."""
        with suppress(WireError):
            await self.ask(b"QUIT")
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._end("the connection was closed")

    def data_received(self, data: bytes) -> None:
        """Take what the server sent, in whatever pieces."""
        self._incoming += data
        while not self._trouble and (end := self._incoming.find(b"\n") + 1):
            line = bytes(self._incoming[:end])
            del self._incoming[:end]
            self._take(line)
        if len(self._incoming) > _LONGEST:
            self._end(_ENDLESS)
        self._wake()

    def eof_received(self) -> bool:
        """Take the server's hanging up."""
        self._end("the mail server hung up")
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """Take the connection's end."""
        self._end(f"the connection was lost ({error})" if error else "the mail server hung up")

    def _take(self, line: bytes) -> None:
        if self._recorder is not None:
            self._recorder.heard(line.decode("utf-8", "replace").rstrip("\r\n"))
        found = _LINE.fullmatch(line)
        if found is None:
            self._end(f"the mail server's answer is no SMTP: {_text(line[:_TOLD])}")
            return
        reply = Reply(int(found[1]), _text(found[3] or b""))
        if found[2] == b"-" or self._begun:
            self._begun.append(reply)
            self._length += len(line)
            if self._length > _LONGEST:
                self._end(_ENDLESS)
            if found[2] == b"-":
                return
            reply = self._joined()
        if self._trouble:
            return
        if not self._owed:
            self._end(f"the mail server spoke unasked: {reply}")
            return
        self._owed -= 1
        self._replies.append(reply)

    def _joined(self) -> Reply:
        """Give the lines of a long reply as one; they must agree on what it is (RFC 5321, 4.2.1)."""
        lines, self._begun, self._length = self._begun, [], 0
        reply = Reply(lines[-1].code, " ".join(one.said for one in lines))
        if any(one.code != reply.code for one in lines):
            self._end(f"the mail server's answer is two at once: {_text(' '.join(map(str, lines)).encode())}")
        return reply

    def _end(self, trouble: str) -> None:
        self._trouble = self._trouble or trouble
        self._incoming.clear()
        if not self._transport.is_closing():
            self._transport.close()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done() and (self._replies or self._trouble):
            self._waiter.set_result(None)


def _text(said: bytes) -> str:
    return " ".join(said.decode("utf-8", "replace").split())
