"""Loading settings from text, options and an environment."""

from pathlib import Path

import pytest

from bmw2mqtt.config import load_settings
from bmw2mqtt.vehicle.errors import ConfigError

EXAMPLE = Path(__file__).parent.parent.parent / "config.example.yaml"
HOME = "accounts: {home: {backend: mybmw, username: me@example.com, password: s3cret}}\n"
EU = "accounts: {eu: {backend: cardata, client_id: 0a0a0a0a-0000-0000-0000-00000000000b%s}}\n"
VIN = "WBA00000000000001"


def load(text=HOME, options=(), **environ):
    """Load settings; the YAML file holds the text."""
    if text is not None:
        Path("config.yaml").write_text(text, "utf-8")
    return load_settings(None, options, environ, Path("secrets"))


def problems(text=HOME, options=(), **environ):
    """Return what a person is told."""
    with pytest.raises(ConfigError) as caught:
        load(text, options, **environ)
    return list(caught.value.problems)


def home(extra):
    """Return an account with further settings."""
    return HOME.replace("s3cret", f"s3cret, {extra}")
