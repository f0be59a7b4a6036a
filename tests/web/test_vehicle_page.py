"""The page of a car: tables, plots, pages, downloads, entries; without a history; no position."""

import csv
import io
import json
import re
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bmw2mqtt.history.database import HistoryDatabase
from bmw2mqtt.history.records import BlockRecord, CurvePoint, ReadingRecord, Record
from bmw2mqtt.vehicle.history import VehicleHistory
from tests.history.samples import VIN, session, simulated_year, trip
from tests.web.served_page import ServedPage, recording, served

PAGE = f"/cars/{VIN}/"
API = f"/api/cars/{VIN}"


class Tables(HTMLParser):
    """Reads the tables of a page: rows of cells, by the label of the table."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self._label = ""
        self._is_cell = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "div" and dict(attrs).get("role") == "region":
            self._label = dict(attrs).get("aria-label") or ""
            self.tables[self._label] = []
        elif tag == "table" and dict(attrs).get("class") == "topics":
            self._label = "topics"
            self.tables[self._label] = []
        elif tag == "tr":
            self.tables[self._label].append([])
        elif tag in {"th", "td"}:
            self.tables[self._label][-1].append("")
            self._is_cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag in {"th", "td"}:
            self._is_cell = False

    def handle_data(self, data: str) -> None:
        if self._is_cell:
            self.tables[self._label][-1][-1] += data


def write(path: Path, records: Iterable[Record]) -> None:
    database = HistoryDatabase(path)
    database.open()
    database.write(records)
    database.close()


def write_damaged(path: Path) -> None:
    path.write_bytes(b"damaged" * 1000)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    return tmp_path / "history.db"


@pytest.fixture
async def page(file: Path) -> AsyncIterator[ServedPage]:
    async with served(history_file=file) as page:
        page.add_car(VIN, model="<b>iX</b>")
        yield page


@pytest.fixture
async def recorded(file: Path) -> AsyncIterator[ServedPage]:
    """A page of a daemon that records."""
    write(file, [CHARGE, DRIVE, UNKNOWN])
    async with (
        recording(file, keep_positions=True) as history,
        served(history_file=file, history=history) as page,
    ):
        page.add_car(VIN)
        yield page


async def get(page: ServedPage, path: str, **headers: str) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as client,
        client.get(f"{page.url}{path}", headers=headers) as answer,
    ):
        return answer.status, await answer.text()


CHARGE = session(cost=5.03, currency="EUR", cost_source="fixed", mean_kw=3.9, latitude=48.17)
DRIVE = trip(
    soc_start=80, soc_end=70, kwh_per_100km=18.26, to_latitude=48.17, track=((48.17, 11.5),)
)
UNKNOWN = trip("2026-03-03T08:00", start_at=None, start_known=False, km=8, zone_from=None)


async def test_a_charge_and_a_trip(page: ServedPage, file: Path) -> None:
    write(file, [CHARGE, DRIVE, UNKNOWN, session("2026-03-04T08:00", is_hidden=True)])
    status, html = await get(page, PAGE)
    assert status == 200
    tables = Tables(html).tables
    heads, row = tables["Charging sessions"]
    assert dict(zip(heads, row, strict=True)) == {
        "Start": "2026-03-02 19:00",
        "End": "23:00",
        "Energy (kWh)": "~16.8",
        "Battery (%)": "40 → 60",
        "Mean (kW)": "3.9",
        "Current": "AC",
        "Place": "home",
        "Cost": "5.03 EUR",
    }, "and no column of which nothing is known"
    _, later, earlier = tables["Trips"]
    assert later[:3] == ["2026-03-03 09:00", "unknown", "8"]
    assert earlier[:4] == ["2026-03-02 09:00", "08:30", "25", "18.3"]
    assert (later[-1], earlier[-1]) == ("\N{EN DASH} → elsewhere", "home → elsewhere")
    [_, month] = tables["Sums per month"]
    assert month[:2] == ["2026-03", "~16.8"]
    assert "48.17" not in html, "never a position"
    assert "position of 3 records" not in html
    assert "position of 2 records" in html
    assert "<b>iX" not in html
    assert "&lt;b&gt;iX" in html
    assert re.findall(r"<script[^>]*>", html) == [
        '<script src="../../page-vehicle.js" type="module">'
    ]


@pytest.mark.parametrize(
    ("browser", "cost", "trip_heads", "trip_row"),
    [
        ("de-AT", "5,03 EUR", ("Ende", "Strecke (km)"), ("02.03.2026 09:00", "25", "18,3")),
        ("en-US", "5.03 EUR", ("End", "Distance (mi)"), ("2026-03-02 09:00", "16", "29.4")),
        ("en-US,de", "5.03 EUR", ("End", "Distance (km)"), ("2026-03-02 09:00", "25", "18.3")),
    ],
)
async def test_language_and_units_of_the_browser(
    page: ServedPage,
    file: Path,
    browser: str,
    cost: str,
    trip_heads: tuple[str, str],
    trip_row: tuple[str, str, str],
) -> None:
    write(file, [CHARGE, DRIVE])
    _, html = await get(page, PAGE, **{"Accept-Language": browser})
    tables = list(Tables(html).tables.values())
    charges, trips = tables[-3:-1]
    assert cost in charges[1]
    assert (trips[0][0], trips[0][2]) == trip_heads
    assert (trips[1][0], trips[1][2], trips[1][3]) == trip_row
    _, charge = await get(page, f"{PAGE}charges/{CHARGE.key}", **{"Accept-Language": browser})
    assert ("Energie aus dem Netz" in charge) == browser.startswith("de")


async def test_a_year_has_pages_and_is_fast(page: ServedPage, file: Path) -> None:
    year = simulated_year(45, 30)
    write(file, [*year.sessions, *year.trips, *year.readings])
    seen: list[str] = []
    link: str | None = ""
    while link is not None:
        _, html = await get(page, f"{PAGE}{link}")
        seen += [row[0] for row in Tables(html).tables["Charging sessions"][1:]]
        found = re.search(r'href="(\?charges=[^"]*)#charges">Older</a>', html)
        link = found[1].replace("&amp;", "&") if found else None
    assert len(seen) == len(set(seen)) == 45
    assert seen == sorted(seen, reverse=True)
    for query in ("charges=99999&trips=-1", "charges=1e9", "trips=999999999999"):
        status, _ = await get(page, f"{PAGE}?{query}")
        assert status == 200


async def test_nothing_recorded_yet(page: ServedPage) -> None:
    status, html = await get(page, PAGE)
    assert status == 200
    assert html.count("appear") == 4, "what will be there, and when"
    assert "Download" not in html


async def test_downloads(page: ServedPage, file: Path) -> None:
    write(file, [session(), session(vin="WBA00000000DEMO02"), trip()])
    _, text = await get(page, f"{PAGE}history/charges.csv")
    assert [row["vin"] for row in csv.DictReader(io.StringIO(text))] == [VIN]
    _, text = await get(page, f"{PAGE}history/charges.csv?locale=de")
    assert "Datum;" in text
    _, text = await get(page, f"{PAGE}history/trips.json")
    assert json.loads(text)["km"] == 25
    for path in ("other.csv", "charges.exe", "charges"):
        assert (await get(page, f"{PAGE}history/{path}"))[0] == 404


async def test_a_file_that_cannot_be_read(page: ServedPage, file: Path) -> None:
    write_damaged(file)
    status, text = await get(page, PAGE)
    assert status == 503
    assert "cannot be read" in text
    _, text = await get(page, PAGE, **{"Accept-Language": "de"})
    assert text == f"Der Verlauf ist nicht lesbar: {file}: die Datei ist keine Datenbank"


async def test_an_unknown_car_and_no_history(page: ServedPage) -> None:
    assert (await get(page, "/cars/WBA00000000000009/"))[0] == 404
    async with served() as other:
        other.add_car(VIN)
        status, text = await get(other, PAGE)
        assert (await get(other, f"{PAGE}history/charges.csv"))[0] == 404
        assert (await get(other, f"{PAGE}charges/1"))[0] == 404
    assert status == 200, "its values are there"
    assert "history.enabled" in text
    assert "All values" in text


async def test_the_token_guards_it(file: Path) -> None:
    write(file, [session()])
    async with served(history_file=file, token="a-token-of-16-characters") as page:
        page.add_car(VIN)
        assert (await get(page, PAGE))[0] == 401
        assert (await get(page, f"{PAGE}history/charges.csv"))[0] == 401
        for path in (PAGE, f"{PAGE}charges/{CHARGE.key}"):
            status, text = await get(page, path, Accept="text/html,*/*")
            assert (status, "Access token" in text) == (200, True), "a visitor can sign in"


async def test_plots_of_the_last_days_and_of_the_months(page: ServedPage, file: Path) -> None:
    now = int(time.time())
    readings = [
        ReadingRecord(vin=VIN, key=now - hours * 3600, soc=80 - hours % 60, range_km=300)
        for hours in range(0, 24 * 20, 2)
    ]
    write(file, [*readings, session()])
    _, html = await get(page, PAGE)
    labels = re.findall(r'<svg[^>]*role="img"[^>]*aria-label="([^"]*)"', html)
    assert labels == [
        "Charge of the last 14 days, in %: between 22 and 80, at the end 80",
        "Range of the last 14 days, in km: between 300 and 300, at the end 300",
        "Energy charged (kWh): 2026-03: 17",
    ]
    rows = Tables(html).tables["Charge and range"]
    assert rows[0] == ["Time", "Charge (%)", "Range (km)"]
    assert 14 * 4 <= len(rows) - 1 <= 14 * 4 + 2, "every six hours"
    assert " style=" not in html, "the content security policy would ignore it"
    path, _ = re.findall(r'<path stroke="currentColor"[^>]* d="([^"]*)"', html)
    assert 14 * 12 <= path.count("L") + 1 <= 14 * 12 + 5


async def test_a_session_and_its_curve(page: ServedPage, file: Path) -> None:
    curve = tuple(
        CurvePoint(at=CHARGE.key + 300 * index, soc=40 + index, power_kw=11 - index / 2)
        for index in range(20)
    )
    blocks = (BlockRecord(start_at=CHARGE.key, end_at=CHARGE.key + 60, kwh=0.5, mean_kw=11),)
    write(file, [replace(CHARGE, curve=curve, blocks=blocks), UNKNOWN])
    _, html = await get(page, PAGE)
    [link] = re.findall(r'href="(charges/[^"]*)"', html)
    status, html = await get(page, f"{PAGE}{link}")
    assert status == 200
    assert re.findall(r'<svg[^>]*aria-label="([^"]*)"', html) == [
        "Power (kW) while it charged: between 2 and 11",
        "Charge (%) while it charged: between 40 and 59",
    ]
    assert "estimated from the state of charge" in html
    tables = Tables(html).tables
    assert tables["Curve"][1] == ["2026-03-02 19:00", "11.0", "40"]
    assert len(tables["Charging without a pause"]) == 2
    assert "48.17" not in html
    assert (await get(page, f"{PAGE}charges/7"))[0] == 404
    assert (await get(page, f"{PAGE}charges/x"))[0] == 404
    assert (await get(page, f"{PAGE}trips/{CHARGE.key}"))[0] == 404


async def send(page: ServedPage, method: str, path: str, body: Any = None, **headers: str) -> int:
    async with aiohttp.ClientSession() as client:
        ours = {"X-Bmw2mqtt": "1"} | headers
        async with client.request(
            method, f"{page.url}{API}{path}", json=body or {}, headers=ours
        ) as answer:
            return answer.status


async def test_what_a_person_enters_shows_and_is_exported(recorded: ServedPage, file: Path) -> None:
    charge, drive = f"/charges/{CHARGE.key}", f"/trips/{DRIVE.key}"
    entries = {"price_per_kwh": 0.5, "label": "<Work>", "class": "business", "note": None}
    assert await send(recorded, "POST", charge, entries) == 204
    assert await send(recorded, "POST", drive, {"class": "commute", "note": "Fair"}) == 204
    write(file, [CHARGE, DRIVE])  # the rules run anew
    _, html = await get(recorded, PAGE)
    tables = Tables(html).tables
    assert tables["Charging sessions"][1][-3:] == ["8.38 EUR", "<Work>", "Business"]
    assert tables["Trips"][2][-1] == "Commute"
    _, html = await get(recorded, f"/cars/{VIN}{charge}")
    assert 'value="0.5"' in html
    assert 'value="&lt;Work&gt;"' in html
    assert "entered by you" in html
    assert ">Save</button>" in html
    _, text = await get(recorded, f"{PAGE}history/charges.csv")
    [row] = csv.DictReader(io.StringIO(text))
    assert (row["cost"], row["label"], row["class"]) == ("8.38", "<Work>", "business")
    assert await send(recorded, "POST", charge, {"price_per_kwh": None, "label": ""}) == 204
    _, html = await get(recorded, PAGE)
    assert "5.03 EUR" in html
    assert "Work" not in html


async def test_entries_that_do_not_fit_are_refused(recorded: ServedPage) -> None:
    charge, drive = f"/charges/{CHARGE.key}", f"/trips/{DRIVE.key}"
    for path, body in (
        (charge, {"cost": -1}),
        (charge, {"cost": "5"}),
        (charge, {"class": "holiday"}),
        (charge, {"soc_end": 5}),
        (charge, {"label": "x" * 501}),
        (charge, {"label": ["x"]}),
        (charge, {"label": "\ud800"}),
        (charge, {"note": "x\n=1"}),
        (drive, {"cost": 5}),
        ("/charges/7", {"cost": 5}),
    ):
        assert await send(recorded, "POST", path, body) == 400, body
    assert await send(recorded, "POST", charge, {"cost": 5}, **{"X-Bmw2mqtt": "0"}) == 403
    elsewhere = {"Origin": "https://other.example"}
    assert await send(recorded, "POST", charge, {"cost": 5}, **elsewhere) == 403
    assert await send(recorded, "DELETE", "/positions", **elsewhere) == 403
    _, html = await get(recorded, PAGE)
    assert "5.03 EUR" in html
    assert "position of 2 records" in html


async def test_delete_positions(recorded: ServedPage) -> None:
    assert await send(recorded, "DELETE", "/positions") == 204
    _, html = await get(recorded, PAGE)
    assert "holds no position" in html
    assert len(Tables(html).tables["Trips"]) == 3


async def test_without_a_recorder_nothing_can_be_changed(page: ServedPage, file: Path) -> None:
    write(file, [CHARGE])
    assert await send(page, "POST", f"/charges/{CHARGE.key}", {"cost": 5}) == 503
    assert await send(page, "DELETE", "/positions") == 503


async def test_the_card_of_a_car_links_to_it(page: ServedPage) -> None:
    async def cars() -> list[bool]:
        _, text = await get(page, "/api/state")
        return [car["has_history"] for car in json.loads(text)["cars"]]

    assert await cars() == [False]
    page.devices.history_changed(VIN, VehicleHistory())
    assert await cars() == [True]
