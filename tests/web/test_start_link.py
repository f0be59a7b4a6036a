"""Where the page is said to be: on a terminal, in the log, in each network of the machine."""

import io
import re
import sys
from pathlib import Path

import pytest
import structlog

from bmw2mqtt.config import load_configuration
from bmw2mqtt.log.sentences import sentence
from bmw2mqtt.web.setup import start_link
from bmw2mqtt.web.setup.service import Setup
from bmw2mqtt.web.setup.start_link import is_container


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(start_link, "is_container", lambda: False)


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_terminal_shows_the_link_as_a_qr_code(
    monkeypatch: pytest.MonkeyPatch, *, is_terminal: bool
) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(screen, "isatty", lambda: is_terminal)
    monkeypatch.setattr(sys, "stderr", screen)
    setup = Setup(load_configuration(None, (), {}, Path("none")))
    with structlog.testing.capture_logs() as logged:
        setup.announce()
    (event,) = logged
    assert re.fullmatch(r"http://[\d.]+:8099/setup/start/[\w-]{20,}", event["url"])
    assert ("\N{FULL BLOCK}" in screen.getvalue()) is is_terminal


def test_the_log_names_the_link_in_each_network(monkeypatch: pytest.MonkeyPatch) -> None:
    routed = start_link.routed_address()
    monkeypatch.setattr(
        start_link, "_interface_addresses", lambda: ["10.0.0.7", routed, "10.8.1.2"]
    )
    setup = Setup(load_configuration(None, (), {}, Path("none")))
    with structlog.testing.capture_logs() as logged:
        setup.announce()
    path = f":8099/{setup.start_link.path()}"
    first, *others = [f"http://{host}{path}" for host in (routed, "10.0.0.7", "10.8.1.2")]
    words = sentence(logged[0])
    assert words is not None
    assert words.text == (
        f"Open {first} in a browser to set up bmw2mqtt; the link works once."
        f" In another network of this machine, open {' or '.join(others)} instead."
    )


def test_addresses_that_other_machines_cannot_use_are_left_out() -> None:
    networks = {"eth0": "192.168.1.5", "wlan0": "192.168.2.5", "br0": "10.1.1.1", "wg0": "10.8.0.1"}
    inside = {"lo": "127.0.0.1", "docker0": "172.17.0.1", "br-0123456789ab": "172.18.0.1"}
    inside |= {"hassio": "172.30.32.1", "eth1": "169.254.1.2"}
    found = {**inside, **networks}
    assert {n for n, address in found.items() if start_link.is_for_others(n, address)} == set(
        networks
    )
    real = list(start_link._interface_addresses())
    assert not {"127.0.0.1"} & set(real)
    routed = start_link.routed_address()
    assert routed in real or not real, "of a machine with a network, that address is among them"


def test_on_this_machine_alone_no_link_is_needed() -> None:
    setup = Setup(load_configuration(None, ["http.host=::1"], {}, Path("none")))
    with structlog.testing.capture_logs() as logged:
        setup.announce()
    assert logged[0]["url"] == "http://[::1]:8099/setup/"


def test_a_container_with_its_hosts_network_knows_its_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark, interfaces = tmp_path / ".dockerenv", tmp_path / "net"
    monkeypatch.setattr(start_link, "_CONTAINER_MARKS", (mark,))
    monkeypatch.setattr(start_link, "_INTERFACES", interfaces)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    (interfaces / "eth0").mkdir(parents=True)
    assert not is_container()
    mark.touch()
    assert is_container()
    (interfaces / "wlan0" / "device").mkdir(parents=True)
    assert not is_container()
