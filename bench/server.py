"""A hub in a process of its own, started as an operator would, with what it costs."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from time import monotonic

import aiohttp

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_LONGEST_START = 20.0


@dataclass(frozen=True)
class Server:
    """A running hub."""

    pid: int
    url: str
    ready_after: float

    def processor_seconds(self) -> float:
        """Read how much processor time it has used, all threads together."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def resident_mib(self) -> float:
        """Read how much memory it holds."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * _PAGE / 2**20


def free_port() -> int:
    """Find a port nobody listens at."""
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def serving(
    folder: Path, database_url: str, smtp_port: int, *, doors: Sequence[str] = (), **more: str
) -> AsyncIterator[Server]:
    """Run `tegata serve` with some of the doors, or all, on a migrated database; gives it once it is ready."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings = {
        "TEGATA_MODE": "demo",
        "TEGATA_ORIGIN": url,
        "TEGATA_LISTEN": f"127.0.0.1:{port}",
        # Where there are no pages, this tells that it is ready.
        "TEGATA_METRICS_LISTEN": "" if not doors or "web" in doors else f"127.0.0.1:{port}",
        "TEGATA_DATABASE_URL": database_url,
        "TEGATA_KEYS_FILE": str(folder / "keys.json"),
        "TEGATA_SMTP_URL": f"smtp://127.0.0.1:{smtp_port}?starttls=never",
        "TEGATA_MAIL_FROM": "Tegata <tegata@portal.test>",
        "TEGATA_CAMPUS_NETWORKS": "127.0.0.0/8",
        "TEGATA_LOG_LEVEL": "error",
        **more,
    }
    async with _running(folder, url, ["serve", *doors], settings) as server:
        yield server


@asynccontextmanager
async def demonstrating(folder: Path, port: int) -> AsyncIterator[Server]:
    """Run `tegata demo` on the data in a folder; gives it once it is ready."""
    command = ["demo", "--folder", str(folder), "--port", str(port)]
    async with _running(folder, f"http://127.0.0.1:{port}", command, {}) as server:
        yield server


@asynccontextmanager
async def _running(folder: Path, url: str, command: list[str], settings: dict[str, str]) -> AsyncIterator[Server]:
    # The measuring shell's own settings must not leak in.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TEGATA_")}  # noqa: TID251
    program = str(Path(sys.executable).with_name("tegata"))
    began = monotonic()
    process = await asyncio.create_subprocess_exec(
        program, *command, env={**environment, **settings}, cwd=folder, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        await _ready(url, process)
        yield Server(process.pid, url, monotonic() - began)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _ready(url: str, process: asyncio.subprocess.Process) -> None:
    async with aiohttp.ClientSession() as client, asyncio.timeout(_LONGEST_START):
        while process.returncode is None:
            try:
                async with client.get(f"{url}/health/ready") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                await asyncio.sleep(0.005)
    message = f"tegata ended with {process.returncode}"
    raise RuntimeError(message)
