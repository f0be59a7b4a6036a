"""The setup's pages: what they save, what they refuse, and in which language."""

import re
from html import unescape
from pathlib import Path

import pytest

from bmw2mqtt.cli.main import main
from bmw2mqtt.health import Heartbeat, problem
from bmw2mqtt.simulator.cardata import CLIENT_ID
from bmw2mqtt.vehicle.account import AccountStatus
from bmw2mqtt.vehicle.snapshot import Capabilities
from bmw2mqtt.web.setup.texts import LANGUAGES
from tests.web.served_page import CARDATA
from tests.web.setup_visitor import ACCOUNT, HOME, SAVED, visitor, write

UNREACHABLE = (
    "BMW's server cannot be reached (connection refused); check this machine's network and DNS;"
    " trying again"
)
pytestmark = pytest.mark.usefixtures("setup_folder")


@pytest.mark.usefixtures("broker_works")
async def test_what_is_entered_is_saved(monkeypatch: pytest.MonkeyPatch) -> None:
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


@pytest.mark.usefixtures("broker_works")
async def test_the_settings_of_a_running_daemon() -> None:
    """Every page; a broker that keeps its password; an account more and less."""
    write(SAVED, "mqtt: {host: nas, username: me, password: s3cret}\n")
    async with visitor(HOME, accounts={"home": CARDATA}) as found:
        shown = (await found.get("")).text
        assert "localhost:1" in shown
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
        write("config.yaml", f"{HOME}log: {{level: x}}")
        refused = (await found.send("remove?account=bmw")).text
        assert "config.yaml: log.level: &quot;x&quot; is not a valid log level" in refused
        write("config.yaml", HOME)
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
    async with visitor(HOME, accounts={"home": CARDATA}) as found:
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


@pytest.mark.usefixtures("broker_works")
async def test_errors_of_other_sources_are_german_too() -> None:
    """They were changed since the start, and are found when something is saved."""
    write("secret", "s3cret")
    environ = {"BMW2MQTT_MQTT__USERNAME": "me", "BMW2MQTT_MQTT__PASSWORD_FILE": "secret"}
    async with visitor(**environ) as found:
        await found.open_link(language="de")
        new = CLIENT_ID.replace("0", "1")

        async def refusal() -> str:
            return unescape((await found.send("cardata", client_id=new)).text)

        for text, german in {
            "mqtt: {port: x}": 'mqtt.port: "x" ist kein gültiger Port; nimm eine ganze Zahl',
            "mqtt: {hots: x}": "mqtt.hots: unbekannter Schlüssel; meintest du host?",
            "mqtt: [x": "Zeile 2, Spalte 1: hier fehlt ',' oder ']'; berichtige es",
            "a:\n\tb: c": "Zeile 2, Spalte 1: mit einem Tabulator eingerückt; nimm Leerzeichen",
            "accounts:\n  backend: x\n  eu:": "accounts: backend gehört zu einem Konto; rücke es",
            "data_dir: ~nobody-at-all": 'data_dir: "~nobody-at-all" beginnt mit einem unbekannten',
        }.items():
            write("config.yaml", text)
            assert f"config.yaml: {german}" in await refusal(), german
        write("config.yaml", "")
        write("secret", "")
        empty = "$BMW2MQTT_MQTT__PASSWORD_FILE: secret: ist leer; schreibe das Geheimnis hinein"
        assert empty in await refusal()
        assert "Diese Seite gibt es nicht." in (await found.get("none")).text


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
