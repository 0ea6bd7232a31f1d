"""What lies there after a checkout is compared with the commit: git's exit code is not believed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tasks.executor import errors, git
from tests.executor.place import clone_of, commit, quiet
from tests.support.lab import git as run_git

pytestmark = pytest.mark.usefixtures("real_hosts")      # a test starts dozens of gits


def add(work: Path, name: str, content: bytes) -> str:
    path = work / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    run_git(work, "add", name)
    run_git(work, "commit", "--quiet", "--message", f"add {name}")
    return commit(work, "HEAD")


@contextmanager
def immutable(path: Path) -> Iterator[None]:
    """Even root cannot write it, as a user cannot write what is another's."""
    subprocess.run(["chattr", "+i", path], check=True)
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", path], check=True)


@contextmanager
def disk(path: Path, size: str) -> Iterator[Path]:
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)


def start(clone: git.Clone, work: Path, at: str) -> Path:
    clone.create()
    clone.remote.fetch(quiet)
    clone.checkout(commit(work, at), quiet)
    return Path(clone.directory)


@pytest.mark.promise(8)
@pytest.mark.parametrize("protected", ["conf/app.yml", "conf"])
def test_checkout_fails_where_a_file_cannot_be_replaced(clone: git.Clone, work: Path, protected: str) -> None:
    old = add(work, "conf/app.yml", b"old")
    new = add(work, "conf/app.yml", b"new")
    folder = start(clone, work, old)
    with immutable(folder / protected):
        for force in (False, True):
            with pytest.raises(errors.HostError) as error:
                clone.checkout(new, quiet, force=force)
            assert str(folder / protected) in error.value.message and "belongs to root" in error.value.message
            assert "chown" in error.value.hint
        clone.checkout(old, quiet, force=True)              # the way back need not write it
    assert clone.state() == git.State(old, None, {})
    assert (folder / "conf/app.yml").read_bytes() == b"old"


@pytest.mark.promise(8)
def test_checkout_fails_where_a_file_cannot_be_created(clone: git.Clone, work: Path) -> None:
    old = add(work, "conf/app.yml", b"old")
    new = add(work, "conf/new.yml", b"new")
    folder = start(clone, work, old)
    with immutable(folder / "conf"):
        with pytest.raises(errors.HostError, match=r"conf/new\.yml"):
            clone.checkout(new, quiet)
        clone.checkout(old, quiet, force=True)
    assert clone.state() == git.State(old, None, {})


@pytest.mark.promise(8)
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("strategy", ["in_place", "releases"])
@pytest.mark.rows(1)
def test_checkout_fails_where_the_disk_is_full(clone: git.Clone, work: Path, tmp_path: Path, first: bool,
                                               strategy: str) -> None:
    new = add(work, "big", os.urandom(2 << 20))
    with disk(tmp_path / "disk", "3500k") as place:
        clone = clone_of(work, place / "clone")
        clone.create()
        clone.remote.fetch(quiet)
        if not first:
            clone.checkout(commit(work, "v0"), quiet)
        with pytest.raises(errors.HostError) as error:
            if strategy == "in_place":
                clone.checkout(new, quiet)
            else:
                git.Worktree(str(place / "tree"), clone).make(new, quiet)
        assert "big" in error.value.message
        folder = place / ("clone" if strategy == "in_place" else "tree")
        assert error.value.hint == f"make room on the host: df -h {folder}; its inodes: df -i {folder}"


def test_fetch_names_the_disk_where_it_is_full(work: Path, tmp_path: Path) -> None:
    add(work, "big", os.urandom(2 << 20))
    with disk(tmp_path / "disk", "1m") as place:
        clone = clone_of(work, place / "clone")
        clone.create()
        with pytest.raises(errors.HostError, match="there is no room") as error:
            clone.remote.fetch(quiet)
    assert error.value.hint == "make room on the host: df -h; its inodes: df -i"


def test_checkout_fails_where_a_submodule_cannot_be_written(clone: git.Clone, work: Path, tmp_path: Path,
                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    for number, (name, value) in enumerate((("protocol.file.allow", "always"),)):
        monkeypatch.setenv(f"GIT_CONFIG_KEY_{number}", name)
        monkeypatch.setenv(f"GIT_CONFIG_VALUE_{number}", value)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    run_git(tmp_path, "init", "--quiet", "--initial-branch=main", "part")
    part = tmp_path / "part"
    add(part, "deep/file", b"1")
    run_git(work, "submodule", "--quiet", "add", str(part), "part")
    run_git(work, "commit", "--quiet", "--message", "part")
    old = commit(work, "HEAD")
    add(part, "deep/file", b"2")
    run_git(work / "part", "pull", "--quiet")
    run_git(work, "commit", "--quiet", "--all", "--message", "part 2")
    clone = clone_of(work, clone.directory)
    folder = start(clone, work, old)
    with immutable(folder / "part/deep"), pytest.raises(errors.HostError, match="part"):
        clone.checkout(commit(work, "HEAD"), quiet)


@pytest.mark.promise(11)
@pytest.mark.parametrize(("flag", "letter"), [("--assume-unchanged", "h"), ("--skip-worktree", "S")])
def test_edit_that_git_overlooks_is_an_edit(clone: git.Clone, work: Path, flag: str, letter: str) -> None:
    folder = start(clone, work, "main")
    assert clone.state().edits == {}                # it remembers the index as it is now
    run_git(folder, "update-index", flag, "file")
    assert clone.state().edits == {}
    (folder / "file").write_text("mine")
    assert list(clone.state().edits) == [" M file"]
    clone.stash.push("deploy", quiet)
    assert clone.state().edits == {}
    clone.checkout(commit(work, "v0"), quiet, force=True)
    clone.checkout(commit(work, "main"), quiet, force=True)
    clone.stash.pop("deploy", quiet)
    assert (folder / "file").read_text() == "mine"
    assert run_git(folder, "ls-files", "-v", "file") == f"{letter} file"


def test_sparse_file_is_no_edit(clone: git.Clone, work: Path) -> None:
    folder = start(clone, work, "main")
    run_git(folder, "update-index", "--skip-worktree", "file")
    (folder / "file").unlink()
    assert clone.state().edits == {}


@pytest.mark.parametrize("attributes", ["* text eol=lf", "*.txt eol=lf"])
@pytest.mark.rows(1)
def test_file_that_git_always_calls_modified_is_no_edit(clone: git.Clone, work: Path, attributes: str) -> None:
    """CRLF in the commit, under an attribute that was added later."""
    add(work, "notes.txt", b"a\r\nb\r\n")
    new = add(work, ".gitattributes", attributes.encode() + b"\n")
    folder = start(clone, work, new)
    os.utime(folder / "notes.txt", (1, 1))
    assert run_git(folder, "status", "--porcelain", "--untracked-files=no")
    assert clone.state() == git.State(new, None, {})
    (folder / "notes.txt").write_bytes(b"a\r\nc\r\n")
    assert list(clone.state().edits) == [" M notes.txt"]


def test_file_that_a_filter_changes_is_as_git_writes_it(clone: git.Clone, work: Path, home: Path,
                                                        request: pytest.FixtureRequest) -> None:
    add(work, "version", b"COMMIT\n")
    new = add(work, ".gitattributes", b"version filter=stamp\n")
    request.addfinalizer((home / ".gitconfig").unlink)
    (home / ".gitconfig").write_text('[filter "stamp"]\n\tsmudge = sed s/COMMIT/1a2b/\n\tclean = cat\n')
    folder = start(clone, work, new)
    os.utime(folder / "version", (1, 1))
    assert (folder / "version").read_text() == "1a2b\n"
    assert clone.state() == git.State(new, None, {})


@pytest.mark.parametrize("change", [
    "rm file", "rm file; mkdir file; touch file/x", "rm file; ln -s / file", "chmod +x file"])
def test_change_of_any_kind_has_a_digest(clone: git.Clone, work: Path, change: str) -> None:
    """So that what a build did is known again, and what a person did on top of it is not."""
    folder = start(clone, work, "main")
    subprocess.run(change, shell=True, cwd=folder, check=True)
    (before,) = clone.state().edits.items()
    assert before[1] is not None and clone.state().edits == dict([before])
    subprocess.run("rm -rf file; echo mine > file", shell=True, cwd=folder, check=True)
    assert clone.state().edits != dict([before])
    clone.checkout(commit(work, "v0"), quiet, force=True)
    assert (folder / "file").read_bytes() == b"0"
