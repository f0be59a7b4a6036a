"""The newest reading of everything, whatever BMW sends and however the bridge ends."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bmw2mqtt.accounts.cardata.telemetry.store import ReadingStore
from bmw2mqtt.entities.catalogue import catalogue
from tests.accounts.cardata.reporting_car import T0, VIN, Car, at, entry
from tests.accounts.cardata.telemetry.recording import (
    LATITUDE,
    LONGITUDE,
    MESSAGES,
    SOC,
    TRUNK,
    readings,
    record,
)

# Order


def test_a_newer_reading_replaces_the_one_before(values: ReadingStore) -> None:
    assert record(values, SOC, 60)
    assert record(values, SOC, 61, 60)
    reading = readings(values)[SOC]
    assert (reading.value, reading.unit) == (61.0, "%")
    assert reading.measured_at == T0 + timedelta(seconds=60)


def test_an_older_reading_is_ignored(values: ReadingStore) -> None:
    record(values, SOC, 61, 60)
    record(values, SOC, 60, 0, received_s=70)
    assert readings(values)[SOC].value == 61.0


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
    values: ReadingStore, first: str, second: str, kept: str
) -> None:
    """REST tells thousandths, the stream seconds."""
    for time, value in ((first, 60), (second, 61)):
        values.add(VIN).record({SOC: {"value": value, "timestamp": f"2026-11-01T{time}Z"}}, T0)
    assert readings(values)[SOC].value == (60.0 if kept == "first" else 61.0)


def test_a_reading_that_comes_twice_is_no_news(values: ReadingStore) -> None:
    assert record(values, SOC, 61)
    assert not record(values, SOC, 61)
    assert not record(values, SOC, "61.0"), "REST has it as text"
    assert record(values, SOC, 61, 60), "it was measured again"


def test_values_of_one_time_follow_each_other_as_they_come(values: ReadingStore) -> None:
    record(values, SOC, 61)
    assert record(values, SOC, 62)
    assert readings(values)[SOC].value == 62.0


@pytest.mark.parametrize("timestamp", [None, "", "yesterday", 5, {}, "0001-01-01T00:00:00Z"])
def test_without_a_time_it_was_measured_when_it_came(values: ReadingStore, timestamp: Any) -> None:
    assert values.add(VIN).record({SOC: {"value": 61, "timestamp": timestamp}}, T0)
    assert readings(values)[SOC].measured_at == T0
    later = T0 + timedelta(hours=1)
    assert not values.add(VIN).record({SOC: {"value": 61, "timestamp": timestamp}}, later)
    assert readings(values)[SOC].measured_at == T0, "a poll that brings nothing new changes nothing"


def test_a_time_in_the_future_is_now(values: ReadingStore) -> None:
    far = 365 * 86400
    assert record(values, SOC, 61, far, received_s=0)
    assert readings(values)[SOC].measured_at == T0
    assert not record(values, SOC, 61, far, received_s=60)
    assert record(values, SOC, 62, 120), "it does not keep others away"


def test_readings_of_a_clock_that_was_wrong_do_not_stay(values: ReadingStore) -> None:
    values.add(VIN).record({SOC: {"value": 61}}, T0 + timedelta(days=900))
    assert record(values, SOC, 62)
    assert readings(values)[SOC].value == 62.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-01T09:58:12.123Z", "2026-11-01T09:58:12.123000+00:00"),
        ("2026-11-01T10:58:12+01:00", "2026-11-01T09:58:12+00:00"),
        ("2026-11-01T09:58:12", "2026-11-01T09:58:12+00:00"),
    ],
)
def test_times_of_all_spellings(values: ReadingStore, text: str, expected: str) -> None:
    values.add(VIN).record({SOC: {"value": 61, "timestamp": text}}, T0)
    measured_at = readings(values)[SOC].measured_at
    assert measured_at is not None
    assert measured_at.isoformat() == expected


# What is no reading


NULLS = ["", "-", "-NA-", "INVALID", "UNKNOWN", "NOT_AVAILABLE", "SIGNAL_INVALID", "ASN_isUnknown"]


@pytest.mark.parametrize("word", [*NULLS, *(word.lower() for word in NULLS), None])
def test_a_newer_null_makes_it_unknown(values: ReadingStore, word: str | None) -> None:
    for name, value in ((SOC, 61), (TRUNK, "OPEN"), ("vehicle.cabin.door.status", "LOCKED")):
        record(values, name, value)
        assert record(values, name, word, 60)
        assert readings(values)[name].value is None
        record(values, name, value, 120)
        assert not record(values, name, word, 60, received_s=130)
        assert readings(values)[name].value is not None


@pytest.mark.parametrize("word", [*NULLS, None])
def test_a_car_has_nothing_that_it_never_told(values: ReadingStore, word: str | None) -> None:
    assert not record(values, SOC, word)
    assert readings(values) == {}
    assert values.vins() == frozenset()


def test_null_from_rest_erases_nothing(values: ReadingStore) -> None:
    record(values, SOC, 61)
    empty = {"value": None, "unit": "percent", "timestamp": None}
    assert not values.add(VIN).record({SOC: empty}, T0 + timedelta(hours=1))
    assert readings(values)[SOC].value == 61.0


def test_check_control_messages_that_are_all_null_are_none(values: ReadingStore) -> None:
    gone = {MESSAGES: {"value": None, "unit": None, "timestamp": None}}
    record(values, MESSAGES, '[{"id": 143}]')
    assert values.add(VIN).record(gone, T0 + timedelta(hours=1))
    assert readings(values)[MESSAGES].value == "[]"
    assert readings(values)[MESSAGES].measured_at is None, "the car did not report just now"
    assert not values.add(VIN).record(gone, T0 + timedelta(hours=2))
    assert record(values, MESSAGES, '[{"id": 164}]', 60)
    assert readings(values)[MESSAGES].value == '[{"id": 164}]'


def test_words_that_mean_nothing_elsewhere_may_be_listed(values: ReadingStore) -> None:
    name = "vehicle.powertrain.electric.battery.biDirectionalCharging.availability"
    assert record(values, name, "NOT_AVAILABLE")
    assert readings(values)[name].value == "not_available"


# Latitude and longitude


def place(values: ReadingStore) -> tuple[Any, Any]:
    now = readings(values)
    return tuple(r.value if (r := now.get(n)) else None for n in (LATITUDE, LONGITUDE))  # type: ignore[return-value]


def test_a_position_waits_for_both_halves(values: ReadingStore) -> None:
    assert not record(values, LATITUDE, 48.1)
    assert place(values) == (None, None)
    assert values.vins() == frozenset()
    assert record(values, LONGITUDE, 11.5, 3)
    assert place(values) == (48.1, 11.5)
    assert readings(values)[LATITUDE].measured_at == readings(values)[LONGITUDE].measured_at


def test_halves_of_one_message_are_a_position(values: ReadingStore) -> None:
    both = {LATITUDE: entry("48.1", 60), LONGITUDE: entry("11.5", 0)}
    assert values.add(VIN).record(both, T0 + timedelta(seconds=61))
    assert place(values) == (48.1, 11.5)
    assert not values.add(VIN).record(both, T0 + timedelta(seconds=90))


def test_a_burst_draws_no_right_angles(values: ReadingStore) -> None:
    """Three fixes, three minutes apart, come at once: latitudes first."""
    track = [(48.1 + n / 100, 11.5 + n / 100) for n in range(3)]
    seen = []
    for name, half in ((LATITUDE, 0), (LONGITUDE, 1)):
        for n, fix in enumerate(track):
            record(values, name, fix[half], n * 180, received_s=600 + n)
            seen.append(place(values))
    assert set(seen) - {(None, None)} == set(track)
    assert place(values) == track[-1]


def test_halves_with_other_times_are_a_position_if_they_come_together(values: ReadingStore) -> None:
    record(values, LATITUDE, 48.1, 0, received_s=600)
    assert record(values, LONGITUDE, 11.5, 20, received_s=620)
    assert place(values) == (48.1, 11.5)


def test_halves_that_come_apart_are_none(values: ReadingStore) -> None:
    record(values, LATITUDE, 48.1, 0)
    assert not record(values, LONGITUDE, 11.5, 60)
    assert place(values) == (None, None)
    assert record(values, LATITUDE, 48.2, 61)
    assert place(values) == (48.2, 11.5)


def test_a_half_of_the_last_position_is_not_used_again(values: ReadingStore) -> None:
    record(values, LATITUDE, 48.1)
    record(values, LONGITUDE, 11.5)
    assert not record(values, LATITUDE, 48.101, 20)
    assert place(values) == (48.1, 11.5)
    assert record(values, LONGITUDE, 11.501, 21, received_s=200)
    assert place(values) == (48.101, 11.501)


def test_cars_that_do_not_know_where_they_are_stay_where_they_were(values: ReadingStore) -> None:
    record(values, LATITUDE, 48.1)
    record(values, LONGITUDE, 11.5)
    for seconds, nowhere in ((100, 0), (200, "-NA-"), (300, None), (400, 95), (500, "north")):
        record(values, LATITUDE, nowhere, seconds)
        record(values, LONGITUDE, nowhere, seconds)
    assert place(values) == (48.1, 11.5)


def test_cars_do_not_jump(values: ReadingStore) -> None:
    def drive(latitude: float, seconds: float) -> None:
        record(values, LATITUDE, latitude, seconds)
        record(values, LONGITUDE, 11.5, seconds)

    drive(48.1, 0)
    drive(48.2, 10)
    assert place(values)[0] == 48.1, "11 km in 10 s"
    drive(48.11, 20)
    assert place(values)[0] == 48.11
    drive(50.0, 7200)
    assert place(values)[0] == 50.0


def test_a_position_is_not_logged(values: ReadingStore) -> None:
    with capture_logs() as lines:
        record(values, LATITUDE, "48.123x")
        record(values, LONGITUDE, 222.333)
    assert "48.123" not in str(lines)
    assert "222.333" not in str(lines)


# Hostile input


def test_what_is_not_in_the_catalogue_is_said_once(values: ReadingStore) -> None:
    with capture_logs() as lines:
        for second in range(3):
            assert not record(values, "vehicle.brandNew.thing", second, second)
        for number in range(1000):
            assert not record(values, f"vehicle.invented.number{number}", 1)
    assert lines[0]["event"] == "unknown_descriptor"
    assert lines[0]["field"] == "vehicle.brandNew.thing"
    assert len(lines) < 300
    assert readings(values) == {}


@pytest.mark.parametrize(
    ("name", "good", "bad", "logged"),
    [
        (TRUNK, "OPEN", "AJAR", "AJAR"),
        (SOC, 61, {"a": 1}, "dict"),
        (SOC, 61, 101, "int"),
        (MESSAGES, "[]", {"a": 1}, "dict"),
        (MESSAGES, "[]", "[{", "[{"),
        ("vehicle.status.serviceTime.inspectionDateLegal", "31.03.2027", "soon", "soon"),
        ("vehicle.vehicle.antiTheftAlarmSystem.alarm.activationTime", "10:00", {"a": 1}, "dict"),
    ],
)
def test_what_cannot_be_understood_replaces_nothing_and_is_logged_once(
    values: ReadingStore, name: str, good: Any, bad: Any, logged: str
) -> None:
    record(values, name, good)
    before = readings(values)[name]
    with capture_logs() as lines:
        record(values, name, bad, 60)
        record(values, name, bad, 120)
    assert readings(values)[name] == before
    assert [(line["event"], line["word"]) for line in lines] == [("unknown_word", logged)]


@pytest.mark.parametrize("entry", [None, "61", ["61"], {"value": 63, "timestamp": "yesterday"}])
def test_an_entry_that_cannot_be_understood_replaces_nothing(
    values: ReadingStore, entry: Any
) -> None:
    record(values, SOC, 61)
    with capture_logs() as lines:
        for second in (60, 120):
            received_at = T0 + timedelta(seconds=second)
            assert not values.add(VIN).record({SOC: entry}, received_at)
    assert readings(values)[SOC].value == 61.0
    assert [line["event"] for line in lines] == ["unknown_word"]


@pytest.mark.parametrize("stamp", [1_793_527_200, 1_793_527_200_000, "1793527200", 1.7935272e9])
def test_numeric_times_are_times(values: ReadingStore, stamp: Any) -> None:
    values.add(VIN).record({SOC: {"value": 61, "timestamp": stamp}}, T0 + timedelta(days=2))
    assert readings(values)[SOC].measured_at == datetime.fromtimestamp(1_793_527_200, UTC)
    name = "vehicle.status.serviceTime.inspectionDateLegal"
    assert record(values, name, stamp)
    assert readings(values)[name].value == "2026-11-01T10:00:00+00:00"


def test_a_list_may_come_as_a_list(values: ReadingStore) -> None:
    assert record(values, MESSAGES, [{"id": 143}])
    assert readings(values)[MESSAGES].value == '[{"id": 143}]'


DEEP: Any = []
for _ in range(100_000):
    DEEP = [DEEP]
BAD_VALUES = [
    [], {}, {"a": 1}, DEEP, float("nan"), float("inf"), 1e300, 10**400, "nan", "1_000", "٣",
    10**5000, "9" * 10_000_000, "x" * 10_000_000, "\ud800", "\0", "[" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("name", [SOC, TRUNK, MESSAGES, LATITUDE, "vehicle.trip.segment.end.time"])
@pytest.mark.parametrize("value", BAD_VALUES, ids=range(len(BAD_VALUES)))
def test_bad_values_are_borne(values: ReadingStore, name: str, value: Any) -> None:
    values.add(VIN).record({name: {"value": value, "unit": value, "timestamp": value}}, T0)
    values.add(VIN).record({name: entry(value)}, T0)
    values.commit()
    assert len(str(readings(values))) < 200_000
    if name not in {MESSAGES, LATITUDE}:
        assert name not in readings(values)


@pytest.mark.parametrize("bad", [None, 5, "text", [], [1]])
def test_entries_that_are_none_are_ignored(values: ReadingStore, bad: Any) -> None:
    assert not values.add(VIN).record({SOC: bad, LATITUDE: bad}, T0)


@pytest.mark.parametrize("bad", [None, 5, "text", [], {}])
def test_messages_that_are_none_are_ignored(values: ReadingStore, bad: Any) -> None:
    assert not values.add(VIN).record(bad, T0)


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


@pytest.mark.no_cover
@settings(max_examples=150, deadline=None)
@given(messages=st.lists(MESSAGE, max_size=4), basic=BASIC)
def test_no_message_crashes_anything(messages: list[dict[str, Any]], basic: dict[str, Any]) -> None:
    with capture_logs():
        car = Car(basic)
        for number, data in enumerate(messages):
            car.store.add(VIN).record(data, T0 + timedelta(seconds=number))
            vehicle = car.snapshot()
            assert vehicle.vin == VIN
            assert (vehicle.mileage_km or 0) >= 0


def test_a_view_follows_and_cannot_be_written(values: ReadingStore) -> None:
    record(values, SOC, 61)
    view = readings(values)
    record(values, SOC, 62, 60)
    assert view[SOC].value == 62.0
    with pytest.raises(TypeError):
        view[SOC] = view[SOC]  # type: ignore[index]


def test_the_hosts_clock_may_have_been_in_the_past(values: ReadingStore) -> None:
    values.add(VIN).record({SOC: entry(60)}, datetime(1970, 1, 1, tzinfo=UTC))
    assert record(values, SOC, 61, 60)
    assert readings(values)[SOC].value == 61.0
