"""BMW's own record of a car's charges: when it is requested, page by page, and what is in it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from bmw2mqtt.accounts.cardata.rest.charging_history import read_sessions
from bmw2mqtt.accounts.cardata.rest.quota import Priority
from bmw2mqtt.simulator.cardata import Fault, cu_error
from bmw2mqtt.vehicle.snapshot import DriveTrain, Vehicle
from tests.accounts.cardata.account_parts import OTHER_VIN, VIN, AccountParts

HISTORY = "chargingHistory"


def entry(start: datetime, **values: Any) -> dict[str, Any]:
    started = int(start.timestamp())
    return {
        "startTime": started,
        "endTime": started + 3600,
        "timeZone": "Europe/Berlin",
        "totalChargingDurationSec": 3600,
        "displayedStartSoc": 40,
        "displayedSoc": 60,
        "energyConsumedFromPowerGridKwh": 16.770000457763672,
        "isPreconditioningActivated": True,
        "mileage": 23456,
        "mileageUnits": "KM",
    } | values


def electric(account: AccountParts, vin: str = VIN, count: int = 1) -> None:
    """Let a car have a battery, and charge on each of its last days."""
    account.listener.recorded.add(vin)
    vehicle = account.vehicles.get(vin) or account.vehicles.add(vin)
    vehicle.snapshot = Vehicle(vin=vin, model="X", brand="BMW", drive_train=DriveTrain.ELECTRIC)
    simulated = next(car for car in account.user.cars if car.vin == vin)
    simulated.sessions = [
        entry(account.clock.now - timedelta(hours=8 * (number + 1))) for number in range(count)
    ]


def requests(account: AccountParts) -> list[Mapping[str, str]]:
    """Return the queries of the requests for it since the last time."""
    queries = [request.query for request in account.bmw.requests if HISTORY in request.path]
    account.bmw.requests.clear()
    return queries


async def test_it_is_requested_once_a_day_and_only_what_may_be_new(account: AccountParts) -> None:
    await account.poller.poll()
    electric(account)
    requests(account)
    await account.poller.poll()
    [query] = requests(account)
    begin, end = (datetime.fromisoformat(query[name]) for name in ("from", "to"))
    assert end - begin == timedelta(days=45), "BMW refuses more"
    [record] = account.listener.charges[VIN]
    await account.poller.poll()
    await account.clock.forward(hours=12)
    await account.poller.poll()
    assert requests(account) == []
    await account.clock.forward(hours=11)
    await account.poller.poll()
    [query] = requests(account)
    newest = record.session.end_at
    assert datetime.fromisoformat(query["from"]) == newest - timedelta(days=3)
    assert account.listener.charges.keys() == {VIN}


async def test_a_restart_asks_no_sooner(account: AccountParts) -> None:
    await account.poller.poll()
    electric(account)
    await account.poller.poll()
    requests(account)
    account.restart()
    electric(account)
    await account.poller.poll()
    assert requests(account) == []


async def test_cars_without_battery_or_history_are_left_out(account: AccountParts) -> None:
    await account.poller.poll()
    electric(account)
    account.listener.recorded.clear()
    electric(account, OTHER_VIN)
    vehicle = account.vehicles.get(OTHER_VIN)
    assert vehicle is not None
    vehicle.snapshot = Vehicle(
        vin=OTHER_VIN, model="X", brand="MINI", drive_train=DriveTrain.COMBUSTION
    )
    requests(account)
    await account.poller.poll()
    assert requests(account) == []


async def test_a_page_that_bmw_cannot_read_costs_no_other_and_no_second_try(
    account: AccountParts,
) -> None:
    await account.poller.poll()
    electric(account, count=125)
    account.user.cars[0].sessions[0].pop("endTime")
    requests(account)
    account.bmw.faults.add(Fault(path=HISTORY, times=5))
    account.bmw.faults.add(cu_error("CU-500", path=HISTORY))
    with capture_logs() as lines:
        await account.poller.poll()
        await account.clock.forward(hours=2)
        await account.poller.poll()
    assert len(requests(account)) == 6
    assert len(account.listener.charges[VIN]) == 99, "one of them is still running"
    assert [(line["event"], line["what"]) for line in lines if line["log_level"] == "warning"] == [
        ("data_not_read", "charging_history")
    ]
    account.bmw.faults.clear()
    await account.clock.forward(hours=23)
    await account.poller.poll()
    assert len(requests(account)) <= 2, "not all pages once more"


async def test_the_reserve_is_kept(account: AccountParts) -> None:
    await account.poller.poll()
    electric(account, count=125)
    while account.budget.left() > 17:
        await account.poller._rest.get("vehicles/mappings", Priority.FIRST)
    requests(account)
    await account.poller.poll()
    assert requests(account) == []


START = datetime(2026, 11, 10, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("unit", "km"),
    [("MI", 37748.8), ("MileageUnits.MI", 37748.8), ("miles", 37748.8), ("KM", 23456),
     ("MileageUnits.KM", 23456), (None, 23456)],
)  # fmt: skip
def test_the_odometer_of_a_record_in_every_spelling_of_its_unit(
    unit: str | None, km: float
) -> None:
    [record] = read_sessions([entry(START, mileageUnits=unit)])
    assert record.session.odometer_km == pytest.approx(km, abs=0.1)


def test_what_a_record_says() -> None:
    block = {"startTime": 1793779200, "endTime": 1793779500, "averagePowerGridKw": 3.4}
    place = {"mapMatchedLatitude": 48.1, "mapMatchedLongitude": 11.5, "streetAddress": "Weg 3"}
    [record] = read_sessions(
        [entry(START, chargingBlocks=[block], chargingLocation=place, mileageUnits="MI")]
    )
    session = record.session
    assert (session.start_at, session.end_at) == (START, START + timedelta(hours=1))
    assert (session.soc_start, session.soc_end, session.active_s) == (40, 60, 3600)
    assert session.grid_kwh == pytest.approx(16.77)
    assert session.odometer_km == pytest.approx(37748.8, abs=0.1)
    assert [round(one.mean_kw, 1) for one in session.blocks] == [3.4]
    assert (record.place.latitude, record.place.longitude) == (48.1, 11.5)  # type: ignore[union-attr]
    assert "Weg" not in record.json, "no place is kept"


@pytest.mark.parametrize(
    "bad",
    [
        None,
        7,
        {},
        {"startTime": 1793779200},
        entry(START, endTime=None),
        entry(START, endTime=1),
        entry(START, startTime="yesterday"),
    ],
)
def test_what_cannot_be_read_is_left_out(bad: Any) -> None:
    assert read_sessions([bad, entry(START)])[0].session.start_at == START
    assert read_sessions(bad) == ()


def test_milliseconds_texts_and_nulls() -> None:
    [record] = read_sessions(
        [
            entry(
                START,
                startTime=int(START.timestamp()) * 1000,
                endTime="2026-11-10T09:30:00Z",
                energyConsumedFromPowerGridKwh=None,
                displayedStartSoc="40",
                chargingBlocks=[None, {}],
                chargingLocation=[],
                mileage=None,
            )
        ]
    )
    session = record.session
    assert (session.start_at, session.end_at) == (START, START + timedelta(hours=1, minutes=30))
    assert (session.grid_kwh, session.soc_start, session.odometer_km) == (None, None, None)
    assert (session.blocks, record.place) == ((), None)
