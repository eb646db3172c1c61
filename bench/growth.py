"""How long a page waits for a scheduled job, and what `audit verify` holds, on SQLite with a million old rows."""

import asyncio
import gc
import logging
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import structlog
from tortoise.models import Model

from bench.figures import spread
from hub.context import Hub, opened
from hub.domain.request_context import Visit
from hub.maintenance import gauges, jobs
from hub.security import audit, keyring
from hub.security.keyring import KeyRing
from hub.settings import Settings
from models.account import Account
from models.contact import Contact
from models.database import migrate
from models.delivery import Delivery
from models.event import Event, Segment
from models.fields import instant
from models.inbound import InboundMail
from models.kinds import EventKind, Zone
from models.login import Challenge, Login
from models.queries import fresh, where
from models.session import KnownBrowser, Session
from models.throttle import Throttle

_ACCOUNTS = int(os.environ.get("BENCH_ACCOUNTS", "100000"))  # noqa: TID251 - a measurement's size, no setting of the hub
_ROWS = int(os.environ.get("BENCH_ROWS", "1000000"))  # noqa: TID251
# A few of them are old enough to be dropped: what a busy hour leaves.
_OLD = 5000
# What the first seal finds.
_UNSEALED = 5000
_ROUNDS = 3
_MOST_WAIT = 50.0
_MAIL_FROM = "bench@mail.test"
Row = dict[str, Any]


async def run() -> None:
    """Fill a database, then run each job beside a page that reads rows, and verify the audit in another process."""
    # The seals belong into the log of a hub, not between the figures.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        file = folder / "tegata.db"
        began = time.perf_counter()
        keys = keyring.create(folder / "keys.json", now=datetime.now(UTC))
        await migrate(f"sqlite:///{file}")
        await asyncio.to_thread(_fill, file, keys)
        print(f"filled {_ACCOUNTS} accounts and {_ROWS} rows of each kind in {time.perf_counter() - began:.0f} s")
        settings = Settings(database_url=f"sqlite:///{file}", keys_file=folder / "keys.json", mail_from=_MAIL_FROM)
        async with opened(settings) as hub:
            # As `tegata serve` does.
            gc.collect()
            gc.freeze()
            for name, job in _JOBS.items():
                await _measured(hub, name, job)
        _verified(folder, settings)


async def _nothing(_hub: Hub, _now: datetime) -> object:
    return await asyncio.sleep(0.3)


async def _expire(hub: Hub, now: datetime) -> object:
    return await jobs.expire(hub, now)


async def _seal(hub: Hub, now: datetime) -> object:
    return await jobs.seal(hub, now)


async def _prune(hub: Hub, now: datetime) -> object:
    return await jobs.prune(hub, now)


async def _metrics(hub: Hub, now: datetime) -> object:
    return await gauges.look(hub, now=now)


async def _listed(_hub: Hub, _now: datetime) -> object:
    return await audit.listed(account_id=_ACCOUNTS // 2, limit=50)


_JOBS: dict[str, Callable[[Hub, datetime], Awaitable[object]]] = {
    "no job": _nothing,
    "expire": _expire,
    "seal": _seal,
    "prune, of which the first drops 5,000 rows a table": _prune,
    "metrics": _metrics,
    "audit list of an account": _listed,
}


@dataclass(slots=True)
class _Page:
    """A page that is asked for again and again, and the longest that it took, in ms."""

    longest: float = 0.0

    async def ask(self) -> None:
        number = 0
        while True:
            number = number % _ACCOUNTS + 1
            began = time.perf_counter()
            account = await where(Account, id=number).first()
            await where(Session, digest=f"{number:064d}").first()
            await Contact.filter(account_id=account.id if account else 0)
            self.longest = max(self.longest, (time.perf_counter() - began) * 1000)
            await asyncio.sleep(0.001)


async def _measured(hub: Hub, name: str, job: Callable[[Hub, datetime], Awaitable[object]]) -> None:
    waits, spans = [], []
    for _ in range(_ROUNDS):
        page = _Page()
        asking = asyncio.create_task(page.ask())
        await asyncio.sleep(0.05)
        began = time.perf_counter()
        await job(hub, datetime.now(UTC))
        spans.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(0.01)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        waits.append(page.longest)
    print(spread(f"a page beside {name}", waits, "ms", most=_MOST_WAIT, judged=max))
    print(spread("  the job itself", spans, "ms"))


def _verified(folder: Path, settings: Settings) -> None:
    """Run `tegata audit verify` as an operator does."""
    environment = {
        "PATH": os.environ["PATH"],  # noqa: TID251
        "TEGATA_DATABASE_URL": settings.database_url,
        "TEGATA_KEYS_FILE": str(settings.keys_file),
        "TEGATA_MAIL_FROM": _MAIL_FROM,
        "TEGATA_ORIGIN": "http://127.0.0.1:8080",
        "TEGATA_MODE": "demo",
    }
    began = time.perf_counter()
    program = (sys.executable, "-c", "from cli.main import main; main()", "audit", "verify")
    ended = subprocess.run(program, env=environment, cwd=Path.cwd(), capture_output=True, text=True, check=False)
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"audit verify: {time.perf_counter() - began:.1f} s, at most {most:.0f} MiB, exit code {ended.returncode}")
    print(f"  {ended.stdout.strip().splitlines()[0] if ended.stdout.strip() else ended.stderr.strip()}  ({folder})")


def _fill(file: Path, keys: KeyRing) -> None:
    """Write rows as they would stand there, with the table's indexes dropped meanwhile and made again at the end."""
    now = datetime.now(UTC)
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        database.execute("PRAGMA synchronous = OFF")
        indexes = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql > ''").fetchall()
        for name, _ in indexes:
            database.execute(f'DROP INDEX "{name}"')
        database.execute("BEGIN")
        for model, rows in _tables(now):
            _insert(database, model, rows)
        _write_events(database, keys, now)
        database.execute("COMMIT")
        for _, statement in indexes:
            database.execute(statement)
    # What was filled is on the disk before anything is measured: else the first sync of a job writes all of it.
    os.sync()


def _insert(database: sqlite3.Connection, model: type[Model], rows: Iterator[Row]) -> None:
    meta = model._meta  # noqa: SLF001 - the ORM's own way takes minutes for a million rows
    given = next(rows)
    others = {
        column: meta.fields_map[name].default
        for name, column in meta.fields_db_projection.items()
        if column not in given and column != "id" and not meta.fields_map[name].null
    }
    first = {**given, **others}
    names = ", ".join(f'"{name}"' for name in first)
    statement = f'INSERT INTO "{meta.db_table}" ({names}) VALUES ({", ".join("?" * len(first))})'
    database.execute(statement, list(first.values()))
    database.executemany(statement, ([*row.values(), *others.values()] for row in rows))


def _at(now: datetime, number: int) -> int:
    """Give a row's time: the first are older than anything is kept for, the others are of the last hours."""
    return instant(now - timedelta(days=500) if number <= _OLD else now - timedelta(hours=20 * (1 - number / _ROWS)))


def _tables(now: datetime) -> Iterator[tuple[type[Model], Iterator[Row]]]:
    at, numbers = instant(now), range(1, _ROWS + 1)
    yield (
        Account,
        (
            {"id": n, "name": f"m{n}", "folded": f"m{n}", "password_hash": "-", "language": "ja", "created_at": at}
            for n in range(1, _ACCOUNTS + 1)
        ),
    )
    yield (
        Contact,
        (
            {
                "id": n,
                "account_id": n,
                "channel": "mail",
                "label": "home",
                "label_folded": "home",
                "address": f"m{n}@mail.test",
                "address_folded": f"m{n}@mail.test",
                "added_at": at,
                "confirmed_at": at,
            }
            for n in range(1, _ACCOUNTS + 1)
        ),
    )
    yield (
        Challenge,
        (
            {
                "id": n,
                "account_id": _owner(n),
                "contact_id": _owner(n),
                "kind": "one-time-password",
                "purpose": "login",
                "key": "k",
                "nonce": b"n" * 16,
                "tries_left": 2,
                "issued_at": _at(now, n),
                "expires_at": _at(now, n),
                "answered_at": _at(now, n),
            }
            for n in numbers
        ),
    )
    yield Delivery, (_delivery(now, n) for n in numbers)
    yield (
        Login,
        (
            {
                "id": n,
                "digest": f"{n:064d}",
                "account_id": _owner(n),
                "challenge_id": n,
                "address": "192.0.2.1",
                "browser": "Firefox",
                "begun_at": _at(now, n),
                "expires_at": _at(now, n),
            }
            for n in numbers
        ),
    )
    yield (
        Session,
        (
            {
                "id": n,
                "digest": f"{n:064d}",
                "account_id": _owner(n),
                "contact_id": _owner(n),
                "amr": "pwd otp",
                "zone": "on-campus",
                "address": "192.0.2.1",
                "browser": "Firefox",
                "opened_at": _at(now, n),
                "seen_at": _at(now, n),
                "expires_at": _at(now, n),
            }
            for n in numbers
        ),
    )
    yield (
        KnownBrowser,
        ({"id": n, "account_id": _owner(n), "digest": f"{n:064d}", "seen_at": _at(now, n)} for n in numbers),
    )
    yield Throttle, ({"id": n, "subject": f"{_scope(n)}:{n}", "wrong": 3, "open_at": _at(now, n)} for n in numbers)
    yield (
        InboundMail,
        (
            {
                "id": n,
                "handle": f"{n:032d}",
                "delivery_id": n,
                "use": "reply",
                "sender": "a@mail.test",
                "peer": "192.0.2.1",
                "helo": "mail.test",
                "size": 1000,
                "received_at": _at(now, n),
                "read_at": _at(now, n),
                "verdict": "confirmed",
            }
            for n in numbers
        ),
    )


def _owner(number: int) -> int:
    return number % _ACCOUNTS + 1


def _scope(number: int) -> str:
    return ("password", "account", "browser", "address", "known")[number % 5]


def _delivery(now: datetime, number: int) -> Row:
    at, owner = _at(now, number), _owner(number)
    return {
        "id": number, "account_id": owner, "contact_id": owner, "challenge_id": number, "channel": "mail",
        "letter": "code", "urgency": 0, "address": f"m{owner}@mail.test", "address_folded": f"m{owner}@mail.test",
        "label": "home", "language": "ja", "message_id": f"<{number}@mail.test>", "asked_from": "192.0.2.1",
        "asked_with": "Firefox", "posted_at": at, "expires_at": at, "accepted_at": at,
    }  # fmt: skip


def _write_events(database: sqlite3.Connection, keys: KeyRing, now: datetime) -> None:
    """Write events with their MACs, and seal them as the hub does, but the newest."""
    numbers, previous, segment = iter(range(1, _ROWS + 1)), "0" * 64, 0
    while events := [_event(keys, now, number) for number in islice(numbers, audit.SEGMENT)]:
        segment += 1
        is_sealed = events[-1].id <= _ROWS - _UNSEALED
        rows = (
            {
                "id": event.id,
                "at": instant(event.at),
                "kind": str(event.kind),
                "account_id": event.account_id,
                "address": event.address,
                "detail": event.detail,
                "key": event.key,
                "mac": event.mac,
                "segment_id": segment if is_sealed else None,
            }
            for event in events
        )
        _insert(database, Event, rows)
        if is_sealed:
            whole = {"sealed_at": now, "events": len(events), "total": events[-1].id, "key": keys.current}
            row = fresh(Segment, seal="", previous=previous, **whole)
            previous = audit._seal(keys, row, events)  # noqa: SLF001 - a million of them are made at once
            sealed = {"id": segment, **whole, "sealed_at": instant(now), "previous": row.previous, "seal": previous}
            _insert(database, Segment, iter([sealed]))


def _event(keys: KeyRing, now: datetime, number: int) -> Event:
    at = now - timedelta(hours=20 * (1 - number / _ROWS))
    visit = Visit(now=at, address="192.0.2.1", zone=Zone.ON_CAMPUS)
    event = audit.drafted(keys, EventKind.PASSWORD_WRONG, visit, _owner(number))
    event.id = number
    event.mac = audit._mac(keys, event)  # noqa: SLF001
    return event
