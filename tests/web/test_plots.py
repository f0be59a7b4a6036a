"""Plots: round numbers and round local times on the axes, gaps, months."""

import re
from datetime import UTC, datetime
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest

from bmw2mqtt.web.vehicle_page.plots import columns, last_months, line, time_ticks

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()


def image(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - our own


def texts(svg: str) -> list[str]:
    return [str(text.text) for text in image(svg).iter("text")]


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("2026-03-01T23:50", "2026-03-15T23:50", ["3", "6", "9", "12", "15"]),
        ("2026-10-20T10:00", "2026-10-27T10:00", ["21", "23", "25", "27"]),  # summer time ends
        ("2026-03-02T18:05", "2026-03-02T22:05", ["19:00", "20:00", "21:00", "22:00"]),
        ("2026-03-02T23:40", "2026-03-03T00:20", ["23:40", "23:50", "00:00", "00:10", "00:20"]),
    ],
)
def test_times_on_the_axis_are_round_local_ones(first: str, last: str, expected: list[str]) -> None:
    shape = "%-d" if ":" not in expected[0] else "%H:%M"
    found = [
        datetime.fromtimestamp(tick, BERLIN) for tick in time_ticks(at(first), at(last), BERLIN)
    ]
    assert [time.strftime(shape) for time in found] == expected
    if shape == "%-d":
        assert {f"{time:%H:%M}" for time in found} == {"00:00"}


@pytest.mark.parametrize(
    ("highest", "expected"),
    [
        (11.0, ["0", "5", "10", "15"]),
        (0.4, ["0.0", "0.1", "0.2", "0.3", "0.4"]),
        (9.0, ["0.0", "2.5", "5.0", "7.5", "10.0"]),
        (0.0, ["0", "1"]),
        (350.0, ["0", "100", "200", "300", "400"]),
    ],
)
def test_numbers_on_the_axis_are_round(highest: float, expected: list[str]) -> None:
    points = [(0, highest), (60, highest)]
    svg = line(points, label="x", zone=UTC, between=(0, 60))
    found = [text for text in texts(svg) if ":" not in text]
    assert sorted(found, key=float) == expected


def test_a_gap_is_no_line() -> None:
    points = [(0, 1.0), (60, 2.0), (120, None), (180, 2.0), (240, 1.0)]
    svg = line(points, label="x", zone=UTC, between=(0, 240))
    assert len(re.findall('<path stroke="currentColor"', svg)) == 2
    assert len(re.findall('class="area"', svg)) == 2


def test_a_year_of_months() -> None:
    names = last_months("2026-02")
    assert (names[0], names[-1], len(names)) == ("2025-03", "2026-02", 12)
    values = [(name, 100.0 if name.endswith("1") else None) for name in names]
    svg = columns(values, label='"<Energy>"')
    assert image(svg).get("aria-label") == '"<Energy>"'
    assert len(list(image(svg).iter("rect"))) == 1 + 2, "the ground and two columns"
    assert texts(svg)[:6] == ["Apr", "Jun", "Aug", "Oct", "Dec", "Feb"]
