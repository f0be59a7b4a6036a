"""The file: migrations, damage, a full disk, readers beside the writer, copies."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bmw2mqtt.history import edits, retention
from bmw2mqtt.history.database import HistoryDatabase, open_for_reading
from bmw2mqtt.history.errors import HistoryError, HistoryTooNew
from bmw2mqtt.history.queries import HistoryReader, Period
from bmw2mqtt.history.records import (
    BlockRecord,
    BmwRecord,
    CarRecord,
    CurvePoint,
    OpenState,
    ReadingRecord,
    RefuelRecord,
)
from bmw2mqtt.history.schema import MIGRATIONS
from tests.history.samples import VIN, count, session, simulated_year, stamp, trip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


@pytest.fixture
def database(path: Path):
    database = HistoryDatabase(path)
    database.open()
    yield database
    database.close()


def test_every_kind_of_record_comes_back_as_it_was_written(database, path):
    blocks = (
        BlockRecord(start_at=1, end_at=2, kwh=3.5, mean_kw=4),
        BlockRecord(start_at=5, end_at=6),
    )
    curve = (CurvePoint(at=1, soc=40, power_kw=3.6), CurvePoint(at=2, soc=41))
    charge = session(blocks=blocks, curve=curve, is_hidden=True, flags="late_start")
    drive = trip(track=((48.1, 11.5), (48.2, 11.6)))
    fuel = RefuelRecord(vin=VIN, key=9, at=9, before_l=10, after_l=50, litres=40)
    own = BmwRecord(vin=VIN, key=7, json='{"a": 1}', fetched_at=8)
    car = CarRecord(vin=VIN, counter_kwh=116.77, carry_kwh=0.5)
    state = OpenState(vin=VIN, kind="trips", json="{}", updated_at=5)
    reading = ReadingRecord(vin=VIN, key=4, odometer_km=1000, soc=55)
    database.write([charge, drive, fuel, own, car, state, reading])
    with closing(open_for_reading(path)) as connection:
        reader = HistoryReader(connection)
        assert reader.charge(VIN, charge.key).record == charge
        [row] = reader.trips()
        assert tracks(connection) == ["[[48.1, 11.5], [48.2, 11.6]]"]
        assert row.record == trip()
        assert [row.record for row in reader.refuels()] == [fuel]
        row = connection.execute("SELECT vin, key, json, fetched_at FROM bmw_record").fetchone()
        assert row == (own.vin, own.key, own.json, own.fetched_at)
        assert reader.car(VIN) == car
        assert reader.open_state(VIN, "trips") == state.json
        assert reader.readings() == [reading]
        assert reader.sessions() == [], "a failed charge is not in the default list"


def test_the_same_key_again_changes_the_row_and_keeps_what_a_person_entered(database):
    database.write([session(), trip()])
    connection, key = database.connection, session().key
    edits.edit(connection, "session", VIN, key, {"user_label": "Oma", "user_cost": 3.5}, 100)
    edits.edit(connection, "trip", VIN, trip().key, {"user_class": "business"}, 100)
    for _ in range(2):
        database.write([session(grid_kwh=17.5, energy_source="bmw"), trip(km=26)])
    reader = HistoryReader(connection)
    [row] = reader.sessions()
    assert row.record.grid_kwh == 17.5
    assert (row.user.user_label, row.user.user_cost) == ("Oma", 3.5)
    [row] = reader.trips()
    assert (row.record.km, row.user.user_class) == (26, "business")


def test_every_edit_is_logged_once_and_nonsense_refused(database):
    database.write([session()])
    connection, key = database.connection, session().key
    for _ in range(2):
        edits.edit(connection, "session", VIN, key, {"user_cost": 4}, 100)
    edits.edit(connection, "session", VIN, key, {"user_cost": None}, 200)
    log = connection.execute("SELECT at, kind, key, field, old, new FROM change_log").fetchall()
    assert [tuple(row) for row in log] == [
        (100, "session", key, "user_cost", None, "4.0"),
        (200, "session", key, "user_cost", "4.0", None),
    ]
    for table, changes in [
        ("session", {"grid_kwh": 1}),
        ("session", {"user_cost": "much"}),
        ("session", {"user_cost": float("nan")}),
        ("trip", {"user_class": "holiday"}),
        ("session", {"user_note": "x" * 501}),
        ("car", {"user_note": "x"}),
    ]:
        with pytest.raises(HistoryError):
            edits.edit(connection, table, VIN, key, changes, 300)


def test_pieces_of_a_session_are_merged_and_keep_what_a_person_entered(database):
    pieces = [session(), session("2026-03-02T20:00"), session("2026-03-02T21:00")]
    database.write(pieces)
    connection = database.connection
    edits.edit(connection, "session", VIN, pieces[1].key, {"user_label": "Oma"}, 1)
    edits.merge_sessions(connection, VIN, pieces[0].key, [piece.key for piece in pieces])
    [row] = HistoryReader(connection).sessions()
    assert (row.record.key, row.user.user_label) == (pieces[0].key, "Oma")


@pytest.mark.usefixtures("database")
def test_only_its_own_user_can_read_the_file(path):
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_newer_file_is_refused_with_a_sentence_and_left_alone(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    with pytest.raises(HistoryTooNew, match=r"newer bmw2mqtt .schema 99.*install that version"):
        HistoryDatabase(path).open()
    with pytest.raises(HistoryTooNew):
        open_for_reading(path)
    assert path.read_bytes() == before


def tracks(connection: sqlite3.Connection) -> list[str]:
    return [points for (points,) in connection.execute("SELECT points FROM track")]


NEXT = (*MIGRATIONS, "ALTER TABLE trip ADD COLUMN weather TEXT; UPDATE trip SET weather = 'sun'")


def test_an_older_file_is_copied_and_migrated(database, path):
    database.write([trip()])
    database.close()
    with capture_logs() as lines:
        newer = HistoryDatabase(path, migrations=NEXT)
        newer.open()
    assert newer.connection.execute("SELECT weather FROM trip").fetchone() == ("sun",)
    newer.close()
    copy = path.with_name("history.schema-1.db")
    assert [line["event"] for line in lines] == ["history_migrated"]
    assert copy.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        assert connection.execute("SELECT COUNT(*) FROM trip").fetchone() == (1,)


def test_a_migration_that_fails_leaves_the_file_as_it_was(database, path):
    database.write([trip()])
    database.close()
    broken = HistoryDatabase(path, migrations=(*NEXT, "ALTER TABLE lorry ADD COLUMN x"))
    with pytest.raises(HistoryError, match="no such table"):
        broken.open()
    again = HistoryDatabase(path)
    again.open()
    assert [row.record for row in HistoryReader(again.connection).trips()] == [trip()]
    again.close()


@pytest.mark.parametrize("spoil", ["text", "middle", "other"])
def test_a_damaged_file_is_set_aside_and_named(path, spoil):
    if spoil == "text":
        path.write_text("not a database, but longer than the header of one" * 50)
    elif spoil == "other":
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE recipes (id)")
    else:
        database = HistoryDatabase(path)
        database.open()
        database.write(simulated_year(20, 60).trips)
        database.close()
        content = bytearray(path.read_bytes())
        content[4096 : len(content) - 4096] = b"\x55" * (len(content) - 8192)
        path.write_bytes(content)
    with capture_logs() as lines:
        database = HistoryDatabase(path)
        database.open()
    database.write([trip()])
    assert count(database.connection, "trip") == 1
    database.close()
    [line] = [line for line in lines if line["event"] == "history_damaged"]
    assert Path(line["kept_as"]).exists()
    assert Path(line["kept_as"]).name.startswith("history.damaged-")


def test_a_file_that_gets_damaged_while_it_runs_is_set_aside_too(database, path):
    database.write(simulated_year(20, 60).trips)
    database.checkpoint()
    with path.open("r+b") as file:
        file.truncate(4096)
    with capture_logs() as lines, pytest.raises(HistoryError):
        _write_on(database)
    assert "history_damaged" in [line["event"] for line in lines]
    database.write([trip()])
    assert count(database.connection, "trip") == 1


def _write_on(database: HistoryDatabase) -> None:
    for number in range(200):
        database.write([session(f"2026-03-{number % 28 + 1:02}T{number % 24:02}:00")])
        database.checkpoint()


def test_one_impossible_record_does_not_stop_the_others(database):
    with capture_logs() as lines:
        database.write([trip(end_at=None), trip("2026-03-03T09:00")])
    assert count(database.connection, "trip") == 1
    assert [line["event"] for line in lines] == ["history_record_refused"]


def test_of_an_impossible_record_nothing_is_kept(database):
    with capture_logs():
        database.write([session(blocks=(BlockRecord(start_at=1, end_at=None),))])
    assert count(database.connection, "session") == 0


def test_a_full_disk_loses_nothing_that_is_written_again_later(database):
    database.write([trip()])
    pages = database.connection.execute("PRAGMA page_count").fetchone()[0]
    database.connection.execute(f"PRAGMA max_page_count = {pages}")
    year = simulated_year(100, 300)
    with pytest.raises(HistoryError, match="full"):
        database.write(year.sessions)
    assert count(database.connection, "session") == 0, "all or none"
    database.connection.execute("PRAGMA max_page_count = 1000000")
    database.write(year.sessions)
    assert count(database.connection, "session") == 100


def test_reading_while_writing_sees_whole_batches(database, path):
    """Each batch holds ten trips: a reader never sees part of one."""
    seen, stop = set(), threading.Event()

    def look() -> None:
        with closing(open_for_reading(path)) as connection:
            while not stop.is_set():
                seen.add(count(connection, "trip") % 10)

    thread = threading.Thread(target=look)
    thread.start()
    trips = simulated_year(1, 400).trips
    for index in range(0, 400, 10):
        database.write(trips[index : index + 10])
        database.checkpoint()
    stop.set()
    thread.join()
    assert seen == {0}


def test_deleted_positions_are_gone_from_the_file(database, path):
    place = {"latitude": 48.13713, "longitude": 11.57541, "place": "Musterweg 3"}
    location = '{"energy": 1, "chargingLocation": {"streetAddress": "Musterweg 3"}}'
    database.write(
        [
            session(**place),
            trip(to_latitude=48.13713, to_longitude=11.57541, track=((48.13713, 11.57541),)),
            BmwRecord(vin=VIN, key=1, json=location, fetched_at=1),
            OpenState(vin=VIN, kind="session 1", json='{"latitude":48.13713}', updated_at=1),
            OpenState(vin=VIN, kind="session 2", json="null", updated_at=1),
        ]
    )
    assert HistoryReader(database.connection).position_count(VIN) == 2
    retention.delete_positions(database.connection, VIN)
    assert HistoryReader(database.connection).position_count(VIN) == 0
    reader = HistoryReader(database.connection)
    assert [row.record for row in reader.sessions()] == [session()]
    assert [row.record for row in reader.trips()] == [trip()]
    [(document,)] = database.connection.execute("SELECT json FROM bmw_record")
    assert document == '{"energy":1}'
    database.close()
    assert b"Musterweg" not in path.read_bytes()
    assert b"48.13713" not in path.read_bytes()


def test_tracks_and_readings_get_old_trips_do_not(database):
    old, new = trip("2026-01-02T08:00", track=((1, 2),)), trip("2026-06-02T08:00", track=((1, 2),))
    readings = [ReadingRecord(vin=VIN, key=stamp(f"2026-01-02T{hour:02}:00")) for hour in range(24)]
    recent = [ReadingRecord(vin=VIN, key=stamp(f"2026-06-02T{hour:02}:00")) for hour in range(24)]
    database.write([old, new, *readings, *recent])
    retention.prune(database.connection, stamp("2026-06-10T00:00"), price_days=60)
    reader = HistoryReader(database.connection)
    assert [row.record.key for row in reader.trips()] == [new.key, old.key]
    assert tracks(database.connection) == ["[[1, 2]]"]
    assert reader.readings() == [readings[-1], *recent]


def test_long_lists_come_in_pages_newest_first(database):
    year = simulated_year(30, 60)
    database.write([*year.sessions, *year.trips])
    reader = HistoryReader(database.connection)
    pages = [reader.sessions(limit=10, offset=offset) for offset in (0, 10, 20, 30)]
    assert [len(page) for page in pages] == [10, 10, 10, 0]
    starts = [row.record.start_at for page in pages for row in page]
    assert starts == sorted(starts, reverse=True)
    june = Period(vin=VIN, from_at=stamp("2026-06-01T00:00"), to_at=stamp("2026-07-01T00:00"))
    assert {row.record.end_at // 86400 for row in reader.trips(june)} <= set(
        range(stamp("2026-06-01T00:00") // 86400, stamp("2026-07-01T00:00") // 86400)
    )
    assert reader.trips(june)
