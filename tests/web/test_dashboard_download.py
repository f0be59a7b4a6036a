"""The page offers the dashboard for Home Assistant, to those who may see the page."""

import aiohttp
import yaml

from tests.homeassistant.test_dashboard import PETROL
from tests.web.served_page import served

TOKEN = "planted-page-token-4711"


async def test_the_dashboard_of_the_cars() -> None:
    async with served() as page, aiohttp.ClientSession(page.url) as client:
        async with client.get("/dashboard.yaml") as response:
            assert response.status == 404, "there is no car yet"
        async with client.get("/api/state") as response:
            assert (await response.json())["has_dashboard"] is False
        page.add_car(PETROL.vin, model="118i")
        async with client.get("/api/state") as response:
            assert (await response.json())["has_dashboard"] is True
        async with client.get("/dashboard.yaml?language=de") as response:
            assert response.headers["Content-Disposition"].startswith("attachment")
            document = yaml.safe_load(await response.text())
        assert document["title"] == "Autos"
        assert [view["title"] for view in document["views"]] == ["118i"]
        async with client.get("/dashboard.yaml?language=nl") as response:
            assert response.status == 404


async def test_it_needs_the_token() -> None:
    async with served(token=TOKEN) as page, aiohttp.ClientSession(page.url) as client:
        page.add_car(PETROL.vin)
        async with client.get("/dashboard.yaml") as response:
            assert response.status == 401
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with client.get("/dashboard.yaml", headers=headers) as response:
            assert response.status == 200
