#!/usr/bin/env python3
"""Breaks the most important rules one by one: each time tests have to fail.

    mutations.py [WORD...]     only the rules whose name contains one of the words

Works on a copy. A rule is found by its text, wherever the file is by now: a text that is not found,
or found twice, has to be updated here.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "bmw2mqtt"
NOT_COPIED = (".git", ".venv*", ".*_cache", ".hypothesis", ".coverage*", "__pycache__", "site")
TESTS_FAILED = 1
"""Pytest's exit status; others mean that the tests could not run, which proves nothing."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """One rule, how to break it, and the tests that have to see it."""

    rule: str
    old: str
    """Stands exactly once in the package."""
    new: str
    tests: tuple[str, ...]


MUTATIONS = (
    Mutation(
        "retained commands are refused",
        "        if message.retain:\n            raise CommandRefused(",
        "        if False:\n            raise CommandRefused(",
        ("tests/integration/test_command_refusals.py",),
    ),
    Mutation(
        "an expired command is refused",
        "        if command.deadline.is_over:\n",
        "        if False:\n",
        ("tests/mqtt/test_command_queues.py",),
    ),
    Mutation(
        "a read-only account takes no command",
        "    elif handle.is_read_only and not entity.works_read_only:\n",
        "    elif False:\n",
        ("tests/integration/test_command_refusals.py",),
    ),
    Mutation(
        "no answer to a command goes to a topic of ours, or to a wildcard",
        "        return bool(topic) and not topic.startswith((*own",
        "        return bool(topic) or not topic.startswith((*own",
        ("tests/integration/test_command_refusals.py",),
    ),
    Mutation(
        "only a VIN is a car's command topic",
        '            rf"{root}/(?:(?P<vin>{VIN_PATTERN})|account/(?P<account>[a-z0-9_]+))"\n',
        '            rf"{root}/(?:(?P<vin>[^/]+)|account/(?P<account>[a-z0-9_]+))"\n',
        ("tests/mqtt/test_topics.py", "tests/integration/test_command_refusals.py"),
    ),
    Mutation(
        "CarData's budget is never exceeded",
        "        if (excess := self.count() - allowed) >= 0:\n",
        "        if (excess := self.count() - allowed) >= 1:\n",
        ("tests/accounts/cardata/rest/test_quota.py",),
    ),
    Mutation(
        "a request is written down before it is sent",
        "        self._sent_at.sort()\n        self._write()\n        return now\n",
        "        self._sent_at.sort()\n        return now\n",
        ("tests/accounts/cardata/rest/test_quota.py",),
    ),
    Mutation(
        "CarData's tokens are saved before they are used",
        "            await self._file.write(renewed)\n            self._use(renewed)\n",
        "            self._use(renewed)\n",
        ("tests/accounts/cardata/auth/test_tokens.py",),
    ),
    Mutation(
        "MyBMW's tokens are saved before they are used",
        "        if self.on_login is not None:\n            await self.on_login()\n",
        "        pass\n",
        ("tests/integration/test_killed.py",),
    ),
    Mutation(
        "no secret is in the log",
        '            line = line.replace(word, "***")\n',
        "            pass\n",
        ("tests/integration/test_secrets.py",),
    ),
    Mutation(
        "no position is in the log above debug",
        '    if event.get("level") != "debug":\n',
        "    if False:\n",
        ("tests/test_log.py",),
    ),
    Mutation(
        "stale retained topics are removed",
        "        for topic in stale:\n            self._publisher.clear(topic)\n",
        "        for topic in stale:\n            pass\n",
        ("tests/integration/test_leftovers.py",),
    ),
    Mutation(
        "another bridge's retained topics stay",
        "            if not self._topics.is_our_discovery(payload):\n",
        "            if False:\n",
        ("tests/integration/test_leftovers.py",),
    ),
    Mutation(
        "a car that BMW says nothing of goes offline",
        "                if limit is not None and now - self._current_at.get(vin, now) > limit:\n",
        "                if False:\n",
        ("tests/accounts/cardata/test_account_vehicles.py",),
    ),
    Mutation(
        "failed polls are retried with growing pauses",
        "        full_s = min(self.first_s * 2.0**doublings, self.longest_s)\n",
        "        full_s = self.first_s\n",
        ("tests/accounts/test_scheduler.py",),
    ),
    Mutation(
        "a blocked account waits for hours",
        "            return self._jittered(BLOCKED_RETRY_S)\n",
        "            return self._jittered(FIRST_RETRY_S)\n",
        ("tests/accounts/test_scheduler.py",),
    ),
    Mutation(
        "a refused login waits for a person",
        "        if isinstance(error, LoginRequired) or (not self._interval_s",
        "        if (not self._interval_s",
        ("tests/accounts/test_scheduler.py",),
    ),
)


def main() -> int:
    """Break every rule that was asked for; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*", metavar="WORD", help="of a rule's name; none: all")
    words = parser.parse_args().words
    wanted = [m for m in MUTATIONS if not words or any(word in m.rule for word in words)]
    if not wanted:
        parser.error("no such rule")
    with tempfile.TemporaryDirectory(prefix="bmw2mqtt-mutations-") as directory:
        copy = Path(directory) / "copy"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*NOT_COPIED))
        tests = sorted({test for mutation in wanted for test in mutation.tests})
        if _pytest(copy, tests, output=None):
            print("the tests have to pass before a rule is broken")
            return 1
        survived = [mutation.rule for mutation in wanted if not _is_noticed(copy, mutation)]
    print(f"{len(wanted) - len(survived)} of {len(wanted)} broken rules were noticed")
    return 1 if survived else 0


def _is_noticed(copy: Path, mutation: Mutation) -> bool:
    """Break one rule, run its tests, mend it; return whether they failed."""
    files = {file: file.read_text() for file in (copy / PACKAGE).rglob("*.py")}
    found = {file: text for file, text in files.items() if mutation.old in text}
    if sum(text.count(mutation.old) for text in found.values()) != 1:
        print(f"NOT FOUND once: {mutation.rule}: update its text in {Path(__file__).name}")
        return False
    [(file, text)] = found.items()
    started = time.monotonic()
    file.write_text(text.replace(mutation.old, mutation.new))
    try:
        status = _pytest(copy, mutation.tests)
    finally:
        file.write_text(text)
    verdict = {TESTS_FAILED: "noticed", 0: "SURVIVED"}.get(status, f"NO PROOF (pytest {status})")
    print(f"{verdict}: {mutation.rule} ({time.monotonic() - started:.0f} s)", flush=True)
    return status == TESTS_FAILED


def _pytest(copy: Path, tests: Iterable[str], output: int | None = subprocess.DEVNULL) -> int:
    """Run tests in the copy until one fails; return the exit status."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-n0", "-p", "no:cacheprovider"]
    # A file that was broken and mended within a second looks unchanged to the cache of bytecode.
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    process = subprocess.run(
        [*command, *tests], cwd=copy, check=False, stdout=output, env=environment
    )
    return process.returncode


if __name__ == "__main__":
    sys.exit(main())
