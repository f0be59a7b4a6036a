"""The open state goes to disk and comes back; a damaged one is refused with its place."""

import json
from typing import Any

import pytest

from bmw2mqtt.vehicle.charging.machine import ChargingMachine
from bmw2mqtt.vehicle.document import InvalidDocumentError

from .scenario import T0, Scenario, after


def document() -> dict[str, Any]:
    scenario = Scenario()
    scenario.play("0:00 PL=C ST=act HD=40 PW=7000 TR=60 V=230 A=16 PH=3-PHASES RE=X DC=false")
    scenario.play("0:30 HD=45 LV=47")
    loaded: dict[str, Any] = json.loads(json.dumps(scenario.machine.to_document(scenario.now)))
    return loaded


def test_a_restored_machine_is_the_same() -> None:
    saved = document()
    machine = ChargingMachine.from_document(saved, after("0:30"))
    assert machine.to_document(after("0:30")) == saved


def test_the_position_need_not_be_written() -> None:
    machine = ChargingMachine.from_document(document(), after("0:30"))
    text = json.dumps(machine.to_document(T0, with_place=False))
    assert "latitude" in json.dumps(document())
    assert "latitude" not in text


def test_a_field_of_a_later_version_is_ignored_and_a_missing_one_has_its_default() -> None:
    saved = document()
    saved["state"]["new"] = 1
    del saved["state"]["has_power"]
    assert ChargingMachine.from_document(saved, after("0:30")).session is not None


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        (("schema",), 2, "schema"),
        (("saved_at",), "yesterday", "datetime"),
        (("saved_at",), "2026-11-10T08:00:00", "offset"),
        (("state",), [], "not an object"),
        (("state", "session", "phase"), "asleep", "session.phase"),
        (("state", "session", "soc_start"), "40", "session.soc_start"),
        (("state", "session", "gap_s"), float("nan"), "session.gap_s"),
        (("state", "session", "counted_kwh"), True, "session.counted_kwh"),
        (("state", "session", "blocks"), {}, "session.blocks"),
        (("state", "facts", "status", "value"), 7, "facts.status.value"),
        (("state", "has_plug"), 1, "has_plug"),
    ],
)
def test_a_damaged_document_is_refused(path: tuple[str, ...], value: object, place: str) -> None:
    saved = document()
    part = saved
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = value
    with pytest.raises(InvalidDocumentError, match=place):
        ChargingMachine.from_document(saved, after("0:30"))


@pytest.mark.parametrize("damaged", [None, [], "text", {}])
def test_something_else_is_refused(damaged: object) -> None:
    with pytest.raises(InvalidDocumentError):
        ChargingMachine.from_document(damaged, T0)
