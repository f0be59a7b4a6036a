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
    rows = [line for line in text.splitlines() if line.startswith("| `")]
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


def test_entities_as_json(capsys: Output) -> None:
    assert main(["entities", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    cars = {entity for _, table in entity_tables() for entity in table}
    assert len(rows) == len(cars) + len(ACCOUNT_ENTITIES)
    by_topic = {row["topic"] or row["command_topic"]: row for row in rows}
    assert by_topic["{VIN}/sensor/mileage"]["unit"] == "km"
    assert by_topic["{VIN}/lock/lock"]["command_topic"] == "{VIN}/lock/lock/set"
    assert by_topic["{VIN}/lock/lock"]["backends"] == ["mybmw"]
    assert by_topic["account/{name}/sensor/requests_left"]["backends"] == ["cardata"]
