"""The writer: batches off the event loop, a disk that is full for a while, an end by kill -9."""

import asyncio
import itertools
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bmw2mqtt.history import writer as writer_module
from bmw2mqtt.history.database import HistoryDatabase, open_for_reading
from bmw2mqtt.history.errors import HistoryError, HistoryTooNew
from bmw2mqtt.history.queries import HistoryReader, read
from bmw2mqtt.history.records import OpenState
from bmw2mqtt.history.writer import HistoryWriter
from tests.history.samples import VIN, count, simulated_year, trip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


@pytest.fixture
async def make_writer() -> AsyncIterator[Callable[..., HistoryWriter]]:
    """`HistoryWriter`, closed when the test is over."""
    made: list[tuple[HistoryDatabase, HistoryWriter]] = []

    def make(database: HistoryDatabase, **options: Any) -> HistoryWriter:
        made.append((database, HistoryWriter(database, **options)))
        return made[-1][1]

    yield make
    for database, writer in made:
        if database.is_open:
            await writer._in_thread(database.close)


def trips_in(path: Path) -> int:
    with closing(open_for_reading(path)) as connection:
        return count(connection, "trip")


async def until(condition, seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - another thread makes it true
            await asyncio.sleep(0.01)


async def stop(task: asyncio.Task) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_records_are_written_in_one_batch_and_the_rest_at_the_end(path, make_writer):
    database = HistoryDatabase(path)
    batches = []
    write, database.write = (
        database.write,
        lambda records: batches.append(len(records)) or write(records),
    )
    writer = make_writer(database, batch_s=0.2)
    assert await writer.open()
    task = asyncio.create_task(writer.run())
    for record in simulated_year(1, 50).trips:
        writer.put(record)
    await until(lambda: batches)
    assert batches == [50]
    writer.put(trip("2027-01-01T08:00"))
    await asyncio.sleep(0)
    await stop(task)
    assert trips_in(path) == 51


async def test_of_many_versions_only_the_newest_is_written(path, make_writer):
    database = HistoryDatabase(path)
    writer = make_writer(database)
    await writer.open()
    for number in range(1000):
        writer.put(OpenState(vin=VIN, kind="trips", json=str(number), updated_at=number))
    assert await writer.flush()
    state = await writer.call(lambda file: HistoryReader(file).open_state(VIN, "trips"))
    assert state == "999"


async def test_what_is_written_reaches_the_disk_at_most_once_a_minute(path, make_writer):
    now, database = 0.0, HistoryDatabase(path)
    checkpoints = []
    checkpoint, database.checkpoint = (
        database.checkpoint,
        lambda: checkpoints.append(now) or checkpoint(),
    )
    writer = make_writer(database, clock=lambda: now)
    await writer.open()
    for number, record in enumerate(simulated_year(1, 300).trips):
        now = number * 2.0
        writer.put(record)
        await writer.flush()
    gaps = [later - earlier for earlier, later in itertools.pairwise(checkpoints)]
    assert len(checkpoints) == 9
    assert min(gaps) >= 60


async def test_a_full_disk_is_logged_once_and_nothing_is_lost(path, monkeypatch, make_writer):
    monkeypatch.setattr(writer_module, "RETRY_S", 0.05)
    database = HistoryDatabase(path)
    writer = make_writer(database, batch_s=0.01)
    await writer.open()
    write, tries = database.write, []

    def refuse(records) -> None:
        tries.append(len(records))
        raise HistoryError("history.db: database or disk is full")

    database.write = refuse
    with capture_logs() as lines:
        task = asyncio.create_task(writer.run())
        for record in simulated_year(1, 40).trips:
            writer.put(record)
            await asyncio.sleep(0.005)
        await until(lambda: len(tries) > 3)
        database.write = write
        await until(lambda: trips_in(path) == 40)
        await until(lambda: len(lines) == 2)
        await stop(task)
    assert [line["event"] for line in lines] == ["history_not_saved", "history_saved_again"]
    assert "make room" in lines[0]["remedy"]


async def test_what_came_while_a_batch_failed_is_newer_than_the_batch(path, make_writer):
    database = HistoryDatabase(path)
    writer = make_writer(database)
    await writer.open()
    write = database.write

    def refuse(_: object) -> None:
        writer.put(trip(km=26))
        raise HistoryError("full")

    database.write = refuse
    writer.put(trip(km=25))
    assert not await writer.flush()
    database.write = write
    [row] = await writer.call(lambda file: HistoryReader(file).trips())
    assert row.record.km == 26


async def test_a_disk_that_stays_full_costs_no_endless_memory(path, make_writer):
    database = HistoryDatabase(path)
    writer = make_writer(database)
    await writer.open()
    database.write = lambda _: (_ for _ in ()).throw(HistoryError("full"))
    for number in range(12_000):
        writer.put(trip(key=number))
    assert not await writer.flush()
    assert len(writer._waiting) == writer_module.MOST_WAITING


async def test_a_folder_that_cannot_be_used_is_logged_and_tried_again(tmp_path, make_writer):
    path = tmp_path / "missing" / "history.db"
    writer = make_writer(HistoryDatabase(path))
    with capture_logs() as lines:
        assert not await writer.open()
        writer.put(trip())
        assert not await writer.flush()
    assert [line["event"] for line in lines] == ["history_not_saved"]
    path.parent.mkdir()
    assert await writer.flush()
    assert trips_in(path) == 1


async def test_a_newer_file_is_refused_at_the_start(path, make_writer):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(HistoryTooNew):
        await make_writer(HistoryDatabase(path)).open()


async def test_a_slow_disk_does_not_stop_the_event_loop(path, make_writer):
    database = HistoryDatabase(path)
    writer = make_writer(database)
    await writer.open()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")  # the file is locked, the writer has to wait
        writer.put(trip())
        task = asyncio.create_task(writer.flush())
        for _ in range(20):
            await asyncio.sleep(0.01)
        assert not task.done()
        other.execute("COMMIT")
        assert await task
    assert trips_in(path) == 1


@pytest.mark.parametrize("after", [1, 7, 60])
def test_kill_9_in_the_middle_of_writing_loses_nothing_written(path, after):
    child = [sys.executable, "-m", "tests.history.writing_child", str(path)]
    with subprocess.Popen(child, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if int(line) >= after:
                break
        process.kill()
        rest = process.stdout.read().split()
    written = int(rest[-1]) if rest and rest[-1].isdigit() else after
    with capture_logs() as lines:
        database = HistoryDatabase(path)
        database.open()
    assert lines == []
    found = count(database.connection, "trip")
    assert found in {written, written + 1}
    database.close()


async def test_a_damaged_file_that_cannot_be_set_aside_is_tried_again(
    path, monkeypatch, make_writer
):
    database = HistoryDatabase(path)
    writer = make_writer(database)
    await writer.open()

    def broken(*_: object) -> None:
        error = sqlite3.DatabaseError("malformed")
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error

    with monkeypatch.context() as patch, capture_logs() as lines:
        patch.setattr("bmw2mqtt.history.database.save", broken)
        patch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("read-only")))
        writer.put(trip())
        assert not await writer.flush()
    assert [line["event"] for line in lines] == ["history_not_saved"]
    assert not database.is_open
    assert await writer.flush()
    assert trips_in(path) == 1


async def test_what_goes_wrong_for_a_person_is_an_error_of_ours(path, make_writer):
    writer = make_writer(HistoryDatabase(path))
    await writer.open()
    with pytest.raises(HistoryError, match="no such table: lorry"):
        await writer.call(lambda file: file.execute("SELECT 1 FROM lorry"))


async def test_reading_goes_on_beside_the_writer_and_after_the_file_was_replaced(
    path, tmp_path, make_writer
):
    with pytest.raises(HistoryError):
        await asyncio.to_thread(read, path, lambda reader: len(reader.trips()))
    database = HistoryDatabase(path)
    writer = make_writer(database)
    await writer.open()
    writer.put(trip())
    await writer.flush()
    assert await asyncio.to_thread(read, path, lambda reader: len(reader.trips())) == 1
    with closing(open_for_reading(path)) as connection:
        connection.execute("VACUUM INTO ?", (str(tmp_path / "copy.db"),))
    await writer._in_thread(database.close)
    (tmp_path / "empty.db").write_bytes(b"")
    (tmp_path / "copy.db").replace(path)
    assert await asyncio.to_thread(read, path, lambda reader: reader.vins()) == [VIN]
    (tmp_path / "empty.db").replace(path)
    with pytest.raises(HistoryError, match="no such table"):
        await asyncio.to_thread(read, path, lambda reader: reader.vins())
