"""What a deploy knows of a clone without asking git."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.executor import git
from tasks.executor.git import index, index_file, refs
from tasks.executor.service import revision
from tests.executor.place import commit, quiet
from tests.support.lab import git as run_git


@pytest.fixture
def clone(clone: git.Clone, work: Path) -> git.Clone:
    """At the branch main, which has `file` alone."""
    clone.create()
    clone.remote.fetch(quiet)
    clone.checkout(commit(work, "main"), quiet)
    return clone


def changed(clone: git.Clone, work: Path, command: str) -> str:
    """A commit after this command of git, in the clone, which stays where it was."""
    (work / "new").mkdir()
    (work / "new/one").write_text("1")
    run_git(work, *command.split())
    run_git(work, "commit", "--quiet", "--allow-empty", "--message", "change")
    clone.remote.fetch(quiet)
    return commit(work, "main")


@pytest.mark.parametrize(("command", "kinds"), [
    ("status", {"file": "file", "new": "", "fil": ""}), ("add new/one", {"new": "folder"}),
    ("add new", {"new/one": "file"}), ("mv file new/two", {"file": "", "new": "folder"})])
def test_kind_of_a_path_is_that_of_the_commit_whatever_the_index_has(clone: git.Clone, work: Path, command: str,
                                                                      kinds: dict[str, str]) -> None:
    to = changed(clone, work, command)
    for path, expected in kinds.items():
        assert clone.kind(to, path) == expected == clone.commits.kind(to, path)


def test_git_is_not_asked_for_a_path_that_neither_the_index_nor_its_changes_have(clone: git.Clone, work: Path) -> None:
    to = changed(clone, work, "add new")
    assert index.may_have(clone.git, to, "new/one".__eq__) and index.may_have(clone.git, to, "file".__eq__)
    assert not index.may_have(clone.git, to, "logs".__eq__)
    os.unlink(clone.git.index_path())                   # then it tells nothing
    assert index.may_have(clone.git, to, "logs".__eq__)


@pytest.mark.parametrize("is_packed", [False, True])
def test_references_are_read_where_git_keeps_them(clone: git.Clone, is_packed: bool) -> None:
    assert refs.read(clone.git, "refs/fabvisor/modes/") == {}
    clone.git.run("update-ref", "refs/fabvisor/modes/x", "HEAD")
    if is_packed:
        clone.git.run("pack-refs", "--all")
        assert not os.path.exists(os.path.join(clone.git.git_dir(), "refs/fabvisor/modes"))
    assert refs.read(clone.git, "refs/fabvisor/modes/") == {"refs/fabvisor/modes/x": clone.head()}


def test_newer_of_two_notes_of_a_reference_counts(clone: git.Clone, work: Path) -> None:
    clone.git.run("update-ref", "refs/fabvisor/modes/deep/x", "HEAD")
    clone.git.run("pack-refs", "--all")
    to = changed(clone, work, "add new")
    clone.git.run("update-ref", "refs/fabvisor/modes/deep/x", to)
    assert refs.read(clone.git, "refs/fabvisor/modes/") == {"refs/fabvisor/modes/deep/x": to}


def test_reference_that_git_packs_while_references_are_read_is_found(clone: git.Clone,
                                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    """As `git gc` of a person does, between our two looks."""
    clone.git.run("update-ref", "refs/fabvisor/modes/x", "HEAD")

    def then_packed(look: Callable[..., dict[str, str]]) -> Callable[..., dict[str, str]]:
        def both(*args: object) -> dict[str, str]:
            found = look(*args)
            clone.git.run("pack-refs", "--all")
            return found
        return both
    for name in ("_loose", "_packed"):
        monkeypatch.setattr(refs, name, then_packed(getattr(refs, name)))
    assert refs.read(clone.git, "refs/fabvisor/modes/") == {"refs/fabvisor/modes/x": clone.head()}


@pytest.mark.parametrize("content", ["ref: refs/fabvisor/heads/main\n", ""])
def test_git_is_asked_for_references_that_no_file_tells(clone: git.Clone, work: Path, content: str) -> None:
    """A symbolic one, and one that a power cut left without content, which git leaves out."""
    (Path(clone.git.git_dir()) / "refs/fabvisor/modes").mkdir()
    (Path(clone.git.git_dir()) / "refs/fabvisor/modes/x").write_text(content)
    assert refs.read(clone.git, "refs/fabvisor/modes/") == (
        {"refs/fabvisor/modes/x": commit(work, "main")} if content else {})


@pytest.mark.parametrize("name", [".nfs0001", "x.lock"])
def test_file_beside_references_that_git_passes_over_is_none(clone: git.Clone, name: str) -> None:
    clone.git.run("update-ref", "refs/fabvisor/modes/x", "HEAD")
    (Path(clone.git.git_dir()) / "refs/fabvisor/modes" / name).write_text(f"{clone.head()}\n")
    assert refs.read(clone.git, "refs/fabvisor/modes/") == {"refs/fabvisor/modes/x": clone.head()}


def test_git_is_asked_for_references_that_it_may_keep_in_a_table(clone: git.Clone) -> None:
    """Here it keeps none there, and takes no file of such a name for a reference."""
    folder = Path(clone.git.git_dir())
    (folder / "refs/fabvisor/modes").mkdir()
    (folder / "refs/fabvisor/modes/a..b").write_text(f"{clone.head()}\n")
    assert refs.read(clone.git, "refs/fabvisor/modes/")
    (folder / "reftable").mkdir()
    assert refs.read(clone.git, "refs/fabvisor/modes/") == {}


@pytest.mark.parametrize(("setting", "is_told"), [
    ("", True), ("[remote \"origin\"]\n\turl = /elsewhere\n", False), ("[include]\n\tpath = more\n", False)])
def test_origin_is_read_where_git_wrote_it(clone: git.Clone, setting: str, is_told: bool) -> None:
    with open(os.path.join(clone.git.git_dir(), "config"), "a") as file:
        file.write(setting)
    assert clone._names_origin() is is_told


@pytest.mark.parametrize("repo", ["/a#b", '/a"b', "/a;b", "/a\\b", "/a b", "git@host:a.git"])
def test_origin_is_followed_whatever_is_in_its_name(clone: git.Clone, repo: str) -> None:
    other = git.Clone(clone.directory, repo, dict(os.environ), lambda: None)
    other.follow_origin()
    assert clone.git.first_line("config", "remote.origin.url") == repo


def test_origin_that_git_reads_otherwise_than_it_is_written_is_made_right(clone: git.Clone) -> None:
    """A person wrote it, without the quotes: behind # is a comment."""
    (Path(clone.git.git_dir()) / "config").write_text('[remote "origin"]\n\turl = /a#b\n')
    other = git.Clone(clone.directory, "/a#b", dict(os.environ), lambda: None)
    other.follow_origin()
    assert clone.git.first_line("config", "remote.origin.url") == "/a#b"


def test_branch_that_was_fetched_at_another_commit_is_behind(clone: git.Clone, work: Path) -> None:
    before = commit(work, "main")
    to = changed(clone, work, "add new")
    assert clone.remote.is_behind("main", before) and not clone.remote.is_behind("main", to)
    assert not clone.remote.is_behind("none", to) and not clone.remote.is_behind(to, to)


def test_branch_that_moved_is_obtained_by_one_git(clone: git.Clone, work: Path, tmp_path: Path) -> None:
    (work / "file").write_text("new")
    run_git(work, "commit", "--quiet", "--all", "--message", "change")
    (tmp_path / ".gitconfig").write_text(f"[trace2]\n\teventTarget = {tmp_path}/told\n")
    traced = git.Clone(clone.directory, clone.repo, {**os.environ, "HOME": str(tmp_path)}, lambda: None)
    assert revision.obtain(traced, commit(work, "main"), "main")
    told = map(json.loads, (tmp_path / "told").read_text().splitlines())
    assert [line["name"] for line in told if line["event"] == "cmd_name" and "/" not in line["sid"]] == ["fetch"]
    assert clone.commits.has(commit(work, "main"))


@pytest.mark.promise(1)
@pytest.mark.parametrize("left", [("main",), ("main", "main^{tree}")])
def test_branch_that_moved_is_obtained_with_all_of_its_files_whatever_a_full_disk_left(
        clone: git.Clone, work: Path, left: tuple[str, ...]) -> None:
    """`left`: the objects that an earlier fetch could write."""
    (work / "file").write_text("new")
    run_git(work, "commit", "--quiet", "--all", "--message", "change")
    for name in left:
        digest = run_git(work, "rev-parse", name)
        path = f"objects/{digest[:2]}/{digest[2:]}"
        os.makedirs(os.path.dirname(os.path.join(clone.git.git_dir(), path)), exist_ok=True)
        shutil.copy(work / ".git" / path, os.path.join(clone.git.git_dir(), path))
    to = commit(work, "main")
    assert clone.git.succeeds("cat-file", "-e", to) and not clone.commits.has(to)
    assert revision.obtain(clone, to, "main")
    assert clone.commits.has(to)


CHANGED_INDEX = {
    "as it is": "true",
    "new": "git add new",
    "unchanged": "git update-index --assume-unchanged file",
    "executable": "chmod +x file; git add file",
    "link": "ln -s file new/link; git add new",
    "empty": "git rm -q file",
    "names": r"touch new/$'a\nb\tc\xff é' new/{1,12,123,1234,12345,123456,1234567,12345678}; git add new",
    "unmerged": "for stage in 1 2 3; do echo 100644 $(git hash-object file) $stage$'\\t'x; done"
                " | git update-index --index-info",
    "submodule": "echo 160000 $(git rev-parse HEAD) 0$'\\t'sub | git update-index --index-info",
    "trees": "git add new; git write-tree; git status"}


@pytest.mark.parametrize("command", CHANGED_INDEX.values(), ids=CHANGED_INDEX)
def test_index_is_read_as_git_lists_it(clone: git.Clone, command: str) -> None:
    (Path(clone.directory) / "new").mkdir()
    (Path(clone.directory) / "new/file").touch()
    subprocess.run(["bash", "-c", command], cwd=clone.directory, check=True)
    expected = clone.git.paths("ls-files", "-v", "--stage", "-z")
    assert index_file.listing(clone.git) == expected == index.listing(clone.git)


@pytest.mark.parametrize("command", [
    "git update-index --index-version 4", "git update-index --split-index", "git config extensions.objectFormat sha1",
    "git sparse-checkout init --cone --sparse-index; git sparse-checkout set x", "git add -N new",
    "git update-index --skip-worktree file", "git sparse-checkout set x; mkdir folder; touch folder/file",
    "truncate -s 100 .git/index", "printf x >>.git/index", "rm .git/index"])
def test_git_is_asked_for_an_index_that_is_not_easily_read(clone: git.Clone, command: str) -> None:
    folder = Path(clone.directory) / "folder"
    folder.mkdir()
    (folder / "file").touch()
    run_git(Path(clone.directory), "add", "folder")
    run_git(Path(clone.directory), "commit", "--quiet", "--message", "folder")
    (Path(clone.directory) / "new").touch()
    assert index_file.listing(clone.git)
    subprocess.run(["bash", "-c", command], cwd=clone.directory, check=True)
    assert index_file.listing(clone.git) is None


def test_git_is_asked_for_a_large_index(clone: git.Clone) -> None:
    names = "".join(f"100644 {'1' * 40} 0\t{number:0100}\n" for number in range(2000))
    clone.git.run("update-index", "--index-info", given=names.encode())
    assert index_file.listing(clone.git) is None and len(index.listing(clone.git)) == 2001
