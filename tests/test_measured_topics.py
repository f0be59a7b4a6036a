"""Wallbox counters and prices from topics of others: what is a number, and what is logged."""

from typing import Any

import pytest
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
