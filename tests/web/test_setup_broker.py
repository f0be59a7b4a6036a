"""The setup's page of the broker: what it tests, saves and refuses."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from bmw2mqtt.config import Mqtt, load_configuration
from bmw2mqtt.mqtt.tools.broker_check import broker_problems
from bmw2mqtt.web.setup import routes, start_link
from bmw2mqtt.web.setup.service import Setup
from tests.web.served_page import CARDATA
from tests.web.setup_visitor import FORM, HOME, visitor, write

pytestmark = pytest.mark.usefixtures("setup_folder")


async def test_a_wrong_broker_is_not_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(*_: Any, **__: Any) -> list[str]:
        return ["nas:1883 refuses: <b>why</b>"]

    monkeypatch.setattr(routes, "broker_problems", fails)
    async with visitor() as found:
        await found.open_link()
        answer = await found.send("broker", host="nas", port="x")
        assert "is not a valid port" in answer.text
        answer = await found.send("broker", host="nas", port="1883")
        assert "refuses: &lt;b&gt;why" in answer.text
        assert "Save anyway" in answer.text
        assert not found.has_saved()
        assert (await found.send("broker", host="nas", action="anyway")).status_code == 303
        assert found.saved()["mqtt"] == {"host": "nas"} | found.saved()["mqtt"]


async def test_nothing_is_saved_with_which_it_could_not_run() -> None:
    write("ca.pem", "not a certificate")
    async with visitor("mqtt: {host: nas, tls: {ca_file: ca.pem}}\n") as found:
        await found.open_link()
        answer = await found.send("broker", tls="on", port="8883", action="anyway")
        assert "mqtt.tls.ca_file: cannot be used" in answer.text
        assert not found.has_saved()
        assert not found.setup.configuration.settings.mqtt.tls.enabled
        assert (await found.send("broker", port="1884", action="anyway")).status_code == 303


@pytest.mark.usefixtures("broker_works")
async def test_what_others_set_is_fixed() -> None:
    async with visitor(BMW2MQTT_MQTT__HOST="broker", BMW2MQTT_HTTP__TOKEN="x" * 20) as found:
        assert found.setup.settings().http.token.get_secret_value() == "x" * 20
        wrong = await found.client.post("/setup/start", data={"token": "wrong"})
        assert wrong.status_code == 401
        assert "Wrong token" in wrong.text
        right = await found.client.post("/setup/start", data={"token": "x" * 20})
        assert right.status_code == 303
        shown = (await found.get("broker")).text
        assert "Set by $BMW2MQTT_MQTT__HOST" in shown
        assert re.search(r'id="host"[^>]*disabled', shown)
        await found.send("broker", host="other", port="1884")
        assert found.saved()["mqtt"]["port"] == 1884
        assert "host" not in found.saved()["mqtt"]
        assert set(found.saved()["http"]) == {"host"}


async def test_the_brokers_address_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker beside bmw2mqtt is found at the address by which the page is opened."""
    monkeypatch.setattr(start_link, "is_container", lambda: True)
    async with visitor(HOME, accounts={"home": CARDATA}, token="x" * 20) as found:
        found.client.headers["Authorization"] = f"Bearer {'x' * 20}"
        for opened_at, shown_as in (("nas.local", "nas.local"), ("127.0.0.1", "ADDRESS-OF-")):
            found.client.headers["Host"] = f"{opened_at}:8099"
            shown = (await found.get("done?account=home")).text
            assert f"mosquitto_sub -h {shown_as}" in shown


async def test_a_tested_password_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page after a test has an empty password field: Continue saves what was tested."""
    tried: list[tuple[str | None, str | None]] = []

    async def only_right(_: Any, mqtt: Mqtt, **__: Any) -> list[str]:
        password = mqtt.password.get_secret_value() if mqtt.password else None
        tried.append((mqtt.username, password))
        return [] if password == "right" else ["refused"]

    monkeypatch.setattr(routes, "broker_problems", only_right)
    async with visitor() as found:
        await found.open_link()
        token = FORM.search((await found.get("broker")).text)

        async def press(action: str, **values: str) -> httpx.Response:
            sent = {"form_token": token[1] if token else "", "host": "nas", "action": action}
            return await found.client.post("/setup/broker", data={**sent, **values})

        assert "refused" in (await press("test", username="me", password="wrong")).text
        shown = (await press("test", username="me", password="right")).text
        assert "The broker works" in shown
        assert "There is a password already" in shown
        assert "right" not in shown
        assert (await press("save", username="me", password="")).headers["Location"] == "car"
        assert found.saved()["mqtt"]["password"] == "right"
        await press("test", username="you", password="")
        await press("test", username="me", password="new")
        await found.get("broker")  # the page is opened anew: what was not saved is gone
        await press("test", username="me", password="")
        await press("test", username="", password="")
    assert tried[2:] == [("you", "right"), ("me", "new"), ("me", "right"), (None, None)]


async def test_the_test_of_a_broker() -> None:
    settings = Setup(load_configuration(None, (), {}, Path("none"))).settings()
    (line,) = await broker_problems(
        settings, Mqtt(host="127.0.0.1", port=1), is_daemon_running=False
    )
    assert line.startswith("127.0.0.1:1 ")
