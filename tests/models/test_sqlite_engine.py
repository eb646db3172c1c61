"""The embedded engine: its transactions survive cancellation, refusal and a second writer."""

import asyncio
import errno
import random
import sqlite3
import threading
from pathlib import Path

import pytest
from tortoise.connection import get_connections
from tortoise.exceptions import BaseORMException, OperationalError
from tortoise.transactions import in_transaction

from demo.failing_disk import FailingDisk
from models.database import connected
from models.engines.wal_sync import Disk
from models.queries import insert, where
from models.throttle import Throttle
from tests.support.factory import START


@pytest.fixture
def file(sqlite_template: Path, tmp_path: Path) -> Path:
    """A migrated file."""
    copy = tmp_path / "tegata.db"
    copy.write_bytes(sqlite_template.read_bytes())
    return copy


async def _write(subject: str) -> None:
    async with in_transaction():
        await Throttle.create(subject=subject, wrong=1, open_at=START)
        await asyncio.sleep(0)
        await Throttle.filter(subject=subject).update(wrong=2)


async def test_three_hundred_cancellations_while_entering_leave_it_usable(file: Path) -> None:
    """Whenever the browser goes away, the next transaction begins; what was cancelled is whole or not there."""
    chance = random.Random(1)
    async with connected(f"sqlite:///{file}"):
        for number in range(300):
            task = asyncio.create_task(_write(f"cancelled {number}"))
            # From before it starts to after it ended: each number of turns of the loop is another place in it.
            for _ in range(chance.randrange(12)):
                await asyncio.sleep(0)
            if chance.random() < 0.3:
                await asyncio.sleep(chance.random() * 0.002)
            task.cancel()
            async with asyncio.timeout(5):
                await asyncio.gather(task, return_exceptions=True)
        async with asyncio.timeout(5):
            await _write("after")
        rows = await Throttle.all()
        assert {row.wrong for row in rows} == {2}
        assert 1 <= len(rows) < 301


async def test_cancellations_of_many_that_wait_in_line_leave_it_usable(file: Path) -> None:
    """Those who wait for the lock are cancelled beside one that holds it."""
    async with connected(f"sqlite:///{file}"):
        for turn in range(10):
            tasks = [asyncio.create_task(_write(f"{turn} {number}")) for number in range(30)]
            await asyncio.sleep(0.002)
            for task in tasks[::2]:
                task.cancel()
            async with asyncio.timeout(10):
                await asyncio.gather(*tasks, return_exceptions=True)
            assert not any(task.cancelled() or task.exception() for task in tasks[1::2])
        assert {row.wrong for row in await Throttle.all()} == {2}


async def test_a_refused_begin_leaves_the_engine_usable(file: Path) -> None:
    """Locked by another process for longer than it waits: an error now, and a transaction as soon as that ends."""
    other = sqlite3.connect(file, isolation_level=None)
    async with connected(f"sqlite:///{file}?busy_timeout=50"):
        other.execute("BEGIN IMMEDIATE")
        for _ in range(3):
            with pytest.raises(OperationalError, match="locked"):
                await _write("refused")
        other.execute("ROLLBACK")
        async with asyncio.timeout(5):
            await _write("after")
        assert [row.subject for row in await Throttle.all()] == ["after"]
    other.close()


async def test_a_transaction_begins_as_a_writer(file: Path) -> None:
    """A read-then-write beside a second process waits for its turn instead of failing half-way."""
    other = sqlite3.connect(file, isolation_level=None, timeout=0)
    async with connected(f"sqlite:///{file}"), in_transaction():
        await Throttle.all().count()
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
    other.execute("BEGIN IMMEDIATE")
    other.execute("ROLLBACK")
    other.close()


async def test_a_failed_transaction_leaves_nothing_behind(file: Path) -> None:
    """An exception undoes it whole; the next one begins."""

    async def fail() -> None:
        async with in_transaction():
            await Throttle.create(subject="x", wrong=1, open_at=START)
            message = "as it happens"
            raise RuntimeError(message)

    async with connected(f"sqlite:///{file}"):
        with pytest.raises(RuntimeError, match="as it happens"):
            await fail()
        assert await Throttle.all().count() == 0
        await _write("after")


async def test_what_was_committed_survives_the_machine(file: Path) -> None:
    """WAL with FULL synchronisation, foreign keys on: as the configuration promises."""
    async with connected(f"sqlite:///{file}") as context:
        (connection,) = context.connections.all()
        asked = {}
        for pragma in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout"):
            (row,) = await connection.execute_query_dict(f"PRAGMA {pragma}")
            asked[pragma] = next(iter(dict(row).values()))
    assert asked == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}


async def test_nothing_is_promised_before_the_disk_has_answered(file: Path) -> None:
    """A disk that can't be asked to keep a commit makes an error of it, as a COMMIT that fails is one."""
    async with connected(f"sqlite:///{file}"):
        for number in range(2):
            await insert(Throttle(subject=f"before {number}", wrong=1, open_at=START))
        # The log goes on in the file that is open; who asks the disk finds none.
        Path(f"{file}-wal").unlink()
        with pytest.raises(OperationalError, match="No such file"):
            await insert(Throttle(subject="x", wrong=1, open_at=START))
        with pytest.raises(OperationalError, match="No such file"):
            async with in_transaction():
                await where(Throttle, subject="x").update(wrong=2)


async def test_after_a_failed_sync_nothing_is_promised_until_the_log_is_in_the_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits for the failed sync fails; what is promised later is there after a power cut."""
    disk = FailingDisk(file)
    monkeypatch.setattr("models.engines.wal_sync._keep", disk)
    async with connected(f"sqlite:///{file}"):
        for number in range(4):
            await _write(f"before {number}")
        disk.fails_next = True
        outcomes = await asyncio.gather(*(_write(f"during {number}") for number in range(8)), return_exceptions=True)
        assert any(isinstance(one, OperationalError) for one in outcomes)
        promised = [f"during {number}" for number, one in enumerate(outcomes) if one is None]
        for number in range(4):
            await _write(f"after {number}")
            promised.append(f"after {number}")
        # The power is cut: the file as it is, since the checkpoint synced it, and the log as the platter has it.
        after = file.with_name("after.db")
        after.write_bytes(file.read_bytes())
        log = file.with_name("after.db-wal")
        log.write_bytes(disk.platter)
        rows = sqlite3.connect(after).execute('SELECT "subject" FROM "throttle"').fetchall()
    assert set(promised) <= {subject for (subject,) in rows}


async def test_a_failed_sync_fails_all_who_wait_until_the_repair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those who ask after a failure are refused, though the disk is well again, until the repair is done."""
    log = tmp_path / "log"
    log.write_bytes(b"x")
    failures = iter([OSError(errno.EIO, "Input/output error")])

    def keep(_descriptor: int) -> None:
        for failure in failures:
            raise failure

    monkeypatch.setattr("models.engines.wal_sync._keep", keep)
    disk = Disk(log)
    with pytest.raises(OSError, match="Input/output"):
        await disk.kept()
    assert disk.has_failed
    with pytest.raises(OSError, match="Input/output"):
        await disk.kept()
    disk.repaired()
    await disk.kept()
    disk.close()


async def test_who_asks_the_disk_late_waits_for_an_answer_of_its_own(tmp_path: Path) -> None:
    """What is written while the disk is being asked is kept by the next answer, and everybody gets one."""
    path = tmp_path / "log"
    path.write_bytes(b"")
    disk = Disk(path)
    answered: list[int] = []

    async def write(number: int) -> None:
        await asyncio.sleep(number % 7 * 0.0005)
        with path.open("ab") as log:
            log.write(b"x")
        await disk.kept()
        answered.append(number)

    tasks = [asyncio.create_task(write(number)) for number in range(200)]
    await asyncio.sleep(0.001)
    for task in tasks[::5]:
        task.cancel()
    async with asyncio.timeout(5):
        await asyncio.gather(*tasks, return_exceptions=True)
    assert set(range(200)) - set(range(0, 200, 5)) <= set(answered)
    disk.close()
    bad = Disk(Path("/dev/full"))
    for _ in range(2):
        outcomes = await asyncio.gather(*(bad.kept() for _ in range(5)), return_exceptions=True)
        assert all(isinstance(outcome, OSError) for outcome in outcomes), outcomes
    bad.close()


async def test_a_second_writer_is_waited_for_and_the_file_takes_in_its_log(file: Path) -> None:
    """Transactions beside another process's wait for it, whichever way they begin; the log stays short meanwhile."""
    other = sqlite3.connect(file, isolation_level=None)
    async with connected(f"sqlite:///{file}"):
        await insert(Throttle(subject="counted", wrong=0, open_at=START))
        for turn in range(30):
            other.execute("BEGIN IMMEDIATE")
            waiting = [asyncio.create_task(_count()) for _ in range(50)]
            await asyncio.sleep(0.001 * (turn % 3))
            other.execute("COMMIT")
            async with asyncio.timeout(10):
                await asyncio.gather(*waiting)
        await asyncio.gather(*(_count() for _ in range(3000)))
        assert (await where(Throttle, subject="counted").one()).wrong == 4500
        assert Path(f"{file}-wal").stat().st_size < 8 * 2**20
    other.close()


async def test_the_log_is_moved_into_the_file_beside_the_transactions(file: Path) -> None:
    """No COMMIT moves it, however long it is: another connection does, and begins it again before a writer has to."""
    log = Path(f"{file}-wal")
    async with connected(f"sqlite:///{file}") as context:
        (client,) = context.connections.all()
        await insert(Throttle(subject="first", wrong=1, open_at=START))
        before = _begun(log)
        await _write_many("long", 15_000)
        assert log.stat().st_size > 1000 * 4096
        assert _begun(log) == before
        (row,) = await client.execute_query_dict("PRAGMA wal_autocheckpoint")
        assert list(dict(row).values()) == [0]
        async with asyncio.timeout(10):
            while _begun(log) == before:
                await asyncio.sleep(0.01)
        assert await Throttle.all().count() == 15_001


async def test_a_log_that_can_not_be_moved_is_kept_and_moved_later(file: Path) -> None:
    """Another program that reads for long keeps the log from being begun again; nothing else waits for it."""
    other = sqlite3.connect(file, isolation_level=None)
    async with connected(f"sqlite:///{file}"):
        await insert(Throttle(subject="first", wrong=1, open_at=START))
        other.execute("BEGIN")
        other.execute('SELECT COUNT(*) FROM "throttle"').fetchone()
        for number in range(3):
            await _write_many(f"{number}", 5_000)
            await where(Throttle, subject="first").update(wrong=number)
        assert await Throttle.all().count() == 15_001
        other.execute("COMMIT")
        before = _begun(Path(f"{file}-wal"))
        async with asyncio.timeout(10):
            while _begun(Path(f"{file}-wal")) == before:
                await asyncio.gather(*(where(Throttle, subject="first").update(wrong=n) for n in range(400)))
    other.close()


async def _write_many(name: str, number: int) -> None:
    async with in_transaction() as transaction:
        await transaction.execute_query(
            'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) INSERT INTO "throttle"'
            ' ("subject", "wrong", "open_at") SELECT printf(\'%s:%0140d\', ?, i), 1, 0 FROM n',
            [number, name],
        )


def _begun(log: Path) -> int:
    # How often it was begun; https://www.sqlite.org/fileformat2.html#the_write_ahead_log
    return int.from_bytes(log.read_bytes()[12:16], "big")


async def _count() -> None:
    async with in_transaction():
        row = await where(Throttle, subject="counted").one()
        assert await where(Throttle, id=row.id, wrong=row.wrong).update(wrong=row.wrong + 1) == 1


async def test_closing_waits_for_statements_and_lets_no_more_begin(file: Path) -> None:
    """A task that outlives the database is told so: it neither takes the process down nor opens the file again."""

    async def read() -> None:
        while True:
            await where(Throttle, subject="nobody").first()
            await asyncio.sleep(0)

    for _ in range(20):
        async with connected(f"sqlite:///{file}"):
            (client,) = get_connections().all()
            reading = [asyncio.create_task(read()) for _ in range(20)]
            await asyncio.sleep(0.002)
            await client.close()
            outcomes = await asyncio.gather(*reading, return_exceptions=True)
        assert all(isinstance(outcome, BaseORMException) for outcome in outcomes), outcomes
        for thread in threading.enumerate():
            if "_connection_worker_thread" in thread.name:
                thread.join(5)
                assert not thread.is_alive()
