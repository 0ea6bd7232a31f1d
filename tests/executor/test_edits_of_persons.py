"""What a person edits in a tree before, while and after a deploy changes it: refused, or kept in git's stash."""

from __future__ import annotations

import subprocess
from pathlib import Path
from unittest.mock import ANY

import pytest

from tasks.inventory.model import Health, Hook
from tests.executor.driver import Example, with_files
from tests.executor.faults import dies_at
from tests.support.lab import git


@pytest.mark.promise(11)
@pytest.mark.parametrize("strategy", ["in_place", "releases"])
@pytest.mark.rows(1)
def test_what_somebody_does_after_a_deploy_was_cut_off_is_kept(example: Example, strategy: str) -> None:
    example.service = example.with_(strategy=strategy)
    example.write()
    first = example.committed()
    example.write()
    with example.deploy() as deploy:
        deploy.activate().executor.kill()
    tree = example.directory / "current" if strategy == "releases" else example.directory
    git(tree, "commit", "--quiet", "--allow-empty", "--message", "mine")
    mine = git(tree, "rev-parse", "HEAD")
    (tree / "source").write_text("mine")
    (Path(git(tree, "rev-parse", "--absolute-git-dir")) / "index.lock").touch()         # of a git that was killed
    with example.deploy() as deploy:
        deploy.look()
        stashed, kept = [message["message"] for message in deploy.executor.heard if message["event"] == "notice"]
    assert "git's stash now: M source" in " ".join(stashed.split())
    assert example.head() == first
    assert git(example.directory, "show", "stash@{0}:source") == "mine"
    assert git(example.directory, "rev-parse", kept.rpartition(" ")[2]) == mine


@pytest.mark.promise(11)
@pytest.mark.parametrize("strategy", ["in_place", "releases"])
@pytest.mark.rows(1)
def test_what_somebody_does_while_a_deploy_is_on_its_way_is_kept(example: Example, strategy: str) -> None:
    """What its build changed in a tracked file is not kept: each deploy that goes back would leave a stash."""
    example.service = example.with_(strategy=strategy, build=("echo built >>other", "cp source built"))
    example.write(other="")
    first = example.committed()
    for edits in (False, True):
        example.write(other="")
        with example.deploy() as deploy:
            deploy.activate()
            tree = example.directory / "current" if strategy == "releases" else example.directory
            if edits:
                git(tree, "commit", "--quiet", "--allow-empty", "--message", "mine")
                (tree / "source").write_text("mine")
                mine = git(tree, "rev-parse", "HEAD")
            deploy.executor.send({"do": "abort", "why": "enough", "reached": True})
            deploy.restored()
            told = " ".join(message["message"] for message in deploy.executor.heard if message["event"] == "notice")
        assert ("git's stash now: " in told, "M source" in told, "other" in told) == (edits, edits, False)
        assert bool(git(example.directory, "stash", "list")) == edits and example.head() == first
    assert git(example.directory, "show", "stash@{0}:source") == "mine"
    assert git(example.directory, "for-each-ref", "--contains", mine, "refs/fabvisor/set-aside")


@pytest.mark.promise(11)
@pytest.mark.parametrize("strategy", ["in_place", "releases"])
@pytest.mark.rows(1)
def test_first_deploy_that_goes_back_leaves_the_repository_where_somebody_edited(example: Example, strategy: str
                                                                               ) -> None:
    example.service = example.with_(strategy=strategy)
    example.write()
    with example.deploy() as deploy:
        deploy.activate()
        tree = example.directory / "current" if strategy == "releases" else example.directory
        (tree / "source").write_text("mine")
        deploy.executor.send({"do": "abort", "why": "enough", "reached": True})
        deploy.restored()
    assert [path.name for path in example.directory.iterdir() if path.name != "logs"] == [".git"]
    example.committed()
    assert git(example.directory, "show", "stash@{0}:source") == "mine"


@pytest.mark.promise(11)
@pytest.mark.parametrize("strategy", ["in_place", "releases"])
@pytest.mark.rows(1)
def test_what_somebody_edits_while_a_deploy_is_on_its_way_is_an_edit_for_the_next(example: Example, strategy: str
                                                                                  ) -> None:
    """What its build and its hooks changed is none."""
    hook = {"before_activate": (Hook(run=("echo hook >>other",)),)}
    example.service = with_files(example.with_(
        strategy=strategy, build=("echo built >>source; echo built >>a", "cp source built"), hooks=hook), a="1", b="1")
    tree = example.directory / "current" if strategy == "releases" else example.directory
    for edits in (False, True):
        example.write(other="")
        with example.deploy() as deploy:
            deploy.activate()
            if edits:
                (tree / "source").write_text("mine")
                (tree / "b").write_text("mine")
            deploy.executor.send({"do": "commit"})
            assert deploy.ending()["event"] == "committed"
            deploy.executor.rest()
    with example.deploy() as deploy:
        facts = deploy.look().facts[example.name]
        edited = [path for path, file in facts.files.items() if file.sha256 != file.written]
        assert (facts.edited, edited) == ([" M source"], ["b"])


def test_what_a_program_writes_while_it_starts_is_no_edit_for_the_next(example: Example) -> None:
    """As npm writes package-lock.json. The health check passes once the clock of the disk has gone on."""
    source = "echo started > lock; echo started > a; exec sleep 1000\n"
    health = Health(command="grep -q started a && touch probe && [ probe -nt lock ] && [ probe -nt a ]", timeout=60)
    service = with_files(example.with_(health=health), a="1")
    example.write(source, lock="")
    example.committed(service)
    example.write(source)
    with example.deploy(service) as deploy:
        facts = deploy.look().facts[example.name]
        assert (facts.edited, example.host.history(example.name)[-1]["left"]) == ([], {" M lock": ANY})
        deploy.plan().done("prepare")


@pytest.mark.promise(11)
@pytest.mark.long
def test_nothing_is_undone_where_what_somebody_edited_cannot_be_kept(example: Example) -> None:
    """As on a full disk. Here git cannot make its stash, for a reference stands in the way."""
    example.write()
    first = example.committed()
    example.write()
    with example.deploy() as deploy:
        deploy.activate().executor.kill()
    (example.directory / "source").write_text("mine")
    git(example.directory, "update-ref", "refs/stash/other", "HEAD")
    with example.deploy() as deploy:
        deploy.hello()
        assert "cannot be kept, so nothing is undone" in deploy.executor.until("problem")["message"]
    assert (example.directory / "source").read_text() == "mine"
    git(example.directory, "update-ref", "-d", "refs/stash/other")
    with example.deploy() as deploy:
        deploy.look()
    assert example.head() == first
    assert git(example.directory, "show", "stash@{0}:source") == "mine"


@pytest.mark.long
def test_edits_stay_as_they_are_where_nothing_is_undone(example: Example) -> None:
    example.write()
    example.committed()
    (example.directory / "source").write_text("mine")
    example.write()
    with example.deploy(faults=dies_at("fetch", before=False)) as deploy:
        deploy.look().plan(set_aside=True).executor.rest()
    with example.deploy() as deploy:
        deploy.look()
        assert "notice" not in [message["event"] for message in deploy.executor.heard]
    assert (example.directory / "source").read_text() == "mine"


@pytest.mark.parametrize("is_cut_off", [False, pytest.param(True, marks=pytest.mark.long)])
def test_git_that_somebody_runs_is_waited_for(example: Example, is_cut_off: bool) -> None:
    """A lock of a git that lives is no leftover, also where a deploy is to be undone first."""
    example.write()
    first = example.committed()
    if is_cut_off:
        example.write()
        with example.deploy() as deploy:
            deploy.prepare().executor.kill()
    lock = example.directory / ".git/index.lock"
    with subprocess.Popen(["git", "cat-file", "--batch"], cwd=example.directory, stdin=subprocess.PIPE) as theirs:
        lock.touch()
        with example.deploy() as deploy:
            deploy.hello()
            refused = deploy.executor.until("problem")
        assert (refused["kind"], lock.exists()) == ("try_again", True)
        assert "somebody runs git" in refused["message"]
        theirs.communicate(b"")
    with example.deploy() as deploy:
        deploy.look()
    assert example.head() == first


def test_edits_made_after_the_lock_are_refused_by_the_checkout(example: Example) -> None:
    """Made after the look and before the checkout: refused, and still there."""
    example.write(notes="a\n")
    example.committed()
    example.write(notes="b\n")
    with example.deploy() as deploy:
        deploy.look()
        (example.directory / "notes").write_text("precious\n")
        deploy.plan()
        failed = deploy.executor.until("failed")
        assert "notes" in failed["message"] and failed["kind"] == "not_ready"
        deploy.restored()
    assert (example.directory / "notes").read_text() == "precious\n"


@pytest.mark.parametrize("end", ["commit", "abort"])
@pytest.mark.rows(1)
def test_set_aside_stashes_edits_and_undo_restores_them(example: Example, home: Path, end: str) -> None:
    example.write(notes="a\n")
    example.committed()
    (example.directory / "notes").write_text("precious\n")
    (home / ".gitconfig").write_text("[log]\ndate = iso\n[status]\nshortBranch = true\nbranch = true\n")
    example.write(notes="b\n")
    with example.deploy() as deploy:
        deploy.look().plan(set_aside=True)
        deploy.done("prepare")
        if end == "commit":
            deploy.run("activate")
            deploy.done("activate")
        deploy.executor.send({"do": end})
        deploy.ends("committed" if end == "commit" else "restored")
    (home / ".gitconfig").unlink()
    if end == "commit":
        assert (example.directory / "notes").read_text() == "b\n"
        assert deploy.id in git(example.directory, "stash", "list")
    else:
        assert (example.directory / "notes").read_text() == "precious\n"
        assert git(example.directory, "stash", "list") == ""
