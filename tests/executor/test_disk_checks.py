"""How much room `fab doctor` wants on a host: on file systems in memory, which take none."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tasks.executor.checks import disk as checks
from tasks.executor.layout import Layout
from tests.executor.test_git_verification import disk

MEGABYTES = {50: "failed", 500: "warning", 2000: "ok"}
INODES = {400: "failed", 5000: "warning", 20_000: "ok"}


def host(root: Path, state: str = ".fabvisor", directory: str = "app") -> Any:
    """As the checks know it."""
    settings = {"root": str(root), "supervisord_conf": "s.conf", "program_dir": "conf.d", "state": state}
    return SimpleNamespace(layout=Layout(settings, {}), services=[{"directory": directory}])


def outcome(check: Any, folder: Path) -> str:
    (finding,) = check(host(folder / "not/there/yet"))
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


def test_each_disk_that_a_deploy_writes_to_is_looked_at_once(tmp_path: Path) -> None:
    with disk(tmp_path / "state", "50m") as state, disk(tmp_path / "apps", "2000m,nr_inodes=400") as apps:
        found = [[(finding.outcome, finding.message.split()[-1]) for finding in check(
            host(tmp_path, f"{state}/ours", f"{apps}/app"))] for check in (checks.space, checks.inodes)]
    outcomes = [[outcome for outcome, _ in of_check[1:]] for of_check in found]
    assert outcomes == [["failed", "ok"], ["ok", "failed"]]
    assert [[folder for _, folder in of_check] for of_check in found] == [[str(tmp_path), str(state), str(apps)]] * 2
