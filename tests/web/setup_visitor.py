"""The setup's pages, served in the test's process, and a browser without scripts."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import yaml

from bmw2mqtt.bridge import Bridge
from bmw2mqtt.config import load_configuration
from bmw2mqtt.simulator.cardata import CLIENT_ID
from bmw2mqtt.web.setup.service import Setup
from tests.web.served_page import ServedPage, served

FORM = re.compile(r'name="form_token" value="([^"]+)"')
ACCOUNT = {"backend": "cardata", "client_id": CLIENT_ID}
SAVED = "data/settings.yaml"
HOME = f"accounts: {{home: {{backend: cardata, client_id: {CLIENT_ID}}}}}\n"
"""A configuration with one account."""


def write(name: str, text: str) -> None:
    """Write a file in the test's folder."""
    Path(name).write_text(text)


class Visitor:
    """A browser without scripts."""

    def __init__(self, page: ServedPage, setup: Setup, client: httpx.AsyncClient) -> None:
        self.page, self.setup, self.client = page, setup, client

    async def get(self, path: str) -> httpx.Response:
        return await self.client.get(f"/setup/{path}")

    async def send(self, path: str, headers: Any = None, **values: str) -> httpx.Response:
        """Send the form of a page."""
        shown = (await self.get(path)).text
        token = FORM.search(shown)
        sent = {"form_token": token[1] if token else "", **values}
        return await self.client.post(f"/setup/{path}", data=sent, headers=headers)

    async def open_link(self, **values: str) -> httpx.Response:
        path = self.setup.start_link.path()
        return await self.client.post(f"/{path}", data={"language": "en", **values})

    def saved(self) -> Any:
        """Return the content of `settings.yaml`."""
        return yaml.safe_load(Path(SAVED).read_text())

    def has_saved(self) -> bool:
        return Path(SAVED).exists()


@asynccontextmanager
async def visitor(
    text: str = "", *, accounts: Any = None, token: str | None = None, **environ: str
) -> AsyncIterator[Visitor]:
    """Serve the page of a daemon with this configuration; without accounts it is being set up."""
    write("config.yaml", text)
    load = partial(load_configuration, None, (), environ, Path("none"))
    setup = Setup(load(), load, check=Bridge)
    http = setup.settings().http
    known = token or (http.token.get_secret_value() if http.token else None)
    async with (
        served(accounts, token=known, setup=setup) as page,
        httpx.AsyncClient(base_url=page.url, trust_env=False) as client,
    ):
        yield Visitor(page, setup, client)
