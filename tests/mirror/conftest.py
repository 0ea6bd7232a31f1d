"""A repository to mirror."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.lab import git


@pytest.fixture(scope="session")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What each test gets a copy of: a repository, and a working copy that pushes to it."""
    place = tmp_path_factory.mktemp("pattern")
    (place / "git").mkdir()
    git(place, "init", "--quiet", "--bare", "--template=", "--initial-branch=main", "git/app.git")
    git(place, "clone", "--quiet", "--template=", "git/app.git", "work")
    commit(place / "work", "one")
    return place


@pytest.fixture
def work(pattern: Path, tmp_path: Path) -> Path:
    """A working copy with one commit on main; git/app.git beside it is what it pushes to."""
    shutil.copytree(pattern, tmp_path, dirs_exist_ok=True)
    config = tmp_path / "work/.git/config"
    config.write_text(config.read_text().replace(str(pattern), str(tmp_path)))
    return tmp_path / "work"


def commit(folder: Path, text: str, branch: str = "main") -> str:
    (folder / "file").write_text(text)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", text)
    git(folder, "push", "--quiet", "--force", "origin", f"HEAD:refs/heads/{branch}")
    return git(folder, "rev-parse", "HEAD")
