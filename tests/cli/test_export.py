"""`bmw2mqtt export`: what the history holds, as CSV and JSON lines."""

import csv
import io
import json
from pathlib import Path

import pytest

from bmw2mqtt.cli.main import main
from bmw2mqtt.history.database import HistoryDatabase
from tests.cli.configuration import config
from tests.history.samples import VIN, session, trip

Output = pytest.CaptureFixture[str]
OTHER = "WBA00000000DEMO02"


@pytest.fixture(autouse=True)
def _history(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    Path("data").mkdir()
    database = HistoryDatabase(Path("data/history.db"))
    database.open()
    database.write(
        [
            session("2026-02-28T23:30", time_zone=None),
            session("2026-03-02T18:00", vin=OTHER, cost=5.03, currency="EUR", cost_source="fixed"),
            trip("2026-03-05T08:00"),
        ]
    )
    database.close()


def exported(capsys: Output, *arguments: str) -> str:
    path = config(data_dir="data", vehicles={OTHER: {"name": "Daily"}})
    assert main(["export", *arguments, "--config", path]) == 0
    return capsys.readouterr().out


def test_charges(capsys: Output) -> None:
    rows = list(csv.DictReader(io.StringIO(exported(capsys, "charges"))))
    assert [row["date"] for row in rows] == ["2026-03-01", "2026-03-02"], "by the local clock"
    assert [row["car"] for row in rows] == [VIN, "Daily"]
    assert [row["cost"] for row in rows] == ["", "5.03"]


def test_one_car_and_some_days(capsys: Output) -> None:
    lines = exported(capsys, "charges", "--format", "json", "--vin", OTHER.lower()).splitlines()
    assert [json.loads(line)["vin"] for line in lines] == [OTHER]
    days = ("--from", "2026-03-02", "--to", "2026-03-02")
    lines = exported(capsys, "charges", "--format", "json", *days).splitlines()
    assert [json.loads(line)["vin"] for line in lines] == [OTHER]
    assert exported(capsys, "trips", "--format", "json", *days) == ""


def test_for_a_german_excel(capsys: Output) -> None:
    text = exported(capsys, "charges", "--locale", "de")
    assert text.startswith("\ufeffDatum;")
    assert ";5,03;" in text


def test_sums(capsys: Output) -> None:
    lines = exported(capsys, "readings", "--format", "json").splitlines()
    assert {json.loads(line)["vin"] for line in lines} == {VIN, OTHER}


def test_without_a_history(capsys: Output) -> None:
    Path("data/history.db").unlink()
    assert main(["export", "charges", "--config", config(data_dir="data")]) == 1
    assert capsys.readouterr().err == (
        "nothing to export: data/history.db: no such file yet; bmw2mqtt run records it\n"
    )


def test_a_car_that_is_none(capsys: Output) -> None:
    path = config(data_dir="data")
    assert main(["export", "trips", "--vin", "WBA00000000000009", "--config", path]) == 1
    assert capsys.readouterr() == (
        "",
        f"nothing to export: no car WBA00000000000009, but {VIN}, {OTHER}\n",
    )


def test_a_date_that_is_none(capsys: Output) -> None:
    with pytest.raises(SystemExit):
        main(["export", "charges", "--from", "yesterday"])
    assert "--from" in capsys.readouterr().err
