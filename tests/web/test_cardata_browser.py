"""A CarData login as a person does it: from nothing to a car, in a real Chromium."""

import json
import re
from collections.abc import Callable

import pytest
from playwright.async_api import Page, expect

from bmw2mqtt.simulator.cardata import (
    CarDataSimulator,
    CarDataUser,
    Lifetimes,
    RecordedCarDataCar,
)
from bmw2mqtt.simulator.pictures import read_picture
from tests.conftest import BackgroundBmw
from tests.mosquitto import Observer, wait_until
from tests.web.conftest import WAIT_MS, DaemonPage, sees

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.no_cover]

VIN = "WBA00000000000001"
MILEAGE = "vehicle.vehicle.travelledDistance"
STATUS = "bmw2mqtt/account/eu/sensor/status"
SHORT_S = 2
"""How long a code lives that is to expire."""
CODE = re.compile(r"[A-Z0-9]{8}")


class CarOwner:
    """A person with one car at a simulated BMW, which runs in another thread."""

    def __init__(self, servers: BackgroundBmw, live: Callable[..., DaemonPage]) -> None:
        self.car = RecordedCarDataCar(VIN, {MILEAGE: 41_250}, image=read_picture("suv_green"))
        self.lifetimes = Lifetimes()
        self.bmw: CarDataSimulator = servers.start_cardata(
            CarDataUser(cars=[self.car]), lifetimes=self.lifetimes
        )
        self.bmw.oauth.interval_s = 0.5
        self._servers = servers
        self._live = live

    def start_daemon(self) -> DaemonPage:
        """Start a daemon that knows the client id and nothing more."""
        return self._live(accounts={"eu": self.bmw.account_settings()})

    def codes_requested(self) -> int:
        return sum("device/code" in request.path for request in tuple(self.bmw.requests))

    def drive(self, mileage_km: int) -> None:
        """Let the car stream another mileage."""
        self._servers.do(lambda: self.car.report({MILEAGE: mileage_km}))


@pytest.fixture
def owner(bmw_servers: BackgroundBmw, live: Callable[..., DaemonPage]) -> CarOwner:
    return CarOwner(bmw_servers, live)


async def code_on(window: Page, other_than: str | None = None) -> str:
    """Wait until the page shows a code, and return it."""
    shown = window.locator(".code")
    await expect(shown).to_have_text(CODE, timeout=WAIT_MS)
    if other_than:
        await expect(shown).not_to_have_text(other_than, timeout=WAIT_MS)
    return str(await shown.text_content())


async def open_bmw(window: Page) -> Page:
    """Follow the link to BMW's page."""
    async with window.context.expect_page() as opened:
        await window.get_by_role("link", name=re.compile("BMW.s page")).first.click()
    return await opened.value


async def answer(window: Page, button: str) -> None:
    """Answer on BMW's page and come back."""
    bmw_page = await open_bmw(window)
    await bmw_page.get_by_role("button", name=button).click()
    await expect(bmw_page.get_by_text("You may close this window")).to_be_visible()
    await bmw_page.close()


async def test_from_a_client_id_to_a_car(owner: CarOwner, window: Page, observer: Observer) -> None:
    page = owner.start_daemon()
    await window.goto(page.url)
    code = await code_on(window)
    await sees(window, "Login required")
    await sees(window, "Waiting for you")
    await expect(window.get_by_text(re.compile(r"Expires in [45]:"))).to_be_visible()
    bmw_page = await open_bmw(window)
    await expect(bmw_page.get_by_label("Code")).to_have_value(code)
    await bmw_page.get_by_role("button", name="Allow").click()
    await expect(bmw_page.get_by_text("The device is connected")).to_be_visible()
    await bmw_page.close()
    await expect(window.locator(".who .pill")).to_have_text("OK", timeout=WAIT_MS)
    await expect(window.locator(".login")).to_have_count(0)
    card = window.locator(f"[data-key='{VIN}']")
    await expect(card.get_by_text("41,250 km")).to_be_visible(timeout=WAIT_MS)
    await expect(card.locator("img")).to_be_visible(timeout=WAIT_MS)
    observer.wait_for(STATUS, "ok")
    observer.wait_for(f"bmw2mqtt/{VIN}/sensor/mileage", "41250")
    discovery = observer.wait_for(f"homeassistant/device/bmw2mqtt_{VIN}/config")
    assert "sensor_mileage" in json.loads(discovery.payload)["components"]
    wait_until(lambda: owner.bmw.stream.is_subscribed(owner.bmw.users[0].gcid))
    owner.drive(41_300)
    await expect(card.get_by_text("41,300 km")).to_be_visible(timeout=WAIT_MS)
    observer.wait_for(f"bmw2mqtt/{VIN}/sensor/mileage", "41300")
    assert owner.codes_requested() == 1
    assert code not in await window.content()


async def test_expired_then_declined_then_too_slow(
    owner: CarOwner, window: Page, observer: Observer
) -> None:
    owner.lifetimes.code_s = SHORT_S
    page = owner.start_daemon()
    await window.goto(page.url)
    await window.locator(".login").first.wait_for()
    old = str(wait_until(lambda: page.state()["accounts"][0]["user_code"]))
    owner.lifetimes.code_s = 300
    await code_on(window, other_than=old)  # who has just installed this gets the next by itself
    bmw_page = await open_bmw(window)
    await bmw_page.get_by_label("Code").fill(old)
    await bmw_page.get_by_role("button", name="Allow").click()
    await expect(bmw_page.get_by_role("alert")).to_contain_text("expired")
    await bmw_page.close()
    await sees(window, "Waiting for you")
    requested = owner.codes_requested()
    await answer(window, "Decline")
    await expect(window.locator(".message")).to_contain_text("declined", timeout=WAIT_MS)
    await expect(window.locator(".code")).to_have_count(0)
    log_in = window.get_by_role("button", name="Log in")
    await expect(log_in).to_be_visible()
    observer.quiet(0.5)
    assert owner.codes_requested() == requested, "no new code by itself"
    owner.lifetimes.code_s = SHORT_S
    await log_in.click()
    too_late = re.compile("in time|has expired")
    await expect(window.locator(".message")).to_contain_text(too_late, timeout=WAIT_MS)
    await expect(window.locator(".code")).to_have_count(0)
    await expect(log_in).to_be_visible()
    assert owner.codes_requested() == requested + 1
    owner.lifetimes.code_s = 300
    await log_in.click()
    await code_on(window)
    await answer(window, "Allow")
    await expect(window.locator(".car img")).to_be_visible(timeout=WAIT_MS)
