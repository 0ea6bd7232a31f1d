"""The repositories that travel with a commit: its own repository, its submodules, and packs that hosts share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tasks._errors import NotReady
from tasks.mirror.relation import place
from tasks.mirror.source import Part, Source
from tests.mirror.conftest import commit
from tests.support.lab import git


@pytest.fixture
def source(work: Path, tmp_path: Path) -> Source:
    return Source(str(tmp_path / "git/app.git"), tmp_path / "cache", os.environ, print)


def submodule(work: Path, tmp_path: Path, name: str) -> str:
    """Adds one, and returns the commit of the outer repository."""
    bare = tmp_path / f"git/{name}.git"
    git(tmp_path, "clone", "--quiet", "--bare", str(tmp_path / "git/app.git"), str(bare))
    git(work, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", f"../{name}.git", name)
    return commit(work, f"with {name}")


def test_a_commit_comes_with_its_submodules_however_deep(source: Source, work: Path, tmp_path: Path) -> None:
    submodule(work, tmp_path, "inner")              # inner.git lacks submodules, outer.git has inner
    head = submodule(work, tmp_path, "outer")
    assert source.resolve("main", tmp_path).commit == head
    repos = [Path(part.repo).name for part in source.parts(head)]
    assert repos == ["app.git", "inner.git", "outer.git"]


def test_a_submodule_whose_commit_was_never_pushed_is_named(source: Source, work: Path, tmp_path: Path) -> None:
    submodule(work, tmp_path, "inner")
    git(work / "inner", "commit", "--quiet", "--allow-empty", "--message", "not pushed")
    head = commit(work, "points to it")
    source.resolve("main", tmp_path)
    with pytest.raises(NotReady, match=r"inner.*lacks its commit"):
        source.parts(head)


def test_git_lfs_is_refused_in_words(source: Source, work: Path, tmp_path: Path) -> None:
    (work / "media").mkdir()
    (work / "media/.gitattributes").write_text("*.bin filter=lfs diff=lfs\n")
    head = commit(work, "large files")
    source.resolve("main", tmp_path)
    with pytest.raises(NotReady, match="git-lfs"):
        source.parts(head)


def test_hosts_that_know_the_same_share_a_pack(source: Source, work: Path, tmp_path: Path) -> None:
    old = git(work, "rev-parse", "HEAD")
    head = commit(work, "two")
    source.resolve("main", tmp_path)
    part = Part(source.repo, head)
    assert source.pack(part, [old, "a" * 40]) is source.pack(part, ["b" * 40, old])
    assert source.pack(part, []) is not source.pack(part, [old])


def test_an_unknown_revision_is_refused_with_its_name(source: Source, tmp_path: Path) -> None:
    with pytest.raises(NotReady, match="'nothing'"):
        source.resolve("nothing", tmp_path)


def test_the_current_folder_is_a_revision(source: Source, work: Path) -> None:
    git(work, "commit", "--quiet", "--allow-empty", "--message", "not pushed")
    assert source.resolve(".", work).commit == git(work, "rev-parse", "HEAD")


@pytest.mark.parametrize("remote", ["git@git.example.com:other/app.git", None])
def test_current_folder_of_another_repository_is_refused_and_leaves_nothing(
        source: Source, tmp_path: Path, remote: str | None) -> None:
    other = tmp_path / "other"
    git(tmp_path, "init", "--quiet", "--template=", "other")
    if remote:
        git(other, "remote", "add", "origin", remote)
    git(other, "commit", "--quiet", "--allow-empty", "--message", "of other people")
    with pytest.raises(NotReady) as refused:
        source.resolve(".", other)
    told = f"{other} is a clone of {remote}, and has no" if remote else f"{other} has no"
    assert refused.value.message == f"{told} commit in common with {source.repo}"
    assert "refs/fabvisor" not in git(source.mirror.folder, "for-each-ref")


@pytest.mark.parametrize("is_there", [True, False])
def test_current_folder_may_be_a_fork_and_any_clone_while_the_git_server_is_away(
        source: Source, work: Path, tmp_path: Path, is_there: bool) -> None:
    git(work, "remote", "set-url", "origin", "https://git.example.com/fork/app")
    if not is_there:
        (tmp_path / "git/app.git").rename(tmp_path / "git/away.git")
    git(work, "commit", "--quiet", "--allow-empty", "--message", "of the fork")
    assert source.resolve(".", work).commit == git(work, "rev-parse", "HEAD")


@pytest.mark.parametrize("remote", [
    "https://gitlab-ci-token:secret@git.example.com/micro/app.git", "ssh://git@git.example.com:2222/micro/app",
    "GIT.example.com:micro/app.git/"])
def test_repository_has_one_place_whatever_its_address(remote: str) -> None:
    assert place(remote) == place("git@git.example.com:micro/app.git") != place("git@git.example.com:micro/other.git")
