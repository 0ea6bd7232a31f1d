"""How much room `fab doctor` wants on a host: on file systems in memory, which take none."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tasks.executor.checks import disk as checks
from tests.executor.test_git_verification import disk

MEGABYTES = {50: "failed", 500: "warning", 2000: "ok"}
INODES = {400: "failed", 5000: "warning", 20_000: "ok"}


def outcome(check: Any, folder: Path) -> str:
    (finding,) = check(SimpleNamespace(layout=SimpleNamespace(root=str(folder / "not/there/yet"))))
    assert f" free below {folder}" in finding.message
    return str(finding.outcome)


def test_disk_with_little_room_is_a_warning_and_one_with_too_little_fails(tmp_path: Path) -> None:
    for number, expected in MEGABYTES.items():
        with disk(tmp_path / str(number), f"{number}m") as folder:
            assert outcome(checks.space, folder) == expected


def test_disk_with_few_inodes_is_a_warning_and_one_with_too_few_fails(tmp_path: Path) -> None:
    for number, expected in INODES.items():
        with disk(tmp_path / str(number), f"1m,nr_inodes={number}") as folder:
            assert outcome(checks.inodes, folder) == expected
