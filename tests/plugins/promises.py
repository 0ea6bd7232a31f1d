"""The promises of the README, and the tests that fail without them: `pytest --promises` prints the table."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--promises", action="store_true", help="print each promise with its tests, and run none")


def promises() -> dict[int, str]:
    """Numbers and names, from the table of the README."""
    rows = re.findall(r"(?m)^\| (\d+) \| \*\*(.+?)\*\* \|", README.read_text())
    return {int(number): name for number, name in rows}


def by_promise(items: Iterable[pytest.Item], numbers: Iterable[int]) -> dict[int, list[str]]:
    """The tests of each promise, once each whatever their parameters. Raises UsageError for another number."""
    tests: dict[int, set[str]] = {number: set() for number in numbers}
    for item in items:
        for mark in item.iter_markers("promise"):
            (number,) = mark.args
            if number not in tests:
                raise pytest.UsageError(f"{item.nodeid}: there is no promise {number}")
            tests[number].add(item.nodeid.partition("[")[0])
    return {number: sorted(names) for number, names in tests.items()}


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    if not session.config.getoption("--promises"):
        return None
    terminal = session.config.get_terminal_writer()
    names = promises()
    for number, tests in by_promise(session.items, names).items():
        terminal.line(f"\n{number}. {names[number]}")
        for test in tests:
            terminal.line(f"   {test}")
    return True
