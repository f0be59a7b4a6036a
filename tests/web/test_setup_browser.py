"""From an empty folder to a car in a real Chromium: no file is edited, no second command typed."""

import re
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Self

import pytest
from playwright.async_api import Page, expect

from bmw2mqtt.config import app, load_configuration
from bmw2mqtt.simulator.cardata import CLIENT_ID, CarDataUser, RecordedCarDataCar
from bmw2mqtt.simulator.pictures import read_picture
from bmw2mqtt.web import access
from bmw2mqtt.web.setup import routes
from bmw2mqtt.web.setup.service import Setup
from tests.conftest import BackgroundBmw
from tests.daemon import EXIT_TIMEOUT_S
from tests.mosquitto import Mosquitto, Observer, free_port, wait_until
from tests.supervisor import TOKEN, Supervisor
from tests.web import home_assistant_ingress as ingress
from tests.web.conftest import PICTURES, WAIT_MS, fits
from tests.web.empty_folder import LOG, run_in
from tests.web.served_page import served

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.no_cover]

VIN = "WBA00000000000001"
USER, PASSWORD = "family", "p#1 secret"
MILEAGE = "vehicle.vehicle.travelledDistance"


MOST_STEPS = 6
"""What the guide promises: so few between BMW's portal and the first value."""


class Newcomer:
    """Somebody who types `bmw2mqtt run` in an empty folder, and then only uses a browser.

    The command is the only one, and the folder is looked at at the end: no file was edited.
    """

    def __init__(self, folder: Path, servers: BackgroundBmw) -> None:
        self.folder = folder
        self.port = free_port()
        self.steps_after_portal: list[str] = []
        self._log = folder / LOG
        car = RecordedCarDataCar(VIN, {MILEAGE: 41_250}, image=read_picture("suv_green"))
        self._bmw = servers.start_cardata(CarDataUser(cars=[car]))
        self._bmw.oauth.interval_s = 0.5

    def __enter__(self) -> Self:
        bmw = self._bmw
        places = [bmw.auth_url, bmw.api_url, bmw.stream_host, str(bmw.stream_port)]
        self.process = run_in(self.folder, self.port, *places, str(bmw.ca_file))
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.join(EXIT_TIMEOUT_S)
        assert self.process.exitcode == 0

    def link(self) -> str:
        """Return the link that is on the terminal; in a container it leaves the address open."""
        found = wait_until(
            lambda: re.search(r"http://[^/]+(/setup/start/[\w-]+)", self._log.read_text()),
            what="the link",
        )
        return f"http://127.0.0.1:{self.port}{found[1]}"

    def step(self, what: str) -> None:
        """Note what a person has to do between BMW's portal and the first value."""
        self.steps_after_portal.append(what)

    def files(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir() if path != self._log)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """The broker of most people: with a password."""
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-c", "-b", passwords, USER, PASSWORD], check=True)
    with Mosquitto(tmp_path, f"password_file {passwords}", "allow_anonymous false") as mosquitto:
        yield mosquitto


@pytest.fixture
def observer(broker: Mosquitto) -> Iterator[Observer]:
    with Observer(broker.port, username=USER, password=PASSWORD) as seen:
        yield seen


@pytest.fixture
def newcomer(tmp_path: Path, bmw_servers: BackgroundBmw) -> Iterator[Newcomer]:
    folder = tmp_path / "empty"
    folder.mkdir()
    with Newcomer(folder, bmw_servers) as person:
        yield person


async def look_at(window: Page, name: str) -> None:
    """Look at a page wide and dark, and light on a phone."""
    for width, is_dark in ((390, False), (1280, True)):
        await window.set_viewport_size({"width": width, "height": 900})
        await fits(window, f"{name} {width}")
        if PICTURES:
            await window.emulate_media(color_scheme="dark" if is_dark else "light")
            path = Path(PICTURES, f"{name}-{width}.png")
            await window.screenshot(path=path, full_page=True, animations="disabled")


async def go_on(window: Page, name: str = "Continue") -> None:
    await window.get_by_role("button", name=name, exact=True).click()


async def heading(window: Page, text: str) -> None:
    shown = window.get_by_role("heading", name=re.compile(text))
    await expect(shown).to_be_visible(timeout=WAIT_MS)


async def enter_broker(window: Page, broker: Mosquitto) -> None:
    """Enter the broker: first the wrong port, then no user, then everything."""
    await heading(window, "Where is your MQTT broker")
    await window.get_by_label("Name or address").fill("127.0.0.1")
    await window.get_by_label("Port").fill("1")
    await go_on(window, "Test")
    await expect(window.get_by_role("alert")).to_contain_text("127.0.0.1:1 ")
    await look_at(window, "2-broker")
    await window.get_by_label("Port").fill(str(broker.port))
    await go_on(window, "Test")
    await expect(window.get_by_role("alert")).to_contain_text("refuses the user name")
    await window.get_by_label("User name").fill(USER)
    await window.get_by_label("Password").fill(PASSWORD)
    await go_on(window, "Test")
    await expect(window.get_by_text("The broker works")).to_be_visible(timeout=WAIT_MS)
    await go_on(window)  # what was tested is saved, the password too


async def from_portal_to_values(newcomer: Newcomer, window: Page) -> None:
    """Do what is left after BMW's portal, step by step."""
    await window.get_by_label("Client ID").fill(f" {{{CLIENT_ID.upper()}}} ")
    newcomer.step("paste the client ID")
    await expect(window.get_by_text("This looks like a client ID")).to_be_visible()
    await go_on(window)
    newcomer.step("press Continue")
    await heading(window, "Confirm this code at BMW")
    code = window.locator("#code")
    await expect(code).to_have_text(re.compile(r"[A-Z0-9]{8}"))
    await expect(window.locator("[data-expires]")).to_have_text(re.compile(r"[45]:\d\d"))
    await expect(window.get_by_role("img", name="QR code")).to_be_visible()
    await look_at(window, "5-login")
    async with window.context.expect_page() as opened:
        await window.get_by_role("link", name=re.compile("Open BMW.s page")).click()
    newcomer.step("open BMW's page")
    bmw_page = await opened.value
    await bmw_page.get_by_role("button", name="Allow").click()
    await expect(bmw_page.get_by_text("The device is connected")).to_be_visible(timeout=WAIT_MS)
    newcomer.step("log in at BMW")  # the simulated one asks for no password
    newcomer.step("allow it at BMW")
    await bmw_page.close()
    newcomer.step("lock the car")  # the simulated one has reported already


async def test_from_an_empty_folder_to_a_car(
    newcomer: Newcomer, window: Page, broker: Mosquitto, observer: Observer
) -> None:
    await window.goto(newcomer.link())
    await heading(window, "Welcome")
    await look_at(window, "1-language")
    for key in ("Tab", "Tab", "ArrowDown", "ArrowUp", "Tab", "Enter"):  # by keyboard alone
        await window.keyboard.press(key)

    await enter_broker(window, broker)
    await heading(window, "Where is your car registered")
    await look_at(window, "3-car")
    await go_on(window)

    await heading(window, "Create access in BMW.s portal")
    observer.quiet(0.2)
    client_id = window.get_by_label("Client ID")
    await client_id.fill("0f0e0d0c-0b0a")
    await expect(window.get_by_text("A client ID has 32 letters")).to_be_visible()
    await client_id.fill("00000000-0000-0000-0000-000000000000")
    await go_on(window)
    await expect(window.locator("#client_id-error")).to_contain_text("the value of the example")
    await look_at(window, "4-portal")

    await from_portal_to_values(newcomer, window)
    await heading(window, "Your car is connected")
    await expect(window.get_by_text("41,250 km")).to_be_visible()
    assert len(newcomer.steps_after_portal) <= MOST_STEPS, newcomer.steps_after_portal
    await look_at(window, "6-done")
    observer.wait_for(f"bmw2mqtt/{VIN}/sensor/mileage", "41250")
    await window.get_by_role("link", name="To the page with your cars").click()
    await expect(window.locator(".car img")).to_be_visible(timeout=WAIT_MS)
    await change_settings(window)
    assert newcomer.files() == ["data"], "no file was written by hand"


async def test_an_app_is_set_up_in_home_assistants_frame(
    window: Page, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without an option and behind ingress: forms, redirects and the Supervisor's broker."""

    async def works(*_: object, **__: object) -> list[str]:
        return []

    monkeypatch.chdir(tmp_path)
    (tmp_path / "options.json").write_text('{"cardata_accounts": [], "mybmw_accounts": []}')
    monkeypatch.setenv("SUPERVISOR_TOKEN", TOKEN)
    monkeypatch.setattr(access, "SUPERVISOR", ingress.SUPERVISOR)
    monkeypatch.setattr(routes, "broker_problems", works)
    (tmp_path / "data").mkdir()
    with Supervisor() as supervisor:
        monkeypatch.setattr(app, "read_app", partial(app.read_app, supervisor=supervisor.address))
        environ = {"BMW2MQTT_CONFIG": "options.json", "SUPERVISOR_TOKEN": TOKEN}
        load = partial(load_configuration, None, (), environ, tmp_path / "none")
        setup = Setup(load(), load)
        async with (
            served(setup=setup, host="0.0.0.0", token="x" * 20) as page,  # noqa: S104 - as an app
            ingress.home_assistant(page.url) as home_assistant,
        ):
            await window.goto(home_assistant)
            frame = window.frame_locator("iframe")
            await frame.get_by_role("button", name="Continue").click()
            await expect(frame.get_by_text("broker was found")).to_be_visible(timeout=WAIT_MS)
            await expect(frame.get_by_label("Name or address")).to_have_value("core-mosquitto")
            await frame.get_by_role("button", name="Continue").click()
            await frame.get_by_role("button", name="Continue").click()
            await frame.get_by_label("Client ID").fill(CLIENT_ID)
            await frame.get_by_role("button", name="Continue").click()
            await expect(frame.get_by_text("starts with the new")).to_be_visible(timeout=WAIT_MS)
    saved = (tmp_path / "data" / "settings.yaml").read_text()
    assert CLIENT_ID in saved
    assert "mqtt:" not in saved, "the Supervisor's broker is read at each start"


async def change_settings(window: Page) -> None:
    """The same pages later: another language, and a broker that restarts the bridge."""
    await window.get_by_role("link", name="Settings").click()
    await heading(window, "Settings")
    await window.locator("a[href='language']").click()
    await window.get_by_label("Deutsch").check()
    await go_on(window)
    await heading(window, "Einstellungen")
    await go_on(window, "Link erstellen")
    await expect(window.locator("#link")).to_contain_text("/setup/start/")
    await look_at(window, "7-settings")
    await window.get_by_role("link", name="Ändern").first.click()
    await window.get_by_label("Name oder Adresse").fill("localhost")
    await go_on(window, "Weiter")
    await expect(window.get_by_text("startet mit den neuen")).to_be_visible(timeout=WAIT_MS)
    await expect(window.get_by_text("verbunden", exact=True)).to_be_visible(timeout=WAIT_MS)
    await window.get_by_role("link", name="Anmelden").click()
    await heading(window, "Dein Auto ist verbunden")
    await expect(window.get_by_text("41.250 km")).to_be_visible()
