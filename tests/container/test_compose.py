"""The compose file from a fresh clone: cars appear, and nobody does what is not theirs."""

import json
import re

import httpx

from bmw2mqtt.simulator.mybmw import MyBmwSimulator
from tests.container.conftest import VIN, Clone
from tests.container.engine import docker, inspect, logs, state
from tests.mosquitto import Observer

STATUS = "bmw2mqtt/account/home/sensor/status"
AVAILABILITY = "bmw2mqtt/bridge/availability"
PATIENCE_S = 90


def person(clone: Clone, name: str, *filters: str) -> Observer:
    """Connect as one of the people, with the password that was made."""
    return Observer(clone.port, *filters, username=name, password=clone.secret(f"mqtt_{name}"))


def test_up_and_down(clone: Clone, bmw: MyBmwSimulator) -> None:
    clone.compose("up", "--detach")
    clone.wait_healthy()
    container = clone.container()
    with person(clone, "family", "bmw2mqtt/#") as family:
        family.wait_for(STATUS, "ok", PATIENCE_S)
        family.wait_for(f"bmw2mqtt/{VIN}/sensor/mileage", timeout_s=PATIENCE_S)

        host = inspect(container)["HostConfig"]
        assert host["ReadonlyRootfs"]
        assert host["CapDrop"] == ["ALL"]
        assert host["SecurityOpt"] == ["no-new-privileges:true"]
        read_only = docker("exec", container, "sh", "-c", "id -u; : >/x", is_checked=False)
        assert read_only.stdout == "10001\n"
        assert "Read-only" in read_only.stderr
        said = docker("exec", container, "bmw2mqtt", "check", "--report").stdout
        assert "the running daemon reports ok" in said
        assert "broker: connected, MQTT 5, no TLS, mosquitto version 2" in said

        identity = docker("exec", container, "cat", "/data/identity.json").stdout
        logins = count_logins(bmw)
        assert logins
        everything = json.dumps([inspect(container), logs(container)])
        secrets = [clone.secret(f"bmw2mqtt/bmw2mqtt_{name}") for name in SECRETS]
        assert not [secret for secret in secrets if secret in everything]
        assert not [e for e in logs(container) if e["level"] not in {"info", "debug"}]

        clone.compose("stop", "bmw2mqtt")
        family.wait_for(AVAILABILITY, "offline")
        assert state(container)["ExitCode"] == 0
        assert logs(container)[-1]["message"] == "Stopped."

        clone.compose("up", "--detach", "--force-recreate", "bmw2mqtt")
        assert clone.container() != container
        family.wait_for(AVAILABILITY, "online", PATIENCE_S)
        clone.wait_healthy()
        family.wait_for(STATUS, "ok", PATIENCE_S)
        assert docker("exec", clone.container(), "cat", "/data/identity.json").stdout == identity
        assert json.loads(identity)["build"]
        assert count_logins(bmw) == logins, "the tokens were kept"

        clone.compose("stop", "bmw2mqtt")
        removed = clone.compose("run", "--rm", "bmw2mqtt", "cleanup")
        assert re.fullmatch(r"\d{2,} retained topics deleted\n", removed), removed
        family.quiet()
        assert [topic for topic in family.current() if topic.startswith("bmw2mqtt/")] == []


SECRETS = ("accounts__home__password", "mqtt__password", "http__token")


def count_logins(bmw: MyBmwSimulator) -> int:
    return sum(request.path.endswith("/oauth/authenticate") for request in bmw.requests)


def test_rights(clone: Clone) -> None:
    clone.compose("up", "--detach")
    lock = f"bmw2mqtt/{VIN}/lock/lock/set"
    with person(clone, "family", "bmw2mqtt/#") as family:
        family.wait_for(f"bmw2mqtt/{VIN}/lock/lock", "LOCKED", PATIENCE_S)
        with person(clone, "dashboard", "bmw2mqtt/#") as dashboard:
            dashboard.wait_for(f"bmw2mqtt/{VIN}/sensor/mileage")
            dashboard.publish(lock, "UNLOCK")
            family.publish(lock, "no command")
            event = family.wait_for(f"bmw2mqtt/{VIN}/event/command")
            assert json.loads(event.payload)["reason"] == "invalid_payload"
        events = family.on(f"bmw2mqtt/{VIN}/event/command")
        assert len(events) == 1, "the dashboard's command did not reach the bridge"
        with person(clone, "homeassistant", "homeassistant/#") as homeassistant:
            homeassistant.wait_for(f"homeassistant/device/bmw2mqtt_{VIN}/config")


def test_passwords_stay_and_can_be_changed(clone: Clone) -> None:
    clone.compose("up", "--detach")
    made = clone.secret("mqtt_family")
    assert len(made) >= 32
    assert (clone.directory / "secrets" / "mqtt_family").stat().st_mode & 0o777 == 0o600
    (clone.directory / "secrets" / "mqtt_dashboard").write_text("of my own")
    clone.compose("up", "--detach", "--force-recreate")
    assert clone.secret("mqtt_family") == made
    for name in ("family", "dashboard"):
        with person(clone, name, "bmw2mqtt/#") as someone:
            someone.wait_for(AVAILABILITY, "online", PATIENCE_S)


def test_without_a_configuration_the_page_asks_for_it(clone: Clone) -> None:
    """As it is cloned: the broker is set, the account is missing."""
    override = clone.files[-1]
    mount = "      - ./config.yaml:/config/config.yaml:ro\n"
    assert mount in override.read_text()
    override.write_text(override.read_text().replace(mount, ""))
    (clone.directory / "secrets/bmw2mqtt/bmw2mqtt_accounts__home__password").unlink()
    clone.compose("up", "--detach")
    clone.wait_healthy()
    lines = "\n".join(line["message"] for line in logs(clone.container()))
    link = re.search(r"http://\S+(/setup/start/\S+)", lines)
    assert link, lines
    with httpx.Client(trust_env=False, follow_redirects=True, timeout=30) as browser:
        setup = browser.get(f"http://127.0.0.1:{clone.http_port}{link[1]}")
    assert setup.status_code == 200
    assert "/setup" in setup.url.path
