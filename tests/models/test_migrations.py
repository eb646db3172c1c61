"""The schema: made from nothing on both engines, with its indexes; an older one is refused by name."""

import asyncio
import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from tortoise import Model
from tortoise.connection import get_connections
from tortoise.context import TortoiseContext
from tortoise.indexes import Index
from tortoise.migrations.api.migrate import migrate as apply_migrations

from hub.context import OldSchemaError, opened
from models.database import BadDatabaseUrlError, configuration, connected, migrate, missing_migrations
from models.delivery import Delivery
from models.indexes import BeginningIndex
from models.login import Login
from models.session import Session
from tests.support.databases import ENGINES, execute
from tests.support.factory import settings_for

pytestmark = pytest.mark.slow

_numbers = count(1)


@pytest.fixture(params=ENGINES)
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without a single table, once on each engine."""
    if request.param == "sqlite":
        (tmp_path / "empty.db").touch(mode=0o600)
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    url = request.getfixturevalue("postgres")
    name = f"empty_{os.getpid()}_{next(_numbers)}"
    asyncio.run(execute(url.format("postgres"), f'CREATE DATABASE "{name}" TEMPLATE template0'))
    yield url.format(name)
    asyncio.run(execute(url.format("postgres"), f'DROP DATABASE "{name}" WITH (FORCE)'))


async def _indexes() -> set[tuple[str, tuple[str, ...], bool]]:
    """Read every index: its table, its columns in order, whether it is unique."""
    (connection,) = get_connections().all()
    if connection.capabilities.dialect == "postgres":
        rows = await connection.execute_query_dict(
            "SELECT t.relname AS of_table, i.indisunique AS is_unique,"
            " array_agg(a.attname::text ORDER BY array_position(i.indkey::int2[], a.attnum)) AS columns"
            " FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid"
            " JOIN pg_namespace n ON n.oid = t.relnamespace AND n.nspname = 'public'"
            " JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = ANY(i.indkey)"
            " GROUP BY i.indexrelid, t.relname, i.indisunique"
        )
        return {(row["of_table"], tuple(row["columns"]), row["is_unique"]) for row in rows}
    found = set()
    for table in await connection.execute_query_dict("SELECT name FROM sqlite_master WHERE type = 'table'"):
        for index in await connection.execute_query_dict(f'PRAGMA index_list("{table["name"]}")'):
            columns = await connection.execute_query_dict(f'PRAGMA index_info("{index["name"]}")')
            in_order = sorted(columns, key=lambda column: column["seqno"])
            named = tuple(column["name"] for column in in_order if column["name"])
            found.add((table["name"], named, bool(index["unique"])))
    return found


def _plain(index: Index) -> list[str]:
    """Give an index's columns without those that it holds a part of; neither engine names them."""
    return index.fields[1:] if isinstance(index, BeginningIndex) else index.fields


def _wanted(model: type[Model]) -> set[tuple[str, tuple[str, ...], bool]]:
    """Name the indexes that a model asks for, but its primary key's."""
    meta = model._meta

    def columns(fields: tuple[str, ...] | list[str]) -> tuple[str, ...]:
        return tuple(meta.fields_db_projection.get(name, f"{name}_id") for name in fields)

    wanted = {(meta.db_table, columns(_plain(index)), False) for index in meta.indexes if not isinstance(index, tuple)}
    wanted |= {(meta.db_table, columns(together), True) for together in meta.unique_together}
    for name, column in meta.fields_db_projection.items():
        field = meta.fields_map[name]
        if not field.pk and (field.unique or field.index):
            wanted.add((meta.db_table, (column,), bool(field.unique)))
    return wanted


async def test_the_schema_is_made_from_nothing_with_every_index(empty_database: str) -> None:
    """Each table, each index and each uniqueness that the models ask for stands after migrating, on both engines."""
    applied = await migrate(empty_database)
    assert applied
    assert await migrate(empty_database) == []
    async with connected(empty_database) as context:
        assert await missing_migrations(context) == []
        assert context.apps is not None
        models = list(context.apps["models"].values())
        assert len(models) >= 12
        found = await _indexes()
        wanted = set[tuple[str, tuple[str, ...], bool]]().union(*(_wanted(model) for model in models))
        assert len(wanted) > 25
        assert wanted - found == set()
        for model in models:
            assert await model.all().count() == 0


async def _written(table: str, **columns: object) -> None:
    """Write a row as a release of before did, whatever the models say by now."""
    (connection,) = get_connections().all()
    names = ", ".join(f'"{name}"' for name in columns)
    is_postgres = connection.capabilities.dialect == "postgres"
    marks = ", ".join(f"${place}" if is_postgres else "?" for place in range(1, len(columns) + 1))
    await connection.execute_query(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', list(columns.values()))


async def test_an_upgrade_keeps_every_row_of_the_first_release(empty_database: str) -> None:
    """A database with a login under way goes through all migrations; what refers to what still does."""
    config = configuration(empty_database)
    async with TortoiseContext():
        await apply_migrations(config=config, target="models.0001_initial")
    async with connected(empty_database):
        await _written("account", id=7, name="Taro", folded="taro", password_hash="$", language="", created_at=1)
        where_to = {"address": "t@mail.test", "address_folded": "t@mail.test", "label": "home"}
        contact = {"id": 8, "account_id": 7, "channel": "mail", **where_to, "label_folded": "home"}
        await _written("contact", **contact, added_at=1, confirmed_at=2, suspended_why="")
        asked = {
            "kind": "one_time_password",
            "purpose": "login",
            "slot": "code:8",
            "key": "k",
            "nonce": b"n" * 16,
            "cells": "",
        }
        await _written("challenge", id=9, account_id=7, contact_id=8, **asked, tries_left=3, issued_at=3)
        visit = {"address": "10.0.0.1", "browser": "Firefox"}
        times = {"begun_at": 3, "expires_at": 9}
        await _written("login", id=10, digest="d", account_id=7, challenge_id=9, chosen="contact:8", **visit, **times)
        letter = {"channel": "mail", "letter": "code", "urgency": 0, "notice": "", **where_to, "about": ""}
        told = {"language": "en", "message_id": "<m>", "asked_from": "", "asked_with": "", "lease": "", "reply": ""}
        refers = {"account_id": 7, "contact_id": 8, "challenge_id": 9}
        await _written("delivery", id=11, **refers, **letter, **told, posted_at=3, expires_at=9, attempts=0)
        held = {"digest": "e", "account_id": 7, "contact_id": 8, "amr": "pwd otp mfa", "zone": "on-campus", **visit}
        await _written("session", id=12, **held, opened_at=4, seen_at=4, expires_at=9)
    applied = await migrate(empty_database)
    assert "0005_approvals" in applied
    async with connected(empty_database):
        login = await Login.get(id=10).select_related("account", "challenge__contact")
        assert (login.account.name, login.account.codes_blocked_until) == ("Taro", None)
        assert login.challenge is not None
        assert (login.challenge.slot, login.challenge.approved_at) == ("code:8", None)
        assert login.challenge.contact is not None
        contact_row = login.challenge.contact
        assert (contact_row.label, contact_row.shown, contact_row.hides_code) == ("home", "", False)
        sent = await Delivery.get(id=11)
        assert (sent.challenge_id, sent.remote, sent.fades_at, sent.disowned_at) == (9, "", None, None)
        session = await Session.get(id=12)
        assert (session.contact_id, session.login_id) == (8, None)


async def test_the_outbox_is_claimed_by_its_index(empty_database: str) -> None:
    """Without it a login falls to a hundredth of its speed."""
    await migrate(empty_database)
    async with connected(empty_database):
        assert ("delivery", ("channel", "urgency", "due_at"), False) in await _indexes()
        (connection,) = get_connections().all()
        if connection.capabilities.dialect == "sqlite":
            plan = await connection.execute_query_dict(
                "EXPLAIN QUERY PLAN SELECT id FROM delivery WHERE channel = 'mail' AND urgency = 0 AND due_at <= 1"
                " AND expires_at > 1 ORDER BY due_at LIMIT 5"
            )
            assert any("USING INDEX" in row["detail"] for row in plan), plan
            assert not any("TEMP B-TREE" in row["detail"] for row in plan), plan


async def test_an_old_schema_is_refused_and_the_command_named(empty_database: str, tmp_path: Path) -> None:
    """The hub does not open on a database that lacks migrations, and changes nothing there."""
    settings = settings_for(empty_database, tmp_path)
    with pytest.raises(OldSchemaError, match=r"lacks 0001_initial.*: run `tegata migrate`\."):
        async with opened(settings):
            pytest.fail("it opened")
    await migrate(empty_database)
    async with opened(settings):
        pass


async def test_the_hub_opens_again_after_it_was_refused(database_url: str, tmp_path: Path) -> None:
    """One that lacks only its last migration is refused too: a row of the record was taken away."""
    async with connected(database_url):
        (connection,) = get_connections().all()
        await connection.execute_script("DELETE FROM tortoise_migrations")
    with pytest.raises(OldSchemaError):
        async with opened(settings_for(database_url, tmp_path)):
            pytest.fail("it opened")


async def test_a_file_that_is_not_there_is_a_mistake_and_not_a_new_database(tmp_path: Path) -> None:
    """A mistyped path names the command; nothing is made."""
    file = tmp_path / "mistyped.db"
    with pytest.raises(BadDatabaseUrlError, match=r"not there yet: run `tegata migrate`"):
        async with opened(settings_for(f"sqlite:///{file}", tmp_path)):
            pytest.fail("it opened")
    assert not file.exists()


def test_a_new_database_file_is_its_owners_alone(tmp_path: Path) -> None:
    """Made by migrating, it is readable by nobody else, whatever the umask."""
    file = tmp_path / "new.db"
    before = os.umask(0)
    try:
        asyncio.run(migrate(f"sqlite:///{file}"))
    finally:
        os.umask(before)
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("url", ["", "x", "mysql://a@b/c", "sqlite:", "postgres:/x", "postgres://a@b:port/c"])
def test_what_is_no_database_url_says_how_one_is_written(url: str) -> None:
    """And does not repeat it, for it may hold a password."""
    with pytest.raises(BadDatabaseUrlError) as refusal:
        configuration(url)
    assert "b:port" not in str(refusal.value)
