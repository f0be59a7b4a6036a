"""The page of a car as a person uses it, in a real Chromium: also by keyboard, also on a phone."""

import re
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from bmw2mqtt.history.records import CurvePoint, ReadingRecord
from bmw2mqtt.vehicle.snapshot import Capabilities
from tests.history.samples import VIN, session, trip
from tests.web.conftest import WAIT_MS, is_accessible
from tests.web.served_page import ServedPage, recording, served
from tests.web.test_vehicle_page import write

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.no_cover]

CURVE = tuple(
    CurvePoint(at=session().key + 300 * index, soc=40 + index, power_kw=11 - index / 3)
    for index in range(20)
)
CHARGE = replace(session(latitude=48.17, longitude=11.5), curve=CURVE)
DRIVE = trip(km=25, odometer_end_km=41_250)
MEASURED_AT = datetime(2026, 11, 28, 9, 30, tzinfo=UTC)
PAGE = f"cars/{VIN}/"
LOOKS: tuple[tuple[Literal["light", "dark"], int, tuple[str, ...]], ...] = (
    ("light", 1180, (PAGE, f"{PAGE}trips/{DRIVE.key}")),
    ("dark", 340, (PAGE, f"{PAGE}charges/{CHARGE.key}")),
)


@pytest_asyncio.fixture(loop_scope="session")
async def page(tmp_path: Path) -> AsyncIterator[ServedPage]:
    """The page of a daemon that records, with a bit of a past."""
    now = int(time.time())
    readings = [
        ReadingRecord(vin=VIN, key=now - hours * 3600, soc=40 + hours % 40, range_km=200 + hours)
        for hours in range(0, 24 * 14, 6)
    ]
    file = tmp_path / "history.db"
    write(file, [CHARGE, DRIVE, *readings])
    async with (
        recording(file, keep_positions=True) as history,
        served(history_file=file, history=history) as page,
    ):
        page.add_car(
            VIN,
            model="i4 eDrive40",
            capabilities=Capabilities(state_reports=True),
            mileage_km=41_250,
            measured_at={"sensor/mileage": MEASURED_AT},
        )
        yield page


async def test_light_dark_and_a_phone_are_accessible(page: ServedPage, window: Page) -> None:
    """The rules of axe-core (names, contrast, headings), and nothing is wider than a phone."""
    for scheme, width, paths in LOOKS:
        await window.emulate_media(color_scheme=scheme)
        await window.set_viewport_size({"width": width, "height": 800})
        for path in paths:
            await window.goto(f"{page.url}/{path}")
            await expect(window.get_by_role("heading", level=1)).to_be_visible()
            if path == PAGE:
                await expect(window.locator("#rows tr").first).to_be_visible(timeout=WAIT_MS)
                await expect(window.get_by_role("img", name=re.compile("14 days"))).to_have_count(2)
            for summary in await window.locator("summary").all():
                await summary.click()
            await is_accessible(window, f"{path} {scheme}")


async def test_values_by_keyboard(page: ServedPage, window: Page) -> None:
    await window.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await window.goto(f"{page.url}/{PAGE}")
    field = window.get_by_label("Filter by name, value or topic")
    await field.focus()
    await window.keyboard.type("mileage 41")
    row = window.get_by_role("row", name=re.compile("^Mileage"))
    await expect(row).to_contain_text("41,250 km", timeout=WAIT_MS)
    local = await window.evaluate(
        f"new Date('{MEASURED_AT.isoformat()}')"
        ".toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' })"
    )
    await expect(row).to_contain_text(local)
    await expect(window.locator("#count")).to_contain_text(re.compile(r"^1 of \d+ values"))
    await window.keyboard.press("Tab")
    copy = window.get_by_role("button", name="Copy the topic of Mileage")
    await expect(copy).to_be_focused()
    await window.keyboard.press("Enter")
    await expect(window.locator("#announcement")).to_have_text("Topic copied")
    await expect(copy).to_be_focused()
    topic = f"bmw2mqtt/{VIN}/sensor/mileage"
    assert await window.evaluate("navigator.clipboard.readText()") == topic


async def test_enter_a_price_and_delete_positions(page: ServedPage, window: Page) -> None:
    await window.goto(f"{page.url}/{PAGE}")
    await window.get_by_role("link", name="2026-03-02 19:00").click()
    await window.get_by_label("Price per kWh (EUR)").fill("0.5")
    await window.get_by_label("Label").fill("At work")
    await window.get_by_label("Class").select_option("Business")
    await window.keyboard.press("Tab")
    await window.get_by_label("Label").press("Enter")
    await expect(window.get_by_text("8.38 EUR")).to_be_visible(timeout=WAIT_MS)
    await window.get_by_role("link", name="Back to the car").click()
    row = window.locator("#charges tbody tr")
    await expect(row).to_contain_text(re.compile("8.38 EUR.*At work.*Business"))
    await window.get_by_role("button", name="Delete positions").click()
    dialog = window.get_by_role("dialog", name="Delete every position of this car?")
    await window.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await window.get_by_role("button", name="Delete positions").click()
    await dialog.get_by_role("button", name="Delete positions").click()
    await expect(window.get_by_text("Every position of this car was deleted")).to_be_visible()
    await window.reload()
    await expect(window.get_by_text("holds no position")).to_be_visible()
