"""Readings outlive the bridge, however it ends and whatever the disk does."""

import asyncio
import errno
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bmw2mqtt.accounts.background_writer import BackgroundWriter
from bmw2mqtt.accounts.cardata.telemetry.store import ReadingStore
from tests.accounts.cardata.reporting_car import T0, VIN, entry
from tests.accounts.cardata.telemetry.recording import (
    FAULTS,
    LATITUDE,
    LONGITUDE,
    MESSAGES,
    MILEAGE,
    SOC,
    TRUNK,
    readings,
    record,
    reopened,
)
from tests.accounts.failing_disk import failing


def test_readings_survive(tmp_path: Path) -> None:
    path = tmp_path / "values.sqlite"
    values = reopened(path)
    record(values, SOC, "61.5", 60, unit="percent")
    record(values, MILEAGE, 100, unit="mi")
    record(values, MESSAGES, '[{"id": 143}]')
    record(values, TRUNK, "OPEN")
    record(values, TRUNK, "INVALID", 60)
    record(values, LATITUDE, 48.1)
    record(values, LONGITUDE, 11.5)
    before = dict(readings(values))
    values.close()
    again = reopened(path)
    assert dict(readings(again)) == before
    assert again.vins() == {VIN}
    record(again, SOC, 50, 0, received_s=70)
    assert readings(again)[SOC].value == 61.5, "it still knows what is old"
    assert not record(again, LATITUDE, 48.1)
    assert not record(again, LONGITUDE, 11.5)
    again.close()


def test_a_car_can_be_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "values.sqlite"
    values = reopened(path)
    record(values, SOC, 61)
    values.commit()
    record(values, SOC, 62, 60)
    values.remove(VIN)
    values.remove("WBA00000000000002")
    values.close()
    with closing(reopened(path)) as again:
        assert again.vins() == frozenset()


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "values.sqlite"
    before = os.umask(0)
    try:
        values = reopened(path)
        record(values, SOC, 61)
        values.commit()
        files = list(tmp_path.iterdir())
        assert {file.suffix for file in files} >= {".sqlite"}
        assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    finally:
        os.umask(before)
    values.close()


CHILD = """
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from bmw2mqtt.accounts.cardata.telemetry.store import ReadingStore
from bmw2mqtt.accounts.background_writer import BackgroundWriter

values = ReadingStore(Path(sys.argv[1]))
values.open()
start = datetime(2026, 11, 1, tzinfo=UTC)
for n in range(1, 10**9):
    at = start + timedelta(milliseconds=n)
    entries = {name: {"value": n, "timestamp": at.isoformat()} for name in sys.argv[2:]}
    values.add("WBA00000000000001").record(entries, at)
    values.commit()
    print(n, flush=True)
"""


def test_kill_9_costs_nothing(tmp_path: Path) -> None:
    """What was committed before it was told is there after the process was killed."""
    path = tmp_path / "values.sqlite"
    names = (MILEAGE, "vehicle.trip.segment.end.travelledDistance")
    for lines in (1, 50, 400):
        command = [sys.executable, "-c", CHILD, str(path), *names]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            for _ in range(lines):
                told = int(child.stdout.readline())
            child.send_signal(signal.SIGKILL)
            rest = child.stdout.read().split("\n")
        told = max([told, *(int(line) for line in rest[:-1] if line)])
        with capture_logs() as log:
            values = reopened(path)
        was = [readings(values)[name] for name in names]
        values.close()
        assert log == []
        assert was[0].value == was[1].value, "a message is kept whole"
        assert isinstance(was[0].value, float)
        assert was[0].value >= told
        path.unlink()


@pytest.mark.parametrize(
    "content", [b"no database", b"SQLite format 3\0" + b"\xff" * 5000], ids=["text", "header"]
)
def test_a_damaged_file_is_set_aside(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "values.sqlite"
    path.write_bytes(content)
    with capture_logs() as lines:
        values = reopened(path)
    assert [line["event"] for line in lines] == ["file_damaged"]
    assert lines[0]["file"] == str(path)
    assert (tmp_path / "values.damaged").read_bytes() == content
    record(values, SOC, 61)
    values.close()
    with closing(reopened(path)) as again:
        assert readings(again)[SOC].value == 61.0


def test_a_page_in_the_middle_may_be_damaged(tmp_path: Path) -> None:
    path = tmp_path / "values.sqlite"
    values = reopened(path)
    for number in range(200):
        values.add(f"WBA{number:014d}").record({SOC: entry(1), TRUNK: entry("OPEN")}, T0)
    values.close()
    content = bytearray(path.read_bytes())
    content[8192 : 8192 + 4096] = b"\xff" * 4096
    path.write_bytes(content)
    with capture_logs() as lines:
        values = reopened(path)
    assert [line["event"] for line in lines] == ["file_damaged"]
    record(values, SOC, 61)
    values.close()
    with closing(reopened(path)) as again:
        assert again.vins() == {VIN}


def test_somebody_elses_database_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "values.sqlite"
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE readings (other TEXT)")
    database.close()
    with capture_logs() as lines:
        reopened(path).close()
    assert [line["event"] for line in lines] == ["file_damaged"]


def test_rows_that_no_version_wrote_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "values.sqlite"
    values = reopened(path)
    record(values, SOC, 61)
    values.close()
    rows: list[tuple[Any, ...]] = [
        ("no vin", SOC, "1", None, None),
        (VIN, "vehicle.gone", "1", None, None),
        (VIN, TRUNK, "{", None, None),
        (VIN, MILEAGE, '"far"', None, "never"),
        (VIN, MESSAGES, json.dumps("[]"), b"\xff", b"\xff"),
        (VIN, "vehicle.isMoving", b"\xff", None, None),
    ]
    with sqlite3.connect(path) as database:
        database.executemany("INSERT INTO readings VALUES (?, ?, ?, ?, ?)", rows)
    database.close()
    again = reopened(path)
    assert set(readings(again)) == {SOC}
    again.close()


def full_disk(values: ReadingStore, pages: int) -> None:
    database = values._database._database
    assert database is not None
    database.execute(f"PRAGMA max_page_count = {pages}")


def test_a_full_disk_is_said_once_and_made_good(tmp_path: Path) -> None:
    path = tmp_path / "values.sqlite"
    values = reopened(path)
    full_disk(values, 1)
    with capture_logs() as lines:
        for second in range(50):
            record(values, FAULTS, "x" * 30_000 + str(second), second)
            values.commit()
    assert [line["event"] for line in lines] == ["readings_not_saved"]
    assert "full" in lines[0]["reason"]
    assert readings(values)[FAULTS].value == "x" * 30_000 + "49"
    full_disk(values, 10_000)
    values.commit()
    values.close()
    with closing(reopened(path)) as again:
        assert readings(again)[FAULTS].value == "x" * 30_000 + "49"


def test_a_folder_that_cannot_be_written_is_still_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "values.sqlite"
    values = reopened(path)
    record(values, SOC, 61)
    values.close()

    with monkeypatch.context() as patch, capture_logs() as lines:
        patch.setattr(os, "open", failing(errno.EACCES))
        again = reopened(path)
        assert readings(again)[SOC].value == 61.0
        assert record(again, SOC, 62, 60)
        again.commit()
        again.close()
    assert [line["event"] for line in lines] == ["readings_not_saved"]
    assert "remedy" in lines[0]


def test_a_folder_that_is_not_there_is_said_once(tmp_path: Path) -> None:
    with capture_logs() as lines:
        values = reopened(tmp_path / "nowhere" / "values.sqlite")
        record(values, SOC, 61)
        values.commit()
        values.remove(VIN)
        values.close()
    assert [line["event"] for line in lines] == ["readings_not_saved"]


def put_fifo(path: Path) -> None:
    os.mkfifo(path)


def put_folder(path: Path) -> None:
    path.mkdir()


def put_link(path: Path) -> None:
    outside = path.parent.parent / f"{path.parent.name}-outside.sqlite"
    sqlite3.connect(outside).close()
    outside.touch()
    path.symlink_to(outside)


def put_huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(600 * 1024 * 1024)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("put", [put_fifo, put_folder, put_link, put_huge])
@pytest.mark.parametrize("suffix", ["", "-wal", "-journal"])
def test_what_is_no_plain_file_is_set_aside(
    tmp_path: Path, put: Callable[[Path], None], suffix: str
) -> None:
    path = tmp_path / "values.sqlite"
    if suffix and put is put_huge:
        pytest.skip("SQLite looks at its own files' headers alone")
    if suffix:
        reopened(path).close()
    put(path.with_name(path.name + suffix))
    with capture_logs() as lines:
        values = reopened(path)
    assert [line["event"] for line in lines] == ["file_damaged"]
    record(values, SOC, 61)
    values.close()
    with closing(reopened(path)) as again:
        assert readings(again)[SOC].value == 61.0


def test_a_huge_value_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "values.sqlite"
    reopened(path).close()
    with sqlite3.connect(path) as database:
        row = (VIN, SOC, "x" * 50_000_000, None, None)
        database.execute("INSERT INTO readings VALUES (?, ?, ?, ?, ?)", row)
    database.close()
    with capture_logs() as lines:
        reopened(path).close()
    assert [line["event"] for line in lines] == ["file_damaged"]


def test_a_file_system_without_locks(tmp_path: Path) -> None:
    path = tmp_path / "values.sqlite"
    values = ReadingStore(path, has_locks=False)
    values.open()
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")  # whoever asks for a lock does not get it
        record(values, SOC, 61)
        with capture_logs() as lines:
            values.commit()
        assert lines == []
        values.close()
        other.execute("ROLLBACK")
    other.close()
    with closing(reopened(path)) as again:
        assert readings(again)[SOC].value == 61.0


async def test_a_slow_disk_does_not_hold_up_the_loop(tmp_path: Path) -> None:
    writer = BackgroundWriter()
    values = ReadingStore(tmp_path / "values.sqlite", writer)
    await asyncio.to_thread(values.open)
    is_slow = threading.Event()
    writer.submit(is_slow.wait, lambda _: None)
    record(values, SOC, 61)
    values.commit()
    record(values, SOC, 62, 60)
    values.commit()
    assert readings(values)[SOC].value == 62.0
    is_slow.set()
    values.close()
    await writer.flushed()
    writer.close()
    with closing(reopened(tmp_path / "values.sqlite")) as again:
        assert readings(again)[SOC].value == 62.0


async def test_what_a_full_disk_refused_is_written_later(tmp_path: Path) -> None:
    writer = BackgroundWriter()
    values = ReadingStore(tmp_path / "values.sqlite", writer)
    await asyncio.to_thread(values.open)
    await writer.run(lambda: full_disk(values, 1))
    record(values, FAULTS, "x" * 30_000)
    with capture_logs() as lines:
        values.commit()
        await writer.flushed()
    assert [line["event"] for line in lines] == ["readings_not_saved"]
    await writer.run(lambda: full_disk(values, 10_000))
    values.commit()
    values.close()
    await writer.flushed()
    writer.close()
    with closing(reopened(tmp_path / "values.sqlite")) as again:
        assert readings(again)[FAULTS].value == "x" * 30_000
