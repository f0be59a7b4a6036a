"""The dashboard in the real Home Assistant: no entity is missing, no card unknown or in error."""

import contextlib
import importlib
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bmw2mqtt.cli.main import main
from tests.homeassistant.conftest import VARIABLE
from tests.homeassistant.test_dashboard import entities_of
from tests.mosquitto import free_port, wait_until

pytestmark = [pytest.mark.no_cover, pytest.mark.timeout(600)]
ERRORS = """
(() => {
  const found = [];
  const wrong = ['hui-error-card', 'hui-warning', 'hui-warning-element', 'hui-error-badge'];
  let cards = 0;
  const walk = (root) => root.querySelectorAll('*').forEach((element) => {
    const name = element.localName;
    if (wrong.includes(name)) found.push(`${name}: ${(element.shadowRoot || element).textContent}`);
    if (name === 'hui-card') cards += 1;
    if (element.shadowRoot) walk(element.shadowRoot);
  });
  walk(document);
  if (found.length) throw new Error(found.join(' | '));
  if (cards < 20) throw new Error(`only ${cards} cards`);
})()
"""


@pytest.fixture(scope="module")
def home() -> Iterator[tuple[Any, int]]:
    """Home Assistant and the port of the demo's broker, with the demo's five cars."""
    folder = os.environ.get(VARIABLE)
    if not folder:
        pytest.skip(f"needs a Home Assistant: {VARIABLE}")
    sys.path.insert(0, folder)
    port = free_port()
    command = [sys.executable, "-m", "bmw2mqtt", "demo", "--port", str(port)]
    demo = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        rig = importlib.import_module("ha_rig")
        with rig.HomeAssistant() as running:
            running.add_mqtt(port)
            yield running, port
    finally:
        demo.terminate()
        demo.wait(10)
        sys.path.remove(folder)


def printed(port: int, language: str, folder: Path) -> Any:
    """Return the dashboard that the command prints; `None`: no car is announced yet."""
    account = {"backend": "cardata", "client_id": "00000000-0000-0000-0000-000000000001"}
    settings = {"mqtt": {"host": "127.0.0.1", "port": port}, "accounts": {"any": account}}
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(settings))
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        status = main(["dashboard", "--language", language, "--config", str(path)])
    return yaml.safe_load(out.getvalue()) if status == 0 else None


@pytest.mark.parametrize("language", ["en", "de"])
def test_no_card_is_unknown_and_no_entity_is_missing(
    home: tuple[Any, int], language: str, tmp_path: Path
) -> None:
    home_assistant, port = home

    def all_cars() -> Any:
        found = printed(port, language, tmp_path)
        return found if found and len(found["views"]) == 5 else None

    document = wait_until(all_cars, 120, what="all five cars")
    wait_until(
        lambda: entities_of(document) <= home_assistant.states().keys(),
        30,
        what="each entity has a state",
    )
    enabled = {e["entity_id"] for e in home_assistant.entities() if e["disabled_by"] is None}
    assert entities_of(document) <= enabled

    path = f"bmw-cars-{language}"
    home_assistant.ws(
        "lovelace/dashboards/create",
        url_path=path,
        title=document["title"],
        mode="storage",
        show_in_sidebar=True,
    )
    home_assistant.ws("lovelace/config/save", url_path=path, config=document)
    assert home_assistant.ws("lovelace/config", url_path=path) == document
    pictures = Path(os.environ.get("DASHBOARD_PICTURES", tmp_path))
    for view in document["views"]:
        picture = pictures / f"{language}-{view['path']}.png"
        home_assistant.screenshot(
            f"/{path}/{view['path']}", picture, size=(1500, 1700), wait=6, script=ERRORS
        )
        assert picture.stat().st_size > 20_000
    assert not [line for line in home_assistant.problems() if "bmw" in str(line).lower()]
