"""The way to the rows: which engine, which schema, and whether it is up to date."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from tortoise.backends.base.config_generator import expand_db_url
from tortoise.context import TortoiseContext
from tortoise.exceptions import ConfigurationError
from tortoise.migrations.api.migrate import migrate as apply_migrations
from tortoise.migrations.executor import MigrationExecutor

_MODULES = [
    "models.account",
    "models.authenticator",
    "models.contact",
    "models.login",
    "models.delivery",
    "models.inbound",
    "models.session",
    "models.throttle",
    "models.event",
    "models.lease",
    "models.slack",
    "models.kiosk",
]
_IN_MEMORY = "sqlite://:memory:"
_EMBEDDED = "models.engines.sqlite"
_SERVER = "models.engines.postgres"
# FULL: a code that was accepted stays accepted, whatever happens to the machine.
_PRAGMAS = {"journal_mode": "WAL", "synchronous": "FULL", "busy_timeout": 5000, "foreign_keys": "ON"}


class BadDatabaseUrlError(ValueError):
    """The database's URL names no engine that Tegata runs on."""


def configuration(url: str) -> dict[str, Any]:
    """Give tortoise's configuration for a URL, `sqlite:///FILE` or `postgres://…`; else BadDatabaseUrlError."""
    connection = _connection(url)
    # One alias an engine: tortoise keeps prepared statements by alias, and a process of tests sees both engines.
    alias = "sqlite" if connection["engine"] == _EMBEDDED else "postgres"
    return {"connections": {alias: connection}, "apps": _apps(alias), "use_tz": True, "timezone": "UTC"}


def sqlite_file(url: str) -> Path | None:
    """Name the file behind a SQLite URL; None for another engine."""
    if not url.startswith("sqlite:") or url == _IN_MEMORY:
        return None
    path = str(_connection(url)["credentials"]["file_path"])
    # A URL of four slashes leaves two of them; a program would show the path so.
    return Path(f"/{path.lstrip('/')}" if path.startswith("//") else path)


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[TortoiseContext]:
    """Hold the database open; a file that isn't there is a mistake, not a new database."""
    file = sqlite_file(url)
    if file is not None and not file.exists():
        message = f"{file} is not there yet: run `tegata migrate`"
        raise BadDatabaseUrlError(message)
    async with TortoiseContext() as context:
        await context.init(config=configuration(url))
        yield context


async def migrate(url: str) -> list[str]:
    """Bring the schema up to date; returns the names of the migrations applied.

    A new file of the embedded engine is readable by its owner only.
    """
    _keep_private(url)
    applied: list[str] = []

    def note(event: str, _app: str, name: str) -> None:
        if event == "apply_done":
            applied.append(name)

    async with TortoiseContext():
        await apply_migrations(config=configuration(url), progress=note)
    return applied


async def missing_migrations(context: TortoiseContext) -> list[str]:
    """Name the migrations that the open database lacks, in order."""
    (connection,) = context.connections.all()
    # Tortoise takes a database that does not answer for an empty one.
    await connection.execute_query("SELECT 1")
    executor = MigrationExecutor(connection, _apps(connection.connection_name))
    return [str(step.migration.name) for step in await executor.plan()]


def _apps(alias: str) -> dict[str, Any]:
    return {"models": {"models": _MODULES, "default_connection": alias, "migrations": "models.migrations"}}


def _connection(url: str) -> dict[str, Any]:
    scheme, separator, rest = url.partition("://")
    if scheme == "postgresql":
        url = f"postgres://{rest}"
    if not separator or scheme not in {"sqlite", "postgres", "postgresql", "asyncpg"}:
        message = "write sqlite:///PATH/FILE or postgres://USER:PASSWORD@HOST:PORT/DATABASE"
        raise BadDatabaseUrlError(message)
    if scheme != "sqlite":
        _refuse_ambiguous(rest)
    try:
        connection: dict[str, Any] = expand_db_url(url)
    except (ConfigurationError, ValueError, KeyError) as error:
        message = "this is no database URL that can be read"
        raise BadDatabaseUrlError(message) from error
    if scheme != "sqlite":
        return {**connection, "engine": _SERVER}
    credentials = {**_PRAGMAS, **connection["credentials"]}
    return {"engine": _EMBEDDED, "credentials": credentials}


def _refuse_ambiguous(rest: str) -> None:
    """Refuse a URL whose user or password holds a sign that separates its parts: it would name another host."""
    authority = rest.partition("?")[0].partition("/")[0]
    user, separator, _host = authority.rpartition("@")
    ambiguous = rest.count("@") > bool(separator) or user.count(":") > 1 or "#" in rest
    if ambiguous:
        message = (
            "a sign in the user's name or the password separates the parts of a URL; write it percent-encoded:"
            " @ is %40, : is %3A, / is %2F, ? is %3F, # is %23, % is %25"
        )
        raise BadDatabaseUrlError(message)


def _keep_private(url: str) -> None:
    file = sqlite_file(url)
    if file is None or file.exists():
        return
    if not file.parent.is_dir():
        message = f"the folder {file.parent} is not there; make it first"
        raise BadDatabaseUrlError(message)
    with suppress(OSError):
        os.close(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600))


# The name that `tortoise makemigrations` reads; the schema is the same on every engine.
TORTOISE_ORM = configuration(_IN_MEMORY)
__all__ = ["BadDatabaseUrlError", "configuration", "connected", "migrate", "missing_migrations"]
