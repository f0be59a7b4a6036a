"""What MyBMW's reports mean over time, from a table: charging, old reports, garbage, heating.

A row is a poll: when it was made, what BMW's state says, and what is shown afterwards. The bridge
may be restarted between two polls; then it knows only what it has written down.
"""

from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bmw2mqtt.accounts.mybmw.snapshot.report_charging import ReportCharging
from bmw2mqtt.accounts.mybmw.snapshot.responses import ReportTrackers
from bmw2mqtt.vehicle.charging.state import TransitionKind
from bmw2mqtt.vehicle.snapshot import ClimateActivity, Vehicle
from tests.accounts.mybmw.snapshot.conversion import answers_of, convert
from tests.fixture_cars import fixture_car

T0 = datetime(2026, 11, 10, 8, tzinfo=UTC)
IX, I4, M340 = "WBA00000000DEMO01", "WBA00000000DEMO02", "WBA00000000DEMO03"


def at(text: str) -> datetime:
    """Return T0 plus `h:mm`, which may be negative."""
    hours, minutes = text.lstrip("-").split(":")
    delta = timedelta(hours=int(hours), minutes=int(minutes))
    return T0 - delta if text.startswith("-") else T0 + delta


@dataclass
class PolledCar:
    """One car and what the bridge makes of its reports."""

    vin: str = IX
    trackers: ReportTrackers = field(default_factory=ReportTrackers)
    vehicle: Vehicle | None = None
    transitions: list[tuple[TransitionKind, datetime]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.answers = answers_of(fixture_car(self.vin))
        self.watch()

    def watch(self) -> None:
        """Write down what the state machine reports."""
        machine = self.trackers.charging.machine
        step = machine.step

        def watched(*arguments: Any) -> Any:
            found = step(*arguments)
            self.transitions += [(transition.kind, transition.at) for transition in found]
            return found

        machine.step = watched  # type: ignore[method-assign]

    def poll(self, now: str, reported: str | None, **values: Any) -> Vehicle:
        """Answer a poll; values are those of the battery, or of the state by `state_…`."""
        self.answers = deepcopy(self.answers)
        state = self.answers["state"]
        if reported is not None:
            state["lastUpdatedAt"] = at(reported).isoformat()
        for name, value in values.items():
            if name.startswith("state_"):
                state[name.removeprefix("state_")] = value
            else:
                state["electricChargingState"][name] = value
        self.vehicle = convert(
            self.vin, self.answers, self.vehicle, at(now), trackers=self.trackers
        )
        return self.vehicle

    def restart(self, now: str) -> None:
        """Go on with what is on disk alone."""
        document = self.trackers.charging.to_document(at(now))
        self.trackers = ReportTrackers(charging=ReportCharging(document, now=at(now)))
        self.vehicle = None
        self.watch()


PLUGGED = {"chargingStatus": "PLUGGED_IN", "isChargerConnected": True, "state_currentMileage": 1000}
CHARGING = PLUGGED | {"chargingStatus": "CHARGING"}
NOTHING: dict[str, Any] = {}


def polled(*rows: tuple[Any, ...]) -> tuple[PolledCar, list[Vehicle]]:
    car = PolledCar()
    return car, [car.poll(now, reported, **values) for now, reported, values in rows]


@pytest.mark.parametrize("is_restarted", [False, True], ids=["", "restarted"])
def test_a_polled_charge_has_one_begin_and_one_end(is_restarted: bool) -> None:  # noqa: FBT001
    car = PolledCar()
    rows: list[tuple[str, str, dict[str, Any]]] = [
        ("0:00", "-1:00", PLUGGED | {"chargingLevelPercent": 50}),
        (
            "0:05",
            "0:04",
            CHARGING | {"chargingLevelPercent": 50, "remainingChargingMinutes": 61},
        ),
        ("0:10", "0:04", NOTHING),
        ("0:15", "0:04", NOTHING),
        ("0:20", "0:19", {"chargingLevelPercent": 55, "remainingChargingMinutes": 52}),
        (
            "1:10",
            "1:06",
            {"chargingStatus": "COMPLETE", "chargingLevelPercent": 80},
        ),
        ("1:15", "1:06", NOTHING),
    ]
    vehicles = []
    for now, reported, values in rows:
        vehicles.append(car.poll(now, reported, **values))
        if is_restarted:
            car.restart(now)
    assert [v.charging.status for v in vehicles] == [
        "plugged_in",
        *["charging"] * 4,
        *["target_reached"] * 2,
    ]
    ends = [v.charging.end_time for v in vehicles]
    assert ends == [None, *[at("1:05")] * 3, at("1:11"), None, None]
    assert [v.charging.soc_percent for v in vehicles] == [50, 50, 50, 50, 55, 80, 80]
    assert vehicles[-1].charging.remaining_minutes is None
    session = car.trackers.charging.machine.session
    assert session is not None
    assert (session.start_at, session.end_at) == (at("0:04"), at("1:06"))
    assert (session.soc_start, session.soc_end) == (50, 80)
    assert session.start_accuracy_s == 3840
    marks = [mark for mark in car.transitions if mark[0] in {"started", "ended"}]
    assert marks == [("started", at("0:04")), ("ended", at("1:06"))]


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"chargingStatus": "CHARGINGINTERRUPTED"}, "waiting_for_charging"),
        ({"chargingStatus": "CHARGING_DISRUPTED"}, "waiting_for_charging"),
        ({"chargingStatus": "CHARGING_IN_PROGRESS"}, "charging"),
        ({"chargingStatus": "CHARGINGACTIVE"}, "charging"),
        ({"chargingStatus": "SOMETHING_NEW"}, "plugged_in"),
        ({"chargingStatus": "INVALID"}, "plugged_in"),
        ({"chargingStatus": "INVALID", "isChargerConnected": False}, "not_charging"),
        ({"chargingStatus": "CHARGING", "isChargerConnected": False}, "not_charging"),
        (
            {"chargingStatus": "FINISHED_FULLY_CHARGED", "chargingLevelPercent": 51},
            "finished_not_full",
        ),
        ({"chargingStatus": {"a": 1}}, "charging"),
        ({"chargingStatus": None}, None),
    ],
    ids=str,
)
def test_words_after_a_charge(values: dict[str, Any], status: str | None) -> None:
    _, vehicles = polled(
        ("0:00", "0:00", CHARGING | {"chargingLevelPercent": 50, "remainingChargingMinutes": 61}),
        ("0:05", "0:05", values),
    )
    assert vehicles[-1].charging.status == status
    if status != "charging":
        assert vehicles[-1].charging.end_time is None
        assert vehicles[-1].charging.remaining_minutes is None


def test_a_charge_whose_end_is_not_reported_is_over_two_hours_later() -> None:
    car, _ = polled(("0:00", "0:00", CHARGING | {"remainingChargingMinutes": 30}))
    assert car.poll("2:29", None).charging.status == "charging"
    over = car.poll("2:31", None).charging
    assert (over.status, over.end_time, over.remaining_minutes) == ("plugged_in", None, None)


@pytest.mark.parametrize(
    ("reported", "status"),
    [
        ("-1:00", "charging"),
        ("-20:00", "plugged_in"),
        ("-50:00", "plugged_in"),
        ("-99999:00", "charging"),  # no car is silent for years: the time is wrong
    ],
)
def test_a_first_report_of_a_charge_may_be_old(reported: str, status: str) -> None:
    charging = CHARGING | {"remainingChargingMinutes": 119}
    _, vehicles = polled(("0:00", reported, charging))
    assert vehicles[-1].charging.status == status


def test_heating_is_over_after_the_end_that_the_car_has_named() -> None:
    car = PolledCar(I4)
    heating = {"activity": "HEATING", "remainingSeconds": 1800}
    first = car.poll("0:02", "0:00", state_climateControlState=heating).climate
    assert (first.activity, first.end_time) == (ClimateActivity.HEATING, at("0:30"))
    assert car.poll("0:34", None).climate.activity is ClimateActivity.HEATING
    over = car.poll("0:36", None).climate
    assert (over.activity, over.remaining_s, over.is_on) == (ClimateActivity.INACTIVE, None, False)
    again = car.poll("0:40", "0:39", state_climateControlState=heating).climate
    assert (again.activity, again.end_time) == (ClimateActivity.HEATING, at("1:09"))


GARBAGE = ({"a": 1}, [], "x", -7, True)


@pytest.mark.parametrize("garbage", GARBAGE, ids=str)
@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("currentMileage", lambda v: v.mileage_km),
        ("electricChargingState", lambda v: (v.charging.soc_percent, v.charging.status)),
        ("electricChargingState.chargingLevelPercent", lambda v: v.charging.soc_percent),
        ("electricChargingState.chargingTarget", lambda v: v.charging.target_soc_percent),
        ("electricChargingState.range", lambda v: (v.range_km, v.charging.range_km)),
        ("doorsState", lambda v: (v.door_lock, v.lids)),
        ("windowsState", lambda v: v.windows),
        ("requiredServices", lambda v: v.services),
        ("checkControlMessages", lambda v: v.check_control_messages),
        ("tireState", lambda v: v.tires),
        ("tireState.frontLeft.status.currentPressure", lambda v: v.tires),
        ("location.coordinates", lambda v: v.position),
        ("location.coordinates.latitude", lambda v: v.position),
        ("lastUpdatedAt", lambda v: v.updated_at),
    ],
)
def test_what_cannot_be_understood_replaces_nothing(path: str, value: Any, garbage: Any) -> None:
    car = PolledCar()
    before = value(car.poll("0:00", "0:00"))
    *parents, last = path.split(".")
    target = car.answers["state"]
    for parent in parents:
        target = target[parent]
    if isinstance(garbage, type(target[last])) and isinstance(garbage, dict | list):
        return  # an object without the fields, or an empty list, is an answer
    if garbage == -7 and last == "latitude":
        return  # that is one
    target[last] = garbage
    assert value(car.poll("0:05", None)) == before


def test_a_report_from_the_future_has_no_time_of_its_own() -> None:
    car = PolledCar()
    assert car.poll("0:00", "-0:10").updated_at == at("-0:10")
    assert car.poll("0:05", "9:00").updated_at == at("-0:10")
    assert car.poll("0:10", "0:09").updated_at == at("0:09")


def test_two_services_or_messages_of_one_type_are_both_reported() -> None:
    car = PolledCar()
    brakes = [
        {"type": "BRAKE_FLUID", "status": "OK", "dateTime": f"202{year}-01-01T00:00:00.000Z"}
        for year in (7, 9)
    ]
    messages = [
        {"type": "TIRE_PRESSURE", "severity": severity, "longDescription": text, "mileage": 1200}
        for severity, text in (
            ("LOW", "Check soon."),
            ("HIGH", "Stop now."),
            ("OK", "All is well."),
        )
    ]
    vehicle = car.poll(
        "0:00", "0:00", state_requiredServices=brakes, state_checkControlMessages=messages
    )
    assert [s.due_date.year for s in vehicle.services or () if s.due_date] == [2027, 2029]
    assert [
        (m.severity, m.description, m.mileage_km) for m in vehicle.check_control_messages or ()
    ] == [("LOW", "Check soon.", 1200), ("HIGH", "Stop now.", 1200)]


def test_a_service_date_that_stands_for_none_is_not_shown() -> None:
    emission = {"type": "EMISSION_CHECK", "status": "OK", "dateTime": "2062-09-01T00:00:00.000Z"}
    brakes = {"type": "BRAKE_PADS_FRONT", "status": "PENDING", "mileage": 1000}
    vehicle = PolledCar().poll("0:00", "0:00", state_requiredServices=[emission, brakes])
    assert [(s.due_date, s.due_distance_km) for s in vehicle.services or ()] == [
        (None, None),
        (None, 1000),
    ]


def test_every_known_value_has_the_time_of_the_report() -> None:
    car = PolledCar()
    vehicle = car.poll("0:05", "0:00")
    assert vehicle.measured_at["sensor/mileage"] == at("0:00")
    assert vehicle.last_report_at == at("0:00")
    assert car.poll("0:06", "0:00").measured_at == vehicle.measured_at


def test_an_engine_only_car_has_no_charging_target() -> None:
    vehicle = PolledCar(M340).poll("0:00", "0:00")
    assert vehicle.charging.target_soc_percent is None
    assert vehicle.charging.status is None
