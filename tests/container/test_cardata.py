"""A CarData account in the compose file: a person logs in, and the container is made anew."""

import json
import re
import subprocess
from typing import Any

import httpx
import pytest
import yaml

from bmw2mqtt.simulator.cardata import (
    CarDataSimulator,
    CarDataUser,
    RecordedCarDataCar,
)
from tests.conftest import BackgroundBmw
from tests.container.conftest import Clone
from tests.container.engine import COMMAND, docker, inspect, logs
from tests.mosquitto import Observer, wait_until

ACCOUNT = "bmw2mqtt/account/eu"
STATUS, REQUESTS = f"{ACCOUNT}/sensor/status", f"{ACCOUNT}/sensor/requests_24h"
VINS = ("WBA00000000000001", "WMW00000000000002")
MILEAGE = "vehicle.vehicle.travelledDistance"
PATIENCE_S = 90


@pytest.fixture
def cardata(bmw_servers: BackgroundBmw) -> CarDataSimulator:
    """BMW, with a customer who has two cars."""
    cars = [RecordedCarDataCar(vin, {MILEAGE: 41250}, image=b"\x89PNG") for vin in VINS]
    return bmw_servers.start_cardata(CarDataUser(cars=list(cars)))


@pytest.fixture
def clone(clone: Clone, cardata: CarDataSimulator) -> Clone:
    """The clone with a CarData account in the place of the other."""
    account = cardata.account_settings() | {"ca_file": "/config/ca.pem"}
    (clone.directory / "config.yaml").write_text(yaml.safe_dump({"accounts": {"eu": account}}))
    (clone.directory / "ca.pem").write_bytes(cardata.ca_file.read_bytes())
    (clone.directory / "secrets/bmw2mqtt/bmw2mqtt_accounts__home__password").unlink()
    return clone


def confirm_at_bmw(bmw: CarDataSimulator, url: str, code: str) -> None:
    """Do what a person does on BMW's page."""
    trusted = bmw.certificates.client_context()
    with httpx.Client(verify=trusted, trust_env=False) as browser:
        assert code in browser.get(url).text
        answer = browser.post(url, data={"user_code": code, "answer": "approve"})
        assert answer.status_code == 200


def log_in(clone: Clone, bmw: CarDataSimulator) -> None:
    """`docker compose exec bmw2mqtt bmw2mqtt login eu`, as docs/cardata.md says."""
    command = [*COMMAND, *clone.arguments("exec", "-T", "bmw2mqtt", "bmw2mqtt", "login", "eu")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as terminal:
        try:
            assert terminal.stdout is not None
            said = terminal.stdout.readline() + terminal.stdout.readline()
            shown = re.fullmatch(r"1\. Open (\S+)\n2\. .* shows (\S+), and confirm\n", said)
            assert shown, said
            confirm_at_bmw(bmw, shown[1], shown[2])
            assert terminal.stdout.read().endswith("the running daemon is logged in\n")
            assert terminal.wait(PATIENCE_S) == 0
        finally:
            terminal.kill()


def read(container: str, name: str) -> dict[str, Any]:
    """Return a file of `/data`."""
    found: dict[str, Any] = json.loads(docker("exec", container, "cat", f"/data/{name}").stdout)
    return found


def page(clone: Clone, token: str | None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    url = f"http://127.0.0.1:{clone.http_port}/api/state"
    return httpx.get(url, headers=headers, timeout=30, trust_env=False)


def test_login_page_and_recreation(clone: Clone, cardata: CarDataSimulator) -> None:
    clone.compose("up", "--detach")
    password = clone.secret("mqtt_family")
    with Observer(clone.port, "bmw2mqtt/#", username="family", password=password) as family:
        family.wait_for(STATUS, "login_required", PATIENCE_S)
        log_in(clone, cardata)
        for vin in VINS:
            family.wait_for(f"bmw2mqtt/{vin}/sensor/mileage", "41250", PATIENCE_S)
            family.wait_for(f"bmw2mqtt/{vin}/image/vehicle", timeout_s=PATIENCE_S)
        clone.wait_healthy()
        family.quiet()

        assert page(clone, None).status_code == 401
        shown = page(clone, clone.secret("bmw2mqtt/bmw2mqtt_http__token")).json()
        assert {car["vin"] for car in shown["cars"]} == set(VINS)
        assert [account["status"] for account in shown["accounts"]] == ["ok"]

        old = clone.container()
        tokens = read(old, "tokens-eu.json")
        asked, used = len(cardata.requests), family.wait_for(REQUESTS).text
        told = {vin: len(family.on(f"bmw2mqtt/{vin}/sensor/mileage")) for vin in VINS}
        assert int(used) > 0
        clone.compose("up", "--detach", "--force-recreate", "bmw2mqtt")
        assert clone.container() != old
        clone.wait_healthy()
        family.wait_for(STATUS, "ok", PATIENCE_S)
        wait_until(
            lambda: cardata.stream.is_subscribed(cardata.users[0].gcid), PATIENCE_S, "stream"
        )
        family.quiet()
        for vin in VINS:
            said = [message.text for message in family.on(f"bmw2mqtt/{vin}/sensor/mileage")]
            assert said[told[vin] :] == ["41250"], "it was said again"
        assert family.wait_for(REQUESTS).text == used, "they still count"
        assert len(cardata.requests) == asked, "BMW was asked nothing that is known"
        assert read(clone.container(), "tokens-eu.json") == tokens

        everything = json.dumps([inspect(clone.container()), logs(clone.container())])
        secrets = [tokens[name] for name in ("access_token", "refresh_token", "id_token", "gcid")]
        assert not [secret for secret in secrets if secret in everything]
        assert not [e for e in logs(clone.container()) if e.get("level") in {"warning", "error"}]
