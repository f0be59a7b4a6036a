"""Takes the page's pictures for the documentation, with simulated cars: `make screenshots`."""

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from PIL import Image
from playwright.async_api import Browser, Page, async_playwright

from bmw2mqtt import log as logging_set_up
from bmw2mqtt.bridge import Bridge
from bmw2mqtt.config import Configuration, Settings
from bmw2mqtt.demo.broker import DemoBroker, find_program, free_port
from bmw2mqtt.demo.past import record_past
from bmw2mqtt.simulator.cardata import CarDataSimulator, CarDataUser
from bmw2mqtt.simulator.cardata import demo_cars as cardata_demo_cars
from bmw2mqtt.simulator.mybmw import MyBmwSimulator, SimulatedUser, demo_cars
from bmw2mqtt.web.setup.service import Setup

IMAGES = Path(__file__).parent.parent / "docs" / "images"
MAX_BYTES = 150_000
SIZES: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1180, "height": 900}},
    "phone": {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
}
SETUP = {"setup-portal": "cardata", "setup-login": "login?account=eu"}
CARS = 5
VIN = "WBY11DEMO0ELECTRC"
"""The car whose page is shown."""
CARDATA_VIN = "WBY61CARDATA00EV1"
COMMANDS = (
    (f"{VIN}/switch/climate/set", "ON"),
    (f"{VIN}/number/target_soc/set", "85"),
    (f"{VIN}/number/target_soc/set", "7"),
)


def _accounts(mybmw: MyBmwSimulator, cardata: CarDataSimulator) -> dict[str, Any]:
    return {
        "home": {
            "backend": "mybmw",
            "username": "me@example.com",
            "password": "secret",
            "server": mybmw.server,
            "ca_file": str(mybmw.ca_file),
        },
        "eu": cardata.account_settings(),
    }


def _settings(
    broker: DemoBroker, accounts: dict[str, Any], page_port: int, data_dir: Path
) -> Settings:
    return Settings.model_validate(
        {
            "mqtt": {
                "host": broker.address,
                "port": broker.port,
                "protocol": broker.program.protocol,
            },
            "accounts": accounts,
            "data_dir": str(data_dir),
            "http": {"port": page_port},
        }
    )


async def _shoot(
    browser: Browser,
    url: str,
    name: str,
    ready: str,
    *,
    is_whole: bool = True,
    sizes: Sequence[str] = tuple(SIZES),
    schemes: Sequence[str] = ("light", "dark"),
    locale: str = "en-IE",
) -> None:
    """Take one view in each size, light and dark; on the desktop the whole page if wanted."""
    for size in sizes:
        options = SIZES[size]
        for scheme in schemes:
            context = await browser.new_context(color_scheme=scheme, locale=locale, **options)
            page = await context.new_page()
            await page.goto(url)
            await page.wait_for_selector(ready)
            await page.wait_for_load_state("load")
            path = IMAGES / f"{name}-{size}-{scheme}.png"
            await page.screenshot(
                path=path, full_page=is_whole and size == "desktop", animations="disabled"
            )
            if path.stat().st_size > MAX_BYTES:
                Image.open(path).convert("RGB").quantize(256).save(path, optimize=True)
            await context.close()
            if path.stat().st_size > MAX_BYTES:
                sys.exit(f"{path} is larger than {MAX_BYTES} bytes")


async def _log_in(page: Page, url: str, cardata: CarDataSimulator) -> None:
    await page.goto(url)
    cardata.approve(str(await page.locator(".code").text_content()))
    await page.get_by_text("Or copy and paste").click()
    await page.get_by_label("Captcha token").fill("P1_simulated")
    await page.get_by_role("button", name="Log in").click()
    await page.wait_for_function(
        "cars => document.querySelectorAll('.car img').length === cars", arg=CARS
    )


def _send_commands(broker: DemoBroker) -> None:
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect(broker.address, broker.port)
    client.loop_start()
    for topic, payload in COMMANDS:
        client.publish(f"bmw2mqtt/{topic}", payload, qos=1).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()


def _chromium() -> str:
    finder = Path(__file__).parent / "chromium"
    return subprocess.check_output([finder], text=True).strip()


async def _with_browser(work: Callable[[Browser], Awaitable[None]]) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=_chromium(), args=["--no-sandbox"]
        )
        await work(browser)
        await browser.close()


async def main() -> None:
    """Run the bridge and look at it."""
    logging_set_up.set_up("warning", "auto")
    cars, customer_cars = demo_cars(), cardata_demo_cars()
    user = SimulatedUser(username="me@example.com", password="secret", cars=cars)  # noqa: S106
    with tempfile.TemporaryDirectory(prefix="bmw2mqtt-screenshots-") as name:
        directory = Path(name)
        broker = DemoBroker(
            find_program(), "127.0.0.1", free_port("127.0.0.1", 1883), directory / "broker"
        )
        (directory / "broker").mkdir()
        page_port = free_port("127.0.0.1", 8099)
        url = f"http://127.0.0.1:{page_port}/"
        customer = CarDataUser(cars=list(customer_cars))
        async with broker, MyBmwSimulator([user]) as mybmw, CarDataSimulator([customer]) as cardata:
            stop = asyncio.Event()
            accounts = _accounts(mybmw, cardata)
            settings = _settings(broker, accounts, page_port, directory / "data")
            record_past(
                settings,
                polled=[car.model for car in cars],
                streaming=[car.model for car in customer_cars],
            )
            setup = Setup(Configuration(settings=settings, fixed={}))
            bridge = Bridge(settings, setup=setup)
            running = asyncio.create_task(bridge.run(stop))

            async def look(browser: Browser) -> None:
                await _shoot(browser, url, "login", ".code")
                for name, path in SETUP.items():
                    where = f"{url}setup/{path}"
                    await _shoot(browser, where, name, "h2", sizes=["phone"], schemes=["light"])
                page = await browser.new_page()
                await _log_in(page, url, cardata)
                await asyncio.to_thread(_send_commands, broker)
                await page.wait_for_selector(".list li:nth-child(3)")
                await page.close()
                await _shoot(browser, url, "page", ".car img")
                one: dict[str, Any] = {"sizes": ["phone"], "schemes": ["light"]}
                desktop: dict[str, Any] = {"sizes": ["desktop"], "schemes": ["light"]}
                await _shoot(browser, url, "page-de", ".car img", locale="de-DE", **one)
                await _shoot(
                    browser, f"{url}cars/{CARDATA_VIN}/data", "data", "#bookmarklet", **one
                )
                await _shoot(
                    browser, f"{url}cars/{VIN}/", "car", "#rows tr", is_whole=False, **desktop
                )

            try:
                await _with_browser(look)
            finally:
                stop.set()
                await running


if __name__ == "__main__":
    asyncio.run(main())
