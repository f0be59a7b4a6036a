"""`bmw2mqtt entities`: every entity with its topic, unit and command."""

import argparse
import json

from bmw2mqtt.accounts.backends import entity_tables
from bmw2mqtt.cli.main import EXIT_OK
from bmw2mqtt.entities.reference import as_json, reference


def run(arguments: argparse.Namespace) -> int:
    """Print the reference of all entities; return the exit status."""
    if arguments.json:
        print(json.dumps(as_json(entity_tables()), indent=1, ensure_ascii=False))
    else:
        print(reference(entity_tables()))
    return EXIT_OK
