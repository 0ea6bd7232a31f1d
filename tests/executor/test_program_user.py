"""Whether a program can run as its user: whose folders that user can enter, also those that are not there yet."""

from __future__ import annotations

import os
import shutil
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tasks.executor import program_user
from tasks.executor.disk import access_list
from tasks.executor.layout import Layout
from tests.support.users import let_enter

SERVICE = {"name": "app", "directory": "micro/app", "programs": [{"group": "app", "user": "nobody"}]}
NOGROUP = 65534


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tmp_path.chmod(0o755)
    let_enter(tmp_path)
    return tmp_path


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def problems(root: Path) -> list[str]:
    layout = Layout({"root": str(root), "supervisord_conf": "supervisord.conf", "program_dir": "conf.d"})
    return [f"{error.message}: {error.hint}" for error in program_user.problems(layout, SERVICE, 0)]


@pytest.mark.promise(9)
@pytest.mark.parametrize("mask", [0o077, 0o027])
def test_umask_that_shuts_out_the_programs_user_is_told_before_the_first_deploy(root: Path, mask: int) -> None:
    """Else the build is done, the program fails, and `chmod` helps for one folder of many."""
    with umask(mask):
        [problem] = problems(root)
    assert problem.startswith(
        f"app shall run as nobody, who cannot enter the folders that root makes: umask {mask:03o}: set another one")
    assert not problems(root)


def test_umask_counts_where_the_folder_was_made_for_us_and_holds_no_clone_yet(root: Path) -> None:
    """As by `install -d -o USER`, which we advise: all that git makes in it would be shut."""
    (root / "micro/app").mkdir(parents=True)
    with umask(0o077):
        [problem] = problems(root)
    assert "who cannot enter the folders that root makes: umask 077" in problem


def test_all_folders_that_are_shut_are_opened_by_one_command(root: Path) -> None:
    folders = [root / "micro", root / "micro/app"]
    for folder in folders:
        folder.mkdir(mode=0o750)
    [problem] = problems(root)
    assert problem == f"app shall run as nobody, who cannot enter {folders[0]}: open it on the host: chmod o+x " \
                      f"{folders[0]} {folders[1]}"


def test_umask_does_not_count_where_the_clone_is_there_or_a_folder_gives_group_or_access_list(root: Path) -> None:
    with umask(0o027):
        os.chown(root, 0, NOGROUP)
        root.chmod(0o2755)
        assert not problems(root)
        root.chmod(0o755)
        (root / "micro/app/.git").mkdir(parents=True)
        for folder in (root / "micro", root / "micro/app"):
            folder.chmod(0o755)
        assert not problems(root)
    with umask(0o077):
        shutil.rmtree(root / "micro/app")
        entries = [(access_list.OWNER, 7), (access_list.GROUP, 5), (access_list.OTHER, 5)]
        os.setxattr(root / "micro", access_list.DEFAULT, struct.pack("<I", access_list.VERSION) + b"".join(
            struct.pack("<HHI", tag, rights, access_list.NOBODY) for tag, rights in entries))
        assert not problems(root)
