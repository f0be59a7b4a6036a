"""Exports: whole files that a person can read, beside this test.

`UPDATE_GOLDEN=1 pytest` writes them anew; read the difference before you commit it.
"""

import csv
import io
import json
import os
from datetime import UTC
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bmw2mqtt.history import edits
from bmw2mqtt.history.database import HistoryDatabase
from bmw2mqtt.history.errors import HistoryError
from bmw2mqtt.history.export.columns import Options
from bmw2mqtt.history.export.formats import export
from bmw2mqtt.history.queries import HistoryReader, Period
from bmw2mqtt.history.records import CarRecord, ReadingRecord
from tests.history.samples import VIN, session, simulated_year, stamp, trip

GOLDEN = Path(__file__).parent / "golden"
OPTIONS = Options(names={VIN: "Daily"}, zone=ZoneInfo("Europe/Berlin"))


@pytest.fixture
def reader(tmp_path):
    database = HistoryDatabase(tmp_path / "history.db")
    database.open()
    home = session(
        energy_source="meter",
        meter_start_kwh=1000,
        meter_end_kwh=1016.77,
        cost=5.03,
        currency="EUR",
        cost_source="fixed",
        odometer_km=1025,
        mean_kw=4.1925,
        peak_kw=11,
        active_s=14_400,
    )
    away = session(
        "2026-03-28T23:30",
        30,
        zone="elsewhere",
        kind="dc",
        energy_source="bmw",
        grid_kwh=48.2,
        battery_kwh=46.8,
        soc_start=12,
        soc_end=72,
        cost=39,
        currency="CHF",
        peak_kw=150,
        place="Rue du Test 1",
        latitude=46.2,
        longitude=6.1,
    )
    failed = session("2026-03-05T18:00", grid_kwh=0, battery_kwh=0, is_hidden=True)
    unseen = session("2026-03-06T18:00", start_at=None, grid_kwh=None, battery_kwh=None, zone=None)
    known = trip(
        odometer_start_km=1000,
        odometer_end_km=1025,
        soc_start=46,
        soc_end=40,
        kwh=4.68,
        kwh_per_100km=18.7,
        to_latitude=48.2,
        to_longitude=11.6,
    )
    end_only = trip("2026-03-03T19:10", km=12, start_at=None, start_known=False, zone_from=None)
    readings = [
        ReadingRecord(vin=VIN, key=stamp("2026-03-01T08:00"), odometer_km=1000, soc=46),
        ReadingRecord(vin=VIN, key=stamp("2026-03-29T08:00"), odometer_km=1312, soc=72),
    ]
    database.write([home, away, failed, unseen, known, end_only, *readings])
    database.write([CarRecord(vin=VIN, capacity_kwh=78)])
    connection = database.connection
    entered = {"user_label": '=HYPERLINK("http://x";"Oma")', "user_note": "Umbuchung, Halle; Süd"}
    edits.edit(connection, "session", VIN, home.key, entered, 1)
    purpose = {"user_class": "business", "user_note": "@Kunde Müller"}
    edits.edit(connection, "trip", VIN, known.key, purpose, 1)
    yield HistoryReader(connection)
    database.close()


def text_of(reader, kind, **values) -> str:
    file = io.StringIO(newline="")
    export(reader, kind, file, options=values.pop("options", OPTIONS), **values)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["charges", "trips", "readings"])
@pytest.mark.parametrize("form", ["csv", "json", "de"])
def test_golden_files(reader, kind, form):
    values = {"locale": "de"} if form == "de" else {"form": form}
    text = text_of(reader, kind, **values)
    path = GOLDEN / f"{kind}{'.de.csv' if form == 'de' else '.jsonl' if form == 'json' else '.csv'}"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_bytes(text.encode())
    assert text.encode() == path.read_bytes()


def test_a_spreadsheet_runs_no_text_as_a_formula(reader):
    for kind in ("charges", "trips"):
        for values, delimiter in (({}, ","), ({"locale": "de"}, ";")):
            text = text_of(reader, kind, **values).removeprefix("\ufeff")
            cells = [
                cell for row in csv.reader(io.StringIO(text), delimiter=delimiter) for cell in row
            ]
            assert not [cell for cell in cells if cell[:1] in "=+-@\t\r" and cell]
    assert "'=HYPERLINK" in text_of(reader, "charges")
    assert "'@Kunde" in text_of(reader, "trips")
    assert json.loads(text_of(reader, "trips", form="json").splitlines()[0])["purpose"] == (
        "@Kunde Müller"
    )


@pytest.mark.parametrize("begin", list("=+-@"))
def test_every_begin_of_a_formula_is_made_harmless(reader, begin):
    connection = reader._connection
    edits.edit(connection, "trip", VIN, trip().key, {"user_note": f"{begin}1+1"}, 1)
    [row, _] = csv.DictReader(io.StringIO(text_of(reader, "trips"), newline=""))
    assert row["purpose"] == f"'{begin}1+1"


def test_a_german_excel_reads_numbers_dates_and_umlauts(reader):
    text = text_of(reader, "charges", locale="de")
    assert text.startswith("\ufeffDatum;Beginn;")
    [row, *_] = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), delimiter=";")
    assert row["Datum"] == "02.03.2026"
    assert row["Beginn"] == "02.03.2026 19:00"
    assert row["kWh"] == "16,77"
    assert row["Preis je kWh"] == "0,2999"
    assert row["Quelle der kWh"] == "Zähler"
    assert row["Notiz"] == "Umbuchung, Halle; Süd"


def test_no_position_is_exported(reader):
    for kind in ("charges", "trips"):
        for form in ("csv", "json"):
            assert "latitude" not in text_of(reader, kind, form=form)
            assert "Rue du Test" not in text_of(reader, kind, form=form)


def test_it_says_what_is_an_estimate_and_that_it_is_no_logbook(reader):
    charges = list(csv.DictReader(io.StringIO(text_of(reader, "charges"))))
    assert [row["is_estimate"] for row in charges] == ["no", "", "yes"]
    assert "estimate" in charges[2]["notice"]
    trips = list(csv.DictReader(io.StringIO(text_of(reader, "trips"))))
    assert all("not a tax-proof" in row["notice"] for row in trips)


def test_sums_of_the_rows_are_the_monthly_sums(tmp_path):
    database = HistoryDatabase(tmp_path / "history.db")
    database.open()
    year = simulated_year()
    database.write([*year.sessions, *year.trips, *year.readings])
    reader, options = HistoryReader(database.connection), Options(zone=UTC)
    charges = list(csv.DictReader(io.StringIO(text_of(reader, "charges", options=options))))
    months = list(csv.DictReader(io.StringIO(text_of(reader, "readings", options=options))))
    assert sum(float(row["kwh"]) for row in charges) == pytest.approx(year.grid_kwh, abs=2)
    assert sum(float(row["kwh"]) for row in months) == pytest.approx(year.grid_kwh, abs=0.1)
    assert sum(int(row["km"]) for row in months) == year.km
    june = Period(from_at=stamp("2026-06-01T00:00"), to_at=stamp("2026-07-01T00:00"))
    [row] = csv.DictReader(io.StringIO(text_of(reader, "readings", options=options, period=june)))
    assert float(row["kwh"]) == pytest.approx(year.month_kwh["2026-06"], abs=0.01)
    assert int(row["km"]) == year.month_km["2026-06"]
    database.close()


def test_a_month_with_two_currencies_counts_its_energy_once(reader):
    rows = list(csv.DictReader(io.StringIO(text_of(reader, "readings"))))
    assert [(row["cost"], row["currency"], row["kwh"]) for row in rows] == [
        ("39.00", "CHF", "64.97"),
        ("5.03", "EUR", ""),
    ]


def test_an_unknown_kind_is_refused_and_an_empty_history_has_only_headings(tmp_path):
    database = HistoryDatabase(tmp_path / "history.db")
    database.open()
    reader = HistoryReader(database.connection)
    with pytest.raises(HistoryError):
        text_of(reader, "secrets")
    with pytest.raises(HistoryError):
        text_of(reader, "trips", form="xml")
    for kind in ("charges", "trips", "readings"):
        assert text_of(reader, kind).count("\n") == 1
        assert text_of(reader, kind, form="json") == ""
    database.close()
