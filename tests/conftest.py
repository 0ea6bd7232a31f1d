"""The order of the files: what takes longest first, so that at the end no processor waits for the last one."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent
LONGEST = ("gitlab/test_pipelines.py", "executor/test_releases.py", "test_readme.py", "faults",
           "executor/test_participant.py", "gitlab", "integration/test_plan_command.py", "integration", "embedded",
           "executor", "remote", "test_wrapper.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    path = item.path.relative_to(HERE)
    return next((rank for rank, one in enumerate(LONGEST) if path.is_relative_to(one)), len(LONGEST))
