"""docs/entities.md: the output of `bmw2mqtt entities`."""

from bmw2mqtt.accounts.backends import entity_tables
from bmw2mqtt.entities.reference import reference

_INTRODUCTION = """\
# Entities

All entities with their topics below `bmw2mqtt/`, units and commands: the output of
`bmw2mqtt entities`. A car has only the entities of values it reports and of services that BMW
offers for it. Payload formats: [topics.md](topics.md).
"""


def entities() -> str:
    """Return the page."""
    return f"{_INTRODUCTION}\n{reference(entity_tables())}\n"
