"""`bmw2mqtt demo`: everything with an embedded broker and a simulated BMW."""

import argparse
import sys

from bmw2mqtt.cli.main import EXIT_FAILURE


def run(arguments: argparse.Namespace) -> int:
    """Run the demo until a signal ends it; return the exit status."""
    try:
        from bmw2mqtt.demo.run import run as run_demo  # noqa: PLC0415 - optional dependencies
    except ImportError as error:
        print(
            f"the demo needs another package ({error.name}); run: pip install 'bmw2mqtt[demo]'"
            " (in a clone: pip install '.[demo]')",
            file=sys.stderr,
        )
        return EXIT_FAILURE
    return run_demo(
        bind=arguments.bind,
        port=arguments.port,
        page_port=arguments.page_port,
        data_dir=arguments.data_dir,
    )
