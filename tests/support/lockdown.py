"""A kiosk's program with the browser's policy in force: in a mount namespace, so that other browsers are left alone."""

import os
import sys
from collections.abc import Sequence

_INSIDE = 'mount -t tmpfs -o mode=755 none /etc/chromium && "$0" -m reader_kiosk policy >/dev/null && exec "$@"'


def program(*words: str) -> Sequence[str]:
    """Give the command of a kiosk's program that writes the policy first, as root does on a kiosk."""
    return (*namespace(), "sh", "-c", _INSIDE, sys.executable, sys.executable, "-m", "reader_kiosk", *words)


def unlocked() -> Sequence[str]:
    """Give the command of a kiosk's program on a machine where nobody wrote the policy."""
    bare = 'mount -t tmpfs -o mode=755 none /etc/chromium && exec "$@"'
    return (*namespace(), "sh", "-c", bare, "sh", sys.executable, "-m", "reader_kiosk")


def namespace() -> Sequence[str]:
    """Give the command that makes a mount namespace; as somebody else than root it needs user namespaces."""
    return ("unshare", "--mount") if os.geteuid() == 0 else ("unshare", "--map-root-user", "--mount")
