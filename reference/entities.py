"""docs/entities.md: the output of `bmw2mqtt entities`."""

from bmw2mqtt.accounts.backends import entity_tables
from bmw2mqtt.entities.reference import reference

_INTRODUCTION = """\
---
hide: [toc]
---

# Entities

Every entity with its topic below `bmw2mqtt/`, its unit and command: the output of
`bmw2mqtt entities`; as JSON with `--json`. A car has those it can have: what it reports, and
services that BMW offers for it. Many appear with their first value. What is off by default can be
enabled in Home Assistant; its topics are there anyway. Payload formats: [topics.md](topics.md).
"""


def entities() -> str:
    """Return the page."""
    return f"{_INTRODUCTION}\n{reference(entity_tables())}\n"
