"""`bmw2mqtt run`: the daemon."""

import argparse

from bmw2mqtt.config import load_settings


def run(arguments: argparse.Namespace) -> int:
    """Run the daemon until a signal ends it; return the exit status."""
    settings = load_settings(arguments.config, arguments.option)
    from bmw2mqtt.daemon import run_and_leave  # noqa: PLC0415 - slow; errors come first

    return run_and_leave(settings)
