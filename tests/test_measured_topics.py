"""Wallbox counters and prices from topics of others: what is a number, and what is logged."""

from typing import Any

import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from bmw2mqtt.config import Settings
from bmw2mqtt.measured_topics import MeasuredTopics

ACCOUNT = {"backend": "cardata", "client_id": "00000000-0000-0000-0000-000000000001"}
FIRST, SECOND, THIRD = (f"WBA0000000000000{n}" for n in (1, 2, 3))
WALLBOX, PRICE = "evcc/loadpoints/1/chargeTotalImport", "tibber/price"


class Noted:
    """A history that notes what it gets."""

    def __init__(self) -> None:
        self.readings: list[Any] = []

    def meter_read(self, name: str, kwh: float) -> None:
        self.readings.append((name, round(kwh, 6)))

    def price_read(self, price_per_kwh: float) -> None:
        self.readings.append(price_per_kwh)


def topics(**history: Any) -> tuple[MeasuredTopics, list[Any]]:
    settings = Settings(
        accounts={"eu": ACCOUNT},
        vehicles={
            FIRST: {"meter_topic": WALLBOX},
            SECOND: {"meter_topic": WALLBOX},
            THIRD: {"name": "Daily"},
        },
        history={"price_topic": PRICE} | history,
    )
    noted = Noted()
    return MeasuredTopics(settings, noted), noted.readings


def test_each_topic_is_subscribed_to_once() -> None:
    assert topics()[0].filters == (WALLBOX, PRICE)
    assert topics(price_topic=None)[0].filters == (WALLBOX,)
    assert topics(price_topic=WALLBOX)[0].filters == (WALLBOX,)


@pytest.mark.parametrize(
    ("payload", "kwh"),
    [
        (b"1234.5", 1234.5),
        (b" 1234.5\n", 1234.5),
        (b"1.2345e3", 1234.5),
        (b"0", 0),
        (b"1234.5 kWh", 1234.5),
        (b"1234500 Wh", 1234.5),
        (b"1.2345 MWh", 1234.5),
        (b"-1", None),
        (b"1e300", None),
        (b"1234,5", None),
        (b"1234.5 kW", None),
        (b"nan", None),
        (b"inf", None),
        (b"", None),
        (b"unavailable", None),
        (b"unknown", None),
        (b'{"energy": 1234.5}', None),
        (b"true", None),
        (b"\xff\xfe", None),
        (b"1" * 100, None),
    ],
)
def test_a_counter_is_a_plain_number_with_or_without_unit(
    payload: bytes, kwh: float | None
) -> None:
    measured, readings = topics()
    measured.receive(WALLBOX, payload)
    assert readings == ([] if kwh is None else [(WALLBOX, kwh)])


def test_a_counter_without_unit_is_in_the_unit_that_is_set() -> None:
    settings = Settings(
        accounts={"eu": ACCOUNT}, vehicles={FIRST: {"meter_topic": WALLBOX, "meter_unit": "Wh"}}
    )
    noted = Noted()
    measured = MeasuredTopics(settings, noted)
    for payload in (b"1234500", b"1234.5 kWh"):
        measured.receive(WALLBOX, payload)
    assert noted.readings == [(WALLBOX, 1234.5)] * 2


def test_a_price_may_be_negative_but_not_beyond_reason() -> None:
    measured, readings = topics()
    for payload in (b"0.3123", b"-0.02", b"0.31 EUR/kWh", b"250", b"unavailable", b""):
        measured.receive(PRICE, payload)
    measured.receive("tibber/other", b"0.5")
    assert readings == [0.3123, -0.02, 0.31]


def test_a_payload_that_is_no_number_is_logged_once() -> None:
    measured, _ = topics()
    with capture_logs() as logged:
        for payload in (b"unavailable", b"{}", b"[]", b"unknown", b"{}", b"5", b"6", b"{}"):
            measured.receive(WALLBOX, payload)
    assert [entry["event"] for entry in logged] == [
        "measured_topic_not_read",
        "measured_topic_read",
        "measured_topic_not_read",
    ]
    assert all(entry["topic"] == WALLBOX for entry in logged)


def in_json(**history: Any) -> tuple[MeasuredTopics, list[Any]]:
    settings = Settings(
        accounts={"eu": ACCOUNT},
        vehicles={
            FIRST: {"meter_topic": WALLBOX, "meter_value": "ENERGY.Total"},
            SECOND: {"meter_topic": WALLBOX, "meter_value": "phases.1.wh", "meter_unit": "Wh"},
        },
        history=history,
    )
    noted = Noted()
    return MeasuredTopics(settings, noted), noted.readings


FIRST_SOCKET, SECOND_SOCKET = f"{WALLBOX} (ENERGY.Total)", f"{WALLBOX} (phases.1.wh)"


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b'{"ENERGY": {"Total": 12.345, "Power": 3}}', [(FIRST_SOCKET, 12.345)]),
        (b'{"ENERGY": {"Total": "12.345 kWh"}}', [(FIRST_SOCKET, 12.345)]),
        (b'{"phases": [{"wh": 1}, {"wh": 12345}]}', [(SECOND_SOCKET, 12.345)]),
        (
            b'{"ENERGY": {"Total": 1}, "phases": [0, {"wh": 2000}]}',
            [(FIRST_SOCKET, 1), (SECOND_SOCKET, 2)],
        ),
        (b'{"ENERGY": {"Total": null}, "phases": [1]}', []),
        (b'{"ENERGY": {"Total": true}, "phases": {"1": 5}}', []),
        (b'{"ENERGY": {"Total": -1}}', []),
        (b'{"ENERGY": {"Total": NaN}}', []),
        (b'{"ENERGY": {"Total": 1e999}}', []),
        (b'{"ENERGY": {"Total": ' + b"1" * 5000 + b"}}", []),
        (b'{"ENERGY": 12.345}', []),
        (b"12.345", []),
        (b'"ENERGY.Total"', []),
        (b"\xff", []),
        (b"", []),
        (b"[" * 50_000, []),
        (b" " * 70_000 + b'{"ENERGY": {"Total": 1}}', []),
    ],
)
def test_a_counter_in_json_is_at_the_place_that_is_set(payload: bytes, expected: list[Any]) -> None:
    measured, readings = in_json()
    measured.receive(WALLBOX, payload)
    assert readings == expected


def test_a_price_in_json() -> None:
    measured, readings = in_json(price_topic=PRICE, price_value="price.total")
    assert measured.filters == (WALLBOX, PRICE)
    measured.receive(PRICE, b'{"price": {"total": 0.3123}}')
    assert readings == [0.3123]


def test_a_place_that_is_not_there_is_logged_once() -> None:
    """A device that later leaves out what has not changed is no reason for another line."""
    settings = Settings(
        accounts={"eu": ACCOUNT},
        vehicles={FIRST: {"meter_topic": WALLBOX, "meter_value": "energy"}},
    )
    measured = MeasuredTopics(settings, Noted())
    with capture_logs() as logged:
        for payload in (b"offline", b"unavailable", b'{"power": 1}', b'{"energy": 5}', b"{}"):
            measured.receive(WALLBOX, payload)
        measured.receive(WALLBOX, b'{"energy": "much"}')
    assert [(entry["event"], entry.get("reason")) for entry in logged] == [
        ("measured_topic_not_read", "its payload is not JSON with energy in it"),
        ("measured_topic_read", None),
        ("measured_topic_not_read", "its energy is not a number"),
    ]
    assert logged[0]["remedy"] == "correct meter_value"


@pytest.mark.parametrize("place", ["energy", "params.switch:0.aenergy.total", "Total Energy.1"])
def test_places_of_the_usual_devices_are_valid(place: str) -> None:
    assert Settings(
        accounts={"eu": ACCOUNT},
        vehicles={FIRST: {"meter_topic": WALLBOX, "meter_value": place}},
    )


@pytest.mark.parametrize(
    "place",
    [
        "",
        ".ENERGY",
        "ENERGY..Total",
        "$.ENERGY.Total",
        "{{ value_json.ENERGY.Total }}",
        "phases[1]",
    ],
)
def test_a_place_is_checked_at_the_start(place: str) -> None:
    with pytest.raises(ValidationError, match=r"joined by dots, for example ENERGY\.Total"):
        Settings(
            accounts={"eu": ACCOUNT},
            vehicles={FIRST: {"meter_topic": WALLBOX, "meter_value": place}},
        )


def test_a_place_needs_its_topic() -> None:
    with pytest.raises(ValidationError, match="meter_topic is missing; set meter_topic, or remove"):
        Settings(accounts={"eu": ACCOUNT}, vehicles={FIRST: {"meter_value": "energy"}})
    with pytest.raises(ValidationError, match="price_topic is missing"):
        Settings(accounts={"eu": ACCOUNT}, history={"price_value": "total"})
