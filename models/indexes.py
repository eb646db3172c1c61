"""Indexes that tortoise has no words for: of the rows with a value alone, and of how a text begins."""

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


class BeginningIndex(Index):
    """An index on the first `LETTERS` of a text column, then on another column; a statement must name `beginning`."""

    LETTERS = 4

    def __init__(self, *, fields: tuple[str, ...] | list[str], name: str) -> None:
        super().__init__(fields=fields, name=name)

    @property
    def field_names(self) -> list[str]:
        """Give what is indexed: an expression, which tortoise leaves unquoted for its bracket, and a column."""
        text, other = self.fields
        return [f"({beginning(text)})", other]


def beginning(column: str) -> str:
    """Give the expression that such an index holds, in both engines' SQL."""
    return f'substr("{column}", 1, {BeginningIndex.LETTERS})'
