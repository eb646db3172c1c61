"""An index of the rows that have a value in its column at all: the few that are due among all that ever were."""

from typing import Any

from tortoise.indexes import Index


class PresentIndex(Index):
    """An index on one column that leaves out the rows without a value there, so that it stays small."""

    def __init__(self, *, fields: tuple[str, ...] | list[str], name: str | None = None) -> None:
        super().__init__(fields=fields, name=name)
        (column,) = self.fields
        self.extra: str = f' WHERE "{column}" IS NOT NULL'

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        """Give what makes it again, as migrations write it."""
        path, _, more = super().deconstruct()
        return path, [], more
