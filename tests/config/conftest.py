"""Every test loads settings in a folder of its own."""

from pathlib import Path

import pytest

from bmw2mqtt.config import yamlfile


@pytest.fixture(autouse=True)
def _own_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(yamlfile, "DEFAULT_FILES", (Path("config.yaml"), tmp_path / "second.yaml"))
    (tmp_path / "secrets").mkdir()
