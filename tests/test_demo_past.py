"""The past of the demo's cars: what a newcomer sees at once, and that it fits what comes after."""

import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from bmw2mqtt.config import Settings
from bmw2mqtt.demo.broker import DemoError
from bmw2mqtt.demo.past import RECORDED, record_past
from bmw2mqtt.history.database import open_for_reading
from bmw2mqtt.history.queries import HistoryReader, Period
from bmw2mqtt.history.service import FILE
from bmw2mqtt.simulator.cardata.driving.models import CARDATA_ELECTRIC, CARDATA_HYBRID
from bmw2mqtt.simulator.cardata.driving.records import charging_sessions
from bmw2mqtt.simulator.driving import DIESEL, ELECTRIC, PLUGIN_HYBRID, CarModel, PastKind, past

pytestmark = pytest.mark.no_cover

STREAMING, POLLED = (CARDATA_ELECTRIC, CARDATA_HYBRID), (ELECTRIC, PLUGIN_HYBRID, DIESEL)
CARS = (*STREAMING, *POLLED)
LONGEST_S = 3.0
"""On a busy machine; it takes about half a second."""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home = {"latitude": 48.17733, "longitude": 11.55627, "radius_m": 300}
    settings = Settings(
        accounts={"home": {"backend": "mybmw", "username": "me@example.com", "password": "pw"}},
        data_dir=tmp_path_factory.mktemp("demo") / "data",
        history={"home": home, "price_per_kwh": 0.31},
    )
    begin = time.process_time()
    record_past(settings, streaming=STREAMING, polled=POLLED)
    assert time.process_time() - begin < LONGEST_S
    return settings


@pytest.fixture
def reader(settings: Settings) -> Iterator[HistoryReader]:
    with closing(open_for_reading(settings.data_dir / FILE)) as connection:
        yield HistoryReader(connection)


def test_every_car_has_trips_and_each_with_a_plug_has_charges(reader: HistoryReader) -> None:
    for model in CARS:
        period = Period(vin=model.vin)
        assert len(reader.trips(period)) >= 26, model.name
        assert len(reader.sessions(period)) >= 7 or model.battery is None, model.name
        assert bool(reader.refuels(period)) == (model.tank is not None)
        assert reader.readings(period)


def test_there_is_something_of_everything(reader: HistoryReader) -> None:
    rows = [row.record for row in reader.sessions()]
    assert {row.kind for row in rows} == {"ac", "dc"}
    assert {row.zone for row in rows} == {"home", "elsewhere"}
    assert {row.energy_source for row in rows} == {"measured", "estimated"}
    assert all((row.cost is not None) == (row.zone == "home") for row in rows)
    assert all(row.status == "ended" for row in rows)
    trips = [row.record for row in reader.trips()]
    assert {trip.start_known for trip in trips} == {True, False}
    assert any(trip.kwh_per_100km for trip in trips)
    assert not any(trip.to_latitude for trip in trips), "positions are off"


@pytest.mark.parametrize("model", CARS, ids=lambda model: model.name)
def test_it_ends_where_the_simulation_begins(model: CarModel, reader: HistoryReader) -> None:
    last = reader.last_reading(model.vin)
    assert last is not None
    assert last.odometer_km == pytest.approx(model.initial_mileage_km, abs=15), "or on its way"
    if model.battery is not None:
        assert last.soc == pytest.approx(model.battery.initial_percent, abs=4)


def test_bmw_has_the_same_charges_on_record(reader: HistoryReader) -> None:
    now = datetime.now(UTC)
    begin = (now - RECORDED + timedelta(hours=12)).timestamp()
    records = charging_sessions(CARDATA_ELECTRIC, now)
    ours = [row.record for row in reader.sessions(Period(vin=CARDATA_ELECTRIC.vin))]
    starts = [round(row.start_at / 60) for row in ours if row.start_at and row.start_at > begin]
    assert sorted(starts) == [round(r["startTime"] / 60) for r in records if r["startTime"] > begin]


def test_a_kept_folder_gets_no_second_past(settings: Settings) -> None:
    file = settings.data_dir / FILE
    before = file.stat().st_mtime_ns
    record_past(settings, streaming=STREAMING, polled=POLLED)
    assert file.stat().st_mtime_ns == before


@pytest.mark.parametrize("model", CARS, ids=lambda model: model.name)
@pytest.mark.parametrize("hour", [0, 5, 12, 19, 23])
def test_nothing_overlaps_whenever_it_starts(model: CarModel, hour: int) -> None:
    for day in range(7):
        until = datetime(2026, 11, 9 + day, hour, 5, tzinfo=UTC)
        events = past(model, until)
        for event, following in pairwise(events):
            assert event.start_at <= event.end_at <= following.start_at
            assert event.after == following.before
        assert events[-1].end_at < until
        for event in events:
            assert 0 <= event.after.percent <= 100
            assert model.tank is None or 0 < event.after.fuel_l <= model.tank.capacity_l
            assert event.kind is not PastKind.CHARGE or event.after.percent > event.before.percent


def test_a_folder_that_cannot_be_written_is_an_error(settings: Settings, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    elsewhere = settings.model_copy(update={"data_dir": blocked / "data"})
    with pytest.raises(DemoError, match="cannot be written"):
        record_past(elsewhere, streaming=(), polled=(DIESEL,))
