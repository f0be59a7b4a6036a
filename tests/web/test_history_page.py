"""The page of a car's past: tables, pages, downloads; without a history; never a position."""

import csv
import io
import json
import re
from collections.abc import AsyncIterator, Iterable
from html.parser import HTMLParser
from pathlib import Path

import aiohttp
import pytest

from bmw2mqtt.history.database import HistoryDatabase
from bmw2mqtt.history.records import Record
from bmw2mqtt.vehicle.history import VehicleHistory
from tests.history.samples import VIN, session, simulated_year, trip
from tests.web.served_page import ServedPage, served

PAGE = f"/cars/{VIN}/history"


class Tables(HTMLParser):
    """Reads the tables of a page: rows of cells, by the label of the table."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self._label = ""
        self._is_cell = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "div":
            self._label = dict(attrs).get("aria-label") or ""
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


async def get(page: ServedPage, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as client, client.get(f"{page.url}{path}") as answer:
        return answer.status, await answer.text()


async def test_a_charge_and_a_trip(page: ServedPage, file: Path) -> None:
    charge = session(cost=5.03, currency="EUR", cost_source="fixed", mean_kw=3.9, latitude=48.17)
    drive = trip(
        soc_start=80, soc_end=70, kwh_per_100km=18.26, to_latitude=48.17, track=((48.17, 11.5),)
    )
    unknown = trip("2026-03-03T08:00", start_at=None, start_known=False, km=8)
    write(file, [charge, drive, unknown, session("2026-03-04T08:00", is_hidden=True)])
    status, html = await get(page, PAGE)
    assert status == 200
    tables = Tables(html).tables
    [_, row] = tables["Charging sessions"]
    assert row[:5] == ["2026-03-02 19:00", "2026-03-02 23:00", "~16.8", "40 → 60", "3.9"]
    assert row[6:] == ["AC", "home", "5.03 EUR"]
    [_, later, earlier] = tables["Trips"]
    assert later[:3] == ["unknown", "2026-03-03 09:00", "8"]
    assert earlier[:4] == ["2026-03-02 08:30", "2026-03-02 09:00", "25", "18.3"]
    assert earlier[-1] == "home → elsewhere"
    [_, month] = tables["Per month"]
    assert month[:2] == ["2026-03", "~16.8"]
    assert "48.17" not in html, "never a position"
    assert "<b>iX" not in html
    assert "&lt;b&gt;iX" in html
    assert "<script" not in html


async def test_a_year_has_pages_and_is_fast(page: ServedPage, file: Path) -> None:
    year = simulated_year(45, 30)
    write(file, [*year.sessions, *year.trips, *year.readings])
    seen: list[str] = []
    link: str | None = "history"
    while link is not None:
        _, html = await get(page, f"/cars/{VIN}/{link}")
        seen += [row[0] for row in Tables(html).tables["Charging sessions"][1:]]
        found = re.search(r'href="(history[^"]*)">Older</a>', html)
        link = found[1].replace("&amp;", "&") if found else None
        if link and "charges=" not in link.partition("?")[2].split("&")[0]:
            link = None
    assert len(seen) == len(set(seen)) == 45
    assert seen == sorted(seen, reverse=True)
    for query in ("charges=99999&trips=-1", "charges=1e9", "trips=999999999999"):
        status, _ = await get(page, f"{PAGE}?{query}")
        assert status == 200


async def test_nothing_recorded_yet(page: ServedPage) -> None:
    status, html = await get(page, PAGE)
    assert status == 200
    assert html.count("appear") == 3, "what will be there, and when"
    assert "Download" not in html


async def test_downloads(page: ServedPage, file: Path) -> None:
    write(file, [session(), session(vin="WBA00000000DEMO02"), trip()])
    _, text = await get(page, f"{PAGE}/charges.csv")
    assert [row["vin"] for row in csv.DictReader(io.StringIO(text))] == [VIN]
    _, text = await get(page, f"{PAGE}/charges.csv?locale=de")
    assert "Datum;" in text
    _, text = await get(page, f"{PAGE}/trips.json")
    assert json.loads(text)["km"] == 25
    for path in ("other.csv", "charges.exe", "charges"):
        assert (await get(page, f"{PAGE}/{path}"))[0] == 404


async def test_a_file_that_cannot_be_read(page: ServedPage, file: Path) -> None:
    write_damaged(file)
    status, text = await get(page, PAGE)
    assert status == 503
    assert "cannot be read" in text


async def test_an_unknown_car_and_no_history(page: ServedPage) -> None:
    assert (await get(page, "/cars/WBA00000000000009/history"))[0] == 404
    async with served() as other:
        other.add_car(VIN)
        status, text = await get(other, PAGE)
    assert status == 404
    assert "history.enabled" in text


async def test_the_token_guards_it(file: Path) -> None:
    write(file, [session()])
    async with served(history_file=file, token="a-token-of-16-characters") as page:
        page.add_car(VIN)
        assert (await get(page, PAGE))[0] == 401
        assert (await get(page, f"{PAGE}/charges.csv"))[0] == 401


async def test_the_card_of_a_car_links_to_it(page: ServedPage) -> None:
    async def cars() -> list[bool]:
        _, text = await get(page, "/api/state")
        return [car["has_history"] for car in json.loads(text)["cars"]]

    assert await cars() == [False]
    page.devices.history_changed(VIN, VehicleHistory())
    assert await cars() == [True]
