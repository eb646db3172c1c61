"""A hub in this process with one member who has one confirmed address, for what is measured below the pages."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from hub.accounts import accounts
from hub.context import Hub, opened
from hub.domain.request_context import Visit
from hub.security import keyring
from hub.settings import load
from models.database import migrate
from models.kinds import Zone

VISIT = Visit(datetime(2026, 4, 1, tzinfo=UTC), "10.0.0.1", Zone.ON_CAMPUS, "Firefox on Linux", "en")


@asynccontextmanager
async def hub_with_member(folder: Path, **more: str) -> AsyncIterator[Hub]:
    """Open a hub on a new SQLite file in a folder; `more` are settings beside the usual."""
    url = f"sqlite:///{folder / 'bench.db'}"
    keyring.create(folder / "keys.json", now=VISIT.now)
    await migrate(url)
    settings = load(
        {},
        mode="demo",
        origin="http://portal.test",
        database_url=url,
        keys_file=folder / "keys.json",
        mail_from="Tegata <tegata@portal.test>",
        argon2_memory=8,
        argon2_passes=1,
        **more,
    )
    async with opened(settings) as hub:
        await accounts.add(hub, VISIT, name="taro", password="correct horse battery")
        await accounts.add_contact(hub, VISIT, "taro", label="自宅", address="taro@mail.test")
        yield hub
