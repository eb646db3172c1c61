"""A hub in a process of its own, as `tegata serve` runs it, which can be killed at any moment."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from hub.settings import Settings
from tests.support.paths import ROOT
from tests.support.ports import free_port

_START = 20.0


@dataclass
class Child:
    """The process and where it listens."""

    process: asyncio.subprocess.Process
    url: str

    @property
    def memory(self) -> int:
        """How much of the machine's memory it holds, in bytes."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    async def kill(self) -> None:
        """End it at once, as a machine that loses its power does."""
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGKILL)
        await self.process.wait()


@asynccontextmanager
async def serving(
    settings: Settings,
    *,
    smtp_port: int,
    doors: Sequence[str] = (),
    files: int = 0,
    log: Path | None = None,
    **more: str,
) -> AsyncIterator[Child]:
    """Run `tegata serve` with these settings, and `more` variables, until the end, or until it is killed.

    It may open so many `files` if they are given, and logs to `log`.
    """
    port = free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("TEGATA_")},
        "TEGATA_MODE": "demo",
        "TEGATA_ORIGIN": f"http://127.0.0.1:{port}",
        "TEGATA_LISTEN": f"127.0.0.1:{port}",
        "TEGATA_METRICS_LISTEN": f"127.0.0.1:{port}" if doors else "",
        "TEGATA_DATABASE_URL": settings.database_url,
        "TEGATA_KEYS_FILE": str(settings.keys_file),
        "TEGATA_MAIL_FROM": settings.mail_from,
        "TEGATA_SMTP_URL": f"smtp://127.0.0.1:{smtp_port}?starttls=never",
        "TEGATA_ARGON2_MEMORY": str(settings.argon2_memory),
        "TEGATA_ARGON2_PASSES": str(settings.argon2_passes),
        "TEGATA_MAIL_DOMAIN": settings.mail_domain,
        "TEGATA_MAIL_LISTEN": settings.mail_listen,
        "TEGATA_LMTP_LISTEN": settings.lmtp_listen,
        "TEGATA_LOG_LEVEL": "error",
        **more,
    }
    root = str(ROOT)
    limited = ("prlimit", f"--nofile={files}:{files}") if files else ()
    program = (*limited, sys.executable, "-c", "from cli.main import main; main()", "serve", *doors)
    with log.open("w") if log else nullcontext() as stderr:
        process = await asyncio.create_subprocess_exec(*program, env=environment, cwd=root, stderr=stderr)
    child = Child(process, f"http://127.0.0.1:{port}")
    try:
        await _started(child)
        yield child
    finally:
        await child.kill()


async def _started(child: Child) -> None:
    async with asyncio.timeout(_START), aiohttp.ClientSession() as session:
        while True:
            assert child.process.returncode is None, "tegata serve ended by itself"
            with suppress(aiohttp.ClientError):
                async with session.get(f"{child.url}/health/live"):
                    return
            await asyncio.sleep(0.05)
