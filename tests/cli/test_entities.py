"""`bmw2mqtt entities`."""

import json

import pytest

from bmw2mqtt.accounts.backends import entity_tables
from bmw2mqtt.cli.main import main
from bmw2mqtt.entities import ACCOUNT_ENTITIES

Output = pytest.CaptureFixture[str]


def test_entities(capsys: Output) -> None:
    assert main(["entities"]) == 0
    text = capsys.readouterr().out
    rows = [line for line in text.splitlines() if "| `" in line]
    cars = {entity for _, table in entity_tables() for entity in table}
    assert len(rows) == len(cars) + len(ACCOUNT_ENTITIES)
    for root, table in (("{VIN}", cars), ("account/{name}", ACCOUNT_ENTITIES)):
        for entity in table:
            topic = f"{root}/{entity.platform}/{entity.key}"
            assert sum(f"`{topic}`" in row or f"`{topic}/attributes`" in row for row in rows) == 1
    backends = {row.rpartition(" | ")[2].strip(" |") for row in rows}
    assert backends == {"mybmw", "cardata", "mybmw, cardata"}
    assert main(["entities"]) == 0
    assert capsys.readouterr().out == text


def test_as_json(capsys: Output) -> None:
    assert main(["entities", "--json"]) == 0
    rows = {row["topic"]: row for row in json.loads(capsys.readouterr().out)}
    assert len(rows) == len({e for _, t in entity_tables() for e in t}) + len(ACCOUNT_ENTITIES)
    mileage = rows["{VIN}/sensor/mileage"]
    assert (mileage["name"], mileage["unit"], mileage["is_enabled"]) == ("Mileage", "km", True)
    assert mileage["backends"] == ["mybmw", "cardata"]
    assert rows["{VIN}/lock/lock"]["command"] == "`/set`: `LOCK` `UNLOCK`"
    assert not rows["{VIN}/sensor/charging_voltage"]["is_enabled"]


def test_the_usual_ones_come_first(capsys: Output) -> None:
    assert main(["entities", "--json"]) == 0
    cars = [r for r in json.loads(capsys.readouterr().out) if r["topic"].startswith("{VIN}")]
    enabled = [row["is_enabled"] for row in cars]
    assert enabled == sorted(enabled, reverse=True)
