"""The download of a Home Assistant dashboard for all cars: `/dashboard.yaml?language=de`."""

from collections.abc import Iterator

from aiohttp import web

from bmw2mqtt.homeassistant.announced import announced_devices
from bmw2mqtt.homeassistant.dashboard import dashboard_yaml
from bmw2mqtt.homeassistant.dashboard_texts import LANGUAGES
from bmw2mqtt.web.context import PageContext


async def send_dashboard(context: PageContext, request: web.Request) -> web.Response:
    """Answer a request for the dashboard."""
    language = request.query.get("language", "en")
    if language not in LANGUAGES:
        raise web.HTTPNotFound(text=f"No such language: choose one of {', '.join(LANGUAGES)}.")
    devices = announced_devices(_discovery(context))
    if not any(device.account for device in devices):
        raise web.HTTPNotFound(
            text="No car is announced to Home Assistant: there is none yet, or"
            " homeassistant.enabled is false."
        )
    return web.Response(
        text=dashboard_yaml(devices, language),
        content_type="application/yaml",
        charset="utf-8",
        headers={"Content-Disposition": 'attachment; filename="dashboard.yaml"'},
    )


def _discovery(context: PageContext) -> Iterator[bytes]:
    devices, topics = context.devices, context.topics
    for state in devices.account_states():
        yield context.retained(topics.account(state.name).discovery) or b""
    for car in devices.vehicles():
        yield context.retained(topics.vehicle(car.vehicle.vin).discovery) or b""
