"""All workers share one server of each kind: what it imports would cost each of them a second of a processor."""

from __future__ import annotations

import pytest

from tests.support.forked import start_servers


@pytest.hookimpl(tryfirst=True)         # they import while this process collects
def pytest_collection(session: pytest.Session) -> None:
    if session.config.getoption("--workers") and not session.config.option.collectonly:
        start_servers()
