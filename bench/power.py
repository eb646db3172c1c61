"""What a power cut costs after the disk has failed once: promises made, and how many of them are missing."""

import asyncio
import random
import shutil
import sqlite3
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

from tortoise.exceptions import OperationalError

from bench.figures import spread
from demo.failing_disk import FailingDisk
from models.database import connected, migrate
from models.lease import Lease
from models.queries import fresh, insert

_CUTS = 100
_WRITERS = 16
# Promises before the disk fails, at the most, and after it.
_BEFORE, _AFTER = 60, 40
_ANY_TIME = datetime(2026, 1, 1, tzinfo=UTC)


async def run() -> None:
    """Cut the power again and again, each time after a failed sync among many commits at once."""
    chance = random.Random(1)
    promised, missing, refused = [], [], []
    with tempfile.TemporaryDirectory() as kept:
        template = Path(kept) / "template.db"
        await migrate(f"sqlite:///{template}")
        for number in range(_CUTS):
            folder = Path(kept) / str(number)
            folder.mkdir()
            shutil.copyfile(template, folder / "tegata.db")
            outcome = await _one_cut(folder, chance)
            promised.append(outcome[0])
            missing.append(outcome[1])
            refused.append(outcome[2])
    print(spread("promises before a power cut", promised))
    print(spread("commits refused after the failed sync", refused))
    print(spread("promises missing after it", missing, most=0))
    print(f"{sum(promised)} promises at {_CUTS} cuts, {sum(missing)} missing")


async def _one_cut(folder: Path, chance: random.Random) -> tuple[int, int, int]:
    file = folder / "tegata.db"
    disk = FailingDisk(file)
    kept: list[str] = []
    refused = 0
    fails_at: int | None = chance.randrange(_BEFORE)
    with patch("models.engines.wal_sync._keep", disk):
        async with connected(f"sqlite:///{file}"):

            async def write() -> None:
                nonlocal fails_at, refused
                while len(kept) < _BEFORE + _AFTER:
                    name = f"{chance.getrandbits(64):x}"
                    if fails_at is not None and len(kept) >= fails_at:
                        fails_at, disk.fails_next = None, True
                    try:
                        await insert(fresh(Lease, name=name, holder="bench", until=_ANY_TIME))
                    except OperationalError:
                        refused += 1
                        continue
                    kept.append(name)

            await asyncio.gather(*(write() for _ in range(_WRITERS)))
            after = folder / "after.db"
            after.write_bytes(file.read_bytes())
            after.with_name("after.db-wal").write_bytes(disk.platter)
    rows = sqlite3.connect(after).execute('SELECT "name" FROM "lease"').fetchall()
    return len(kept), len(set(kept) - {name for (name,) in rows}), refused
