"""The PostgreSQL engine when its connections are lost at the worst moment."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from tortoise.connection import get_connection
from tortoise.exceptions import OperationalError
from tortoise.transactions import in_transaction

from models.database import connected
from models.lease import Lease
from tests.support.databases import execute


class Cutter:
    """A proxy in front of PostgreSQL that cuts a connection when a statement of a given text passes."""

    def __init__(self, socket: str) -> None:
        self._socket = socket
        self.cut_at = b""
        self.cuts = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection's bytes both ways."""
        up_reader, up_writer = await asyncio.open_unix_connection(self._socket)

        async def down() -> None:
            while data := await up_reader.read(65536):
                writer.write(data)
            writer.close()

        carrying = asyncio.create_task(down())
        try:
            while data := await reader.read(65536):
                if self.cut_at and self.cut_at in data:
                    self.cut_at = b""
                    self.cuts += 1
                    break
                up_writer.write(data)
        finally:
            carrying.cancel()
            writer.close()
            up_writer.close()


@asynccontextmanager
async def _cut(url: str) -> AsyncIterator[tuple[Cutter, str]]:
    parts = urlsplit(url)
    folder = parse_qs(parts.query)["host"][0]
    cutter = Cutter(f"{folder}/.s.PGSQL.5432")
    server = await asyncio.start_server(cutter.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield cutter, f"postgres://postgres:@127.0.0.1:{port}{parts.path}"
    finally:
        server.close()


@pytest.fixture
async def cut_database(postgres: str) -> AsyncIterator[tuple[Cutter, str]]:
    """A database behind a proxy that cuts connections, and its URL."""
    await execute(postgres.format("postgres"), 'CREATE DATABASE "cut" TEMPLATE template')
    try:
        async with _cut(postgres.format("cut")) as found:
            yield found
    finally:
        await execute(postgres.format("postgres"), 'DROP DATABASE "cut" WITH (FORCE)')


@pytest.mark.parametrize("text", [b"BEGIN", b"COMMIT", b"SELECT 41"])
async def test_a_task_goes_on_after_a_connection_was_lost_in_a_transaction(
    cut_database: tuple[Cutter, str], text: bytes
) -> None:
    """Whichever statement the cut hits, the same task's next transaction works and is committed."""
    cutter, url = cut_database
    async with connected(url) as context:
        (outside,) = context.connections.all()
        await outside.execute_query("SELECT 1")
        cutter.cut_at = text
        with pytest.raises(OperationalError):
            async with in_transaction() as connection:
                await connection.execute_query("SELECT 41")
        assert cutter.cuts == 1
        assert get_connection(outside.connection_name) is outside
        async with in_transaction():
            await Lease.create(name="after", holder="x", until=datetime(2026, 1, 1, tzinfo=UTC))
        assert await Lease.filter(name="after").exists()


async def test_a_rollback_on_a_lost_connection_tells_what_failed_first(cut_database: tuple[Cutter, str]) -> None:
    """An error of the caller's own comes out as it is, even where the rollback can't be sent."""
    cutter, url = cut_database
    async with connected(url) as context:
        (outside,) = context.connections.all()
        cutter.cut_at = b"ROLLBACK"
        with pytest.raises(ZeroDivisionError):
            await _fail_in_transaction()
        assert get_connection(outside.connection_name) is outside
        async with in_transaction() as connection:
            await connection.execute_query("SELECT 1")


async def _fail_in_transaction() -> None:
    async with in_transaction() as connection:
        await connection.execute_query("SELECT 1")
        raise ZeroDivisionError


async def test_a_server_that_is_not_there_is_an_error_of_the_database() -> None:
    """A missing socket is no error of the program: doors say 503 and try again."""
    async with connected("postgres://postgres:@127.0.0.1:1/none"):
        with pytest.raises(OperationalError):
            await Lease.all().count()
        with pytest.raises(OperationalError):
            async with in_transaction():
                pass
