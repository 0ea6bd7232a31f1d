"""A clone on the host: fetch, checkout, stash, and what git says of it."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.executor import errors, git
from tasks.executor.git import command, commits
from tasks.executor.service.context import ServiceContext
from tasks.executor.steps import Step
from tasks.executor.steps import clone as steps_clone
from tasks.executor.system import output_lines, shell
from tests.executor.place import Place, clone_of, commit, quiet
from tests.support.lab import git as run_git


def test_clone_ignores_a_repository_above(tmp_path: Path, work: Path) -> None:
    inside = work / "deep"
    inside.mkdir()
    clone = clone_of(work, inside)
    assert not clone.exists() and clone.head() is None
    assert clone.state() == git.State(None, None, {})


def test_error_of_git_holds_gits_own_words(clone: git.Clone, work: Path) -> None:
    clone.create()
    clone.remote.fetch(quiet)
    (Path(clone.directory) / "file").write_text("in the way")
    with pytest.raises(errors.HostError) as error:
        clone.checkout(commit(work, "main"), quiet)
    assert "untracked working tree files" in error.value.message and "\tfile" in error.value.message


def test_index_that_was_left_by_a_killed_git_goes_with_the_next(place: Place) -> None:
    place.forward(place.commit("echo one > file"))
    left = place.folder / ".git/fabvisor-index"
    left.write_bytes((place.folder / ".git/index").read_bytes())
    with place.ctx.clone.git.scratch_index() as index:
        assert index.run("ls-files") == []
    assert not left.exists()


@pytest.mark.parametrize(("repo", "kind"), [
    ("/no/such/repository", errors.NotReady), ("ssh://git@127.0.0.1:1/x.git", errors.TryAgain),
    ("ext::sh -c 'touch /tmp/never'", errors.HostError)])
def test_unreadable_repository_raises_its_kind_of_error(tmp_path: Path, repo: str, kind: type[errors.HostError],
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "PAUSES", (0.0, 0.0))
    clone = clone_of(repo, tmp_path)
    with pytest.raises(kind) as error:
        clone.remote.resolve("main")
    assert error.value.message
    assert not Path("/tmp/never").exists()


def test_fetch_that_takes_too_long_names_its_limit(tmp_path: Path) -> None:
    clone = git.Clone(str(tmp_path), "ssh://git@127.0.0.1/x.git", {**os.environ, "GIT_SSH_COMMAND": "sleep 100 #"},
                      lambda: None, fetch_timeout=0.2)
    with pytest.raises(errors.TryAgain, match=r"too slow.*timed out after 0\.2 s") as error:
        clone.remote.resolve("main")
    assert "raise `fetch_timeout`" in error.value.hint


def test_checkout_returns_to_a_branch(clone: git.Clone, work: Path) -> None:
    clone.create()
    clone.remote.fetch(quiet)
    first, last = commit(work, "v0"), commit(work, "main")
    folder = Path(clone.directory)
    clone.checkout(first, quiet)
    run_git(folder, "checkout", "--quiet", "-b", "main")
    clone.checkout(last, quiet)
    assert clone.head() == last
    assert clone.state() == git.State(last, None, {})
    clone.checkout(first, quiet, force=True)
    clone.reattach_branch("main", first)
    assert clone.state() == git.State(first, "main", {})
    clone.reattach_branch("main", last)                          # it is not there any more: stay
    assert clone.head() == first


def test_own_names_are_excluded_once(clone: git.Clone) -> None:
    clone.create()
    clone.exclude_own_names()
    text = (Path(clone.directory) / ".git/info/exclude").read_text()
    assert text.splitlines().count("/logs") == 1


def test_exclude_takes_a_path_literally(clone: git.Clone) -> None:
    clone.create()
    clone.exclude(["a[b]*", "x"])
    for name in ("a[b]*", "ab", "x"):
        (Path(clone.directory) / name).touch()
    assert run_git(Path(clone.directory), "status", "--porcelain") == "?? ab"


def test_checkout_empty_restores_the_state_after_git_init(clone: git.Clone, work: Path) -> None:
    clone.create()
    before = clone.state()
    clone.remote.fetch(quiet)
    clone.checkout(commit(work, "main"), quiet)
    (Path(clone.directory) / "mine").write_text("untracked")
    assert (Path(clone.directory) / "file").exists()
    clone.checkout_empty(before.branch)
    assert clone.state() == before and before.commit is None
    assert sorted(os.listdir(clone.directory)) == [".git", "mine"]


def test_stash_copy_leaves_the_files_as_they_are(clone: git.Clone, work: Path) -> None:
    clone.create()
    clone.remote.fetch(quiet)
    clone.checkout(commit(work, "main"), quiet)
    clone.stash.copy("nothing", quiet)
    assert clone.stash.find("nothing") is None
    (Path(clone.directory) / "file").write_text("edited")
    clone.stash.copy("deploy-1", quiet)
    assert (Path(clone.directory) / "file").read_text() == "edited"
    assert clone.stash.find("deploy-1") == "refs/stash@{0}"
    clone.stash.drop("deploy-1")
    clone.stash.drop("deploy-1")
    assert clone.stash.find("deploy-1") is None


ODD_NAMES = ["ä ö", "-rf", "a\tb", "x;y", "quote\"d", "a\nb", ":(top)x", os.fsdecode(b"caf\xe9")]


@pytest.mark.promise(11)
def test_edited_files_with_odd_names_are_listed_and_told_apart(clone: git.Clone, work: Path) -> None:
    for name in ODD_NAMES:
        (work / name).write_text("x")
    run_git(work, "add", "--all")
    run_git(work, "commit", "--quiet", "--message", "odd")
    clone.create()
    clone.remote.fetch(quiet)
    clone.checkout(commit(work, "main"), quiet)
    found = []
    for text in ("edited", "edited again"):
        for name in ODD_NAMES:
            (Path(clone.directory) / name).write_text(text)
        found.append(clone.state().edits)
    first, second = found
    assert sorted(first) == sorted(second) == sorted(f" M {name}" for name in ODD_NAMES)
    assert all(clone.state().describe(line).isprintable() for line in first)
    assert all(digest and second[line] not in (None, digest) for line, digest in first.items())


def test_edits_are_complete_beyond_the_kept_output_lines(clone: git.Clone, work: Path, monkeypatch: pytest.MonkeyPatch
                                                         ) -> None:
    monkeypatch.setattr(output_lines, "KEPT", 10)
    monkeypatch.setattr(output_lines, "LONGEST_LINE", 100)
    for number in range(25):
        (work / f"many{number}").write_text("x")
    run_git(work, "add", "--all")
    run_git(work, "commit", "--quiet", "--message", "many")
    clone.create()
    clone.remote.fetch(quiet)
    clone.checkout(commit(work, "main"), quiet)
    for number in range(25):
        (Path(clone.directory) / f"many{number}").write_text("edited")
    state = clone.state()
    assert state.commit == commit(work, "main")
    assert len(state.edits) == 25


def test_warning_of_git_is_no_edit(clone: git.Clone, work: Path) -> None:
    """It comes on standard error, for what stands in the repository itself."""
    (work / ".gitattributes").write_text("!*.bin text\n")
    run_git(work, "add", "--all")
    run_git(work, "commit", "--quiet", "--message", "odd attributes")
    clone.create()
    clone.remote.fetch(quiet)
    clone.checkout(commit(work, "main"), quiet)
    os.utime(Path(clone.directory) / "file")                # so that it is looked at again
    assert clone.state() == git.State(commit(work, "main"), None, {})
    (Path(clone.directory) / "file").write_text("edited")
    assert list(clone.state().edits) == [" M file"]


def test_newest_of_many_stashes_is_restored(clone: git.Clone, work: Path) -> None:
    clone.create()
    clone.remote.fetch(quiet)
    clone.checkout(commit(work, "main"), quiet)
    folder = Path(clone.directory)
    (folder / "file").write_text("old")
    old = run_git(folder, "stash", "create")
    run_git(folder, "stash", "store", old)
    line = f"{old} {old} T <t@example.com> 1700000000 +0000\tOn x: an old one\n"
    (folder / ".git/logs/refs/stash").write_text(line * 250)
    run_git(folder, "checkout", "--quiet", "--force", "HEAD")
    (folder / "file").write_text("precious")
    clone.stash.push("the-deploy", quiet)
    assert (folder / "file").read_text() == "2"
    clone.stash.pop("the-deploy", quiet)
    assert (folder / "file").read_text() == "precious"


def test_head_at_returns_the_commit_at_a_time(clone: git.Clone, work: Path) -> None:
    clone.create()
    clone.remote.fetch(quiet)
    for name in ("v0", "main"):
        clone.checkout(commit(work, name), quiet)
    log = Path(clone.directory) / ".git/logs/HEAD"
    first, second = log.read_text().splitlines()
    log.write_text(re.sub(r"> \d+ ", "> 1000 ", first) + "\nrubbish\n" + re.sub(r"> \d+ ", "> 2000 ", second) + "\n")
    assert clone.head_at(1500) == commit(work, "v0")
    assert clone.head_at(2500) == commit(work, "main")
    log.unlink()
    assert clone.head_at(2500) is None


def test_commit_that_was_sent_is_forgotten_unless_it_is_needed(clone: git.Clone, work: Path) -> None:
    clone.create()
    clone.remote.fetch(quiet)
    sent = [commit(work, name) for name in ("v0", "v1", "main")]
    for name in sent:
        assert not git.receive(clone.git, name, None, lambda *args: [])
    git.forget(clone.git, {sent[0], sent[2], "0" * 40})
    left = run_git(Path(clone.directory), "for-each-ref", "--format=%(objectname)", "refs/fabvisor/commits")
    assert set(left.splitlines()) == {sent[0], sent[2]}


def test_commits_of_submodules_are_forgotten_with_the_commits_that_want_them(clone: git.Clone, work: Path) -> None:
    clone.create()
    part = commit(work, "main")
    store = git.store(clone.git, str(work), part)
    store.run("fetch", "--quiet", str(work), "main")
    for wanted_by in ("a" * 40, "b" * 40):
        git.receive(store, part, None, lambda *args: [], wanted_by)
    store.run("update-ref", f"refs/fabvisor/commits/{part}", part)          # as older versions named it
    git.forget(clone.git, {"b" * 40})
    left = run_git(Path(store.directory), "for-each-ref", "--format=%(refname:lstrip=3)", "refs/fabvisor/commits")
    assert set(left.splitlines()) == {part, f"{'b' * 40}-{part}"}


def test_store_of_a_submodule_is_known_from_any_folder(clone: git.Clone, work: Path, tmp_path: Path,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    clone.create()
    store = git.store(clone.git, str(work), commit(work, "main"))
    (tmp_path / "config").write_text("[remote \"origin\"]\n\tpromisor = true\n")
    monkeypatch.chdir(tmp_path)
    assert not store.is_partial()


@pytest.mark.parametrize("separator", ["\u2028", "\x85", "\u2029"])
@pytest.mark.rows(1)
def test_branch_and_subject_with_a_line_separator_are_read_whole(clone: git.Clone, work: Path, separator: str) -> None:
    """Python takes more characters for the end of a line than git does."""
    clone.create()
    clone.remote.fetch()
    was, _ = clone.commits.resolve("main")
    run_git(work, "branch", f"odd{separator}name")
    run_git(work, "commit", "--quiet", "--allow-empty", "--message", f"odd{separator}subject")
    clone.remote.fetch()
    assert clone.commits.resolve(f"odd{separator}name")[0] == was
    assert was
    (added,) = clone.commits.distance(was, "refs/fabvisor/heads/main").added
    assert added["subject"] == f"odd{separator}subject"


def test_only_a_commit_that_is_here_counts_as_present(clone: git.Clone, work: Path) -> None:
    """git 2.45 and newer list nothing of a hash that is missing, and exit with 0, where objects may be missing."""
    clone.create()
    there = commit(work, "main")
    assert not clone.commits.has(there) and not clone.commits.has("1" * 40)
    clone.remote.fetch(quiet)
    assert clone.commits.has(there)
    assert not clone.commits.has(run_git(work, "rev-parse", there + "^{tree}")), "a tree is no commit"


def test_commit_with_missing_objects_counts_as_absent(clone: git.Clone, work: Path) -> None:
    """The files that a fetch leaves on a full disk."""
    clone.create()
    clone.remote.fetch(quiet)
    head = commit(work, "main")
    assert clone.commits.has(head)
    for name in (f"{head}:file", f"{head}^{{tree}}"):
        lost = run_git(Path(clone.directory), "rev-parse", name)
        file = Path(clone.directory) / ".git/objects" / lost[:2] / lost[2:]
        kept = file.read_bytes()
        file.unlink()
        assert not clone.commits.has(head)
        file.write_bytes(kept)
    assert clone.commits.has(head)


# As gits tell it, the second since 2.55 or a little before.
FLUSHES = r'"key":"fsync/hardware-flush","value":"(\d+)"|"category":"fsync","name":"hardware-flush","count":(\d+)'


@pytest.mark.promise(4)
def test_git_syncs_what_it_writes(clone: git.Clone, work: Path, home: Path, tmp_path: Path) -> None:
    """Half of an index, a reference or an object would be in the way of the way back. git 2.36 and newer can."""
    trace = tmp_path / "told"
    (home / ".gitconfig").write_text(f"[trace2]\n\teventTarget = {trace}\n")
    os.makedirs(clone.directory)
    clone.create()
    for act, wrote in ((lambda: clone.remote.fetch(quiet), 2), (lambda: clone.checkout(commit(work, "v1"), quiet), 2)):
        trace.unlink()
        act()
        flushes = ["".join(either) for either in re.findall(FLUSHES, trace.read_text())]
        assert sum(map(int, flushes)) >= wrote, act     # objects and references; the index and HEAD


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_repository_of_another_user_is_named_with_the_command_that_trusts_it(
        tmp_path: Path, clone: git.Clone) -> None:
    clone.create()
    bare = tmp_path / "bare.git"
    run_git(tmp_path, "clone", "--quiet", "--bare", clone.git.repo, str(bare))
    subprocess.run(["chown", "-R", "65534", str(bare)], check=True)
    home = tmp_path / "home"
    home.mkdir()
    other = clone_of(bare, clone.directory, HOME=str(home))
    with pytest.raises(shell.CommandFailed) as refused:
        other.remote.fetch(quiet)
    assert refused.value.message == f"the repository belongs to another user of the host, nobody: {bare}"
    assert refused.value.kind == "not_ready"
    command = refused.value.hint.partition("on the host: ")[2]
    subprocess.run(command, shell=True, check=True, env={**os.environ, "HOME": str(home)})
    other.remote.fetch(quiet)


def test_folders_of_git_are_those_that_git_names(nested: Place, tmp_path: Path) -> None:
    """Without a start of git: of a clone, of a worktree of it, and of a submodule in one."""
    release = tmp_path / "release"
    run_git(nested.folder, "worktree", "add", "--quiet", "--detach", str(release))
    for folder in (nested.folder, release, nested.folder / "part", nested.folder / "part/inner"):
        found = clone_of(nested.work, folder).git
        for path, option in ((found.git_dir(), "--git-dir"), (found.common_dir(), "--git-common-dir")):
            assert os.path.samefile(path, folder / run_git(folder, "rev-parse", option)), (folder, option)


def test_what_a_commit_has_is_asked_of_any_number_of_paths(clone: git.Clone, work: Path,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    """A command line has no room for all of them at once; and git has a meaning of its own for some."""
    monkeypatch.setattr(commits, "AT_ONCE", 2)
    (work / "folder").mkdir()
    for name in ("folder/last", ":(top)file", ":z"):
        (work / name).touch()
    run_git(work, "add", "--all")
    run_git(work, "commit", "--quiet", "--message", "folder")
    clone.create()
    clone.remote.fetch(quiet)
    paths = ["new", "other/new", "file/new", "folder/new", "folder/last", ":y", ":z", ":(top)file"]
    found = {"file/new": "file", **{name: name for name in ("folder/last", ":z", ":(top)file")}}
    assert clone.commits.tracked(commit(work, "main"), paths) == found


@pytest.mark.parametrize(("digits", "name"), [(40, "sha1"), (64, "sha256")])
def test_repositories_that_are_made_name_objects_as_the_commit_for_them(clone: git.Clone, digits: int, name: str
                                                                       ) -> None:
    clone.create("a" * digits)
    for made in (clone.git, git.store(clone.git, "ssh://git.example.com/part.git", "a" * digits)):
        assert made.first_line("rev-parse", "--show-object-format") == name


@pytest.mark.promise(9)
@pytest.mark.parametrize(("action", "version", "oldest"), [(steps_clone.fetch, "2.28.1", "2.29"),
                                                          (steps_clone.receive, "2.40.0", "2.41")])
def test_git_that_is_too_old_for_sha256_is_named_before_the_fetch(
        place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, action: Callable[[ServiceContext, Step], object],
        version: str, oldest: str) -> None:
    (tmp_path / "git").write_text(f"#!/bin/sh\necho git version {version}\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    place.moved_to(place.work)
    parts = [{"repo": str(place.work), "commit": "a" * 64}, {"repo": "other", "commit": "b" * 64}]
    with pytest.raises(errors.NotReady) as error:
        action(place.ctx, Step({"commit": "a" * 64, "parts": parts}, quiet))
    assert f"git {version} is older than {oldest}" in error.value.message and not place.folder.exists()
