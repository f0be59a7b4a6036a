"""The setup's pages: who may open them, what they save, what they refuse."""

import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
import yaml

from bmw2mqtt.bridge import Bridge
from bmw2mqtt.cli.main import main
from bmw2mqtt.config import Mqtt, app, load_configuration
from bmw2mqtt.health import Heartbeat, problem
from bmw2mqtt.simulator.cardata import CLIENT_ID
from bmw2mqtt.vehicle.account import AccountStatus
from bmw2mqtt.vehicle.snapshot import Capabilities
from bmw2mqtt.web import access
from bmw2mqtt.web.setup import broker_test, routes, start_link
from bmw2mqtt.web.setup.service import Setup
from bmw2mqtt.web.setup.texts import LANGUAGES
from tests.supervisor import TOKEN, Supervisor
from tests.web.served_page import CARDATA, ServedPage, served

FORM = re.compile(r'name="form_token" value="([^"]+)"')
UNREACHABLE = (
    "BMW's server cannot be reached (connection refused); check this machine's network and DNS;"
    " trying again"
)
ACCOUNT = {"backend": "cardata", "client_id": CLIENT_ID}


SAVED = "data/settings.yaml"


def write(name: str, text: str) -> None:
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


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    for name in [name for name in os.environ if name.startswith("BMW2MQTT_")]:
        monkeypatch.delenv(name)


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


async def works(*_: Any, **__: Any) -> list[str]:
    return []


async def test_only_the_link_opens_it_and_only_once() -> None:
    async with visitor() as found:
        assert (await found.client.get("/")).headers["Location"] == "setup/"
        for path in ("", "broker", "car", "cardata", "login?account=bmw"):
            assert (await found.get(path)).headers["Location"] == "start"
        locked = await found.get("start")
        assert locked.status_code == 401
        assert "one-time link" in locked.text
        assert found.setup.form_token not in locked.text
        link = found.setup.start_link.path()
        assert (await found.client.get(f"/{link}")).status_code == 200
        assert (await found.client.get(f"/{link}")).status_code == 200, "only looked at"
        opened = await found.open_link()
        assert opened.headers["Location"] == "../broker"
        assert "HttpOnly" in opened.headers["Set-Cookie"]
        assert (await found.get("broker")).status_code == 200
        again = await found.client.post(f"/{link}", data={"language": "en"})
        assert again.status_code == 403
        assert "Set-Cookie" not in again.headers
        assert (await found.client.get("/healthz")).json() == {"status": "setup"}


async def test_other_sites_cannot_send_a_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "broker_problems", works)
    async with visitor() as found:
        await found.open_link()
        evil = {"Origin": "http://evil.example"}
        for headers in (evil, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
            assert (await found.send("broker", headers, host="evil")).status_code == 403
        old = await found.client.post("/setup/broker", data={"form_token": "x", "host": "evil"})
        assert old.status_code == 403
        assert "no longer valid" in old.text
        json = await found.client.post("/setup/broker", json={"host": "evil"})
        assert json.status_code == 415
        assert not found.has_saved()
        assert (await found.get("broker")).headers["Referrer-Policy"] == "same-origin"
        same = {"Origin": found.page.url}
        assert (await found.send("broker", same, host="nas", port="")).status_code == 303


@pytest.mark.parametrize(
    ("charset", "body", "status"),
    [
        ("", b"token=\xff", 400),
        ("; charset=unknown", b"token=x", 415),
        ("; charset=unicode_escape", rb"form_token=\ud800", 415),
    ],
)
async def test_a_form_of_a_stranger_is_no_internal_error(
    charset: str, body: bytes, status: int
) -> None:
    headers = {"Content-Type": f"application/x-www-form-urlencoded{charset}"}
    async with visitor() as found:
        with structlog.testing.capture_logs() as logs:
            for path in ("start", "start/x"):
                answer = await found.client.post(f"/setup/{path}", content=body, headers=headers)
                assert answer.status_code == status
        assert "page_request_crashed" not in [entry["event"] for entry in logs]


async def test_a_link_that_nobody_used_ends_with_the_setup() -> None:
    async with visitor() as found:
        link = found.setup.start_link.path()
        found.setup.save({("accounts", "bmw", key): value for key, value in ACCOUNT.items()})
        assert (await found.client.post(f"/{link}", data={"language": "en"})).status_code == 403


async def test_what_is_entered_is_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "broker_problems", works)
    restarts: list[int] = []
    monkeypatch.setattr("bmw2mqtt.web.setup.service.RESTART_AFTER_S", 0)
    async with visitor() as found:
        found.setup.on_restart = lambda: restarts.append(1)
        await found.open_link()
        broker = {"host": "nas", "port": "8883", "username": "me", "password": "p#1", "tls": "on"}
        assert (await found.send("broker", **broker)).headers["Location"] == "car"
        assert found.saved()["mqtt"] == {
            "host": "nas",
            "port": 8883,
            "username": "me",
            "password": "p#1",
            "tls": {"enabled": True},
        }
        assert (
            found.saved()["http"]["token"] == found.setup.settings().http.token.get_secret_value()
        )
        assert not restarts
        assert (await found.send("car", where="cardata")).headers["Location"] == "cardata"
        location = (await found.send("cardata", client_id=CLIENT_ID)).headers["Location"]
        assert location == "login?account=bmw"
        assert found.saved()["accounts"] == {"bmw": ACCOUNT}
        assert "starts with the new settings" in (await found.get(location)).text
        assert restarts == [1]
        assert found.setup.restarted().accounts["bmw"].backend == "cardata"


@pytest.mark.parametrize(
    ("client_id", "text"),
    [
        ("", "Paste the client ID"),
        ("x", "is not a client ID"),
        ("00000000-0000-0000-0000-000000000000", "the value of the example"),
    ],
)
async def test_a_wrong_client_id_is_not_saved(client_id: str, text: str) -> None:
    async with visitor() as found:
        await found.open_link()
        answer = await found.send("cardata", client_id=client_id)
        assert text in answer.text
        assert 'aria-invalid="true"' in answer.text
        assert not found.has_saved()


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


async def test_what_others_set_is_fixed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "broker_problems", works)
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


async def test_the_settings_of_a_running_daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every page; a broker that keeps its password; an account more and less."""
    monkeypatch.setattr(routes, "broker_problems", works)
    text = f"accounts: {{home: {{backend: cardata, client_id: {CLIENT_ID}}}}}\n"
    write(SAVED, "mqtt: {host: nas, username: me, password: s3cret}\n")
    async with visitor(text, accounts={"home": CARDATA}) as found:
        shown = (await found.get("")).text
        assert "broker.example:1883" in shown
        assert "Set by config.yaml: accounts.home.backend" in shown
        assert "opens on this machine only" in shown
        form = (await found.get("broker")).text
        assert "s3cret" not in form
        assert "There is a password already" in form
        assert (
            await found.send("broker", host="nas2", port="1883", username="me")
        ).status_code == 303
        assert found.saved()["mqtt"]["password"] == "s3cret"
        assert "starts with the new settings" in (await found.get("")).text
        found.setup.restarted()
        assert (await found.send("cardata?account=home", client_id="x")).status_code == 303
        assert not found.setup.is_restarting, "everything of this account is fixed"
        same = await found.send("cardata", client_id=CLIENT_ID)
        assert "already used by account" in same.text
        other = CLIENT_ID.replace("0", "1")
        location = (await found.send("cardata", client_id=other)).headers["Location"]
        assert location == "login?account=bmw"
        found.setup.restarted()
        assert (await found.get("remove?account=home")).headers["Location"] == "./"
        assert (await found.send("remove?account=bmw")).status_code == 303
        assert "accounts" not in found.saved()
        assert '"has_settings":true' in (await found.client.get("/api/state")).text


async def test_an_account_of_the_app() -> None:
    async with visitor() as found:
        await found.open_link()
        assert (await found.send("car", where="mybmw")).headers["Location"] == "mybmw"
        assert "BMW has blocked this interface" in (await found.get("mybmw")).text
        answer = await found.send("mybmw", username="me@example.com", region="moon", password="")
        assert "is not a valid region" in answer.text
        sent = {"username": "me@example.com", "region": "china", "password": " p "}
        assert (await found.send("mybmw", **sent)).status_code == 303
        assert found.saved()["accounts"]["bmw"] == {"backend": "mybmw", **sent}
        assert " p " not in (await found.get("mybmw?account=bmw")).text


async def test_the_login_says_what_to_do() -> None:
    text = f"accounts: {{home: {{backend: cardata, client_id: {CLIENT_ID}}}}}\n"
    async with visitor(text, accounts={"home": CARDATA}) as found:
        account = found.page.accounts["home"]

        async def shown() -> str:
            answer = await found.get("login?account=home")
            return answer.headers.get("Location", answer.text)

        account.change(status=AccountStatus.STARTING)
        assert "asking BMW for a code" in await shown()
        url = "https://bmw.example/?user_code=ABCD"
        account.change(status=AccountStatus.LOGIN_REQUIRED, user_code="ABCD", login_url=url)
        assert 'id="code">ABCD<' in await shown()
        account.change(login_url="javascript:alert(1)")
        assert "javascript" not in await shown()
        account.change(user_code=None, login_url=None, message="declined <at> BMW")
        assert "Declined &lt;at&gt; BMW." in await shown()
        assert (await found.send("login?account=home")).status_code == 303
        assert ("log in", None) in account.calls
        account.change(status=AccountStatus.OK, message=None)
        assert "Lock or unlock the car once" in await shown()
        can = Capabilities(state_reports=True)
        found.page.add_car("WBA00000000000001", mileage_km=41_250.0, capabilities=can)
        assert await shown() == "done?account=home"
        assert "41,250 km" in (await found.get("done?account=home")).text
        found.client.cookies.set("bmw2mqtt_units", "uk")
        assert "25,632 mi" in (await found.get("done?account=home")).text
        found.client.cookies.set("bmw2mqtt_language", "de")
        account.change(status=AccountStatus.UNREACHABLE, message=UNREACHABLE)
        assert "BMWs Server ist nicht erreichbar" in await shown()


async def test_the_brokers_address_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker beside bmw2mqtt is found at the address by which the page is opened."""
    monkeypatch.setattr(start_link, "is_container", lambda: True)
    text = f"accounts: {{home: {{backend: cardata, client_id: {CLIENT_ID}}}}}\n"
    async with visitor(text, accounts={"home": CARDATA}, token="x" * 20) as found:
        found.client.headers["Authorization"] = f"Bearer {'x' * 20}"
        for opened_at, shown_as in (("nas.local", "nas.local"), ("127.0.0.1", "ADDRESS-OF-")):
            found.client.headers["Host"] = f"{opened_at}:8099"
            shown = (await found.get("done?account=home")).text
            assert f"mosquitto_sub -h {shown_as}" in shown


async def test_an_app_without_options_is_set_up_behind_ingress(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SUPERVISOR_TOKEN", TOKEN)
    monkeypatch.setattr(access, "SUPERVISOR", "127.0.0.1")
    monkeypatch.setattr(routes, "broker_problems", works)
    with Supervisor() as supervisor:
        read = partial(app.read_app, supervisor=supervisor.address)
        monkeypatch.setattr(app, "read_app", read)
        write("options.json", '{"cardata_accounts": []}')
        environ = {"BMW2MQTT_CONFIG": "options.json", "SUPERVISOR_TOKEN": TOKEN}
        async with visitor(**environ) as found:
            assert (await found.get("broker")).headers["Location"] == "start", "not from outside"
            found.client.headers["X-Ingress-Path"] = "/api/hassio_ingress/x"
            assert (await found.get("")).headers["Location"] == "language"
            shown = (await found.get("broker")).text
            assert "broker was found" in shown
            assert 'value="core-mosquitto"' in shown
            taken = {"host": "core-mosquitto", "port": "1883", "username": "addons"}
            assert (await found.send("broker", **taken)).headers["Location"] == "car"
            assert not found.has_saved(), "the Supervisor's broker needs no settings"
            await found.send("cardata", client_id=CLIENT_ID)
            assert set(found.saved()) == {"accounts"}
            assert found.setup.restarted().mqtt.host == "core-mosquitto"
            await found.send("broker", host="other", port="1883", username="me", password="x")
            assert found.setup.restarted().mqtt.username == "me"


async def test_an_app_says_where_its_page_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who opens the port directly has no log and no link: the page is in the sidebar."""
    monkeypatch.setenv("SUPERVISOR_TOKEN", TOKEN)
    async with visitor() as found:
        shown = await found.get("start")
    assert shown.status_code == 401
    assert "<strong>BMW</strong> in the sidebar" in shown.text
    assert "docker logs" not in shown.text


async def test_it_speaks_german() -> None:
    async with visitor() as found:
        await found.open_link()
        found.client.cookies.delete("bmw2mqtt_language")
        answer = await found.client.get("/setup/broker", headers={"Accept-Language": "de-AT,en"})
        assert "Wo ist dein MQTT-Broker?" in answer.text
        assert '<html lang="de">' in answer.text
        await found.send("language", language="de")
        assert "Wo ist dein Auto zugelassen?" in (await found.get("car")).text
        assert found.saved()["homeassistant"] == {"language": "de"}, "names of the entities, too"
        wrong = {"host": "nas/x", "port": "x", "username": "me", "password": "a\u200bb"}
        refused = (await found.send("broker", **wrong)).text
        assert "&quot;nas/x&quot; ist kein gültiger Name oder keine gültige Adresse" in refused
        assert "&quot;x&quot; ist kein gültiger Port; nimm eine ganze Zahl" in refused
        assert "Das Passwort enthält ein unsichtbares Zeichen (U+200B" in refused
        refused = (await found.send("broker", host="127.0.0.1", port="1", action="test")).text
        assert (
            "127.0.0.1:1 ist nicht nutzbar: Verbindung abgelehnt: prüfe, ob der Broker läuft, und"
            " „Name oder Adresse“ und „Port“"
        ) in refused
        refused = (await found.send("cardata", client_id="x")).text
        assert "&quot;x&quot; ist keine Client-ID; kopiere sie aus BMWs Portal" in refused
        mybmw = {"username": "me@\u200bx", "password": "p", "region": "mars"}
        refused = (await found.send("mybmw", **mybmw)).text
        assert "&quot;mars&quot; ist keine gültige Region" in refused
        assert "enthält ein unsichtbares Zeichen" in refused


async def test_the_first_step_asks_for_the_units() -> None:
    async with visitor() as found:
        headers = {"Accept-Language": "en-GB"}
        asked = (await found.client.get(f"/{found.setup.start_link.path()}", headers=headers)).text
        assert 'value="uk" checked' in asked, "what this browser's region uses"
        opened = await found.open_link(units="us")
        assert "bmw2mqtt_units=us" in str(opened.headers.get_list("Set-Cookie"))
        assert 'value="us" checked' in (await found.get("language")).text
        await found.send("language", language="en", units="miles")
        assert found.client.cookies["bmw2mqtt_units"] == "us", "only what there is"
        assert not found.has_saved(), "units are the browser's"


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_lacks_its_translation(language: str) -> None:
    def places(text: str) -> list[str]:
        return sorted(re.findall(r"\{\w+\}|</?\w+>", text))

    texts, english = LANGUAGES[language], LANGUAGES["en"]
    assert list(texts) == list(english)
    for key, text in texts.items():
        assert places(text) == places(english[key]), key


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
    (line,) = await broker_test.broker_problems(
        settings, Mqtt(host="127.0.0.1", port=1), is_daemon_running=False
    )
    assert line.startswith("127.0.0.1:1 ")


def test_waiting_for_the_setup_is_healthy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    heartbeat = Heartbeat(tmp_path)
    heartbeat.beat(is_connected=False, is_waiting=True)
    assert problem(tmp_path) is None
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert main(["healthcheck", "--option", f"data_dir={tmp_path}"]) == 0
    assert "waits for its setup" in capsys.readouterr().out
    heartbeat.beat(is_connected=False)
    assert problem(tmp_path) == "bmw2mqtt is not connected to the MQTT broker"
