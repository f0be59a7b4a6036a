"""What trips and refuelling say of energy and fuel: measured, or nothing."""

import pytest

from bmw2mqtt.vehicle.trips import Refuelled
from tests.vehicle.trip_steps import DRIVE, EV, ICE, PHEV, records, run


def test_consumption_is_the_energy_between_two_measured_levels_of_charge():
    [trip], _ = records(run(DRIVE))
    assert trip.kwh == 7.8
    assert trip.kwh_per_100km == 19.5


NO_CONSUMPTION = {
    "less than three points": DRIVE.replace("HD=70", "HD=78"),
    "an old level at the start": DRIVE.replace("HD=80", "HD=80@-3:00"),
    "no level after the last movement": DRIVE.replace("HD=70", "HD=70@0:20"),
    "a charge before the level at the end": DRIVE.replace("HD=70 LK=1", "CH=1\n0:36 HD=70"),
    "a level long after the end": DRIVE.replace("HD=70 LK=1", "LK=1\n1:10 HD=70"),
    "an unknown start": "0:00 OD=100 HD=80\n1:00 OD=140 HD=60",
}


@pytest.mark.parametrize("text", NO_CONSUMPTION.values(), ids=NO_CONSUMPTION)
def test_no_consumption_where_it_would_be_a_guess(text):
    [trip], _ = records(run(text))
    assert trip.kwh is None
    assert trip.kwh_per_100km is None


def test_a_plug_in_hybrid_shows_both_energies_and_no_consumption_from_mixed_driving():
    text = DRIVE.replace("HD=80", "HD=80 FL=30").replace("HD=70", "HD=70 FL=28")
    [trip], _ = records(run(text, PHEV))
    assert (trip.kwh, trip.litres, trip.kwh_per_100km) == (7.8, 2, None)


def test_an_old_level_of_charge_does_not_replace_a_newer_one():
    [trip], _ = records(run(DRIVE + "0:32 HD=75@0:15"))
    assert (trip.soc_end, trip.kwh) == (70, 7.8)


def test_a_level_of_charge_that_comes_late_completes_the_trip():
    text = DRIVE.replace("0:31 HD=70 LK=1", "0:31 LK=1\n0:40 HD=70")
    trips, _ = records(run(text))
    assert [trip.kwh for trip in trips] == [7.8]


def test_a_trip_with_a_stop_at_a_fuel_station_has_no_litres():
    text = "-1:00 OD=100 FL=30\n0:00 MV=1\n0:15 FL=45\n0:40 MV=0 OD=150 FL=29"
    [trip], [refuel] = records(run(text, ICE))
    assert (trip.fuel_start_l, trip.fuel_end_l, trip.litres) == (30, 29, None)
    assert refuel.litres == 15


def test_an_electric_car_that_reports_a_tank_is_not_refuelled():
    events = run("0:00 OD=1 FL=10\n1:00 FL=50\n2:00 FL=50", EV)
    assert events == []


def test_litres_per_100_km_go_from_refuelling_to_refuelling():
    text = """
    0:00 OD=1000 FL=10
    1:00 FL=50
    5:00 OD=1500
    6:00 FL=15
    6:30 FL=55
    """
    _, refuels = records(run(text, ICE))
    assert [refuel.litres_per_100km for refuel in refuels] == [None, 7.0]


def test_a_tank_known_in_percent_only():
    [refuelled] = run("0:00 FP=20\n1:00 FP=27\n2:00 FP=90", ICE)
    assert isinstance(refuelled, Refuelled)
    assert (refuelled.refuel.before_percent, refuelled.refuel.after_percent) == (27, 90)
    assert refuelled.refuel.litres is None
