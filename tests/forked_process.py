"""Processes that begin with the modules of the bridge imported.

Importing them takes most of a daemon's start, and the tests start some two hundred daemons. One
process per test run imports them once; each daemon is forked from it. `tests/cli` starts the
program as users do.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, Self, TextIO
from unittest import mock

from bmw2mqtt.accounts.mybmw.auth import attempts

HASH_ROUNDS = attempts.HASH_ROUNDS
"""Outside the tests."""
MEASURED = "COVERAGE_PROCESS_CONFIG"
"""The variable by which coverage.py measures a process."""
LIMIT_S = 60.0
"""How long a command may take that is run to its end."""
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


def start(
    script: str,
    arguments: Sequence[str],
    log_file: Path,
    *,
    pipes: Mapping[int, Connection] | None = None,
) -> ForkServerProcess:
    """Start a process that runs a script with these arguments.

    Its environment and working directory are those of the caller now; what it prints is added to
    the log file. `pipes` are its standard input and output instead, by their descriptors.
    """
    with mock.patch.dict(os.environ):
        os.environ.pop(MEASURED, None)  # each process decides for itself
        forkserver.ensure_running()
    process = _CONTEXT.Process(
        target=_run,
        args=(script, list(arguments), log_file, dict(os.environ), Path.cwd(), pipes or {}),
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
    pipes: Mapping[int, Connection],
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(directory)
    tempfile.tempdir = None  # it depends on the environment, as the time zone does
    time.tzset()
    log = os.open(log_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    os.close(log)
    for descriptor, pipe in pipes.items():
        os.dup2(pipe.fileno(), descriptor)
        pipe.close()
        name, mode = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))[descriptor]
        setattr(sys, name, os.fdopen(descriptor, mode, closefd=False))
    if environment.get(MEASURED):
        import coverage  # noqa: PLC0415 - only where it measures

        coverage.process_startup()
    hash_quickly()
    sys.argv = ["bmw2mqtt", *arguments]
    exec(compile(script, "<script>", "exec"), {"__name__": "__main__"})  # noqa: S102


MODULE = """
import runpy, sys
runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
"""


class ForkedPopen:
    """`subprocess.Popen` for modules of ours, with text in its pipes: `python -m MODULE …`."""

    def __init__(
        self,
        args: Sequence[str],
        *,
        stderr: TextIO | int,
        stdin: int | None = None,
        stdout: int | None = None,
        env: Mapping[str, str] | None = None,
        **_: Any,
    ) -> None:
        """Start it; what is written to standard output without a pipe is in `stderr` too."""
        self.args = args
        module = ["bmw2mqtt", *args[1:]] if args[0] != sys.executable else args[2:]
        log_file = Path(os.devnull if isinstance(stderr, int) else stderr.name)
        pipes: dict[int, Connection] = {}
        streams: list[TextIO | None] = []
        for descriptor, wanted in enumerate((stdin, stdout, stderr)):
            if wanted != subprocess.PIPE:
                streams.append(None)
                continue
            reads, writes = multiprocessing.Pipe(duplex=False)
            pipes[descriptor], ours = (writes, reads) if descriptor else (reads, writes)
            with ours:
                streams.append(os.fdopen(os.dup(ours.fileno()), "r" if descriptor else "w"))
        self.stdin, self.stdout, self.stderr = streams
        with mock.patch.dict(os.environ, env or {}, clear=env is not None):
            self._process = start(MODULE, module, log_file, pipes=pipes)
        for pipe in pipes.values():
            pipe.close()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if (status := self._process.exitcode) is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return status

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for stream in (self.stdin, self.stdout, self.stderr):
            if stream is not None:
                stream.close()
        self.wait()


def run(*arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    """Run `bmw2mqtt ARGUMENTS` to its end, with this on its standard input."""
    pipe = subprocess.PIPE
    command = ["bmw2mqtt", *arguments]
    with (
        ForkedPopen(command, stdin=pipe, stdout=pipe, stderr=pipe) as process,
        ThreadPoolExecutor() as pool,
    ):
        assert process.stdin
        assert process.stdout
        assert process.stderr
        limit = threading.Timer(LIMIT_S, process.kill)
        limit.start()
        try:
            complaints = pool.submit(process.stderr.read)
            with suppress(BrokenPipeError), process.stdin:  # it may have ended without reading
                process.stdin.write(typed)
            printed = process.stdout.read(), complaints.result()
            status = process.wait()
        finally:
            limit.cancel()
    if status == -signal.SIGKILL:
        raise subprocess.TimeoutExpired(command, LIMIT_S, *printed)
    return subprocess.CompletedProcess(command, status, *printed)
