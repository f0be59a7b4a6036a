"""The page as a person sees it, in a real Chromium."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest
from playwright.async_api import Browser, Page, Route, expect

from bmw2mqtt.simulator.mybmw import MyBmwSimulator
from bmw2mqtt.simulator.pictures import read_picture
from bmw2mqtt.vehicle.account import AccountStatus
from bmw2mqtt.vehicle.snapshot import Capabilities, CheckControlMessage, Severity
from bmw2mqtt.web import access
from tests.mosquitto import Observer
from tests.web import home_assistant_ingress as ingress
from tests.web.conftest import WAIT_MS, DaemonPage, is_accessible, sees
from tests.web.served_page import CARDATA, FORM, MYBMW, eventually, served

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.no_cover]

WITHOUT = {"captcha_token": None, "poll_interval": 3600}
CAPTCHA_SITE = "https://bimmer-connected.readthedocs.io/**"
CAPTCHA_PAGE = """<!doctype html><title>Captcha</title><form method="post">
<input name="h-captcha-response" value="P1_solved-elsewhere"><button>Submit</button></form><script>
document.forms[0].action = new URLSearchParams(location.search).get("redirect_uri")</script>"""
"""What BMW's captcha page does with its result, on its own site."""
VIN = "WBA00000000DEMO01"
COLOURS: tuple[Literal["light"], Literal["dark"]] = ("light", "dark")


async def test_log_in_by_pasting(
    live: Callable[..., DaemonPage], window: Page, observer: Observer, bmw: MyBmwSimulator
) -> None:
    page = live(account=WITHOUT)
    page.wait_status("login_required")
    await window.goto(page.url)
    await sees(window, "Login required")
    await expect(window.get_by_role("button", name="Refresh now")).to_have_count(0)
    await window.get_by_text("Or copy and paste").click()
    link = window.get_by_role("link", name="the captcha page")
    href = await link.get_attribute("href")
    assert href is not None
    assert href.startswith("https://")
    assert href.endswith("captcha/rest_of_world.html")
    assert not bmw.requests
    field = window.get_by_label("Captcha token")
    await field.fill("P1_pasted")
    page.press("refresh")  # the page is drawn anew while somebody types
    await expect(field).to_have_value("P1_pasted")
    await window.get_by_role("button", name="Log in").click()
    await expect(window.locator(".car img").first).to_be_visible(timeout=WAIT_MS)
    await expect(window.locator(".who .pill")).to_have_text("OK", timeout=WAIT_MS)
    await expect(window.locator(".login")).to_have_count(0)
    await sees(window, "i4 eDrive40")
    loaded = "() => [...document.images].every((image) => image.complete && image.naturalWidth)"
    await window.wait_for_function(loaded)
    observer.wait_for("bmw2mqtt/account/home/sensor/status", "ok")


async def test_log_in_and_come_back_then_pause_and_resume(
    live: Callable[..., DaemonPage], window: Page, cars: list[Any], observer: Observer
) -> None:
    page = live(account=WITHOUT)
    page.wait_status("login_required")

    async def captcha_page(route: Route) -> None:
        assert "/captcha/rest_of_world_form.html?redirect_uri=" in route.request.url
        await route.fulfill(body=CAPTCHA_PAGE, content_type="text/html")

    await window.route(CAPTCHA_SITE, captcha_page)
    await window.goto(page.url)
    await window.get_by_role("button", name="Solve the captcha").click()
    await window.wait_for_url(CAPTCHA_SITE)
    await window.get_by_role("button", name="Submit").click()
    await window.wait_for_url(f"{page.url}/")
    await expect(window.locator(".car img").first).to_be_visible(timeout=WAIT_MS)
    log = page.daemon.log_file.read_text()
    assert "P1_solved" not in log
    await pause_resume_and_ask_now(window, cars, observer)


async def pause_resume_and_ask_now(window: Page, cars: list[Any], observer: Observer) -> None:
    state = window.locator(".who .pill")
    await expect(state).to_have_text("OK", timeout=WAIT_MS)
    await window.get_by_role("heading", name="Account").click()
    await window.get_by_role("button", name="Pause").click()
    await expect(state).to_have_text("Paused")
    await sees(window, "Paused by you since ")
    observer.wait_for("bmw2mqtt/account/home/switch/polling", "OFF")
    car = next(car for car in cars if car.vin == VIN)
    card = window.locator(f"[data-key='{VIN}']")
    car.state_data["state"]["currentMileage"] = 54321
    await window.get_by_role("button", name="Refresh now").click()
    await expect(card.get_by_text("54,321 km")).to_be_visible(timeout=WAIT_MS)
    await window.get_by_role("button", name="Resume").click()
    await expect(state).to_have_text("OK", timeout=WAIT_MS)
    observer.wait_for("bmw2mqtt/account/home/switch/polling", "ON")
    observer.publish(f"bmw2mqtt/{VIN}/number/target_soc/set", "<b>7</b>")
    await expect(window.locator(".list .pill")).to_have_text("Rejected", timeout=WAIT_MS)


async def test_the_keyboard_stays_where_it_is(window: Page) -> None:
    async with served({"home": MYBMW, "eu": CARDATA}) as page:
        account, eu = page.accounts["home"], page.accounts["eu"]
        await window.goto(page.url)
        ask = window.locator("[data-key='home']").get_by_role("button", name="Refresh now")
        await expect(ask).to_have_accessible_description("home")
        await ask.focus()
        await window.keyboard.press("Enter")
        await expect(window.locator("#announcement")).to_have_text("home: request sent to BMW")
        await expect(ask).to_have_attribute("aria-disabled", "true")
        await window.keyboard.press("Enter")  # which is ignored
        await expect(window.locator("[aria-disabled]")).to_have_count(0, timeout=WAIT_MS)
        await expect(ask).to_be_focused()
        assert account.calls == ["refresh"]

        for name, other, is_polling in (("Pause", "Resume", False), ("Resume", "Pause", True)):
            button = window.locator("[data-key='home']").get_by_role("button", name=name)
            await button.focus()
            await window.keyboard.press("Enter")
            await eventually(lambda told=is_polling: account.calls[-1] is told)
            changed = window.locator("[data-key='home']").get_by_role("button", name=other)
            await expect(changed).to_be_focused(timeout=WAIT_MS)
            await expect(window.locator("[aria-disabled]")).to_have_count(0, timeout=WAIT_MS)

        eu.change(status=AccountStatus.LOGIN_REQUIRED, message="BMW wants a login.")
        log_in = window.locator("[data-key='eu']").get_by_role("button", name="Log in")
        await log_in.focus()
        eu.change(message=None)  # what stands above it goes
        await expect(window.get_by_text("BMW wants a login.")).to_have_count(0)
        await expect(log_in).to_be_focused()
        eu.change(status=AccountStatus.OK)
        await expect(window.locator("[data-key='eu']")).to_be_focused()


async def test_who_sees_the_captchas_token_is_said(window: Page) -> None:
    async with served() as page:
        page.accounts["home"].change(
            status=AccountStatus.LOGIN_REQUIRED, login_url=FORM, login_form_url=FORM
        )
        await window.goto(page.url)
        await sees(window, "on Read the Docs), not to BMW: it can see the token")
        await window.get_by_text("Or copy and paste").click()
        await sees(window, "(by bimmer_connected, not BMW)")


async def test_the_token_is_asked_for_once(window: Page) -> None:
    async with served(token="a-token-of-twenty-five-ch") as page:
        await window.goto(page.url)
        await window.get_by_label("Access token").fill("a-wrong-one")
        await window.get_by_role("button", name="Sign in").click()
        await sees(window, "Wrong token.")
        await window.get_by_label("Access token").fill("a-token-of-twenty-five-ch")
        await window.get_by_role("button", name="Sign in").click()
        await sees(window, "2 accounts")
        await window.reload()
        await sees(window, "2 accounts")
        await window.get_by_role("button", name="Sign out").click()
        await expect(window.get_by_label("Access token")).to_be_visible()
        await window.reload()
        await expect(window.get_by_label("Access token")).to_be_visible()


async def test_light_dark_and_a_phone(browser: Browser) -> None:
    async with served() as page:
        page.add_car("WBA00000000000001", model="<script>alert(1)</script>")
        context = await browser.new_context(viewport={"width": 340, "height": 700}, is_mobile=True)
        window = await context.new_page()
        await window.goto(page.url)
        await expect(window.locator(".car h3")).to_have_text("<script>alert(1)</script>")
        grounds = set()
        for scheme in COLOURS:
            await window.emulate_media(color_scheme=scheme)
            await is_accessible(window, scheme)
            grounds.add(await window.evaluate("getComputedStyle(document.body).backgroundColor"))
        assert len(grounds) == 2
        await context.close()


async def test_warnings_in_the_car_s_own_words(window: Page) -> None:
    async with served({"home": MYBMW}) as page:
        messages = (
            CheckControlMessage(type="TIRE_PRESSURE", severity=Severity.HIGH, description="Flat"),
            CheckControlMessage(type="WASHING_FLUID", severity=Severity.MEDIUM),
            CheckControlMessage(
                type="ENGINE_OIL", severity=Severity.LOW, description="Oil is fine"
            ),
        )
        page.add_car(
            "WBA00000000000001",
            capabilities=Capabilities(state_reports=True),
            check_control_messages=messages,
        )
        await window.goto(page.url)
        chips = window.get_by_role("list", name="Needs attention").get_by_role("listitem")
        await expect(chips).to_have_text(["Flat: high", "Washing fluid: medium"])


async def test_all_values_of_a_car(window: Page) -> None:
    """The list stays open while the page is updated, and follows the car."""
    async with served({"home": MYBMW}) as page:
        reporting = Capabilities(state_reports=True)
        page.add_car("WBA00000000000001", capabilities=reporting, mileage_km=41_250)
        await window.goto(page.url)
        dashboard = window.get_by_role("link", name="Deutsch")
        await expect(dashboard).to_have_attribute("href", "dashboard.yaml?language=de")
        card = window.locator(".car")
        await expect(card.locator("table")).to_have_count(0)
        await card.get_by_text("All values").click()
        row = card.get_by_role("row", name=re.compile("^Mileage"))
        await expect(row).to_contain_text("41,250 km")
        await expect(row).to_have_attribute("title", "bmw2mqtt/WBA00000000000001/sensor/mileage")
        page.add_car("WBA00000000000001", capabilities=reporting, mileage_km=41_300)
        await expect(row).to_contain_text("41,300 km", timeout=WAIT_MS)
        await card.get_by_text("All values").click()
        await expect(card.locator("table")).to_have_count(0)


async def test_a_device_code(window: Page) -> None:
    """A CarData account: the code to confirm at BMW, and what becomes of it."""
    async with served({"eu": CARDATA}) as page:
        account = page.accounts["eu"]
        account.change(
            status=AccountStatus.LOGIN_REQUIRED, message="BMW wants a login: press Log in."
        )
        await window.goto(page.url)
        await window.get_by_role("button", name="Log in").click()
        await eventually(lambda: ("log in", None) in account.calls)
        account.change(
            user_code="WDJB-MJHT",
            login_url="https://customer.bmwgroup.example/oneid/link",
            expires_at=datetime.now(UTC) + timedelta(minutes=5),
        )
        await sees(window, "WDJB-MJHT")
        await sees(window, "Waiting for you")
        await expect(window.get_by_text(re.compile(r"Expires in 4:"))).to_be_visible()
        link = window.get_by_role("link", name=re.compile("BMW.s page"))
        await expect(link).to_have_attribute("href", account.state.login_url)
        account.change(expires_at=datetime.now(UTC))
        await expect(window.get_by_text("WDJB-MJHT")).to_have_count(0)
        await window.get_by_role("button", name="New code").click()
        await eventually(lambda: account.calls == [("log in", None)] * 2)
        account.change(status=AccountStatus.OK, message=None, user_code=None, login_url=None)
        await expect(window.locator(".who .pill")).to_have_text("OK")
        await expect(window.locator(".login")).to_have_count(0)


async def test_it_says_when_the_bridge_is_gone_and_when_it_is_back(window: Page) -> None:
    async with served() as page:
        port = page.port
        await window.goto(page.url)
        await sees(window, "MQTT connected")
    await sees(window, "bmw2mqtt does not respond")
    await window.get_by_role("button", name="Refresh now").first.click()
    await expect(window.locator("#notice")).to_have_text("bmw2mqtt does not respond")
    async with served(port=port):
        await sees(window, "MQTT connected")


async def test_where_events_do_not_get_through_it_asks(window: Page) -> None:
    async with served() as page:
        await window.route("**/api/events", lambda route: route.abort())
        await window.goto(page.url)
        await sees(window, "MQTT connected")
        page.add_car("WBA00000000000001", model="i4 M50", image=None)
        await sees(window, "i4 M50")
        page.is_connected[0] = False
        await sees(window, "MQTT not connected")


async def test_inside_home_assistant(window: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPERVISOR_TOKEN", "its-own")
    monkeypatch.setattr(access, "SUPERVISOR", ingress.SUPERVISOR)
    async with (
        served(host="0.0.0.0") as page,  # noqa: S104 - as in the app
        ingress.home_assistant(page.url) as home_assistant,
    ):
        account = page.accounts["home"]
        account.change(status=AccountStatus.LOGIN_REQUIRED, login_url=FORM, login_form_url=FORM)
        await window.goto(home_assistant)
        frame = window.frame_locator("iframe")
        await expect(frame.get_by_text("Login required")).to_be_visible(timeout=WAIT_MS)
        await expect(frame.get_by_label("Captcha token")).to_be_visible()
        await expect(frame.get_by_role("button", name="Solve the captcha")).to_have_count(0)
        account.change(status=AccountStatus.OK, login_url=None, login_form_url=None)
        await frame.locator("[data-key='home']").get_by_role("button", name="Refresh now").click()
        await eventually(lambda: "refresh" in account.calls)
        page.add_car("WBA00000000000001", image=read_picture("suv_green"))
        await expect(frame.locator(".car img")).to_be_visible(timeout=WAIT_MS)
        loaded = "image => image.decode().then(() => image.naturalWidth > 0)"
        assert await frame.locator(".car img").evaluate(loaded)
        await frame.get_by_role("link", name="Values and topics").click()
        await expect(frame.locator("#rows tr").first).to_be_visible(timeout=WAIT_MS)
        await frame.get_by_role("link", name="bmw2mqtt").click()
        await expect(frame.locator(".car")).to_be_visible(timeout=WAIT_MS)
