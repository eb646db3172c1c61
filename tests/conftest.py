"""Fixtures that every room's tests share."""

from tests.databases import database_url, postgres, sqlite_template
from tests.house import house, house_on_sqlite
from tests.people import hub, people

__all__ = ["database_url", "house", "house_on_sqlite", "hub", "people", "postgres", "sqlite_template"]
