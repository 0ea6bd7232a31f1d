"""Disks that are read-only, as after an error of theirs: nobody is told to change an owner."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tasks.executor import directory_access, errors, readiness
from tasks.executor.disk import read_only
from tasks.executor.git import verification
from tasks.executor.layout import Layout
from tasks.executor.logs import log_folder


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """It has a service's directory `a`, a clone `b` and a folder of program files."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100k", "none", folder], check=False,
                      capture_output=True).returncode:
        pytest.skip("mounting needs root")
    try:
        for name in ("a/logs", "b/.git", "conf.d"):
            (folder / name).mkdir(parents=True)
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def layout(root: Path, state: str) -> Layout:
    return Layout({"root": str(root), "state": state, "supervisord_conf": "s", "program_dir": "disk/conf.d"})


@pytest.mark.promise(9)
@pytest.mark.parametrize("state", ["disk", "disk/state"], ids=["there", "to be made"])
def test_disk_of_our_files_that_is_read_only_is_refused_by_who_writes_and_by_a_plan(disk: Path, state: str) -> None:
    made = layout(disk.parent, state)
    for require in (made.prepare, made.require_writable):
        with pytest.raises(errors.NotReady) as refused:
            require()
        assert_named(refused.value, disk)


FOUND: dict[str, tuple[str, Callable[[Path, Layout], list[Any]]]] = {
    "directory": ("a", lambda disk, _: directory_access.problems(str(disk / "a"))),
    "directory to be made": ("", lambda disk, _: directory_access.problems(str(disk / "new/deep"))),
    "clone": ("b", lambda disk, _: directory_access.problems(str(disk / "b"))),
    "program files": ("conf.d", lambda _, made: readiness._folder_problems(made)),
    "log": ("a/logs", lambda _, made: [*log_folder.problems(
        {"directory": "disk/a", "programs": [{"group": "a", "logs": ["logs/a.log"]}]}, made, os.geteuid())])}


@pytest.mark.promise(9)
@pytest.mark.parametrize("found", FOUND.values(), ids=FOUND)
def test_disk_of_a_service_that_is_read_only_is_named_before_anything_begins(
        disk: Path, found: tuple[str, Callable[[Path, Layout], list[Any]]]) -> None:
    name, problems = found
    [problem] = problems(disk, layout(disk.parent, "state"))
    assert_named(problem, disk / name)


def test_disk_that_became_read_only_meanwhile_is_told_as_the_cause_of_a_checkout_that_failed(disk: Path) -> None:
    assert verification._cause(str(disk), ["a/file"]) == (
        f"cannot write below {disk}/a: Read-only file system", f"it is read-only; see on the host: findmnt -T {disk}/a")


def test_disk_that_can_be_written_is_no_problem(tmp_path: Path) -> None:
    assert read_only.problem(str(tmp_path)) is None


def assert_named(problem: errors.HostError, place: Path) -> None:
    place = Path(os.path.normpath(place))
    assert problem.message == f"cannot write below {place}: Read-only file system"
    assert problem.hint == f"it is read-only; see on the host: findmnt -T {place}"
