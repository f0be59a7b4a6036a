"""BMW's catalogue, as people see it in Home Assistant."""

import re
from collections import Counter

import pytest

from bmw2mqtt.entities import VEHICLE_ENTITIES
from bmw2mqtt.entities.catalogue import Descriptor, Kind, catalogue

ROWS = tuple(catalogue().values())
VEHICLE_IDS = {entity.id for entity in VEHICLE_ENTITIES}


def row_id(row: Descriptor) -> str:
    return row.descriptor


def test_the_catalogue_is_whole() -> None:
    assert len(ROWS) == 295
    assert sum(row.is_streamable for row in ROWS) == 246
    rest_only = [row for row in ROWS if not row.is_streamable and row.rest_via == "container"]
    assert len(rest_only) == 41


def test_names_are_unique() -> None:
    assert [name for name, n in Counter(row.name for row in ROWS).items() if n > 1] == []


@pytest.mark.parametrize("row", ROWS, ids=row_id)
def test_every_descriptor_is_well_formed(row: Descriptor) -> None:
    assert re.fullmatch(r"vehicle(\.[A-Za-z0-9]+)+", row.descriptor)
    assert re.fullmatch(r"[A-Z0-9]\S*( \S+)*", row.name)
    assert row.entity in {"", *VEHICLE_IDS}
    assert row.is_streamable or row.rest_via
    if row.kind is not Kind.NUMBER:
        assert (row.unit, row.state_class, row.minimum, row.maximum) == (None, None, None, None)
    if row.options:
        assert row.kind in {Kind.WORD, Kind.BOOLEAN}


def test_bmws_mistakes_are_put_right() -> None:
    rows = catalogue()
    power = rows["vehicle.powertrain.electric.battery.charging.power"]
    assert (power.unit, power.device_class, power.maximum) == ("W", "power", None)
    status = rows["vehicle.drivetrain.electricEngine.charging.status"]
    assert "CHARGINGACTIVE" in status.options
    assert "MANUAL_SELECTION" not in status.options
    mileage = rows["vehicle.vehicle.travelledDistance"]
    assert (mileage.unit, mileage.follows_display) == ("km", True)
    assert rows["vehicle.trip.segment.end.time"].kind is Kind.TIME
    assert rows["vehicle.status.serviceTime.inspectionDateLegal"].kind is Kind.TIME
    assert rows["vehicle.sevice.preferredSevicePartner"].kind is Kind.TEXT
