"""The kiosk's program beside the demo's hub: a process of its own, enrolled as a keeper would."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from demo.card import daemon
from hub.cards import kiosks
from hub.context import Hub
from hub.domain.errors import HubError, RefusedError
from hub.domain.request_context import Visit
from models.kinds import Zone

_NAME = "Demo"
_READY = b"The kiosk is ready at "
_START, _END = 20.0, 5.0
_APT = f"{daemon.PACKAGES} libpcsclite-dev pkg-config gcc"
# Whatever ends this process ends its children too, even where it can't say so any more.
_WITH_US = ("setpriv", "--pdeathsig", "TERM")


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a kiosk stands: its folder, its page's port, the daemon's socket, and whose pages may frame its own."""

    folder: Path
    port: int
    socket: Path
    framed_by: tuple[str, ...]

    @property
    def origin(self) -> str:
        """The page's origin."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def variables(self) -> Mapping[str, str]:
        """What the program is told."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("KIOSK_")}  # noqa: TID251
        return own | {
            "KIOSK_FOLDER": str(self.folder),
            "KIOSK_LISTEN": f"127.0.0.1:{self.port}",
            "KIOSK_BROWSER": "",
            "KIOSK_FRAMED_BY": " ".join(self.framed_by),
            "PCSCLITE_CSOCK_NAME": str(self.socket),
        }


@dataclass(frozen=True, slots=True)
class Program:
    """A kiosk that waits for cards; the URL holds the token of its page."""

    url: str = field(repr=False)


def missing() -> str:
    """Say what to type before there can be a kiosk on this machine; empty when there can."""
    has_daemon = daemon.program() is not None and daemon.DRIVER.exists()
    has_extra = all(find_spec(name) for name in ("smartcard", "http_message_signatures"))
    typed = [] if has_daemon else [f"sudo apt-get install {_APT}"]
    typed += [] if has_extra else ["pip install '.[kiosk]'"]
    return " and then ".join(typed)


@asynccontextmanager
async def standing(hub: Hub, visit: Visit, stand: Stand) -> AsyncIterator[Program]:
    """Run a kiosk that is enrolled at this hub, which must be listening; HubError when it doesn't come up."""
    await _enrol(hub, visit, stand)
    async with running(stand) as program:
        yield program


@asynccontextmanager
async def running(stand: Stand) -> AsyncIterator[Program]:
    """Run a kiosk that is enrolled already; HubError when it doesn't come up."""
    process = await _started(stand)
    reading = None
    try:
        program = await _ready(process)
        reading = asyncio.create_task(_kept(process, stand.folder / "log"))
        yield program
    finally:
        await _ended(process)
        if reading is not None:
            await reading


async def _enrol(hub: Hub, visit: Visit, stand: Stand) -> None:
    """Enrol the kiosk, unless an earlier start of the demo did."""
    kept = stand.folder / "kiosk.json"
    if kept.exists() and json.loads(kept.read_text(encoding="utf-8"))["hub"] == hub.settings.origin:
        return
    with suppress(RefusedError):
        await kiosks.revoke(hub, visit, _NAME)
    added = await kiosks.add(hub, visit, name=_NAME, zone=Zone.ON_CAMPUS)
    process = await _started(stand, "enrol", hub.settings.origin, "-")
    told, _ = await process.communicate(f"{added.code}\n".encode())
    if process.returncode:
        message = f"The kiosk can't be enrolled: {told.decode(errors='replace').strip()}"
        raise HubError(message)


async def _started(stand: Stand, *words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(*_WITH_US, sys.executable, "-m", "reader_kiosk", *words),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=stand.variables,
    )


async def _ready(process: asyncio.subprocess.Process) -> Program:
    told: list[str] = []
    with suppress(TimeoutError):
        async with asyncio.timeout(_START):
            async for line in _lines(process):
                if line.startswith(_READY):
                    return Program(line.removeprefix(_READY).decode().strip())
                told.append(line.decode(errors="replace"))
    message = f"The kiosk doesn't come up: {''.join(told[-3:]).strip() or 'it says nothing'}"
    raise HubError(message)


async def _kept(process: asyncio.subprocess.Process, file: Path) -> None:
    """Keep what the program says, so that its pipe is never full."""
    with file.open("ab") as log:
        async for line in _lines(process):
            log.write(line)
            log.flush()


async def _lines(process: asyncio.subprocess.Process) -> AsyncIterator[bytes]:
    if process.stdout is not None:
        async for line in process.stdout:
            yield line


async def _ended(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(_END):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
