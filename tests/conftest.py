"""Fixtures that every room's tests share."""

from tests.chat import chat, chat_on_socket
from tests.counters import counter, counter_on_sqlite
from tests.databases import database_url, postgres, sqlite_template
from tests.house import house, house_on_sqlite
from tests.people import hub, people
from tests.postman import office, office_on_sqlite
from tests.shell import desk, desk_on_sqlite, shell

__all__ = [
    "chat",
    "chat_on_socket",
    "counter",
    "counter_on_sqlite",
    "database_url",
    "desk",
    "desk_on_sqlite",
    "house",
    "house_on_sqlite",
    "hub",
    "office",
    "office_on_sqlite",
    "people",
    "postgres",
    "shell",
    "sqlite_template",
]
