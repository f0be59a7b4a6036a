"""Nothing secret is seen anywhere, at debug level, whatever happens."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from bmw2mqtt.simulator.cardata import CarDataSimulator
from bmw2mqtt.simulator.mybmw import Fault, MyBmwSimulator, SimulatedUser
from tests import forked_process
from tests.conftest import BackgroundBmw
from tests.daemon import Daemon, settings_for
from tests.fixture_cars import fixture_car
from tests.integration.cardata_owner import ACCOUNT as CARDATA
from tests.integration.cardata_owner import CarDataOwner, wait_code
from tests.mosquitto import Mosquitto, Observer, free_port, wait_until
from tests.secrets import LOGIN_TOPIC, Seen, everything_said, leaks, secrets_of

VIN = "WBA00000000DEMO02"
STATUS = "bmw2mqtt/account/home/sensor/status"
REFRESH = "bmw2mqtt/account/home/button/refresh/press"
PASSWORD = 'pläin "pass" / w&rd'
PLANTED = {
    "p4ss-of-the-broker": "mqtt.password",
    "http-token-abcdef": "http.token",
    "captcha-of-the-configuration": "captcha in the configuration",
    "captcha-over-mqtt": "captcha over MQTT",
    "captcha-that-is-retained": "captcha, retained",
    "captcha-on-the-terminal": "captcha on the terminal",
}
MQTT_PASSWORD, HTTP_TOKEN, CONFIGURED, OVER_MQTT, RETAINED, TYPED = PLANTED
POSITION = ("48.177334", "11.556274")

pytestmark = pytest.mark.no_cover

# The bridge with bugs: the second poll crashes with everything at hand, the third in the status.
CRASHING = """
import sys
from bmw2mqtt.accounts.mybmw.poller import VehiclePoller
from bmw2mqtt.accounts.status import StatusReporter
from bmw2mqtt.cli.main import main

real, held = VehiclePoller._poll_car, []

async def poll_car(self, car):
    held.append(self._library.config.authentication)
    if len(held) > 2:
        StatusReporter.record = fail
    if len(held) > 1:
        fail()
    await real(self, car)

def fail(*_, **__):
    shown = held[0].access_token, held[0].password, held[0].gcid
    raise RuntimeError(f"a bug that shows {shown}", *shown)

VehiclePoller._poll_car = poll_car
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def user() -> SimulatedUser:
    return SimulatedUser(username="me@example.com", password=PASSWORD, cars=[fixture_car(VIN)])


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """One that wants a password, so that there is one."""
    passwords = tmp_path / "passwords"
    passwords.touch(0o600)
    command = ["mosquitto_passwd", "-b", str(passwords), "bridge", MQTT_PASSWORD]
    subprocess.run(command, check=True, capture_output=True)
    with Mosquitto(tmp_path, f"password_file {passwords}") as mosquitto:
        yield mosquitto


@pytest.fixture
def observer(broker: Mosquitto) -> Iterator[Observer]:
    with Observer(broker.port, username="bridge", password=MQTT_PASSWORD) as seen:
        yield seen


@pytest.fixture
def settings(bmw: MyBmwSimulator, broker: Mosquitto, tmp_path: Path) -> dict[str, Any]:
    return settings_for(
        bmw,
        broker.port,
        tmp_path / "data",
        account={
            "captcha_token": CONFIGURED,
            "poll_interval": 3600,
            "location": {"latitude": 48.1, "longitude": 11.5},
        },
        mqtt={"username": "bridge", "password": MQTT_PASSWORD},
        http={"token": HTTP_TOKEN, "port": free_port()},
    )


def check(seen: Seen, bmw: MyBmwSimulator) -> None:
    said = everything_said(seen)
    assert all(said[place] for place in ("log", "topics", "files"))
    secrets = PLANTED | {secret: name for name, secret in secrets_of(bmw)}
    assert {"password", "gcid", "token", "bmw-session-id"} <= set(secrets.values())
    assert leaks(said, secrets) == []


def output_of(command: str, config: Path, typed: str = "", *options: str) -> str:
    """Run a command and return all it says."""
    done = forked_process.run(command, "--config", str(config), *options, typed=typed)
    return done.stdout + done.stderr


def test_a_life_with_secrets(
    tmp_path: Path, settings: dict[str, Any], observer: Observer, bmw: MyBmwSimulator
) -> None:
    """Logins of every kind, refused ones too, renewals, commands, BMW that repeats what it got."""
    with Daemon(tmp_path / "daemon", settings) as process:
        seen = Seen(
            daemon=process, observer=observer, data_dir=tmp_path / "data", settings=settings
        )
        observer.wait_for(STATUS, "ok")
        observer.wait_for(f"bmw2mqtt/{VIN}/lock/lock", "LOCKED")
        bmw.faults.add(Fault(path="send-to-car|door-unlock|horn", status=500))
        for topic in ("notify/poi/set", "lock/lock/set", "button/sound_horn/press"):
            payload = {"notify/poi/set": "48.1,11.5", "lock/lock/set": "UNLOCK"}.get(topic, "")
            observer.publish(f"bmw2mqtt/{VIN}/{topic}", payload)
        wait_until(lambda: len(observer.on(f"bmw2mqtt/{VIN}/event/command")) == 3)
        check(seen, bmw)

        for status in (401, 403, 500, 200):
            bmw.accounts.expire_access_tokens()
            bmw.faults.clear()
            bmw.faults.add(Fault(path="/oauth/token", status=status, body=echo(bmw)))
            asked = len(bmw.requests)
            observer.publish(REFRESH, "")
            wait_until(lambda asked=asked: len(bmw.requests) >= asked + 3)  # type: ignore[misc]
            observer.wait_for(STATUS, "unreachable")
        bmw.faults.clear()
        bmw.accounts.revoke_refresh_tokens()
        observer.publish(REFRESH, "")
        observer.wait_for(STATUS, "login_required")
        observer.publish(f"bmw2mqtt/account/home{LOGIN_TOPIC}", RETAINED, retain=True)
        bmw.faults.add(Fault(path="/authenticate", status=401, body=echo(bmw, OVER_MQTT), times=1))
        observer.publish(f"bmw2mqtt/account/home{LOGIN_TOPIC}", OVER_MQTT)
        wait_until(lambda: bmw_captcha(bmw) == OVER_MQTT)
        observer.wait_for(STATUS, "login_required")
        check(seen, bmw)

        said = output_of("login", process.config, f"{TYPED}\n", "home")
        assert "logged in" in said
        assert TYPED not in said
        observer.wait_for(STATUS, "ok")
        check(seen, bmw)
        assert process.stop() == 0
        loud = "\n".join(str(line) for line in process.log() if line["level"] != "debug")
        assert not any(part in loud for part in POSITION)
    bmw.accounts.expire_access_tokens()
    secrets = PLANTED | {secret: name for name, secret in secrets_of(bmw)}
    outputs = {"check": output_of("check", process.config, "", "--report")}
    bmw.faults.add(Fault(path="/eadrax", status=500, body=echo(bmw)))
    outputs["failed check"] = output_of("check", process.config, "", "--report")
    process.config.write_text(process.config.read_text().replace("port:", "prot:"))
    outputs["wrong configuration"] = output_of("check", process.config)
    assert leaks(outputs, secrets) == []
    assert "1 car" in outputs["check"]
    assert "prot" in outputs["wrong configuration"]


def bmw_captcha(bmw: MyBmwSimulator) -> str:
    """Return the captcha's token that BMW got last."""
    tokens = [r.headers["hcaptchatoken"] for r in bmw.requests if "hcaptchatoken" in r.headers]
    return tokens[-1]


def echo(bmw: MyBmwSimulator, *more: str) -> dict[str, Any]:
    """A BMW that repeats in its answer what it was told."""
    secrets = [secret for _, secret in secrets_of(bmw)]
    return {"error": "weird", "error_description": " ".join([*secrets, *more])}


@pytest.mark.parametrize("format_", ["json", "console"])
def test_bugs_show_none(
    tmp_path: Path,
    settings: dict[str, Any],
    observer: Observer,
    bmw: MyBmwSimulator,
    format_: str,
) -> None:
    settings["log"]["format"] = format_
    with Daemon(tmp_path / "daemon", settings, program=CRASHING) as process:
        seen = Seen(
            daemon=process, observer=observer, data_dir=tmp_path / "data", settings=settings
        )
        observer.wait_for(STATUS, "ok")
        observer.publish(REFRESH, "")
        observer.wait_for(STATUS, "error")
        check(seen, bmw)
        observer.publish(REFRESH, "")
        wait_until(
            lambda: process.log_file.read_text().count("a bug that shows") >= 2, 15, "both bugs"
        )
        check(seen, bmw)
        process.stop()


def test_credentials_that_are_refused(
    tmp_path: Path,
    settings: dict[str, Any],
    observer: Observer,
    bmw: MyBmwSimulator,
    bmw_servers: BackgroundBmw,  # noqa: ARG001
) -> None:
    bmw.faults.add(Fault(path="/authenticate", status=401, body=echo(bmw, PASSWORD, CONFIGURED)))
    with Daemon(tmp_path / "daemon", settings) as process:
        seen = Seen(
            daemon=process, observer=observer, data_dir=tmp_path / "data", settings=settings
        )
        observer.wait_for(STATUS, "login_required")
        said = everything_said(seen)
        secrets = PLANTED | {secret: name for name, secret in secrets_of(bmw)}
        assert leaks(said, secrets) == []


def cardata_secrets(bmw: CarDataSimulator) -> Iterator[tuple[str, str]]:
    """Return what CarData and the bridge have told each other in confidence."""
    for user in bmw.users:
        yield "gcid", user.gcid
    for grant in bmw.registry.issued:
        yield "access token", grant.access_token
        yield "refresh token", grant.refresh_token
        yield "id token", grant.id_token or ""
    for request in tuple(bmw.requests):
        form = parse_qs(request.body.decode())
        for name in form.keys() & {"device_code", "code_verifier"}:
            yield name, form[name][0]


def test_cardata(
    tmp_path: Path, observer: Observer, broker: Mosquitto, bmw_servers: BackgroundBmw
) -> None:
    """A login, a stream, renewals that BMW refuses with everything it was told in its answer."""
    customer = CarDataOwner(bmw_servers, broker.port, tmp_path / "data")
    settings = customer.settings(relay_prefix="bmw/") | {
        "mqtt": {
            "host": "127.0.0.1",
            "port": broker.port,
            "username": "bridge",
            "password": MQTT_PASSWORD,
        },
        "http": {"token": HTTP_TOKEN, "port": free_port()},
    }
    with Daemon(tmp_path / "daemon", settings) as process:
        seen = Seen(
            daemon=process, observer=observer, data_dir=tmp_path / "data", settings=settings
        )
        customer.approve(wait_code(observer))
        observer.wait_for(f"{CARDATA}/sensor/status", "ok")
        customer.stream(customer.message(1234), b"no JSON", b'{"vin": 5}')
        observer.wait_for(f"bmw2mqtt/{customer.car.vin}/sensor/mileage", "1234")
        said = " ".join(secret for _, secret in cardata_secrets(customer.bmw))
        body = {"error": "invalid_grant", "error_description": said, "exveErrorMsg": said}
        customer.bmw.faults.add(Fault(path="/oauth/token|/customers", status=400, body=body))
        customer.refuse_token()
        observer.publish(f"{CARDATA}/button/refresh/press", "")
        observer.wait_for(f"{CARDATA}/sensor/status", "login_required", timeout_s=60)
        secrets = PLANTED | {secret: name for name, secret in cardata_secrets(customer.bmw)}
        assert {"gcid", "access token", "refresh token", "id token", "device_code"} <= set(
            secrets.values()
        )
        assert leaks(everything_said(seen), secrets) == []
