"""A daemon with its page, and a browser to look at it."""

import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Browser, Page, ViewportSize, async_playwright, expect

from bmw2mqtt.web.setup import routes
from tests.daemon import Daemon
from tests.fixture_cars import two_cars
from tests.mosquitto import free_port, wait_until

WAIT_MS = 30_000
WINDOW: ViewportSize = {"width": 1280, "height": 720}
PICTURES = os.environ.get("PICTURES")
"""A folder for pictures, for a person to look at; then axe-core checks all of them."""
OURS = {"X-Bmw2mqtt": "1", "Content-Type": "application/json"}
NOT_NEEDED = (
    # Two pages of Chromium's own, loaded for each context and not seen in any: as long as a test
    "WebUIOmniboxPopup,WebUIOmniboxAimPopup,"
    # What Playwright leaves out; it says so in the same option, whose last value is what counts
    "AimEnabled,AvoidCorsURLLoaderRestartOnRedirect,AvoidUnnecessaryBeforeUnloadCheckSync,"
    "DestroyProfileOnBrowserClose,HttpsFirstBalancedModeAutoEnable,HttpsUpgrades,LensOverlay,"
    "MediaRouter,NetworkTimeServiceQuerying,OptimizationHints,PaintHolding,PreconnectToSearch,"
    "ThirdPartyStoragePartitioning"
)
"""What Chromium is to do without."""

VIOLATIONS = """async () => {
  const only = { resultTypes: ["violations"], preload: false, selectors: false };
  const { violations } = await axe.run(only);
  return violations.map((v) => [v.id, v.help, ...v.nodes.map((node) => node.html)]);
}"""


@dataclass
class DaemonPage:
    """A daemon started for one test, and its page."""

    url: str
    daemon: Daemon
    client: httpx.Client

    def state(self) -> Any:
        """Return what the page shows."""
        return self.client.get("/api/state").raise_for_status().json()

    def press(self, path: str, body: Any = None) -> None:
        """Press a button as the page does."""
        answer = self.client.post(f"/api/accounts/home/{path}", json=body or {}, headers=OURS)
        answer.raise_for_status()

    def wait_status(self, status: str) -> dict[str, Any]:
        """Wait until an account has this status, and return it."""
        found: dict[str, Any] = wait_until(
            lambda: next((a for a in self.state()["accounts"] if a["status"] == status), None),
            what=f"status {status}",
        )
        return found

    def metric(self, line: str) -> float:
        """Return the value of a metric; `line` is its name with labels."""
        text = self.client.get("/metrics").raise_for_status().text
        found = re.search(rf"^{re.escape(line)} (\S+)$", text, re.MULTILINE)
        assert found, f"{line} is not in\n{text}"
        return float(found[1])


@pytest.fixture
def cars(request: pytest.FixtureRequest) -> Any:
    """Two cars at BMW; `parametrize` lets a test have others."""
    return getattr(request, "param", two_cars)()


@pytest.fixture
def live(daemon: Callable[..., Daemon]) -> Iterator[Callable[..., DaemonPage]]:
    """Start a daemon with a page: `live(token=…, account={…})`."""
    with ExitStack() as stack:

        def start(token: str | None = None, **sections: Any) -> DaemonPage:
            port = free_port()
            process = daemon(http={"port": port, "token": token}, **sections)
            process.wait_log("page_opened")
            url = f"http://127.0.0.1:{port}"
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            client = httpx.Client(base_url=url, headers=headers, timeout=15, trust_env=False)
            return DaemonPage(url, process, stack.enter_context(client))

        yield start


@pytest.fixture
def setup_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder that has only `data`, without settings in the environment."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    for name in [name for name in os.environ if name.startswith("BMW2MQTT_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def broker_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the setup's test of a broker succeed, whatever the broker."""

    async def no_problems(*_: Any, **__: Any) -> list[str]:
        return []

    monkeypatch.setattr(routes, "broker_problems", no_problems)


def _run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, check=False, capture_output=True, text=True)


@pytest.fixture(scope="session")
def chromium() -> Path:
    """A Chromium that Playwright can start; without one, only CI fails."""
    without = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
    found = _run(Path(__file__).parents[2] / "scripts" / "chromium")
    if found.returncode:
        without(
            "there is no Chromium: make test installs Debian's; on Ubuntu install Google Chrome"
        )
    driver = _run(sys.executable, "-m", "playwright", "--version")
    if driver.returncode:
        without(f"Playwright does not start: {driver.stderr.strip()}")
    return Path(found.stdout.strip())


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium: Path) -> AsyncIterator[Browser]:
    """A real browser without a window."""
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-gpu", f"--disable-features={NOT_NEEDED}"],
        )
        yield launched
        await launched.close()


@pytest.fixture(scope="session")
def tabs() -> dict[str, Page]:
    """The tab of each language; opening one takes the browser four times as long as a page."""
    return {}


async def tab_of(tabs: dict[str, Page], browser: Browser, locale: str) -> Page:
    """Return the tab of a language: a new one if there is none, or it has crashed."""
    if locale not in tabs:
        # The simulated BMW's own page has no certificate that a browser trusts
        context = await browser.new_context(
            ignore_https_errors=True, locale=locale, reduced_motion="reduce"
        )
        context.set_default_timeout(WAIT_MS)
        tabs[locale] = tab = await context.new_page()
        tab.on("crash", lambda _: tabs.pop(locale, None))
        tab.on("close", lambda _: tabs.pop(locale, None))
    return tabs[locale]


@pytest_asyncio.fixture(loop_scope="session")
async def window(tabs: dict[str, Page], browser: Browser) -> AsyncIterator[Page]:
    """A tab that knows nothing of other tests; what its console complains of fails the test."""
    async with without_a_past(await tab_of(tabs, browser, "en-IE")) as tab:
        yield tab


@pytest_asyncio.fixture(loop_scope="session")
async def german(tabs: dict[str, Page], browser: Browser) -> AsyncIterator[Page]:
    """Beside `window`, that of somebody who speaks German."""
    async with without_a_past(await tab_of(tabs, browser, "de-DE")) as tab:
        yield tab


@asynccontextmanager
async def without_a_past(tab: Page) -> AsyncIterator[Page]:
    """Let a test use a tab, and then forget it; no error may be in the console."""
    complaints: list[str] = []
    told = {
        "pageerror": lambda error: complaints.append(str(error)),
        "console": lambda m: complaints.append(m.text) if m.type == "error" else None,
    }
    for event, tell in told.items():
        tab.on(event, tell)  # type: ignore[call-overload]
    yield tab
    for event, tell in told.items():
        tab.remove_listener(event, tell)
    for opened in tab.context.pages[1:]:
        await opened.close()
    await tab.goto("about:blank")
    await tab.unroute_all()
    await tab.emulate_media(color_scheme="null")
    if tab.viewport_size != WINDOW:
        await tab.set_viewport_size(WINDOW)
    await tab.context.clear_permissions()
    await tab.context.clear_cookies()  # the rest is kept by port, which is another each time
    assert [c for c in complaints if "Failed to load resource" not in c] == []


async def sees(window: Page, text: str) -> None:
    await expect(window.get_by_text(text).first).to_be_visible(timeout=WAIT_MS)


async def fits(window: Page, what: str = "") -> None:
    """Check that nothing is wider than the window."""
    too_wide = "document.documentElement.scrollWidth > window.innerWidth"
    assert not await window.evaluate(too_wide), f"{what} is too wide"


async def is_accessible(window: Page, what: str = "") -> None:
    """Check a page with axe-core: names, contrast, headings; and its width."""
    await fits(window, what)
    if not await window.evaluate("'axe' in window"):  # to load it takes as long as a look
        await window.evaluate(AXE_SCRIPT)
    assert await window.evaluate(VIOLATIONS) == [], what
