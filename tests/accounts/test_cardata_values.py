"""The newest reading of everything, whatever BMW sends and however the bridge ends."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bmw2mqtt.accounts.cardata.values import MAX_CARS, Values
from bmw2mqtt.entities.catalogue import catalogue
from tests.accounts.cardata_cars import T0, VIN, Car, at, entry

SOC = "vehicle.drivetrain.batteryManagement.header"
MILEAGE = "vehicle.vehicle.travelledDistance"
TRUNK = "vehicle.body.trunk.isOpen"
MESSAGES = "vehicle.status.checkControlMessages"
LATITUDE = "vehicle.cabin.infotainment.navigation.currentLocation.latitude"
LONGITUDE = "vehicle.cabin.infotainment.navigation.currentLocation.longitude"


@pytest.fixture
def values(tmp_path: Path) -> Iterator[Values]:
    values = Values(tmp_path / "values.sqlite")
    values.open()
    yield values
    values.close()


def reopened(path: Path) -> Values:
    values = Values(path)
    values.open()
    return values


def take(values: Values, name: str, value: Any, seconds: float = 0, **more: Any) -> bool:
    received_at = T0 + timedelta(seconds=more.pop("received_s", seconds + 1))
    return values.take(VIN, {name: entry(value, seconds, **more)}, received_at)


# Order


def test_a_newer_reading_replaces_the_one_before(values: Values) -> None:
    assert take(values, SOC, 60)
    assert take(values, SOC, 61, 60)
    reading = values.of(VIN)[SOC]
    assert (reading.value, reading.unit) == (61.0, "%")
    assert reading.measured_at == T0 + timedelta(seconds=60)


def test_an_older_reading_is_ignored(values: Values) -> None:
    take(values, SOC, 61, 60)
    assert not take(values, SOC, 60, 0, received_s=70)
    assert values.of(VIN)[SOC].value == 61.0


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        ("10:00:00.120", "10:00:00", "second"),
        ("10:00:00", "10:00:00.120", "first"),
        ("10:00:00.120", "10:00:00.119", "first"),
        ("10:00:00.120", "10:00:00.121", "second"),
        ("10:00:00", "10:00:01.001", "second"),
        ("10:00:01.001", "10:00:00", "first"),
    ],
)
def test_of_one_second_what_the_stream_told_is_the_newest(
    values: Values, first: str, second: str, kept: str
) -> None:
    """REST tells thousandths, the stream seconds."""
    for time, value in ((first, 60), (second, 61)):
        values.take(VIN, {SOC: {"value": value, "timestamp": f"2026-11-01T{time}Z"}}, T0)
    assert values.of(VIN)[SOC].value == (60.0 if kept == "first" else 61.0)


def test_a_reading_that_comes_twice_is_no_news(values: Values) -> None:
    assert take(values, SOC, 61)
    assert not take(values, SOC, 61)
    assert not take(values, SOC, "61.0"), "REST has it as text"
    assert take(values, SOC, 61, 60), "it was measured again"


def test_values_of_one_time_follow_each_other_as_they_come(values: Values) -> None:
    take(values, SOC, 61)
    assert take(values, SOC, 62)
    assert values.of(VIN)[SOC].value == 62.0


@pytest.mark.parametrize("timestamp", [None, "", "yesterday", 5, {}, "0001-01-01T00:00:00Z"])
def test_without_a_time_it_was_measured_when_it_came(values: Values, timestamp: Any) -> None:
    assert values.take(VIN, {SOC: {"value": 61, "timestamp": timestamp}}, T0)
    assert values.of(VIN)[SOC].measured_at == T0
    later = T0 + timedelta(hours=1)
    assert not values.take(VIN, {SOC: {"value": 61, "timestamp": timestamp}}, later)
    assert values.of(VIN)[SOC].measured_at == T0, "a poll that brings nothing new changes nothing"


def test_a_time_in_the_future_is_now(values: Values) -> None:
    far = 365 * 86400
    assert take(values, SOC, 61, far, received_s=0)
    assert values.of(VIN)[SOC].measured_at == T0
    assert not take(values, SOC, 61, far, received_s=60)
    assert take(values, SOC, 62, 120), "it does not keep others away"


def test_readings_of_a_clock_that_was_wrong_do_not_stay(values: Values) -> None:
    values.take(VIN, {SOC: {"value": 61}}, T0 + timedelta(days=900))
    assert take(values, SOC, 62)
    assert values.of(VIN)[SOC].value == 62.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-01T09:58:12.123Z", "2026-11-01T09:58:12.123000+00:00"),
        ("2026-11-01T10:58:12+01:00", "2026-11-01T09:58:12+00:00"),
        ("2026-11-01T09:58:12", "2026-11-01T09:58:12+00:00"),
    ],
)
def test_times_of_all_spellings(values: Values, text: str, expected: str) -> None:
    values.take(VIN, {SOC: {"value": 61, "timestamp": text}}, T0)
    measured_at = values.of(VIN)[SOC].measured_at
    assert measured_at is not None
    assert measured_at.isoformat() == expected


# What is no reading


NULLS = ["", "-", "-NA-", "INVALID", "UNKNOWN", "NOT_AVAILABLE", "SIGNAL_INVALID", "ASN_isUnknown"]


@pytest.mark.parametrize("word", [*NULLS, *(word.lower() for word in NULLS), None])
def test_a_newer_null_makes_it_unknown(values: Values, word: str | None) -> None:
    for name, value in ((SOC, 61), (TRUNK, "OPEN"), ("vehicle.cabin.door.status", "LOCKED")):
        take(values, name, value)
        assert take(values, name, word, 60)
        assert values.of(VIN)[name].value is None
        take(values, name, value, 120)
        assert not take(values, name, word, 60, received_s=130)
        assert values.of(VIN)[name].value is not None


@pytest.mark.parametrize("word", [*NULLS, None])
def test_a_car_has_nothing_that_it_never_told(values: Values, word: str | None) -> None:
    assert not take(values, SOC, word)
    assert values.of(VIN) == {}
    assert values.vins() == frozenset()


def test_null_from_rest_erases_nothing(values: Values) -> None:
    take(values, SOC, 61)
    empty = {"value": None, "unit": "percent", "timestamp": None}
    assert not values.take(VIN, {SOC: empty}, T0 + timedelta(hours=1))
    assert values.of(VIN)[SOC].value == 61.0


def test_check_control_messages_that_are_all_null_are_none(values: Values) -> None:
    gone = {MESSAGES: {"value": None, "unit": None, "timestamp": None}}
    take(values, MESSAGES, '[{"id": 143}]')
    assert values.take(VIN, gone, T0 + timedelta(hours=1))
    assert values.of(VIN)[MESSAGES].value == "[]"
    assert values.of(VIN)[MESSAGES].measured_at is None, "the car did not report just now"
    assert not values.take(VIN, gone, T0 + timedelta(hours=2))
    assert take(values, MESSAGES, '[{"id": 164}]', 60)
    assert values.of(VIN)[MESSAGES].value == '[{"id": 164}]'


def test_words_that_mean_nothing_elsewhere_may_be_listed(values: Values) -> None:
    name = "vehicle.powertrain.electric.battery.biDirectionalCharging.availability"
    assert take(values, name, "NOT_AVAILABLE")
    assert values.of(VIN)[name].value == "not_available"


# Latitude and longitude


def place(values: Values) -> tuple[Any, Any]:
    readings = values.of(VIN)
    return tuple(r.value if (r := readings.get(n)) else None for n in (LATITUDE, LONGITUDE))  # type: ignore[return-value]


def test_a_position_waits_for_both_halves(values: Values) -> None:
    assert not take(values, LATITUDE, 48.1)
    assert place(values) == (None, None)
    assert values.vins() == frozenset()
    assert take(values, LONGITUDE, 11.5, 3)
    assert place(values) == (48.1, 11.5)
    assert values.of(VIN)[LATITUDE].measured_at == values.of(VIN)[LONGITUDE].measured_at


def test_halves_of_one_message_are_a_position(values: Values) -> None:
    both = {LATITUDE: entry("48.1", 60), LONGITUDE: entry("11.5", 0)}
    assert values.take(VIN, both, T0 + timedelta(seconds=61))
    assert place(values) == (48.1, 11.5)
    assert not values.take(VIN, both, T0 + timedelta(seconds=90))


def test_a_burst_draws_no_right_angles(values: Values) -> None:
    """Three fixes, three minutes apart, come at once: latitudes first."""
    track = [(48.1 + n / 100, 11.5 + n / 100) for n in range(3)]
    seen = []
    for name, half in ((LATITUDE, 0), (LONGITUDE, 1)):
        for n, fix in enumerate(track):
            take(values, name, fix[half], n * 180, received_s=600 + n)
            seen.append(place(values))
    assert set(seen) - {(None, None)} == set(track)
    assert place(values) == track[-1]


def test_halves_with_other_times_are_a_position_if_they_come_together(values: Values) -> None:
    take(values, LATITUDE, 48.1, 0, received_s=600)
    assert take(values, LONGITUDE, 11.5, 20, received_s=620)
    assert place(values) == (48.1, 11.5)


def test_halves_that_come_apart_are_none(values: Values) -> None:
    take(values, LATITUDE, 48.1, 0)
    assert not take(values, LONGITUDE, 11.5, 60)
    assert place(values) == (None, None)
    assert take(values, LATITUDE, 48.2, 61)
    assert place(values) == (48.2, 11.5)


def test_a_half_of_the_last_position_is_not_used_again(values: Values) -> None:
    take(values, LATITUDE, 48.1)
    take(values, LONGITUDE, 11.5)
    assert not take(values, LATITUDE, 48.101, 20)
    assert place(values) == (48.1, 11.5)
    assert take(values, LONGITUDE, 11.501, 21, received_s=200)
    assert place(values) == (48.101, 11.501)


def test_cars_that_do_not_know_where_they_are_stay_where_they_were(values: Values) -> None:
    take(values, LATITUDE, 48.1)
    take(values, LONGITUDE, 11.5)
    for seconds, nowhere in ((100, 0), (200, "-NA-"), (300, None), (400, 95), (500, "north")):
        take(values, LATITUDE, nowhere, seconds)
        take(values, LONGITUDE, nowhere, seconds)
    assert place(values) == (48.1, 11.5)


def test_cars_do_not_jump(values: Values) -> None:
    def drive(latitude: float, seconds: float) -> None:
        take(values, LATITUDE, latitude, seconds)
        take(values, LONGITUDE, 11.5, seconds)

    drive(48.1, 0)
    drive(48.2, 10)
    assert place(values)[0] == 48.1, "11 km in 10 s"
    drive(48.11, 20)
    assert place(values)[0] == 48.11
    drive(50.0, 7200)
    assert place(values)[0] == 50.0


def test_a_position_is_not_logged(values: Values) -> None:
    with capture_logs() as lines:
        take(values, LATITUDE, "48.123x")
        take(values, LONGITUDE, 222.333)
    assert "48.123" not in str(lines)
    assert "222.333" not in str(lines)


# Hostile input


def test_what_is_not_in_the_catalogue_is_said_once(values: Values) -> None:
    with capture_logs() as lines:
        for second in range(3):
            assert not take(values, "vehicle.brandNew.thing", second, second)
        for number in range(1000):
            assert not take(values, f"vehicle.invented.number{number}", 1)
    assert lines[0]["event"] == "unknown_descriptor"
    assert lines[0]["field"] == "vehicle.brandNew.thing"
    assert len(lines) < 300
    assert values.of(VIN) == {}


def test_an_unknown_word_makes_it_unknown_and_is_said_once(values: Values) -> None:
    take(values, TRUNK, "OPEN")
    with capture_logs() as lines:
        take(values, TRUNK, "AJAR", 60)
        take(values, TRUNK, "AJAR", 120)
    assert values.of(VIN)[TRUNK].value is None
    assert [(line["event"], line["word"]) for line in lines] == [("unknown_word", "AJAR")]


DEEP: Any = []
for _ in range(100_000):
    DEEP = [DEEP]
BAD_VALUES = [
    [], {}, {"a": 1}, DEEP, float("nan"), float("inf"), 1e300, 10**400, "nan", "1_000", "٣",
    10**5000, "9" * 10_000_000, "x" * 10_000_000, "\ud800", "\0", "[" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("name", [SOC, TRUNK, MESSAGES, LATITUDE, "vehicle.trip.segment.end.time"])
@pytest.mark.parametrize("value", BAD_VALUES, ids=range(len(BAD_VALUES)))
def test_bad_values_are_borne(values: Values, name: str, value: Any) -> None:
    values.take(VIN, {name: {"value": value, "unit": value, "timestamp": value}}, T0)
    values.take(VIN, {name: entry(value)}, T0)
    values.commit()
    assert len(str(values.of(VIN))) < 200_000
    if name not in {MESSAGES, LATITUDE}:
        assert name not in values.of(VIN)


@pytest.mark.parametrize("bad", [None, 5, "text", [], [1]])
def test_entries_that_are_none_are_ignored(values: Values, bad: Any) -> None:
    assert not values.take(VIN, {SOC: bad, LATITUDE: bad}, T0)


@pytest.mark.parametrize("bad", [None, 5, "text", [], {}])
def test_messages_that_are_none_are_ignored(values: Values, bad: Any) -> None:
    assert not values.take(VIN, bad, T0)
    assert not values.take(bad, {SOC: entry(1)}, T0)


def test_what_is_no_vin_is_no_car_and_there_are_not_endlessly_many(values: Values) -> None:
    for vin in ("", "x", "wba00000000000001", "../../../etc/passwd"):
        assert not values.take(vin, {SOC: entry(1)}, T0)
    for number in range(MAX_CARS + 10):
        values.take(f"WBA{number:014d}", {SOC: entry(1)}, T0)
    assert len(values.vins()) == MAX_CARS


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)
WORDS = st.sampled_from(
    [
        *NULLS,
        "OPEN",
        "LOCKED",
        "CHARGINGACTIVE",
        "miles",
        "true",
        "0",
        "1.5",
        "01.11.2026 10:00 UTC",
    ]
)
FIELD = st.one_of(JSON, WORDS, st.sampled_from([at(0), at(60), "%", "mi", "psi", "[{}]"]))
ENTRY = st.fixed_dictionaries({}, optional={"value": FIELD, "unit": FIELD, "timestamp": FIELD})
MESSAGE = st.dictionaries(st.sampled_from(sorted(catalogue())) | st.text(), ENTRY | JSON)
BASIC = st.dictionaries(st.sampled_from(["driveTrain", "steering", "brand", "modelName"]), FIELD)


@settings(max_examples=150, deadline=None)
@given(messages=st.lists(MESSAGE, max_size=4), basic=BASIC)
def test_no_message_crashes_anything(messages: list[dict[str, Any]], basic: dict[str, Any]) -> None:
    with capture_logs():
        car = Car(basic)
        for number, data in enumerate(messages):
            car.values.take(VIN, data, T0 + timedelta(seconds=number))
            vehicle = car.convert()
            assert vehicle.vin == VIN
            assert (vehicle.mileage_km or 0) >= 0


# The disk


def test_readings_survive(tmp_path: Path) -> None:
    path = tmp_path / "values.sqlite"
    values = reopened(path)
    take(values, SOC, "61.5", 60, unit="percent")
    take(values, MILEAGE, 100, unit="mi")
    take(values, MESSAGES, '[{"id": 143}]')
    take(values, TRUNK, "OPEN")
    take(values, TRUNK, "INVALID", 60)
    take(values, LATITUDE, 48.1)
    take(values, LONGITUDE, 11.5)
    before = dict(values.of(VIN))
    values.close()
    again = reopened(path)
    assert dict(again.of(VIN)) == before
    assert again.vins() == {VIN}
    assert not take(again, SOC, 50, 0, received_s=70), "it still knows what is old"
    assert not take(again, LATITUDE, 48.1)
    assert not take(again, LONGITUDE, 11.5)
    again.close()


def test_a_car_can_be_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "values.sqlite"
    values = reopened(path)
    take(values, SOC, 61)
    values.commit()
    take(values, SOC, 62, 60)
    values.forget(VIN)
    values.forget("WBA00000000000002")
    values.close()
    with closing(reopened(path)) as again:
        assert again.vins() == frozenset()


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "values.sqlite"
    before = os.umask(0)
    try:
        values = reopened(path)
        take(values, SOC, 61)
        values.commit()
        files = list(tmp_path.iterdir())
        assert {file.suffix for file in files} >= {".sqlite"}
        assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    finally:
        os.umask(before)
    values.close()


CHILD = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from bmw2mqtt.accounts.cardata.values import Values

values = Values(Path(sys.argv[1]))
values.open()
start = datetime(2026, 11, 1, tzinfo=UTC)
for n in range(1, 10**9):
    at = start + timedelta(milliseconds=n)
    entries = {name: {"value": n, "timestamp": at.isoformat()} for name in sys.argv[2:]}
    values.take("WBA00000000000001", entries, at)
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
        readings = [values.of(VIN)[name] for name in names]
        values.close()
        assert log == []
        assert readings[0].value == readings[1].value, "a message is kept whole"
        assert isinstance(readings[0].value, float)
        assert readings[0].value >= told
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
    take(values, SOC, 61)
    values.close()
    with closing(reopened(path)) as again:
        assert again.of(VIN)[SOC].value == 61.0


def test_a_page_in_the_middle_may_be_damaged(tmp_path: Path) -> None:
    path = tmp_path / "values.sqlite"
    values = reopened(path)
    for number in range(200):
        values.take(f"WBA{number:014d}", {SOC: entry(1), TRUNK: entry("OPEN")}, T0)
    values.close()
    content = bytearray(path.read_bytes())
    content[8192 : 8192 + 4096] = b"\xff" * 4096
    path.write_bytes(content)
    with capture_logs() as lines:
        values = reopened(path)
    assert [line["event"] for line in lines] == ["file_damaged"]
    take(values, SOC, 61)
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
    take(values, SOC, 61)
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
    assert set(again.of(VIN)) == {SOC}
    again.close()


def full_disk(values: Values, pages: int) -> None:
    database = values._shelf._database
    assert database is not None
    database.execute(f"PRAGMA max_page_count = {pages}")


def test_a_full_disk_is_said_once_and_made_good(tmp_path: Path) -> None:
    path = tmp_path / "values.sqlite"
    values = reopened(path)
    full_disk(values, 1)
    with capture_logs() as lines:
        for second in range(50):
            take(values, MESSAGES, "x" * 30_000 + str(second), second)
            values.commit()
    assert [line["event"] for line in lines] == ["values_not_saved"]
    assert "full" in lines[0]["reason"]
    assert values.of(VIN)[MESSAGES].value == "x" * 30_000 + "49"
    full_disk(values, 10_000)
    values.commit()
    values.close()
    with closing(reopened(path)) as again:
        assert again.of(VIN)[MESSAGES].value == "x" * 30_000 + "49"


def test_a_folder_that_cannot_be_written_is_still_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "values.sqlite"
    values = reopened(path)
    take(values, SOC, 61)
    values.close()

    def refuse(*_: Any) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with capture_logs() as lines:
        again = reopened(path)
        assert again.of(VIN)[SOC].value == 61.0
        assert take(again, SOC, 62, 60)
        again.commit()
        again.close()
    assert [line["event"] for line in lines] == ["values_not_saved"]
    assert "remedy" in lines[0]


def test_a_folder_that_is_not_there_is_said_once(tmp_path: Path) -> None:
    with capture_logs() as lines:
        values = reopened(tmp_path / "nowhere" / "values.sqlite")
        take(values, SOC, 61)
        values.commit()
        values.forget(VIN)
        values.close()
    assert [line["event"] for line in lines] == ["values_not_saved"]


def test_a_view_follows_and_cannot_be_written(values: Values) -> None:
    take(values, SOC, 61)
    view = values.of(VIN)
    take(values, SOC, 62, 60)
    assert view[SOC].value == 62.0
    with pytest.raises(TypeError):
        view[SOC] = view[SOC]  # type: ignore[index]


def test_the_hosts_clock_may_have_been_in_the_past(values: Values) -> None:
    values.take(VIN, {SOC: entry(60)}, datetime(1970, 1, 1, tzinfo=UTC))
    assert take(values, SOC, 61, 60)
    assert values.of(VIN)[SOC].value == 61.0
