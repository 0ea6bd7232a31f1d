"""What `fab adopt` reads of the folders of Capistrano, Deployer and ansistrano."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tasks.executor.adoption import adopted_releases
from tests.support.lab import git

ORIGIN = "git@git.example.com:shop.git"


def laid_out(folder: Path, repository: str, *options: str) -> Path:
    """A release with two shared paths and a link of its own; returns `current`."""
    release, shared = folder / "releases/12", folder / "shared"
    for path in (release / "config", release / ".git-not", shared / "config", shared / "public/uploads",
                 folder / repository):
        path.mkdir(parents=True, exist_ok=True)
    (shared / ".env").write_text("A=1")
    (release / ".env").symlink_to("../../shared/.env")
    (release / "public").mkdir()
    (release / "public/uploads").symlink_to(shared / "public/uploads")
    (release / "config/link").symlink_to("../config")
    (folder / "current").symlink_to("releases/12")
    git(folder / repository, "init", "--quiet", *options)
    git(folder / repository, "remote", "add", "origin", ORIGIN)
    return folder / "current"


@pytest.mark.parametrize(("repository", "options"), [
    ("repo", ["--bare"]), (".dep/repo", ["--bare"]), ("releases/12", [])], ids=["capistrano", "deployer", "clones"])
def test_repository_and_shared_paths_of_a_release_are_told(tmp_path: Path, repository: str,
                                                           options: list[str]) -> None:
    current = laid_out(tmp_path, repository, *options)
    found = adopted_releases.find(str(current), os.environ)
    assert found is not None
    assert (found["directory"], found["repo"], found["subdirectory"]) == (str(tmp_path), ORIGIN, "")
    assert (found["shared_directory"], found["shared"]) == ("shared", [".env", "public/uploads/"])
    below = adopted_releases.find(str(current / "config"), os.environ)
    assert below is not None and below["subdirectory"] == "config"


@pytest.mark.parametrize(("file", "text"), [
    ("revisions.log", "Branch old (at 1a2b3c4) deployed as release 11 by ann\n"
                      "Branch next (at 5d6e7f8) deployed as release 12 by ann\n"),
    (".dep/releases_log", '{"release_name": "11", "target": "old"}\n{"release_name": "12", "target": "next"}\n')])
def test_branch_of_the_last_deploy_is_told(tmp_path: Path, file: str, text: str) -> None:
    current = laid_out(tmp_path, ".dep/repo", "--bare")
    (tmp_path / file).write_text(text)
    found = adopted_releases.find(str(current), os.environ)
    assert found is not None and found["branch"] == "next"


@pytest.mark.parametrize(("options", "branch"), [([], "next"), (["--bare"], "")], ids=["ansistrano", "capistrano"])
def test_branch_that_is_checked_out_beside_the_releases_is_told(tmp_path: Path, options: list[str],
                                                                branch: str) -> None:
    current = laid_out(tmp_path, "repo", *options, "--initial-branch=next")
    found = adopted_releases.find(str(current), os.environ)
    assert found is not None and found["branch"] == branch


def test_current_that_is_no_release_is_not_taken_for_one(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "current").symlink_to("elsewhere")
    assert adopted_releases.find(str(tmp_path / "current"), os.environ) is None
    assert adopted_releases.find(str(tmp_path), os.environ) is None
