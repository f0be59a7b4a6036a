"""`bmw2mqtt cleanup`: delete every topic that bmw2mqtt has published."""

import argparse
import sys

from bmw2mqtt.accounts.data_folder import is_in_use
from bmw2mqtt.cli.main import EXIT_FAILURE, EXIT_OK
from bmw2mqtt.config import Settings, load_settings
from bmw2mqtt.mqtt.tools.cleanup import DaemonRunning, remove_everything


def run(arguments: argparse.Namespace) -> int:
    """Delete the topics, or only print them; return the exit status."""
    settings = load_settings(arguments.config, arguments.option)
    try:
        topics = _remove(settings, is_dry_run=arguments.dry_run, is_forced=arguments.force)
    except DaemonRunning as sign:
        print(
            f"bmw2mqtt is running ({sign}). Stop it first. If it is no longer running, or you want"
            " to delete its topics anyway, add --force.",
            file=sys.stderr,
        )
        return EXIT_FAILURE
    if arguments.dry_run:
        print("".join(f"{topic}\n" for topic in topics), end="")
    noun = "retained topic" if len(topics) == 1 else "retained topics"
    print(f"{len(topics)} {noun} {'would be deleted' if arguments.dry_run else 'deleted'}")
    return EXIT_OK


def _remove(settings: Settings, *, is_dry_run: bool, is_forced: bool) -> list[str]:
    if not (is_dry_run or is_forced) and is_in_use(settings.data_dir):
        raise DaemonRunning(f"it uses {settings.data_dir}")
    return remove_everything(settings, is_dry_run=is_dry_run, is_forced=is_forced)
