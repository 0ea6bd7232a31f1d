"""Tests that start a host, and the quick lane without them: `pytest --quick`.

A test starts a host when it runs an sshd, a supervisord or the sandbox, or dozens of gits on a host's disk. It says
so by the fixture `real_hosts`: the fixture that starts the host asks for it, or the test itself by
`@pytest.mark.usefixtures("real_hosts")`.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.lab import LabHost
from tests.support.sshd import Sshd


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="leave out the tests that start a host")


def starts_hosts(item: pytest.Item) -> bool:
    return "real_hosts" in getattr(item, "fixturenames", ())


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--quick"):
        config.hook.pytest_deselected(items=[item for item in items if starts_hosts(item)])
        items[:] = [item for item in items if not starts_hosts(item)]


@pytest.fixture(scope="session")
def real_hosts() -> None:
    """Asked for by whatever starts a host."""


# How each kind starts.
STARTS = {(kind, name): getattr(kind, name) for kind, name in ((Sshd, "_start"), (LabHost, "start_supervisord"))}


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test that starts a host without saying so fails, else it would slow the quick lane down unseen."""
    for (kind, name), start in STARTS.items():
        setattr(kind, name, start if starts_hosts(item) else _refuse)


def _refuse(*_: Any) -> None:
    raise AssertionError('this test starts a host: add @pytest.mark.usefixtures("real_hosts")')
