"""`bmw2mqtt entities`: every entity with its topic, unit and command."""

import argparse
import dataclasses
import json

from bmw2mqtt.accounts.backends import entity_tables
from bmw2mqtt.cli.main import EXIT_OK
from bmw2mqtt.entities.reference import reference, reference_rows


def run(arguments: argparse.Namespace) -> int:
    """Print the reference of all entities, as Markdown or as JSON."""
    tables = entity_tables()
    if arguments.json:
        rows = [dataclasses.asdict(row) for row in reference_rows(tables)]
        print(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        print(reference(tables))
    return EXIT_OK
