"""The plain statements of the paths that are hot: their text is built once for each shape, only the values change.

Tortoise builds every query anew, which takes it three to ten times as long as the database takes to answer. What needs
more than conditions joined by AND (joins, sums, groups) is tortoise's still.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Generic, TypeVar

from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.context import require_context
from tortoise.exceptions import DoesNotExist, OperationalError
from tortoise.fields import Field
from tortoise.models import Model
from tortoise.queryset import QuerySet
from tortoise.transactions import in_transaction

from models.engines.sqlite import ImmediateClient, ImmediateWrapper
from models.fields import instant

Row = TypeVar("Row", bound=Model)
_COMPARISONS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
# What stands for "no value needed": the condition's text says it all.
_NULL = "null"
_NOT_NULL = "notnull"
# Kinds of values that both drivers give back as they are used.
_AS_THEY_ARE = {int, str, bytes}


def where(model: type[Row], **conditions: Any) -> "Where[Row]":
    """Name the rows that meet all conditions: equal, None, or `__gt`, `__gte`, `__lt`, `__lte`, `__in`, `__isnull`.

    The words are tortoise's own, so that who reads one reads the other.
    """
    return Where(model, conditions)


def beginning(model: type[Row], column: str, prefix: str) -> QuerySet[Row]:
    """Choose the rows whose column begins with this.

    On SQLite a range is named as well, which the index finds; its LIKE reads every row. PostgreSQL orders text by the
    database's collation, in which a range is no prefix.
    """
    chosen = model.filter(**{f"{column}__startswith": prefix})
    if _dialect(_connection()) == "postgres":
        return chosen
    behind = prefix[:-1] + chr(ord(prefix[-1]) + 1)
    return chosen.filter(**{f"{column}__gte": prefix, f"{column}__lt": behind})


class Where(Generic[Row]):
    """Some rows of one table, to be read or changed by one statement."""

    __slots__ = ("_conditions", "_model")

    def __init__(self, model: type[Row], conditions: dict[str, Any]) -> None:
        self._model = model
        self._conditions = conditions

    async def first(self, *, order_by: str = "") -> Row | None:
        """Read one row, the first in this order (a leading minus turns it round); None when there is none."""
        found = await self.all(order_by=order_by, limit=1)
        return found[0] if found else None

    async def one(self) -> Row:
        """Read the one row there is; DoesNotExist when there is none."""
        found = await self.first()
        if found is None:
            raise DoesNotExist(self._model)
        return found

    async def first_with(self, *related: str) -> Row | None:
        """Read one row and the rows that these of its foreign keys name, in one statement; None when there is none."""
        shape, values = _shaped(self._conditions)
        connection = _connection()
        text, models = _joined(self._model, related, shape, _dialect(connection))
        found = await _read(connection, text, values)
        if not found:
            return None
        columns = iter(found[0])
        row = _built(self._model, columns)
        for name, model in zip(related, models, strict=True):
            other = _built(model, columns)
            setattr(row, name, other if other.pk is not None else None)
        return row

    async def all(self, *, order_by: str = "", limit: int = 0) -> list[Row]:
        """Read the rows, `limit` at most when it is given."""
        shape, values = _shaped(self._conditions)
        connection = _connection()
        found = await _read(connection, _select(self._model, shape, order_by, limit, _dialect(connection)), values)
        return [_built(self._model, iter(row)) for row in found]

    async def hold(self) -> None:
        """Keep the rows from being changed by others until the transaction ends.

        PostgreSQL locks them, leaving rows that only refer to them free; on SQLite the transaction is the only writer
        anyway.
        """
        connection = _connection()
        dialect = _dialect(connection)
        if dialect == "postgres":
            shape, values = _shaped(self._conditions)
            await _read(connection, f"{_select(self._model, shape, '', 0, dialect)} FOR NO KEY UPDATE", values)

    async def count(self) -> int:
        """Count the rows."""
        shape, values = _shaped(self._conditions)
        connection = _connection()
        ((counted,),) = await _read(connection, _count(self._model, shape, _dialect(connection)), values)
        return int(counted)

    async def update(self, **changes: Any) -> int:
        """Change the rows; returns how many met the conditions."""
        shape, values = _shaped(self._conditions)
        new = [_checked(self._model, name, value) for name, value in changes.items()]
        connection = _connection()
        text = _update(self._model, tuple(changes), shape, _dialect(connection))
        return len(await _wrote(connection, text, [*new, *values]))

    async def delete(self) -> int:
        """Drop the rows; returns how many there were."""
        shape, values = _shaped(self._conditions)
        connection = _connection()
        return len(await _wrote(connection, _delete(self._model, shape, _dialect(connection)), values))


def fresh(model: type[Row], **values: Any) -> Row:
    """Make a row that is to be written, as calling the model would, which takes the ORM six times as long.

    What is not named has its default; a TypeError for what is no column.
    """
    frame, defaults = _fresh_plan(model)
    if not values.keys() <= defaults.keys():
        message = f"{model.__name__} has no column {', '.join(sorted(values.keys() - defaults.keys()))}"
        raise TypeError(message)
    row = model.__new__(model)
    row.__dict__.update(frame, _await_when_save={}, **defaults | values)
    return row


async def insert(row: Model) -> None:
    """Write a new row, and give it its id; an IntegrityError when one of its unique columns is taken."""
    if not await _inserted(row, ""):
        message = f"{row._meta.db_table}: nothing was written"  # noqa: SLF001 - tortoise keeps a table's name there
        raise OperationalError(message)


async def insert_numbered(row: Model) -> None:
    """Write a new row under the id that it has already, one of those that `reserved` gave."""
    model, connection = type(row), _connection()
    columns = ("id", *_columns(model))
    text = _insert(model, columns, "", _dialect(connection))
    await _wrote(connection, text, [_checked(model, name, getattr(row, name)) for name in columns])
    row.__dict__.update(_saved_in_db=True)


async def reserved(model: type[Model], number: int) -> list[int]:
    """Take the next ids of a table for rows that must know theirs before they are written.

    On SQLite they follow on one another, and a transaction that is undone gives them back; a sequence of PostgreSQL
    leaves gaps.
    """
    connection = _connection()
    table = model._meta.db_table  # noqa: SLF001
    if _dialect(connection) == "postgres":
        text = f"SELECT nextval(pg_get_serial_sequence('{table}', 'id')) AS n FROM generate_series(1, $1::int)"  # noqa: S608
        return sorted(int(n) for (n,) in await _read(connection, text, [number]))
    # A table of SQLite's own, which holds the highest id that each table ever had.
    text = 'UPDATE "sqlite_sequence" SET "seq" = "seq" + ?2 WHERE "name" = ?1 RETURNING "seq"'
    found = await _wrote(connection, text, [table, number])
    if not found:
        text = 'INSERT INTO "sqlite_sequence" ("name", "seq") VALUES (?1, ?2) RETURNING "seq"'
        found = await _wrote(connection, text, [table, number])
    ((last,),) = found
    return list(range(int(last) - number + 1, int(last) + 1))


async def last_reserved(model: type[Model]) -> tuple[int, bool]:
    """Tell the highest id that a table ever had, and whether ids without a row show that rows are gone."""
    connection = _connection()
    table = model._meta.db_table  # noqa: SLF001
    if _dialect(connection) == "postgres":
        text = "SELECT COALESCE(pg_sequence_last_value(pg_get_serial_sequence($1, 'id')::regclass), 0)"
        ((last,),) = await _read(connection, text, [table])
        return int(last), False
    found = await _read(connection, 'SELECT "seq" FROM "sqlite_sequence" WHERE "name" = ?1', [table])
    return (int(next(iter(found[0]))) if found else 0), True


async def insert_unless_taken(row: Model) -> bool:
    """Write a new row, and give it its id; False when one of its unique columns is taken, with nothing spoilt.

    Without a savepoint: a conflict is an answer here and no error, so PostgreSQL's transaction goes on.
    """
    return await _inserted(row, "ON CONFLICT DO NOTHING ")


def dialect() -> str:
    """Name the dialect of SQL that the open database speaks: sqlite or postgres."""
    return _dialect(_connection())


async def read(text: str, **values: Any) -> list[dict[str, Any]]:
    """Run a quick read of the caller's own; `{name}` in its text stands where the value of that name goes."""
    connection = _connection()
    dialect = _dialect(connection)
    marks = {name: _mark(place, dialect) for place, name in enumerate(values, 1)}
    written = [_written(value) for value in values.values()]
    text = text.format(**marks)
    if isinstance(connection, ImmediateClient | ImmediateWrapper):
        return [dict(row) for row in await connection.at_once(text, written)]
    found: list[dict[str, Any]] = await connection.execute_query_dict(text, written)
    return found


async def change(model: type[Row], text: str, **values: Any) -> list[Row]:
    """Run a change of the caller's own, and give the rows that it touched as they are now.

    Of its text `{columns}` is what RETURNING names, `{skip_locked}` how rows that others hold are left out.
    """
    connection = _connection()
    dialect = _dialect(connection)
    marks = {name: _mark(place, dialect) for place, name in enumerate(values, 1)}
    marks["skip_locked"] = "FOR UPDATE SKIP LOCKED" if dialect == "postgres" else ""
    marks["columns"] = ", ".join(f'"{name}"' for name in model._meta.fields_db_projection)  # noqa: SLF001
    touched = await _wrote(connection, text.format(**marks), [_written(value) for value in values.values()])
    return [_built(model, iter(row)) for row in touched]


async def agree(number: int) -> None:
    """Keep others that name this number (64 bits, signed) waiting until the transaction ends.

    On SQLite the transaction is the only writer anyway.
    """
    connection = _connection()
    if _dialect(connection) == "postgres":
        await _read(connection, "SELECT pg_advisory_xact_lock($1)", [number])


async def write_each(text: str, rows: list[list[Any]]) -> None:
    """Run a quick write of the caller's own for each of some rows, in a transaction; what is big is not quick."""
    connection = _connection()
    if isinstance(connection, ImmediateWrapper):
        await connection.each_at_once(text, rows)
    else:
        await connection.execute_many(text, rows)


async def _inserted(row: Model, conflict: str) -> bool:
    model, connection = type(row), _connection()
    columns = _columns(model)
    text = _insert(model, columns, conflict, _dialect(connection))
    written = await _wrote(connection, text, [_checked(model, name, getattr(row, name)) for name in columns])
    if not written:
        return False
    (number,) = written[0]
    # What save() would note.
    row.__dict__.update(id=number, _saved_in_db=True)
    return True


def _shaped(conditions: dict[str, Any]) -> tuple[tuple[tuple[str, str, int], ...], list[Any]]:
    """Part conditions into what a statement's text depends on and the values that it is given."""
    shape: list[tuple[str, str, int]] = []
    values: list[Any] = []
    for key, value in conditions.items():
        name, _, operator = key.partition("__")
        if operator == "isnull":
            shape.append((name, _NULL if value else _NOT_NULL, 0))
        elif value is None:
            shape.append((name, _NULL, 0))
        elif operator == "in":
            shape.append((name, "in", len(value)))
            values += [_written(one) for one in value]
        else:
            shape.append((name, _COMPARISONS[operator] if operator else "=", 1))
            values.append(_written(value))
    return tuple(shape), values


def _checked(model: type[Model], name: str, value: Any) -> Any:
    """Give a value as it is written; the field refuses what is too long for it, which SQLite would take."""
    return model._meta.fields_map[name].to_db_value(value, model)  # noqa: SLF001


def _written(value: Any) -> Any:
    # Instants are the one kind of value that rests otherwise than it is used; an enum's value is its text.
    return instant(value) if isinstance(value, datetime) else value


async def _read(connection: BaseDBAsyncClient, text: str, values: list[Any]) -> Sequence[Iterable[Any]]:
    if isinstance(connection, ImmediateClient | ImmediateWrapper):
        return await connection.at_once(text, values)
    return [row.values() for row in await connection.execute_query_dict(text, values)]


async def _wrote(connection: BaseDBAsyncClient, text: str, values: list[Any]) -> Sequence[Iterable[Any]]:
    if isinstance(connection, ImmediateClient):
        # A transaction of its own, which is what it would be anyway, waits for the disk along with others'.
        async with in_transaction():
            return await _wrote(_connection(), text, values)
    if isinstance(connection, ImmediateWrapper):
        return await connection.at_once(text, values)
    return [row.values() for row in await connection.execute_query_dict(text, values)]


def _connection() -> BaseDBAsyncClient:
    connections = require_context().connections
    # What is open here and now, a transaction where there is one; `all` looks each alias up and asks for its loop.
    held = connections._storage  # noqa: SLF001
    if len(held) == 1:
        return next(iter(held.values()))
    (connection,) = connections.all()
    return connection


def _dialect(connection: BaseDBAsyncClient) -> str:
    return connection.capabilities.dialect


Shape = tuple[tuple[str, str, int], ...]


@lru_cache(maxsize=512)
def _select(model: type[Model], shape: Shape, order_by: str, limit: int, dialect: str) -> str:
    columns = ", ".join(f'"{name}"' for name in model._meta.fields_db_projection)  # noqa: SLF001
    text = f"SELECT {columns} FROM {_table(model)}{_conditions(shape, 1, dialect)}"  # noqa: S608 - names of ours
    if order_by:
        text += f' ORDER BY "{order_by.removeprefix("-")}"{" DESC" if order_by.startswith("-") else ""}'
    return f"{text} LIMIT {limit}" if limit else text


@lru_cache(maxsize=64)
def _joined(
    model: type[Model], related: tuple[str, ...], shape: Shape, dialect: str
) -> tuple[str, tuple[type[Model], ...]]:
    """Give the statement that reads a row with what it refers to, and the related models."""
    table = _table(model)
    models = tuple(model._meta.fields_map[name].related_model for name in related)  # type: ignore[attr-defined]  # noqa: SLF001
    columns = [f'{table}."{name}" AS ".{name}"' for name in model._meta.fields_db_projection]  # noqa: SLF001
    joins = ""
    for name, other in zip(related, models, strict=True):
        columns += [f'"{name}"."{column}" AS "{name}.{column}"' for column in other._meta.fields_db_projection]  # noqa: SLF001
        joins += f' LEFT JOIN {_table(other)} AS "{name}" ON "{name}"."id" = {table}."{name}_id"'
    conditions = _conditions(shape, 1, dialect, f"{table}.")
    return f"SELECT {', '.join(columns)} FROM {table}{joins}{conditions} LIMIT 1", models  # noqa: S608 - names of ours


def _built(model: type[Row], values: Iterator[Any]) -> Row:
    """Make the instance of a row whose columns come first among some values, as the ORM does at more length."""
    frame, columns = _plan(model)
    row = model.__new__(model)
    held = row.__dict__
    held.update(frame, _await_when_save={})
    for (name, made_of), value in zip(columns, values, strict=False):
        held[name] = value if made_of is None or value is None else made_of(value)
    return row


@lru_cache(maxsize=64)
def _plan(model: type[Model]) -> tuple[dict[str, Any], tuple[tuple[str, Callable[[Any], Any] | None], ...]]:
    """Give what the ORM keeps on an instance beside its columns, and the columns with what makes their values."""
    names = model._meta.fields_db_projection  # noqa: SLF001
    # The ORM's own way from a row to an instance, gone once for each model.
    sample = model._init_from_db(**dict.fromkeys(names))  # noqa: SLF001
    frame = {name: value for name, value in vars(sample).items() if name not in names}
    return frame, tuple((name, _maker(model._meta.fields_map[name])) for name in names)  # noqa: SLF001


@lru_cache(maxsize=64)
def _fresh_plan(model: type[Model]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give what the ORM keeps on a new instance beside its columns, and the columns' defaults."""
    # The ORM's own way to a new instance, gone once for each model.
    held = vars(model())
    names = model._meta.fields_db_projection  # noqa: SLF001
    defaults = {name: held.get(name) for name in names}
    # One default serves all rows, so it must be nothing that a row could change.
    if not all(value is None or isinstance(value, int | str | bytes) for value in defaults.values()):
        message = f"a default of {model.__name__} can be changed"
        raise TypeError(message)
    return {name: value for name, value in held.items() if name not in names}, defaults


def _maker(field: "Field[Any]") -> Callable[[Any], Any] | None:
    if type(field).to_python_value is not Field.to_python_value:
        return field.to_python_value
    return None if field.field_type in _AS_THEY_ARE else field.field_type


@lru_cache(maxsize=64)
def _count(model: type[Model], shape: Shape, dialect: str) -> str:
    return f'SELECT COUNT(*) AS "n" FROM {_table(model)}{_conditions(shape, 1, dialect)}'  # noqa: S608


@lru_cache(maxsize=256)
def _update(model: type[Model], names: tuple[str, ...], shape: Shape, dialect: str) -> str:
    changes = ", ".join(f'"{name}" = {_mark(place, dialect)}' for place, name in enumerate(names, 1))
    conditions = _conditions(shape, len(names) + 1, dialect)
    return f'UPDATE {_table(model)} SET {changes}{conditions} RETURNING "id"'  # noqa: S608


@lru_cache(maxsize=64)
def _delete(model: type[Model], shape: Shape, dialect: str) -> str:
    return f'DELETE FROM {_table(model)}{_conditions(shape, 1, dialect)} RETURNING "id"'  # noqa: S608


@lru_cache(maxsize=64)
def _columns(model: type[Model]) -> tuple[str, ...]:
    """Name what a new row is given; its id comes back."""
    return tuple(name for name in model._meta.fields_db_projection if name != "id")  # noqa: SLF001


@lru_cache(maxsize=64)
def _insert(model: type[Model], names: tuple[str, ...], conflict: str, dialect: str) -> str:
    columns = ", ".join(f'"{name}"' for name in names)
    marks = ", ".join(_mark(place, dialect) for place, _ in enumerate(names, 1))
    return f'INSERT INTO {_table(model)} ({columns}) VALUES ({marks}) {conflict}RETURNING "id"'  # noqa: S608


def _conditions(shape: Shape, place: int, dialect: str, table: str = "") -> str:
    parts = []
    for name, operator, number in shape:
        column = f'{table}"{name}"'
        if operator == _NULL:
            parts.append(f"{column} IS NULL")
        elif operator == _NOT_NULL:
            parts.append(f"{column} IS NOT NULL")
        elif operator == "in":
            marks = ", ".join(_mark(place + one, dialect) for one in range(number))
            parts.append(f"{column} IN ({marks})")
        else:
            parts.append(f"{column} {operator} {_mark(place, dialect)}")
        place += number
    return f" WHERE {' AND '.join(parts)}" if parts else ""


def _mark(place: int, dialect: str) -> str:
    return f"${place}" if dialect == "postgres" else f"?{place}"


def _table(model: type[Model]) -> str:
    return f'"{model._meta.db_table}"'  # noqa: SLF001
