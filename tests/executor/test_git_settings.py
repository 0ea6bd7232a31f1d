"""git does the same on every host: whatever its user set, whatever the repository brings, whatever refs were called."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.executor import errors, git
from tests.executor.place import clone_of, commit, quiet
from tests.support.lab import git as run_git

pytestmark = pytest.mark.usefixtures("real_hosts")      # a test starts dozens of gits

STRANGER = 65534                    # nobody


@pytest.mark.parametrize("hook", ["post-checkout", "reference-transaction", "post-index-change"])
def test_checkout_runs_no_hook_of_the_repository(clone: git.Clone, work: Path, tmp_path: Path, hook: str) -> None:
    clone.create()
    script = Path(clone.directory) / ".git/hooks" / hook
    script.parent.mkdir(exist_ok=True)
    script.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\nexit 1\n")
    script.chmod(0o755)
    clone.remote.fetch(quiet)
    clone.checkout(commit(work, "main"), quiet)
    tree = git.Worktree(str(tmp_path / "tree"), clone)
    tree.make(commit(work, "main"), quiet)
    assert clone.head() == tree.head() == commit(work, "main")
    assert not (tmp_path / "ran").exists()


def test_hook_that_husky_set_up_does_not_run(clone: git.Clone, work: Path) -> None:
    folder = work / ".husky"
    folder.mkdir()
    (folder / "post-checkout").write_text("#!/bin/sh\nexit 1\n")
    (folder / "post-checkout").chmod(0o755)
    run_git(work, "add", "--all")
    run_git(work, "commit", "--quiet", "--message", "husky")
    clone.create()
    run_git(Path(clone.directory), "config", "core.hooksPath", ".husky")
    clone.remote.fetch(quiet)
    for name in ("v0", "main"):
        clone.checkout(commit(work, name), quiet)
    assert clone.head() == commit(work, "main")


# None of a user hides what another one of that user does.
SETTINGS = {
    "as on Windows": ["core.autocrlf=true", "core.safecrlf=true", "core.symlinks=false"],
    "as on a Mac": ["core.autocrlf=input", "core.fsmonitor=true", "submodule.recurse=true"],
    "of lines": ["core.eol=crlf", "checkout.workers=4", "core.hooksPath=/nonexistent"],
    "of a fetch": ["fetch.prune=true", "fetch.pruneTags=true"],
    "of words": ["commit.gpgSign=true", "log.showSignature=true", "color.ui=always", "status.renames=copies"],
}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.rows(2)
def test_settings_of_the_hosts_user_change_nothing(clone: git.Clone, work: Path, home: Path, settings: list[str],
                                                   request: pytest.FixtureRequest) -> None:
    (work / "windows.txt").write_bytes(b"a\r\nb\r\n")
    (work / "unix.txt").write_bytes(b"a\n")
    (work / ".gitattributes").write_text("unix.txt text\n")
    (work / "link").symlink_to("unix.txt")
    run_git(work, "add", "--all")
    run_git(work, "commit", "--quiet", "--message", "lines")
    request.addfinalizer((home / ".gitconfig").unlink)
    for setting in settings:
        name, _, value = setting.partition("=")
        run_git(work, "config", "--file", str(home / ".gitconfig"), name, value)
    clone.create()
    clone.remote.fetch(quiet)
    clone.checkout(commit(work, "v0"), quiet)
    clone.checkout(commit(work, "main"), quiet)
    folder = Path(clone.directory)
    assert (folder / "windows.txt").read_bytes() == b"a\r\nb\r\n"
    assert (folder / "unix.txt").read_bytes() == b"a\n" and (folder / "link").is_symlink()
    assert (folder / "file").read_bytes() == (work / "file").read_bytes()
    assert clone.state() == git.State(commit(work, "main"), None, {})
    assert clone.commits.distance(commit(work, "v0"), commit(work, "main")).ahead
    (folder / "file").write_text("edited")
    clone.stash.push("deploy", quiet)
    clone.stash.pop("deploy", quiet)
    assert (folder / "file").read_text() == "edited"


def test_worktree_whose_paths_are_relative_is_found_and_removed(clone: git.Clone, work: Path) -> None:
    """As git 2.48 and newer write them, where the user's settings or `git worktree repair` say so."""
    clone.create()
    clone.remote.fetch(quiet)
    tree = git.Worktree(f"{clone.directory}/releases/x", clone)
    tree.make(commit(work, "main"), quiet)
    record = Path(clone.directory) / ".git/worktrees/x"
    (Path(tree.directory) / ".git").write_text("gitdir: ../../.git/worktrees/x\n")
    (record / "gitdir").write_text("../../../releases/x/.git\n")
    assert (tree.exists(), tree.head()) == (True, commit(work, "main"))
    tree.remove()
    assert not record.exists()


@pytest.mark.promise(1)
def test_commit_that_is_replaced_on_the_host_is_what_its_hash_says(clone: git.Clone, work: Path) -> None:
    """git-replace(1) puts another commit in its place, on this host only."""
    clone.create()
    clone.remote.fetch(quiet)
    run_git(Path(clone.directory), "replace", commit(work, "main"), commit(work, "v0"))
    clone.checkout(commit(work, "main"), quiet)
    assert (Path(clone.directory) / "file").read_bytes() == (work / "file").read_bytes()
    assert clone.state() == git.State(commit(work, "main"), None, {})


def test_attributes_of_the_hosts_user_change_nothing(clone: git.Clone, work: Path, home: Path,
                                                     request: pytest.FixtureRequest) -> None:
    folder = home / ".config/git"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "attributes").write_text("file eol=crlf\n")
    request.addfinalizer((folder / "attributes").unlink)
    (work / "file").write_text("a\n")
    run_git(work, "commit", "--quiet", "--all", "--message", "lines")
    clone.create()
    clone.remote.fetch(quiet)
    clone.checkout(commit(work, "main"), quiet)
    assert (Path(clone.directory) / "file").read_bytes() == b"a\n"


@pytest.mark.rows(3)
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", ["tag", "branch"])
@pytest.mark.parametrize(("old", "new"), [("release", "release/1.0"), ("release/1.0", "release"),
                                          ("a/b", "a/b/c/d"), ("a/b/c/d", "a")])
def test_name_that_became_a_folder_does_not_block_a_fetch(clone: git.Clone, work: Path, kind: str, old: str, new: str,
                                                          packed: bool) -> None:
    run_git(work, kind, old, "v0")
    clone.create()
    clone.remote.fetch(quiet)
    folder = Path(clone.directory)
    run_git(folder, "tag", "of-a-person", commit(work, "v0"))
    if packed:
        run_git(folder, "pack-refs", "--all")
    run_git(work, kind, *(["-D"] if kind == "branch" else ["-d"]), old)
    run_git(work, kind, new, "v1")
    for _ in range(2):
        clone.remote.fetch(quiet)
        assert clone.commits.resolve(new)[0] == commit(work, "v1")
        assert clone.commits.resolve(old) == (None, None)
    if kind == "tag":
        assert run_git(folder, "rev-parse", f"refs/tags/{new}^{{commit}}") == commit(work, "v1")
    assert run_git(folder, "rev-parse", "of-a-person") == commit(work, "v0")


def test_moved_tag_is_the_new_one_for_a_build(clone: git.Clone, work: Path) -> None:
    clone.create()
    clone.remote.fetch(quiet)
    run_git(work, "tag", "--force", "v0", "main")
    clone.remote.fetch(quiet)
    assert run_git(Path(clone.directory), "rev-parse", "v0^{commit}") == commit(work, "main")


def test_branch_that_the_client_sends_replaces_one_whose_name_clashes(clone: git.Clone, work: Path) -> None:
    run_git(work, "branch", "release", "v0")
    clone.create()
    clone.remote.fetch(quiet)
    git.receive(clone.git, commit(work, "v1"), "release/1.0", lambda *wanted: [])
    assert clone.commits.resolve("release/1.0") == (commit(work, "v1"), "release/1.0")


def test_reference_that_a_killed_git_left_locked_is_named_with_the_ways_on(clone: git.Clone, work: Path) -> None:
    """As `plan` meets it: only who holds the service's lock may remove it."""
    clone.create()
    clone.remote.fetch(quiet)
    run_git(work, "commit", "--quiet", "--allow-empty", "--message", "more")
    folder = Path(clone.directory)
    locks = [folder / f".git/{name}.lock" for name in run_git(folder, "for-each-ref", "--format=%(refname)").split()]
    for lock in locks:
        lock.touch()
    with pytest.raises(errors.HostError, match="which another git holds, or left") as raised:
        clone.remote.fetch(quiet)
    assert raised.value.kind == "not_ready" and f"rm {folder}" in raised.value.hint
    assert clone.remove_stale_locks() == []
    clone.remote.fetch(quiet)
    assert locks and not any(lock.exists() for lock in locks)


def test_damage_of_the_git_servers_repository_is_not_told_of_the_clone(clone: git.Clone, work: Path) -> None:
    clone.create()
    blob = run_git(work, "rev-parse", "main:file")
    stored = work / ".git/objects" / blob[:2] / blob[2:]
    stored.chmod(0o644)
    stored.write_bytes(b"")
    with pytest.raises(errors.HostError) as raised:
        clone.remote.fetch(quiet)
    assert "git cannot read the clone" not in raised.value.message
    assert raised.value.hint.endswith(f"git ls-remote {work}")


@pytest.mark.parametrize(("says", "message"), [
    ("eval \"$command\"", "bad config line"),
    ("echo \"fatal: detected dubious ownership in repository at '/nowhere/shop.git'\" >&2; exit 128",
     "the repository belongs to another user of the git server (ssh://git.example.com/")])
def test_git_server_by_ssh_that_cannot_begin_is_not_told_of_the_clone(
        says: str, message: str, clone: git.Clone, work: Path, tmp_path: Path) -> None:
    """It speaks as git here does, without `remote:`, and of paths that are not here."""
    clone.create()
    run_git(tmp_path, "clone", "--quiet", "--bare", str(work), "bare.git")
    (tmp_path / "bare.git/config").write_text("[")
    server = tmp_path / "server"
    server.write_text(f"#!/bin/sh\nfor command; do :; done\n{says}\n")
    server.chmod(0o755)
    served = clone_of(f"ssh://git.example.com{tmp_path}/bare.git", clone.directory, GIT_SSH_COMMAND=str(server))
    with pytest.raises(errors.HostError) as raised:
        served.remote.fetch(quiet)
    assert message in raised.value.message and "git cannot read the clone" not in raised.value.message
    assert clone.directory not in raised.value.hint


@pytest.mark.promise(11)
def test_lock_that_another_users_git_holds_stays(clone: git.Clone) -> None:
    """We may not know in which folder it runs."""
    clone.create()
    folder = Path(clone.directory)
    shutil.copy(str(shutil.which("sleep")), folder / "git")
    lock = folder / ".git/index.lock"
    lock.touch()
    os.chown(lock, STRANGER, -1)
    remove = ("import os, sys; from tasks.executor import git;"
              "print(git.Clone(sys.argv[1], '', dict(os.environ), lambda: None).remove_stale_locks())")
    asked = ["setpriv", "--bounding-set", "-sys_ptrace", "--inh-caps", "-sys_ptrace", sys.executable, "-c", remove,
             str(folder)]
    with subprocess.Popen(["./git", "60"], cwd=folder, user=STRANGER) as running:
        held = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
        running.kill()
    assert held == f"{[str(lock)]}\n" and lock.exists()
    assert clone.remove_stale_locks() == [] and not lock.exists()
