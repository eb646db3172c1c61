"""Starts browsers: each speaks over one connection, lives in a home of its own, and leaves nothing."""

import asyncio
import fcntl
import os
import select
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from signal import SIGKILL, SIGTERM

_ARGUMENTS = (
    # A pipe and not a port: through a port every program of this machine could read the pages.
    "--remote-debugging-pipe",
    "--no-startup-window",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-pinch",
    "--disable-features=Translate",
    "--disable-extensions",
    "--noerrdialogs",
    "--overscroll-history-navigation=0",
    "--password-store=basic",
)
# Nothing else of the environment: the kiosk's settings are not the browser's business.
_INHERITED = {"PATH", "LANG", "LANGUAGE", "TZ", "DISPLAY", "XAUTHORITY", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR"}
_PREFIX = "kiosk-browser-"
_ABOVE = 10
_PATIENCE = 3.0


class Launcher:
    """Runs a Chromium for each connection; `homes` is a folder on a tmpfs where there is one."""

    def __init__(self, command: Sequence[str], homes: Path) -> None:
        self._command, self._homes = command, homes

    def sweep(self) -> None:
        """Delete the homes that a launcher left which was killed."""
        for one in self._homes.glob(f"{_PREFIX}*"):
            owner = one.name.removeprefix(_PREFIX).partition("-")[0]
            if owner.isdecimal() and not Path("/proc", owner).exists():
                shutil.rmtree(one, ignore_errors=True)

    async def run(self, connection: socket.socket) -> None:
        """Run one browser until it ends or the other side hangs up; then end all of it and delete its home."""
        home = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=self._homes))
        try:
            async with _hung_up(connection) as hung_up:
                process = await self._started(connection, home)
                await _first(process.wait(), hung_up.wait())
                await _end(process)
        finally:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
            await asyncio.to_thread(_delete, home)

    async def _started(self, connection: socket.socket, home: Path) -> asyncio.subprocess.Process:
        # Chromium reads at 3 and writes at 4; dash would take no number above 9 here.
        number = fcntl.fcntl(connection.fileno(), fcntl.F_DUPFD_CLOEXEC, _ABOVE)
        inside = f'exec "$@" 3<&{number} 4>&{number} {number}<&-'
        more = ["--ozone-platform=wayland"] if "WAYLAND_DISPLAY" in os.environ else []
        try:
            return await asyncio.create_subprocess_exec(
                *("bash", "-c", inside, "bash", *self._command, *_ARGUMENTS, *more),
                f"--user-data-dir={home / 'profile'}",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                pass_fds=(number,),
                start_new_session=True,
                cwd=home,
                env=_environment(home),
            )
        finally:
            os.close(number)


def homes() -> Path:
    """Choose where browsers live: in the session's own folder, which is a tmpfs, or else where temporary files are."""
    own = Path(os.environ.get("XDG_RUNTIME_DIR", ""))
    return own if own.is_absolute() and os.access(own, os.W_OK) else Path(tempfile.gettempdir())


def _environment(home: Path) -> dict[str, str]:
    kept = {name: text for name, text in os.environ.items() if name in _INHERITED or name.startswith("LC_")}
    (home / "tmp").mkdir()
    folders = {"XDG_CONFIG_HOME": "config", "XDG_CACHE_HOME": "cache", "XDG_DATA_HOME": "data", "TMPDIR": "tmp"}
    own = {"HOME": home, **{name: home / folder for name, folder in folders.items()}}
    return kept | {name: str(path) for name, path in own.items()}


@asynccontextmanager
async def _hung_up(connection: socket.socket) -> AsyncIterator[asyncio.Event]:
    """Watch for the other side's end without reading what is the browser's to read."""
    event, loop = asyncio.Event(), asyncio.get_running_loop()
    with select.epoll() as poll:
        poll.register(connection.fileno(), select.EPOLLRDHUP | select.EPOLLHUP)
        loop.add_reader(poll.fileno(), event.set)
        try:
            yield event
        finally:
            loop.remove_reader(poll.fileno())


async def _first(*waits: object) -> None:
    tasks = [asyncio.ensure_future(one) for one in waits]  # type: ignore[call-overload]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in tasks:
            one.cancel()


async def _end(process: asyncio.subprocess.Process) -> None:
    _signal(process, SIGTERM)
    with suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE):
            await process.wait()
    # Each process that it started is of its group.
    _signal(process, SIGKILL)
    await process.wait()


def _signal(process: asyncio.subprocess.Process, number: int) -> None:
    # Not `terminate`: that asks first whether the child has ended, and then asyncio hears no more of its end.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _delete(home: Path) -> None:
    # A process that is just ending may write once more.
    for _ in range(5):
        shutil.rmtree(home, ignore_errors=True)
        if not home.exists():
            return
