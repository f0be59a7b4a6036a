"""A real Home Assistant, where there is one."""

import importlib
import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest

VARIABLE = "HOMEASSISTANT_RIG"
"""Names a folder with a module `ha_rig`. Its class `HomeAssistant` is a context manager that runs
Home Assistant in a folder of its own, with `extra_yaml` at the end of its configuration. It has
`add_mqtt(port)`, `restart()`, `entities()`, `states()`, `ws(command, **fields)`, which returns the
result of a WebSocket command, and `problems()`, the warnings and errors of its log."""


@pytest.fixture
def home_assistant() -> Iterator[Any]:
    """Home Assistant as its makers release it; without one the test is skipped."""
    folder = os.environ.get(VARIABLE)
    if not folder:
        pytest.skip(f"needs a Home Assistant, and minutes: {VARIABLE}")
    sys.path.insert(0, folder)
    try:
        rig = importlib.import_module("ha_rig")
        with rig.HomeAssistant(extra_yaml="energy:\n") as running:
            yield running
    finally:
        sys.path.remove(folder)
