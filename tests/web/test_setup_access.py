"""Who may open the setup: the link's owner, Home Assistant, nobody else."""

from functools import partial

import pytest
import structlog

from bmw2mqtt.config import app
from bmw2mqtt.simulator.cardata import CLIENT_ID
from bmw2mqtt.web import access
from tests.supervisor import TOKEN, Supervisor
from tests.web.setup_visitor import ACCOUNT, visitor, write

pytestmark = pytest.mark.usefixtures("setup_folder")


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


@pytest.mark.usefixtures("broker_works")
async def test_other_sites_cannot_send_a_form() -> None:
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


@pytest.mark.usefixtures("broker_works")
async def test_an_app_without_options_is_set_up_behind_ingress(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SUPERVISOR_TOKEN", TOKEN)
    monkeypatch.setattr(access, "SUPERVISOR", "127.0.0.1")
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
