"""A smart card daemon of our own with a virtual reader, which leaves the machine's alone."""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

DRIVER = Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so")
PACKAGES = "pcscd vsmartcard-vpcd"
_COMPILED_IN = "/run/pcscd"
_START = 10.0
# What the C library takes for the name of a socket, with its end.
_LONGEST = 107
_CONFIGURATION = """\
FRIENDLYNAME "Virtual PCD"
DEVICENAME /dev/null:0x{port:04X}
LIBPATH {driver}
CHANNELID 0x{port:04X}
"""

# Root needs no users' name space, which a container may refuse.
_AS_ROOT = () if os.geteuid() == 0 else ("--map-root-user",)


class NoDaemonError(Exception):
    """The daemon didn't come up; the message says why."""


@dataclass
class Daemon:
    """A `pcscd` whose socket stands in a folder of ours; the reader's slots wait at `port` and the next one."""

    folder: Path
    port: int
    _process: asyncio.subprocess.Process | None = field(default=None, repr=False)

    @property
    def socket(self) -> Path:
        """What `PCSCLITE_CSOCK_NAME` has to say to whoever is to find this daemon."""
        return self.folder / "run" / "pcscd.comm"

    async def start(self, *, has_reader: bool = True) -> None:
        """Start it, and come back when it listens."""
        pcscd = program()
        if pcscd is None or not DRIVER.exists():
            message = f"There is no virtual card reader. Please type: sudo apt-get install {PACKAGES}"
            raise NoDaemonError(message)
        if len(os.fsencode(self.socket)) > _LONGEST:
            message = f"{self.socket}: too long for the name of a socket."
            raise NoDaemonError(message)
        run, readers = self.folder / "run", self.folder / "readers"
        for one in (run, readers):
            one.mkdir(parents=True, exist_ok=True)
        written = _CONFIGURATION.format(port=self.port, driver=DRIVER) if has_reader else ""
        (readers / "vpcd").write_text(written, encoding="ascii")
        # The daemon's folder is compiled in. In a name space of its own ours is put in that place, so that
        # several may run beside each other and beside the machine's, and nobody has to be root. What ends us ends it.
        inside = (
            f'cd "$1" && mount -t tmpfs tmpfs /run && mkdir {_COMPILED_IN} && mount --bind . {_COMPILED_IN}'
            ' && exec setpriv --pdeathsig TERM "$2" --foreground -c "$3"'
        )
        with (self.folder / "log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *("unshare", *_AS_ROOT, "--mount", "sh", "-c", inside, "sh"),
                *map(str, (run, pcscd, readers)),
                stdout=log,
                stderr=log,
            )
        self._process = process
        await self._listening(process)

    async def stop(self, *, at_once: bool = False) -> None:
        """End it; `at_once` as the out-of-memory killer does."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL if at_once else signal.SIGTERM)
        await process.wait()
        self.socket.unlink(missing_ok=True)

    async def _listening(self, process: asyncio.subprocess.Process) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_START):
                while process.returncode is None:
                    if await _answers(self.socket):
                        return
                    await asyncio.sleep(0.01)
        await self.stop(at_once=True)
        told = (self.folder / "log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
        message = f"The smart card daemon did not start: {told[-1] if told else 'it said nothing'}"
        raise NoDaemonError(message)


def program() -> str | None:
    """Find the machine's own daemon; None when it isn't installed."""
    return shutil.which("pcscd") or shutil.which("pcscd", path="/usr/sbin")


@asynccontextmanager
async def daemon(folder: Path, port: int) -> AsyncIterator[Daemon]:
    """Run a daemon with a virtual reader."""
    made = Daemon(folder, port)
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


async def _answers(socket: Path) -> bool:
    try:
        _reader, writer = await asyncio.open_unix_connection(socket)
    except OSError:
        return False
    writer.close()
    return True
