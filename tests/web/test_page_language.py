"""Every page in German: nothing that a visitor reads or hears on it is as on the English one."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest

from bmw2mqtt.vehicle.account import StreamedData
from bmw2mqtt.vehicle.history import VehicleHistory
from tests.history.samples import VIN, session, trip
from tests.shown_sentences import words_in_html
from tests.web.served_page import CARDATA, served
from tests.web.setup_visitor import HOME, visitor
from tests.web.test_vehicle_page import write

LINK = re.compile(r'(?:href|src)="([^"#:]+)["#]')
SAME = {
    *("bmw2mqtt", "BMW CarData", "CarData", "CarData API", "CarData Stream", "Home Assistant"),
    *(
        "evcc",
        "iX",
        "iX · bmw2mqtt",
        "BMW Deutschland",
        "BMW UK",
        "MINI Deutschland",
        "MINI UK",
        VIN,
        "home",
    ),
    *("AC", "DC", "CSV", "Port", "Region", "China", "English", "Deutsch", "Status"),
    *("km, °C, bar, L", "mi, °C, psi, L", "mi, °F, psi, gal"),
}
"""Names, and words that are the same in German."""
NUMBER = re.compile(r"[\d.,: -]+(kWh|kW|km|min|h|%|[0-9a-f-]+…)*")


def links(page: str, text: str) -> Iterator[str]:
    """Yield where a page leads."""
    for link in LINK.findall(text):
        yield urljoin(page, link.replace("&amp;", "&"))


async def english_in_german(client: httpx.AsyncClient, *starts: str) -> dict[str, set[str]]:
    """Return what is the same in both languages, by page, of all that have a link."""
    found: dict[str, set[str]] = {}
    todo = list(starts)
    while todo:
        page = todo.pop()
        if page in found:
            continue
        texts = [
            await client.get(page, headers={"Accept-Language": language}, follow_redirects=True)
            for language in ("en-GB", "de-DE")
        ]
        assert texts[0].status_code < 400, page
        is_page = "text/html" in texts[0].headers["Content-Type"]
        english, german = (words_in_html(text.text) if is_page else set() for text in texts)
        found[page] = {w for w in english & german if not NUMBER.fullmatch(w)} - SAME
        todo += links(page, texts[0].text) if is_page else ()
    return {page: words for page, words in found.items() if "." not in page}


async def test_a_car(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    write(file, [session(), trip()])
    async with (
        served({"eu": CARDATA}, history_file=file) as page,
        httpx.AsyncClient(base_url=page.url, trust_env=False) as client,
    ):
        page.add_car(VIN, account="eu", history=VehicleHistory())
        mileage = {"vehicle.vehicle.travelledDistance": date(2026, 11, 20)}
        page.accounts["eu"].streams[VIN] = StreamedData(last=mileage, since=date(2026, 11, 1))
        found = await english_in_german(client, "/", f"/cars/{VIN}/", "/selection")
    assert {page: words for page, words in found.items() if words} == {}
    kinds = {re.sub(r"\d{5,}$", "N", page) for page in found}
    assert kinds >= {f"/cars/{VIN}/{part}" for part in ("data", "charges/N", "trips/N")}


@pytest.mark.usefixtures("setup_folder")
async def test_the_setup_and_the_settings() -> None:
    async with visitor() as waiting:
        await waiting.open_link()
        waiting.client.cookies.delete("bmw2mqtt_language")
        steps = ("language", "broker", "car", "cardata", "mybmw")
        starts = [f"/setup/{step}" for step in steps]
        found = await english_in_german(waiting.client, *starts)
        assert {page: words for page, words in found.items() if words} == {}
    async with visitor(HOME, accounts={"home": CARDATA}) as found_by:
        starts = [f"/setup/{page}?account=home" for page in ("login", "done", "remove")]
        found = await english_in_german(found_by.client, "/setup/", *starts)
        assert {page: words for page, words in found.items() if words} == {}
        assert found.keys() >= {"/setup/", "/setup/broker", "/setup/cardata?account=home"}
