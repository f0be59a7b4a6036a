"""From what a car reports to the rows in the file."""

from datetime import UTC, datetime

from bmw2mqtt.history.database import HistoryDatabase
from bmw2mqtt.history.queries import HistoryReader
from bmw2mqtt.history.recorder.drives import refuel_record, trip_record
from bmw2mqtt.vehicle.trips import TripTracker
from tests.history.samples import VIN
from tests.vehicle.trip_steps import HOME, PHEV, at, follow, observation, records

DAY = """
-0:05 OD=100 POS=0 HD=80 FL=20
0:00 MV=1
0:10 OD=110 POS=9000
0:20 OD=130 POS=18000
0:30 MV=0 OD=140 POS=27000
0:31 HD=70 FL=19 LK=1
0:50 FL=48
"""


def rows(*, keep_positions: bool):
    tracker = TripTracker(HOME, keep_positions=keep_positions)
    reports = [observation(line, PHEV) for line in DAY.strip().splitlines()]
    [trip], [refuel] = records(follow(tracker, reports, at("24:00")))
    return (
        trip_record(VIN, trip, keep_positions=keep_positions),
        refuel_record(VIN, refuel, keep_positions=keep_positions),
    )


def test_a_day_of_a_car_becomes_rows(tmp_path):
    trip, refuel = rows(keep_positions=False)
    database = HistoryDatabase(tmp_path / "history.db")
    database.open()
    database.write([trip, refuel])
    database.write([trip, refuel])
    reader = HistoryReader(database.connection)
    assert [row.record for row in reader.trips()] == [trip]
    assert [row.record for row in reader.refuels()] == [refuel]
    database.close()
    assert datetime.fromtimestamp(trip.end_at, UTC) == at("0:30")
    assert (trip.km, trip.kwh, trip.litres) == (40, 7.8, 1)
    assert (trip.zone_from, trip.zone_to, refuel.zone) == ("home", "elsewhere", "elsewhere")
    assert (refuel.before_l, refuel.after_l, refuel.litres) == (19, 48, 29)


def test_no_position_is_stored_unless_wanted():
    trip, refuel = rows(keep_positions=False)
    assert trip.track == ()
    assert {trip.from_latitude, trip.to_longitude, refuel.latitude, refuel.longitude} == {None}
    trip, refuel = rows(keep_positions=True)
    assert (trip.from_latitude, trip.to_latitude) == (48.1, 48.34282)
    assert len(trip.track) == 4
    assert (refuel.latitude, refuel.longitude) == (48.34282, 11.5)
