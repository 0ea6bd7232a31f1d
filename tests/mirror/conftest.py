"""A repository to mirror."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.lab import git


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A working copy with one commit on main; repo(work) is what it pushes to."""
    bare, folder = tmp_path / "git/app.git", tmp_path / "work"
    bare.parent.mkdir()
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", str(bare))
    git(tmp_path, "clone", "--quiet", str(bare), str(folder))
    commit(folder, "one")
    return folder


def commit(folder: Path, text: str, branch: str = "main") -> str:
    (folder / "file").write_text(text)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", text)
    git(folder, "push", "--quiet", "--force", "origin", f"HEAD:refs/heads/{branch}")
    return git(folder, "rev-parse", "HEAD")
