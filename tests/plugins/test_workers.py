"""What workers do is reported as if one process had done it."""

from __future__ import annotations

import atexit
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.plugins import worker
from tests.support.lab import CHECKOUT

OUTCOMES = """
import os, pytest, signal, warnings

def case_passes(tmp_path):
    warnings.warn("look here")

@pytest.mark.skip(reason="not today")
def case_is_skipped(): pass

def case_fails():
    print("said before")
    assert 1 == 2, "one is not two"

def case_is_killed():
    os.kill(os.getpid(), signal.SIGKILL)

def case_behind_it(): pass

@pytest.fixture
def broken():
    yield
    raise OSError("cannot be torn down")

def case_leaves_something(broken): pass
"""
MADE_ONCE = """
import pytest

@pytest.fixture(scope="session")
def host():
    yield
    with open("ended", "a") as file: file.write("once")
"""
USES_IT = "def case_first(host): pass\ndef case_second(host): pass\n"


def reported(folder: Path, *words: str) -> tuple[int, str]:
    """Exit code and text of a `pytest` that has the tests of the folder. Its own folders lie there, too: where all have
    theirs, pytest would close those of our tests to the users that they have made."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.plugins.workers", "-p", "no:cacheprovider", "-rA",
         "-o", "python_functions=case_", f"--basetemp={folder}/folders", *words],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(CHECKOUT)}, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.usefixtures("whole_suite")
def test_workers_tell_of_all_tests_also_behind_one_that_kills_its_process(tmp_path: Path) -> None:
    (tmp_path / "test_outcomes.py").write_text(OUTCOMES)
    (tmp_path / "test_uses.py").write_text(MADE_ONCE + USES_IT)
    code, text = reported(tmp_path, "--workers", "2")
    test = "test_outcomes.py::case_"
    assert code == 1, text
    assert sorted(re.findall(r"(?m)^([A-Z]{4,}) (\S+?)(?: - |$)", text)) == sorted([
        ("PASSED", f"{test}passes"), ("FAILED", f"{test}fails"), ("FAILED", f"{test}is_killed"),
        ("PASSED", f"{test}behind_it"), ("PASSED", f"{test}leaves_something"), ("ERROR", f"{test}leaves_something"),
        ("PASSED", "test_uses.py::case_first"), ("PASSED", "test_uses.py::case_second")]), text
    for part in ("look here", "not today", "said before", "one is not two", "its process ended with -9",
                 "cannot be torn down", "2 failed, 5 passed, 1 skipped, 1 warning, 1 error"):
        assert part in text, text


@pytest.mark.usefixtures("whole_suite")
def test_worker_keeps_what_the_next_file_takes_and_ends_with_the_first_failure(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(MADE_ONCE)
    for name, text in (("a", USES_IT), ("b", USES_IT), ("c", "def case_fails(): assert 0\n" + USES_IT), ("d", USES_IT)):
        (tmp_path / f"test_{name}.py").write_text(text)
    code, text = reported(tmp_path, "--workers", "1", "-x")
    assert code == 1 and "1 failed, 4 passed" in text, text
    assert (tmp_path / "ended").read_text() == "once"


def test_end_of_a_worker_runs_what_waits_for_it() -> None:
    """The guard is one of those that do (tests/support/guard.py)."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            atexit._clear()
            atexit.register(os.write, writer, b"it ran")
            worker.end()
        finally:
            os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0 and os.read(reader, 100) == b"it ran"
    os.close(reader)
    os.close(writer)
