"""The folder of a test."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.mark.parametrize("row", ["../a b" * 99, ""])
def test_folder_of_a_test_is_new_and_closed_to_others(tmp_path: Path, row: str) -> None:
    assert list(tmp_path.iterdir()) == [] and tmp_path.stat().st_mode & 0o777 == 0o700
    (tmp_path / "file").touch()             # the other row has another folder
