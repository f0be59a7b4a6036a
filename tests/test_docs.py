"""The documentation says what the code does."""

from pathlib import Path

from bmw2mqtt.entities.reference import reference

ROOT = Path(__file__).parent.parent


def test_entity_reference_is_the_output_of_the_command() -> None:
    page = (ROOT / "docs" / "entities.md").read_text()
    assert reference() in page, "run: bmw2mqtt entities, and put it into docs/entities.md"
