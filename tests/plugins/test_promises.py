"""Each promise of the README has tests that fail without it, and a command lists them."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.plugins.promises import by_promise, promises
from tests.support.lab import CHECKOUT


def test_every_promise_of_the_readme_has_a_test() -> None:
    sources = "".join(file.read_text() for file in (CHECKOUT / "tests").rglob("test_*.py"))
    numbers = re.findall(r"(?m)^ *@pytest\.mark\.promise\((\d+)\)$", sources)
    assert {int(number) for number in numbers} == set(promises())


@pytest.mark.usefixtures("whole_suite")
def test_promises_option_prints_each_promise_with_its_tests() -> None:
    done = subprocess.run([sys.executable, "-m", "pytest", "--promises", "tests/executor/test_locks.py"], cwd=CHECKOUT,
                          capture_output=True, text=True, check=True)
    sections = re.split(r"(?m)^(?=\d+\. )", done.stdout)[1:]
    assert [section.splitlines()[0] for section in sections] == [f"{number}. {name}"
                                                                 for number, name in promises().items()]
    assert "\n   tests/executor/test_locks.py::test_child_process_holds_no_lock\n" in sections[4]


def test_promises_of_the_readme_are_numbered() -> None:
    """In order; a promise that is not kept yet has a number, and no row."""
    assert list(promises()) == sorted(promises())
    assert {*range(1, 10)} <= promises().keys() <= {*range(1, 13)}


def test_marker_with_an_unknown_number_is_refused(request: pytest.FixtureRequest) -> None:
    request.node.add_marker(pytest.mark.promise(10))
    with pytest.raises(pytest.UsageError, match="there is no promise 10"):
        by_promise([request.node], range(1, 10))
