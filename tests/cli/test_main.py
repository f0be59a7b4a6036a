"""The command line: its arguments and exit status."""

import subprocess
import sys

import pytest

from bmw2mqtt import __version__
from bmw2mqtt.cli.main import main

Output = pytest.CaptureFixture[str]


def test_version(capsys: Output) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"bmw2mqtt {__version__}\n"


def test_no_command_is_a_usage_error(capsys: Output) -> None:
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 2
    assert "COMMAND" in capsys.readouterr().err


def test_a_terminal_that_lacks_characters() -> None:
    """The unit °C on a terminal with ASCII only."""
    done = subprocess.run(
        [sys.executable, "-m", "bmw2mqtt", "entities"],
        check=False,
        capture_output=True,
        env={"PYTHONIOENCODING": "ascii", "PATH": ""},
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"?C" in done.stdout


def test_a_reader_who_has_seen_enough() -> None:
    """`bmw2mqtt entities | head`."""
    command = [sys.executable, "-m", "bmw2mqtt", "entities"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 1
