"""A process of its own that takes messages apart: what hangs or dies at one takes nothing with it."""

import asyncio
import json
import sys
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from hub.contacts.suspension import Bounce, BounceKind
from mail_gateway.inbound.delivery_reports import Delivered, Finding
from mail_gateway.inbound.parsing import Parsed, UnreadableError

_LENGTH = 8
_LONGEST = 5.0
# A machine in a hurry starts slowly: that is no message's fault.
_START = 60.0
_READY = b"r"
_REPORT, _ANSWER = b"r", b"a"
_MEMORY = 1 << 30


class Reader:
    """Has messages taken apart in a child process, which is started when needed and ended when it hangs."""

    def __init__(self, *, longest: float = _LONGEST) -> None:
        self._longest = longest
        self._child: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def parse(self, content: bytes, *, is_report: bool = False) -> Parsed:
        """Take a message apart, `is_report` where delivery reports come; UnreadableError says why it can't be."""
        async with self._turn:
            child = self._child or await self._started()
            try:
                async with asyncio.timeout(self._longest):
                    answer = await _asked(child, content, is_report=is_report)
            except TimeoutError:
                await self._end()
                message = f"it took longer than {self._longest:g} s to take it apart"
                raise UnreadableError(message) from None
            except (OSError, EOFError, asyncio.IncompleteReadError):
                await self._end()
                message = "the reading process ended at it"
                raise UnreadableError(message) from None
            except BaseException:
                # Its answer would be taken for the next message's.
                await self._end()
                raise
        return _parsed(answer)

    async def close(self) -> None:
        """End the child."""
        async with self._turn:
            await self._end()

    async def _started(self) -> asyncio.subprocess.Process:
        """Start the child and wait until it has read its modules; what goes wrong is told to nobody's message."""
        self._child = child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "mail_gateway.inbound.parser_process",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert child.stdout is not None  # noqa: S101 - it was started with pipes
        try:
            async with asyncio.timeout(_START):
                await child.stdout.readexactly(len(_READY))
        except BaseException:
            await self._end()
            raise
        return child

    async def _end(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        with suppress(ProcessLookupError):
            child.kill()
        await child.wait()


async def _asked(child: asyncio.subprocess.Process, content: bytes, *, is_report: bool) -> dict[str, Any]:
    assert child.stdin is not None  # noqa: S101 - it was started with pipes
    assert child.stdout is not None  # noqa: S101 - the same
    child.stdin.write(len(content).to_bytes(_LENGTH, "big") + (_REPORT if is_report else _ANSWER) + content)
    await child.stdin.drain()
    length = int.from_bytes(await child.stdout.readexactly(_LENGTH), "big")
    answer: dict[str, Any] = json.loads(await child.stdout.readexactly(length))
    return answer


def serve() -> None:
    """Take messages from standard input apart until it ends."""
    _limit()
    sys.stdout.buffer.write(_READY)
    sys.stdout.buffer.flush()
    while head := sys.stdin.buffer.read(_LENGTH):
        kind = sys.stdin.buffer.read(len(_REPORT))
        content = sys.stdin.buffer.read(int.from_bytes(head, "big"))
        answer = json.dumps(_answer(content, is_report=kind == _REPORT)).encode()
        sys.stdout.buffer.write(len(answer).to_bytes(_LENGTH, "big") + answer)
        sys.stdout.buffer.flush()


def _limit() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))


def _answer(content: bytes, *, is_report: bool) -> dict[str, Any]:
    from mail_gateway.inbound.parsing import parse

    try:
        parsed = parse(content, is_report=is_report)
    except UnreadableError as error:
        return {"unreadable": str(error)}
    except Exception as error:
        # Python's parser raises what it likes at hostile mail (RecursionError, IndexError, UnicodeError…): shelve it.
        return {"unreadable": f"{type(error).__name__} while it was taken apart"}
    told = asdict(parsed)
    told["delivered"] = isinstance(parsed.report, Delivered)
    return told


def _parsed(answer: dict[str, Any]) -> Parsed:
    if "unreadable" in answer:
        raise UnreadableError(str(answer["unreadable"]))
    report: Finding | Delivered | None = None
    if answer["delivered"]:
        report = Delivered()
    elif answer["report"] is not None:
        told = answer["report"]["bounce"]
        bounce = Bounce(BounceKind(told["kind"]), str(told["status"]), str(told["said"]))
        report = Finding(bounce, str(answer["report"]["by"]))
    return Parsed(
        from_address=str(answer["from_address"]),
        writer=str(answer["writer"]),
        message_id=str(answer["message_id"]),
        identity=str(answer["identity"]),
        machine=str(answer["machine"]),
        doubt=str(answer["doubt"]),
        text=str(answer["text"]),
        report=report,
    )


if __name__ == "__main__":
    serve()
