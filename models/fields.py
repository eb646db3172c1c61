"""The field types that SQLite and PostgreSQL keep, compare and give back alike."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tortoise.fields import Field

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class InstantField(Field[datetime], datetime):
    """Keep an instant as whole microseconds since 1970 in UTC.

    SQLite compares timestamps as text, so `21:00+09:00` is "after" `12:00+00:00` there; a number compares
    rightly on every engine. A datetime without a zone is refused.
    """

    SQL_TYPE = "BIGINT"

    def to_db_value(self, value: Any, instance: Any) -> int | None:
        """Turn an aware datetime into microseconds; a ValueError for one without a zone."""
        if value is None or isinstance(value, int):
            return value
        return instant(value)

    def to_python_value(self, value: Any) -> datetime | None:
        """Turn microseconds into a datetime in UTC."""
        if value is None or isinstance(value, datetime):
            return value
        return _EPOCH + timedelta(microseconds=value)


def instant(moment: datetime) -> int:
    """Give an aware datetime as microseconds, as rows hold it; a ValueError for one without a zone."""
    if moment.tzinfo is None:
        message = "an instant needs a time zone"
        raise ValueError(message)
    return (moment - _EPOCH) // _MICROSECOND
