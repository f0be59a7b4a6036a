"""The command line: its arguments and exit status."""

import subprocess
import sys

import pytest

from bmw2mqtt import __version__
from bmw2mqtt.cli.main import main, parser
from tests.cli.configuration import config

Output = pytest.CaptureFixture[str]


def test_version(capsys: Output) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"bmw2mqtt {__version__}\n"


def test_no_command_prints_the_help(capsys: Output) -> None:
    assert main([]) == 0
    output = capsys.readouterr()
    assert output.err == ""
    assert output.out.startswith("usage: bmw2mqtt ")
    for part in ("status", "./config.yaml", "BMW2MQTT_MQTT__HOST", "exit status:", "https://"):
        assert part in output.out


COMMANDS = sorted(next(iter(parser()._subparsers._group_actions)).choices)  # type: ignore[union-attr, arg-type]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_names_its_exit_status_and_defaults(command: str, capsys: Output) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "exit status: 0" in text
    assert ", 2 wrong co" in text, "configuration, or command line"
    defaults = {"demo": ["1883", "8099", "127.0.0.1"], "export": ["csv", "en"]}
    for default in (defaults | {"dashboard": ["en"]}).get(command, []):
        assert f"(default: {default})" in text


def test_an_account_that_does_not_exist(capsys: Output) -> None:
    assert main(["login", "nope", "--config", config()]) == 2
    assert capsys.readouterr().err == ("no account is named nope; the configuration has: home\n")


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
