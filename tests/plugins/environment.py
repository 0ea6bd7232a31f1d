"""No test knows which hosts.yaml the developer works with: one that runs `fab stop all` would stop their services."""

import os

import pytest

OURS = "FAB_INVENTORY", "FAB_ENV"


def pytest_configure(config: pytest.Config) -> None:
    for name in OURS:
        os.environ.pop(name, None)
