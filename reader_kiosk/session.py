"""The browser's side of the machine: runs as the browser's own user, and starts a browser for the kiosk's program."""

import asyncio
import pwd
import socket
import struct
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import structlog

from reader_kiosk.errors import KioskError
from reader_kiosk.launcher import Launcher, homes

SOCKET = Path("/run/tegata-browser/socket")
PROGRAM_USER = "tegata-kiosk"
_CREDENTIALS = struct.Struct("3i")
_log = structlog.get_logger(__name__)


async def serve(path: Path, command: Sequence[str], program_user: str) -> None:
    """Start a browser for each connection of the program's user, one at a time, for ever."""
    try:
        allowed = pwd.getpwnam(program_user).pw_uid
    except KeyError as error:
        message = f"There is no user {program_user} on this machine."
        raise KioskError(message) from error
    launcher = Launcher(command, homes())
    launcher.sweep()
    loop = asyncio.get_running_loop()
    with _listening(path) as listener:
        while True:
            connection, _ = await loop.sock_accept(listener)
            if (uid := peer(connection)) != allowed:
                _log.warning("kiosk.session-refused", uid=uid)
                connection.close()
                continue
            connection.settimeout(None)
            await launcher.run(connection)


def peer(connection: socket.socket) -> int:
    """Give the user at the other end of a UNIX socket."""
    told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(told)[1])


def _listening(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.settimeout(0)
    try:
        with suppress(FileNotFoundError):
            path.unlink()
        listener.bind(str(path))
        # Who connects is asked of the kernel.
        path.chmod(0o666)
        listener.listen(1)
    except OSError as error:
        listener.close()
        message = f"{path}: the browser's session cannot listen there ({error.strerror})."
        raise KioskError(message) from error
    return listener
