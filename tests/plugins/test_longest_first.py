"""The order of the files, with and without a cache."""

from __future__ import annotations

import pytest

from tests.plugins.longest_first import WITH_A_HOST, WITHOUT, expected, longest_first

TESTS = [("a.py", "a.py::one", WITHOUT), ("b.py", "b.py::one", WITHOUT), ("b.py", "b.py::two", WITHOUT),
         ("c.py", "c.py::one", WITH_A_HOST)]


def test_files_are_ordered_by_the_seconds_of_their_tests() -> None:
    known = {"a.py::one": 3.0, "b.py::one": 2.0, "b.py::two": 2.0, "c.py::one": 0.1}
    assert longest_first(TESTS, known) == ["b.py", "a.py", "c.py"]


def test_files_with_hosts_come_first_when_there_is_no_cache() -> None:
    assert longest_first(TESTS, {}) == ["c.py", "b.py", "a.py"]


@pytest.mark.seconds(30)
def test_test_that_says_how_long_it_takes_counts_so(request: pytest.FixtureRequest) -> None:
    assert expected(request.node) == 30


@pytest.mark.usefixtures("real_hosts")
def test_test_that_starts_a_host_counts_more_than_others(request: pytest.FixtureRequest) -> None:
    assert expected(request.node) == WITH_A_HOST > WITHOUT
