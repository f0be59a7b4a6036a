"""The parts of an account's state file as plain JSON, as they are on disk."""

from typing import Any

from bmw2mqtt.accounts.state_file import StateFile


def read_part(state_file: StateFile, part: str) -> dict[str, Any]:
    return dict(state_file._load().get(part, {}))


def write_part(state_file: StateFile, part: str, content: dict[str, Any]) -> None:
    """Write whatever another version, or a person, may have written."""
    state_file._replace(part, dict(content), every_s=0)
