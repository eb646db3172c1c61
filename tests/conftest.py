"""Fixtures that every room's tests share, and the order of the files."""

from itertools import groupby

import pytest

from tests.support.cards import card_folder, card_maker, daemon, issuer, readers, slot
from tests.support.cli import desk, desk_on_sqlite, log_of_its_own, shell
from tests.support.databases import database_url, lent, postgres, sqlite_template
from tests.support.factory import hub, people
from tests.support.inbound_smtp import office, office_on_sqlite
from tests.support.journeys import looking_often
from tests.support.kiosk_hub import counter, counter_on_sqlite
from tests.support.kiosk_process import corner
from tests.support.running_hub import house, house_on_sqlite
from tests.support.slack_hub import chat, chat_on_socket

__all__ = [
    "card_folder",
    "card_maker",
    "chat",
    "chat_on_socket",
    "corner",
    "counter",
    "counter_on_sqlite",
    "daemon",
    "database_url",
    "desk",
    "desk_on_sqlite",
    "house",
    "house_on_sqlite",
    "hub",
    "issuer",
    "lent",
    "log_of_its_own",
    "looking_often",
    "office",
    "office_on_sqlite",
    "people",
    "postgres",
    "readers",
    "shell",
    "slot",
    "sqlite_template",
]

# How many other files run between two slow ones.
_BETWEEN = 3


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start slow files early and between others: they mostly wait, and none of them is left for the end."""
    files = [list(group) for _, group in groupby(items, key=lambda item: item.path)]
    slow = [group for group in files if group[0].get_closest_marker("slow")]
    others = iter([group for group in files if not group[0].get_closest_marker("slow")])
    ordered: list[pytest.Item] = []
    for group in slow:
        ordered += group
        for _ in range(_BETWEEN):
            ordered += next(others, [])
    for group in others:
        ordered += group
    items[:] = ordered
