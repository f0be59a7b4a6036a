"""The flows of the guide, imported into a real Node-RED that reads the demo's cars."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.markdown import DOCS, Page
from tests.mosquitto import Observer, free_port, wait_until
from tests.recipes.conftest import INSTALLED, Program

PAGES = ("recipes/node-red.md", "automations.md")
SESSION = {"event_type": "charging_ended", "energy_kwh": 16.77, "soc_start": 40, "soc_end": 60}


def _flow(page: str) -> list[dict[str, Any]]:
    path = DOCS / page
    texts = [snippet.text for snippet in Page(path, path.read_text("utf-8")).snippets()]
    (flow,) = (json.loads(text) for text in texts if '"mqtt in"' in text)
    assert isinstance(flow, list)
    return flow


class NodeRed:
    """A Node-RED and its admin API."""

    def __init__(self, program: Program, api: httpx.Client) -> None:
        self.program = program
        self._api = api

    def import_flow(self, nodes: list[dict[str, Any]]) -> None:
        """Deploy what *Import* and *Deploy* of the editor deploy."""
        self._api.post(
            "/flows", json=nodes, headers={"Node-RED-Deployment-Type": "full"}
        ).raise_for_status()

    def press(self, node: str) -> None:
        """Press an inject node's button."""
        self._api.post(f"/inject/{node}").raise_for_status()


@pytest.fixture
def node_red(tmp_path: Path, log_dir: Path) -> Iterator[NodeRed]:
    modules, port = INSTALLED / "node-red" / "node_modules", free_port()
    command = [str(modules / ".bin" / "node"), str(modules / "node-red" / "red.js")]
    options = ["--port", str(port), "--userDir", str(tmp_path / "node-red")]
    log_file = log_dir / "node-red.log"
    with Program(tmp_path, log_file, *command, *options, "-D", "uiHost=127.0.0.1") as program:
        program.wait_for("Started flows", "Server now running")
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as api:
            yield NodeRed(program, api)


def test_flows_of_the_guide(node_red: NodeRed, demo_port: int) -> None:
    values, commands = (_flow(page) for page in PAGES)
    with Observer(demo_port, "bmw2mqtt/#") as observer:
        observer.quiet(0.3)
        cars = {
            topic.split("/")[1]: json.loads(payload)
            for topic, payload in observer.current().items()
            if re.fullmatch("bmw2mqtt/[A-Z0-9]{17}/state", topic)
        }
        (lockable, *_) = (vin for vin, car in cars.items() if car.get("lock", {}).get("lock"))
        # One broker, as a person has who imports both: the second import has the same node.
        nodes = {node["id"]: node for node in [*values, *commands]}
        assert nodes["home_mqtt"] == values[0] == commands[0]
        nodes["home_mqtt"]["port"] = str(demo_port)
        nodes["set"]["topic"] = nodes["set"]["topic"].replace("WBA00000000000001", lockable)
        node_red.import_flow(list(nodes.values()))

        output = node_red.program
        output.wait_for(f"Connected to broker: mqtt://localhost:{demo_port}")
        electric = [car for car in cars.values() if car["sensor"].get("remaining_battery_percent")]
        assert {"cardata", "mybmw"} == {_backend(observer, vin) for vin in cars}
        output.wait_for("[debug:cars]")
        for car in electric:
            row = re.compile(rf"{re.escape(car['name'])}: [\d.]+ %, [\d.]+ km")
            wait_until(lambda row=row: row.search(output.text), what=row.pattern)

        observer.publish(f"bmw2mqtt/{lockable}/event/charging", json.dumps(SESSION))
        output.wait_for("[debug:charges]", f"{lockable}: 40 % → 60 %, 16.77 kWh")

        node_red.press("press")
        wait_until(lambda: observer.on(f"bmw2mqtt/{lockable}/event/command"), what="an event")
        output.wait_for("[debug:outcome]", "event_type: 'executed'")
    assert "[error]" not in output.text


def _backend(observer: Observer, vin: str) -> str:
    """Return the backend of the account that a car belongs to."""
    info = json.loads(observer.current()["bmw2mqtt/bridge/info"])
    return str(info["accounts"][info["vehicles"][vin]["account"]]["backend"])
