"""`bmw2mqtt entities`: every entity with its topic, unit and command."""

import argparse

from bmw2mqtt.accounts.backends import entity_tables
from bmw2mqtt.cli.main import EXIT_OK
from bmw2mqtt.entities.reference import reference


def run(_: argparse.Namespace) -> int:
    """Print the reference of all entities."""
    print(reference(entity_tables()))
    return EXIT_OK
