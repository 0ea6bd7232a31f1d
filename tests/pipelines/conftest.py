"""What the tests of all pipelines share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.inventory import loading


@pytest.fixture
def inventory(request: pytest.FixtureRequest, tmp_path: Path) -> loading.Inventory:
    """The HOSTS of the test's module."""
    (tmp_path / "hosts.yaml").write_text(request.module.HOSTS)
    return loading.load(tmp_path / "hosts.yaml")
