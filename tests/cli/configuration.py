"""A configuration file with one account."""

from pathlib import Path
from typing import Any

import yaml

HOME: dict[str, Any] = {"backend": "mybmw", "username": "me@example.com", "password": "s3cret"}


def config(**sections: Any) -> str:
    """Write a configuration file and return its path."""
    path = Path("bmw2mqtt.yaml")
    path.write_text(yaml.safe_dump({"accounts": {"home": HOME}, **sections}))
    return str(path)


def home(**changes: Any) -> dict[str, Any]:
    """Return the account with other settings."""
    return {"accounts": {"home": {**HOME, **changes}}}
