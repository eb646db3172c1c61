"""Ports for the servers that tests start, each drawn by one test alone.

They lie below what outgoing connections and `bind(0)` are given, and each process of tests draws from its own share: a
port that was free when it was drawn is free when its server comes to it.
"""

import os
import random
from socket import SO_REUSEADDR, SOL_SOCKET, socket

_FIRST, _LAST = 10_000, 32_000
_SHARES = 8
_SHARE = (_LAST - _FIRST) // _SHARES
# No browser opens a page there: the one port of these that the Fetch standard blocks.
_BLOCKED = 10_080
_process = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _SHARES
# Somewhere in the share: another run on this machine may be at it, too.
_drawn = random.randrange(_SHARE)


def free_port(*, row: int = 1) -> int:
    """Draw a port that nobody listens at, with as many after it as make a row."""
    global _drawn  # noqa: PLW0603 - what was drawn is drawn for the whole process
    while True:
        if _drawn + row > _SHARE:
            _drawn = 0
        port = _FIRST + _process * _SHARE + _drawn
        _drawn += row
        ports = range(port, port + row)
        if _BLOCKED not in ports and all(map(_is_free, ports)):
            return port


def _is_free(port: int) -> bool:
    with socket() as probe:
        # As servers do: a connection that has just ended holds nobody off.
        probe.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True
