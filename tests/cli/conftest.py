"""Every command runs in a folder of its own, without settings in the environment."""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.fixture_cars import fixture_car

VIN = "WBA00000000DEMO02"


@pytest.fixture
def cars() -> list[Any]:
    return [fixture_car(VIN)]


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for name in [name for name in os.environ if name.startswith("BMW2MQTT_")]:
        monkeypatch.delenv(name)
