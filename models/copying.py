"""Copying a whole SQLite database to PostgreSQL, for an installation that grows."""

from collections.abc import Callable
from typing import Any

from tortoise import Model
from tortoise.context import TortoiseContext
from tortoise.fields import BooleanField
from tortoise.fields.relational import ForeignKeyFieldInstance

from models.database import BadDatabaseUrlError, configuration

_BATCH = 1000
Progress = Callable[[str, int], None]


async def copy(source: str, target: str, progress: Progress) -> int:
    """Copy every row of `source` into the empty, migrated database `target`; returns how many rows.

    Both are database URLs; BadDatabaseUrlError when the target is not migrated or not empty, or the engines are others.
    The target is written in one transaction. `progress` is called with each table's name and rows.
    """
    names = [next(iter(configuration(url)["connections"])) for url in (source, target)]
    if names != ["sqlite", "postgres"]:
        message = "rows are copied from SQLite to PostgreSQL only; use the engine's own tools for a copy"
        raise BadDatabaseUrlError(message)
    copied = 0
    async with TortoiseContext() as context:
        await context.init(config=_both(source, target))
        reading, writing = (context.connections.get(name) for name in names)
        models = _ordered(context)
        await _refuse_unfit(writing, models)
        async with writing._in_transaction() as transaction:  # noqa: SLF001 - its public twin names one database only
            for model in models:
                rows = await _copy_table(model, reading, transaction)
                progress(model._meta.db_table, rows)  # noqa: SLF001
                copied += rows
    return copied


def _both(source: str, target: str) -> dict[str, Any]:
    first, second = configuration(source), configuration(target)
    return {**first, "connections": {**first["connections"], **second["connections"]}}


def _ordered(context: TortoiseContext) -> list[type[Model]]:
    """Order the tables so that each comes after those it refers to."""
    left = list(context.apps["models"].values()) if context.apps else []
    ordered: list[type[Model]] = []
    while left:
        ready = [model for model in left if _references(model) <= {*ordered, model}]
        ordered += ready
        left = [model for model in left if model not in ready]
    return ordered


def _references(model: type[Model]) -> set[type[Model]]:
    fields = model._meta.fields_map.values()  # noqa: SLF001
    return {field.related_model for field in fields if isinstance(field, ForeignKeyFieldInstance)}


async def _refuse_unfit(writing: Any, models: list[type[Model]]) -> None:
    for model in models:
        table = model._meta.db_table  # noqa: SLF001
        if await writing.execute_query_dict(f'SELECT 1 FROM "{table}" LIMIT 1'):  # noqa: S608 - our own table
            message = f"the target is not empty: {table} has rows"
            raise BadDatabaseUrlError(message)


async def _copy_table(model: type[Model], reading: Any, writing: Any) -> int:
    """Copy one table in pages by its key; the values of both engines are alike but for booleans."""
    meta = model._meta  # noqa: SLF001
    table, key = meta.db_table, meta.db_pk_column
    columns = list(meta.fields_db_projection.values())
    booleans = {meta.fields_db_projection[name] for name in meta.fields_db_projection if _is_boolean(meta, name)}
    names = ", ".join(f'"{column}"' for column in columns)
    marks = ", ".join(f"${place}" for place in range(1, len(columns) + 1))
    page = f'SELECT {names} FROM "{table}" {{where}} ORDER BY "{key}" LIMIT {_BATCH}'  # noqa: S608 - our own names
    insert = f'INSERT INTO "{table}" ({names}) VALUES ({marks})'  # noqa: S608 - the same
    copied, where, values = 0, "", list[Any]()
    while rows := await reading.execute_query_dict(page.format(where=where), values):
        await writing.execute_many(
            insert, [[_value(row[column], is_boolean=column in booleans) for column in columns] for row in rows]
        )
        copied, where, values = copied + len(rows), f'WHERE "{key}" > ?', [rows[-1][key]]
    if copied and meta.pk.generated:
        # The next id comes after the last one that was copied.
        latest = f'SELECT max("{key}") FROM "{table}"'  # noqa: S608 - the same
        await writing.execute_query(f"SELECT setval(pg_get_serial_sequence('{table}', '{key}'), ({latest}))")
    return copied


def _is_boolean(meta: Any, name: str) -> bool:
    return isinstance(meta.fields_map[name], BooleanField)


def _value(value: Any, *, is_boolean: bool) -> Any:
    return bool(value) if is_boolean and value is not None else value
