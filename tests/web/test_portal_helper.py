"""The helper that selects what a car streams, in a real Chromium at a simulated portal of BMW."""

from collections.abc import AsyncIterator
from urllib.parse import unquote

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from bmw2mqtt.simulator.cardata import CarDataSimulator, CarDataUser, RecordedCarDataCar
from bmw2mqtt.simulator.cardata.catalogue import STREAMABLE
from bmw2mqtt.simulator.cardata.portal import mapped_id
from bmw2mqtt.vehicle.account import StreamedData
from bmw2mqtt.web.vehicle_page.portal_script import bookmarklet, console_text
from tests.web.conftest import WAIT_MS
from tests.web.served_page import CARDATA, served

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.no_cover]

VIN = "WBA00000000000001"
FOREIGN = "vehicle.of.another.program"
"""Selected by the owner, and nothing that bmw2mqtt knows."""
BEFORE = frozenset({"vehicle.vehicle.travelledDistance", FOREIGN})
ODD = "vehicle.cabin.sunroof.shade.position"
"""In BMW's catalogue, but this car does not stream it."""


@pytest_asyncio.fixture(loop_scope="session")
async def bmw() -> AsyncIterator[CarDataSimulator]:
    """BMW with one car that streams two values."""
    user = CarDataUser(cars=[RecordedCarDataCar(VIN, {})])
    user.selected_descriptors = set(BEFORE)
    async with CarDataSimulator([user]) as bmw:
        yield bmw


def portal_page(bmw: CarDataSimulator) -> str:
    """Return the address of the page on which the car's stream is configured."""
    return f"{bmw.auth_url}/de-de/mybmw/mapped-vehicle/{mapped_id(VIN)}/cardata/stream-setup"


async def test_it_adds_what_bmw_offers_and_tells_the_page(
    bmw: CarDataSimulator, window: Page
) -> None:
    bmw.portal.not_streamed.add(ODD)
    await window.goto(portal_page(bmw))
    script = unquote(bookmarklet().removeprefix("javascript:"))
    assert script == console_text()
    await window.evaluate(script)
    box = window.get_by_role("status")
    await expect(box).to_contain_text("Done: ", timeout=WAIT_MS)
    selected = bmw.users[0].selected_descriptors
    assert selected == (STREAMABLE - {ODD}) | BEFORE
    result = await box.locator("textarea").input_value()
    count = len(STREAMABLE)
    assert result == (
        f"bmw2mqtt-selection:1:offered={count},before=2,now={count},refused=1,untried=0"
    )
    async with served({"eu": CARDATA}) as page:
        page.add_car(VIN, account="eu", image=None)
        page.accounts["eu"].streams[VIN] = StreamedData(last={})
        await window.goto(f"{page.url}/cars/{VIN}/data")
        await window.get_by_label("Paste that text here:").fill(f"  {result}\n")
        await window.get_by_role("button", name="Check").click()
        outcome = window.locator("#outcome")
        await expect(outcome).to_contain_text(f"{count} are selected now, {count - 2} of them")
        await expect(outcome).to_contain_text("1 are not for this car.")
        await window.get_by_label("Paste that text here:").fill("nonsense")
        await window.get_by_role("button", name="Check").click()
        await expect(outcome).to_contain_text("This is not the text of the helper.")
        for path in (f"cars/{VIN}/data", "selection"):
            await window.goto(f"{page.url}/{path}")
            href = await window.locator("#bookmarklet").get_attribute("href")
            assert href == bookmarklet(), path


async def test_it_changes_nothing_if_it_does_not_know_what_is_selected(
    bmw: CarDataSimulator, window: Page
) -> None:
    await window.goto(portal_page(bmw))
    await window.context.clear_cookies()  # BMW's session is over
    await window.evaluate(console_text())
    await expect(window.get_by_role("status")).to_contain_text(
        "What was selected before is still selected", timeout=WAIT_MS
    )
    assert bmw.users[0].selected_descriptors == BEFORE
    assert not [request for request in bmw.requests if request.method == "POST"]


async def test_on_another_page_it_says_where_it_belongs(
    bmw: CarDataSimulator, window: Page
) -> None:
    await window.goto(f"{bmw.auth_url}/oneid/link")
    await window.evaluate(console_text())
    await expect(window.get_by_role("status")).to_contain_text("Open the car first")
    await window.get_by_role("button", name="Close").click()
    await expect(window.get_by_role("status")).to_have_count(0)
