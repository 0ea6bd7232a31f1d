"""Tests that start a host, and the quick lane without them: `pytest --quick`.

A test starts a host when it runs an sshd, a supervisord or the sandbox, or dozens of gits on a host's disk. It says
so by the fixture `real_hosts`: the fixture that starts the host asks for it, or the test itself by
`@pytest.mark.usefixtures("real_hosts")`. What takes long for another reason asks for `whole_suite`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.lab import LabHost
from tests.support.sshd import Sshd

# All of their tests start hosts: the quick lane does not read them.
FOLDERS = [Path(__file__).parents[1] / name for name in ("embedded", "integration")]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="leave out the tests that start a host, or take long")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    return True if config.getoption("--quick") and collection_path in FOLDERS else None


def starts_hosts(item: pytest.Item) -> bool:
    return "real_hosts" in getattr(item, "fixturenames", ())


def is_quick(item: pytest.Item) -> bool:
    return not starts_hosts(item) and "whole_suite" not in getattr(item, "fixturenames", ())


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--quick"):
        config.hook.pytest_deselected(items=[item for item in items if not is_quick(item)])
        items[:] = [item for item in items if is_quick(item)]


@pytest.fixture(scope="session")
def real_hosts() -> None:
    """Asked for by whatever starts a host."""


@pytest.fixture(scope="session")
def whole_suite() -> None:
    """Asked for by what takes long, such as an installation."""


# How each kind starts.
STARTS = {(kind, name): getattr(kind, name) for kind, name in ((Sshd, "_start"), (LabHost, "start_supervisord"))}


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test that starts a host without saying so fails, else it would slow the quick lane down unseen. So does one
    that the quick lane would miss."""
    assert starts_hosts(item) or item.path.parent not in FOLDERS, f"--quick does not read {item.path.parent}"
    for (kind, name), start in STARTS.items():
        setattr(kind, name, start if starts_hosts(item) else _refuse)


def _refuse(*_: Any) -> None:
    raise AssertionError('this test starts a host: add @pytest.mark.usefixtures("real_hosts")')
