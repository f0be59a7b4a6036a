"""Processes that begin with the modules of the bridge imported.

Importing them takes most of a daemon's start, and the tests start some two hundred daemons. One
process per test run imports them once; each daemon is forked from it. `tests/cli` starts the
program as users do.
"""

import multiprocessing
import os
import sys
from collections.abc import Mapping, Sequence
from multiprocessing import forkserver
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from unittest import mock

from bmw2mqtt.accounts.mybmw.auth import attempts

HASH_ROUNDS = attempts.HASH_ROUNDS
"""Outside the tests."""
MEASURED = "COVERAGE_PROCESS_CONFIG"
"""The variable by which coverage.py measures a process."""
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [
        "bmw2mqtt.daemon",
        "bmw2mqtt.accounts.cardata.account",
        "bmw2mqtt.accounts.mybmw.account",
        "bmw2mqtt.web.application",
        "bmw2mqtt.web.metrics",
        "bmw2mqtt.cli.main",
        "bmw2mqtt.cli.run",
        "anyio._backends._asyncio",  # what others import once they need it
        "httpcore",
        "_strptime",
        "encodings.idna",
        "encodings.utf_8_sig",
        "coverage",
        __name__,
    ]
)


def hash_quickly() -> None:
    """Let hashes of passwords be quick ones: tests start hundreds of accounts."""
    attempts.HASH_ROUNDS = 1


def start(script: str, arguments: Sequence[str], log_file: Path) -> ForkServerProcess:
    """Start a process that runs a script with these arguments.

    Its environment and working directory are those of the caller now; what it prints is added to
    the log file.
    """
    with mock.patch.dict(os.environ):
        os.environ.pop(MEASURED, None)  # each process decides for itself
        forkserver.ensure_running()
    process = _CONTEXT.Process(
        target=_run,
        args=(script, list(arguments), log_file, dict(os.environ), Path.cwd()),
        daemon=True,
    )
    process.start()
    return process


def _run(
    script: str,
    arguments: list[str],
    log_file: Path,
    environment: Mapping[str, str],
    directory: Path,
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(directory)
    log = os.open(log_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    os.close(log)
    if environment.get(MEASURED):
        import coverage  # noqa: PLC0415 - only where it measures

        coverage.process_startup()
    hash_quickly()
    sys.argv = ["bmw2mqtt", *arguments]
    exec(compile(script, "<script>", "exec"), {"__name__": "__main__"})  # noqa: S102
