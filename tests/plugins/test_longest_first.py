"""The order of the files, with and without a cache."""

from __future__ import annotations

from tests.plugins.longest_first import longest_first

TESTS = [("a.py", "a.py::one", False), ("b.py", "b.py::one", False), ("b.py", "b.py::two", False),
         ("c.py", "c.py::one", True)]


def test_files_are_ordered_by_the_seconds_of_their_tests() -> None:
    known = {"a.py::one": 3.0, "b.py::one": 2.0, "b.py::two": 2.0, "c.py::one": 0.1}
    assert longest_first(TESTS, known) == ["b.py", "a.py", "c.py"]


def test_files_with_hosts_come_first_when_there_is_no_cache() -> None:
    assert longest_first(TESTS, {}) == ["c.py", "b.py", "a.py"]
