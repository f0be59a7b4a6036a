"""`bmw2mqtt run`: the daemon."""

import argparse
from functools import partial

from bmw2mqtt.config import load_configuration


def run(arguments: argparse.Namespace) -> int:
    """Run the daemon until a signal ends it; return the exit status."""
    load = partial(load_configuration, arguments.config, arguments.option)
    configuration = load()
    from bmw2mqtt import daemon  # noqa: PLC0415 - slow; errors come first

    return daemon.leave(daemon.run(configuration, load))
