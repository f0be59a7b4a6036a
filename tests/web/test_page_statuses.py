"""What the page says of each status: in English and German, light and dark, wide and on a phone."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from bmw2mqtt.vehicle.account import AccountStatus, StreamedData
from bmw2mqtt.vehicle.snapshot import (
    Capabilities,
    CheckControlMessage,
    DriveTrain,
    Opening,
    OpeningState,
    Severity,
)
from tests.web.conftest import PICTURES, WAIT_MS, fits, is_accessible
from tests.web.served_page import CARDATA, FORM, MYBMW, ServedPage, served

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.no_cover]

VIN = "WBA00000000000001"
NOW = datetime.now(UTC)
NOON = datetime.now().astimezone().replace(hour=12, minute=0, second=0, microsecond=0)
LOOKS: tuple[tuple[Literal["light", "dark"], int], ...] = (
    ("light", 1180),
    ("dark", 390),
    ("light", 390),
    ("dark", 1180),
)
"""Of two neighbours one is dark; of each pair one is a phone."""
CASES: tuple[tuple[str, dict[str, Any], str, str], ...] = (
    (
        "home",
        {"status": AccountStatus.STARTING},
        "Wait a minute.",
        "Warte eine Minute.",
    ),
    (
        "eu",
        {
            "status": AccountStatus.LOGIN_REQUIRED,
            "message": "BMW does not know this client: copy client_id from BMW's portal again, or"
            " create a new client there and set client_id (BMW has deleted clients before); then"
            " log in again",
        },
        "Compare the client ID with the one",
        "Vergleiche die Client-ID mit der in BMWs Portal.",
    ),
    (
        "eu",
        {
            "status": AccountStatus.LOGIN_REQUIRED,
            "message": "open https://x.example and confirm the code 2QNLLKWN; waiting for you",
            "login_url": "https://x.example",
            "user_code": "2QNLLKWN",
            "expires_at": NOW + timedelta(minutes=10),
        },
        "Confirm this code at BMW",
        "Bestätige diesen Code bei BMW",
    ),
    (
        "home",
        {
            "status": AccountStatus.LOGIN_REQUIRED,
            "message": f"BMW wants a captcha: solve it at {FORM} and enter its token",
            "login_url": FORM,
            "login_form_url": FORM,
        },
        "Solve the captcha",
        "Captcha lösen",
    ),
    (
        "home",
        {
            "status": AccountStatus.BLOCKED,
            "message": "BMW blocks third parties",
            "next_update": NOW + timedelta(hours=6),
        },
        "Switch to CarData",
        "Zu CarData wechseln",
    ),
    (
        "home",
        {
            "status": AccountStatus.QUOTA_EXCEEDED,
            "message": "BMW's request quota is used up until 15:41; waiting until then",
            "next_update": NOW + timedelta(minutes=12),
        },
        "Next request ",
        "Nächste Anfrage ",
    ),
    (
        "eu",
        {
            "status": AccountStatus.UNREACHABLE,
            "message": "BMW's server cannot be reached (its name cannot be resolved); check this"
            " machine's network and DNS; trying again",
            "next_update": NOW + timedelta(minutes=3),
        },
        "Check this machine's network and DNS.",
        "Prüfe Netz und DNS dieses Rechners.",
    ),
    (
        "home",
        {
            "status": AccountStatus.PAUSED,
            "is_polling": False,
            "paused_at": NOON,
            "next_update": None,
        },
        "Paused by you since 12:00. The last values are kept.",
        "Von dir pausiert seit 12:00. Die letzten Werte bleiben.",
    ),
    (
        "home",
        {
            "status": AccountStatus.ERROR,
            "message": "internal error (KeyError); please report it",
        },
        "Internal error; please report it.",
        "Interner Fehler; bitte melde das.",
    ),
    ("home", {}, "2 accounts", "2 Konten"),
    (
        "eu",
        {"last_update": None},
        "Lock or unlock the car once, with the key or the BMW app: then it reports.",
        "Schließe das Auto einmal auf oder zu, mit dem Schlüssel oder der BMW-App:",
    ),
)
"""Account, changes of its state, and a text that must be seen in English and in German."""


@pytest_asyncio.fixture(loop_scope="session")
async def page() -> AsyncIterator[ServedPage]:
    """A page with an account of each backend, both well, and a car of CarData."""
    async with served({"home": MYBMW, "eu": CARDATA}) as page:
        page.add_car(
            VIN,
            account="eu",
            model="iX1",
            image=None,
            drive_train=DriveTrain.ELECTRIC,
            capabilities=Capabilities(state_reports=True),
            mileage_km=8836,
            lids=(Opening(name="leftFront", state=OpeningState.OPEN),),
            check_control_messages=(
                CheckControlMessage(type="ENGINE_OIL", severity=Severity.MEDIUM),
            ),
        )
        page.accounts["eu"].streams[VIN] = StreamedData(
            last={"vehicle.vehicle.travelledDistance": date(2026, 11, 20)}, since=date(2026, 11, 1)
        )
        for account in page.accounts.values():
            account.change(last_update=NOW, next_update=NOW + timedelta(minutes=5))
        yield page


async def test_each_status_says_what_to_do(page: ServedPage, window: Page, german: Page) -> None:
    well = {name: account.state for name, account in page.accounts.items()}
    windows = (window, german)
    for shown in windows:
        await shown.goto(page.url)
    for number, (name, changes, *texts) in enumerate(CASES, 1):
        for other, account in page.accounts.items():
            account.state = well[other]
            account.change(**changes if other == name else {})
        for shown, text in zip(windows, texts, strict=True):
            card = shown.locator(f"[data-key='{name}']" if changes else "#page")
            await expect(card.get_by_text(text).first).to_be_visible(timeout=WAIT_MS)
            seen = await card.inner_text()
            assert not any(word in seen for word in ("Error)", "trying again", "T12:", "None"))
            await look_at(shown, number, changes.get("status", "ok"))


async def look_at(window: Page, number: int, name: str) -> None:
    """Look at a page wide and on a phone, at one of the two more closely, in other colours."""
    language = await window.evaluate("document.documentElement.lang")
    closely = (number + (language == "de")) % len(LOOKS)
    for i in range(len(LOOKS)) if PICTURES else (closely ^ 1, closely):
        scheme, width = LOOKS[i]
        seen = f"{number}-{name}-{language}-{scheme}-{width}"
        await window.emulate_media(color_scheme=scheme)
        await window.set_viewport_size({"width": width, "height": 844})
        await fits(window, seen)
        assert not await window.evaluate("document.getAnimations().length"), f"{seen} moves"
        if PICTURES or i == closely:
            await is_accessible(window, seen)
        if PICTURES:
            path = Path(PICTURES, f"{seen}.png")
            await window.screenshot(path=path, full_page=True, animations="disabled")


async def test_cars_come_first_while_all_is_well(page: ServedPage, window: Page) -> None:
    await window.goto(page.url)
    summary = window.get_by_text("2 accounts")
    await expect(summary).to_be_visible(timeout=WAIT_MS)
    pause = window.get_by_role("button", name="Pause").first
    await expect(pause).to_be_hidden()
    assert await window.evaluate(
        "document.querySelector('.car').compareDocumentPosition("
        "document.querySelector('.accounts')) === Node.DOCUMENT_POSITION_FOLLOWING"
    )
    await summary.click()
    await expect(pause).to_be_visible()
    await expect(window.get_by_text("Engine oil: medium")).to_be_visible()
    await window.get_by_role("button", name="Pause").first.focus()
    await window.keyboard.press("Enter")
    page.accounts["home"].change(status=AccountStatus.PAUSED)
    await expect(window.get_by_text("1 other account")).to_be_visible(timeout=WAIT_MS)
    assert await window.evaluate(
        "document.querySelector('[data-key=home]').compareDocumentPosition("
        "document.querySelector('.car')) === Node.DOCUMENT_POSITION_FOLLOWING"
    )
    await expect(window.locator("[data-key=home]")).to_be_focused()


async def test_units_and_language_are_the_browsers_or_chosen(
    page: ServedPage, browser: Browser, window: Page, german: Page
) -> None:
    american = await browser.new_page(locale="en-US")
    for shown, text in (
        (american, "Mileage5,490 mi"),
        (german, "Kilometer8.836 km"),
        (window, "Mileage8,836 km"),
    ):
        await shown.goto(page.url)
        await expect(shown.locator("dl")).to_contain_text(text, timeout=WAIT_MS)
    await american.close()
    await window.get_by_label("Language").select_option("Deutsch")
    await window.get_by_label("Einheiten").select_option("metric")
    await expect(window.locator("dl")).to_contain_text("8.836 km", timeout=WAIT_MS)
    await expect(window.locator("html")).to_have_attribute("lang", "de")
    await window.goto(f"{page.url}/cars/{VIN}/")
    await expect(window.get_by_role("heading", name="Alle Werte")).to_be_visible()
    await expect(window.get_by_role("row", name="Kilometerstand")).to_contain_text("8.836 km")


async def test_the_broker_is_tested_from_the_page(
    page: ServedPage, window: Page, german: Page
) -> None:
    page.is_connected[0] = False
    await window.goto(page.url)
    banner = window.locator("[data-key='broker']")
    await expect(banner).to_contain_text("Broker localhost:1, no user", timeout=WAIT_MS)
    await banner.get_by_role("button", name="Test the connection").click()
    await expect(banner.get_by_role("status")).to_contain_text(
        "localhost:1 cannot be used: connection refused", timeout=WAIT_MS
    )
    await german.goto(page.url)
    await german.get_by_role("button", name="Verbindung testen").click()
    await expect(german.locator("[data-key='broker']").get_by_role("status")).to_have_text(
        "localhost:1 ist nicht nutzbar: Verbindung abgelehnt: prüfe, ob der Broker läuft, und"
        " mqtt.host und mqtt.port.",
        timeout=WAIT_MS,
    )
    page.is_connected[0] = True
    await expect(banner).to_have_count(0, timeout=WAIT_MS)


async def test_a_report_has_no_secret(page: ServedPage, window: Page) -> None:
    await window.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await window.goto(page.url)
    await window.get_by_text("Log", exact=True).click()
    await expect(window.get_by_label("Last lines of the log")).to_be_visible(timeout=WAIT_MS)
    await window.get_by_role("button", name="Copy report").click()
    await expect(window.get_by_role("button", name="Copied")).to_be_visible(timeout=WAIT_MS)
    report = await window.evaluate("navigator.clipboard.readText()")
    assert report.startswith("### bmw2mqtt the page: Copy report")
    assert "account home (mybmw" in report
    assert MYBMW["username"] not in report


async def test_what_arrives_is_listed(page: ServedPage, window: Page, german: Page) -> None:
    await german.emulate_media(color_scheme="dark")
    await german.set_viewport_size({"width": 390, "height": 844})
    for shown, title in ((window, "Arrived: 1"), (german, "Angekommen: 1")):
        await shown.goto(f"{page.url}/cars/{VIN}/data")
        await shown.get_by_text(title).click()
        value = shown.get_by_text("vehicle.vehicle.travelledDistance", exact=True)
        await expect(value).to_be_visible()
        await is_accessible(shown)


class RecordingRemoval:
    """Stands in for the removal of the topics."""

    is_done = False

    async def remove_everything(self) -> int:
        self.is_done = True
        return 42


async def test_everything_is_removed_after_a_question(page: ServedPage, window: Page) -> None:
    """Only the Home Assistant app offers it: elsewhere there is a command."""
    await window.goto(page.url)
    await expect(window.locator(".car")).to_be_visible(timeout=WAIT_MS)
    await expect(window.get_by_text("Remove everything")).to_have_count(2)  # the closed dialog's
    removal = RecordingRemoval()
    object.__setattr__(page.context, "removal", removal)
    await window.goto(page.url)
    await window.locator("summary").get_by_text("Remove everything").click()
    await window.get_by_role("button", name="Remove everything …").click()
    dialog = window.get_by_role("dialog", name="Remove everything from the broker?")
    await dialog.get_by_role("button", name="Cancel").click()
    assert not removal.is_done
    await window.get_by_role("button", name="Remove everything …").click()
    await dialog.get_by_role("button", name="Remove everything").click()
    await expect(window.get_by_text("You can uninstall it now.")).to_be_visible(timeout=WAIT_MS)
