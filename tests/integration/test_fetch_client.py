"""`fetch: client`: hosts that cannot reach the git server get their commits from this machine."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.executor.git.received import COMMITS, STORES
from tests.integration.app import App, messages
from tests.integration.conftest import MakeApp
from tests.support.lab import Run, git


@pytest.fixture
def carried(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[App]:
    """A service whose hosts have no way to the git server: its address is rewritten on this machine only."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    app = make_app()
    address = f"ssh://git@git.invalid/{app.name}.git"
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.{app.repo}.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", address)
    app.write(repo=address, fetch="client")
    yield app


def both(run: Run, app: App, outcome: str) -> bool:
    return {run.outcome(host, app.name) for host in app.hosts} == {outcome}


@pytest.mark.rows(1)
@pytest.mark.parametrize("strategy", ["in_place", "releases"])
def test_hosts_without_a_git_server_get_first_and_further_commits(carried: App, strategy: str) -> None:
    carried.write(strategy=strategy)
    first = carried.deploy()
    assert first.code == 0, first
    assert both(first, carried, "committed")
    second = carried.commit(f"{carried.name}-2")
    run = carried.deploy()
    assert run.code == 0, run
    assert carried.commits() == [second, second]
    (resolved,) = [event for event in run.events if event["event"] == "resolved"]
    assert (resolved["commit"], resolved["back"], resolved["forward"]) == (second, 0, 1)
    assert carried.deploy().finished["outcome"] == "unchanged"
    assert carried.fab("rollback", carried.name).code == 0


def test_a_failed_build_of_a_carried_commit_goes_back(carried: App) -> None:
    carried.alone().deployed()
    before = carried.states()
    carried.commit(f"{carried.name}-bad")
    carried.shut("fail", f"{carried.name}-bad")
    run = carried.deploy()
    assert run.code == 1 and both(run, carried, "restored"), run
    assert carried.states() == before


def test_plan_compares_in_the_mirror_and_sends_nothing(carried: App) -> None:
    carried.alone().deployed()
    new = carried.commit(f"{carried.name}-2")
    run = carried.fab("plan", carried.name)
    assert run.code == 0, run
    plans = [event for event in run.events if event["event"] == "plan"]
    assert [(plan["next"], plan["forward"], len(plan["commits"])) for plan in plans] == [(new, 1, 1)]
    for host in carried.hosts:
        directory = carried.lab[host].directory(carried.name)
        assert new not in git(directory, "cat-file", "--batch-all-objects", "--batch-check")


def test_the_current_folder_is_deployed_with_its_uncommitted_changes_named(carried: App) -> None:
    folder = carried.lab.folder / "git" / carried.name
    (folder / "source").write_text(f"{carried.name}-local")
    git(folder, "commit", "--quiet", "--all", "--message", "not pushed")
    (folder / "source").write_text("not committed")
    try:
        run = carried.alone().deploy("--revision", ".", cwd=str(folder))
        assert run.code == 0, run
        assert carried.commits() == [git(folder, "rev-parse", "HEAD")]
        assert "M source" in messages(run)
    finally:
        git(folder, "reset", "--quiet", "--hard", "HEAD~")


def test_a_folder_that_is_no_clone_has_no_commit(carried: App) -> None:
    run = carried.deploy("--revision", ".")
    assert run.code == 2, run
    assert "no git clone" in messages(run)


def test_submodules_travel_with_the_commit(carried: App) -> None:
    carried.alone()
    inner = carried.lab.folder / "git" / f"{carried.name}-inner.git"
    work = carried.lab.folder / "git" / carried.name
    git(work, "clone", "--quiet", "--bare", str(carried.repo), str(inner))
    git(work, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), "inner")
    commit = carried.commit(f"{carried.name}-sub")
    moved = inner.rename(inner.with_suffix(".moved"))
    try:
        refused = carried.deploy()
        assert refused.code == 2, refused
    finally:
        moved.rename(inner)
    for strategy in ("in_place", "releases"):
        carried.write(strategy=strategy)
        run = carried.deploy("--force")
        assert run.code == 0, run
        for host in carried.hosts:
            tree = carried.lab[host].directory(carried.name)
            tree = tree / "current" if strategy == "releases" else tree
            assert (tree / "inner/source").read_text() == f"{carried.name}-1"
            # What was sent of a submodule can be let go with the commit that wants it.
            (store,) = (carried.lab[host].directory(carried.name) / ".git" / STORES).iterdir()
            kept = git(store, "for-each-ref", "--format=%(refname)", COMMITS).splitlines()
            assert kept and all(ref.startswith(f"{COMMITS}{commit}-") for ref in kept)


def test_a_lost_mirror_is_made_again(carried: App, tmp_path: Path) -> None:
    carried.alone().deployed()
    shutil.rmtree(tmp_path / "cache")
    new = carried.commit(f"{carried.name}-2")
    assert carried.deploy().code == 0
    assert carried.commits() == [new]


@pytest.mark.parametrize(("repo", "code"), [("ssh://git@127.0.0.1:1/app.git", 75), ("/nowhere/app.git", 2)])
def test_a_git_server_that_this_machine_cannot_read_changes_nothing(carried: App, repo: str, code: int) -> None:
    carried.alone().deployed()
    before = carried.states()
    carried.write(repo=repo)
    run = carried.deploy()
    assert run.code == code, run
    assert repo in messages(run)
    assert carried.states() == before


def test_fetch_can_be_chosen_for_one_command(
        make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    app = make_app().alone()
    assert app.deploy("--fetch", "client").code == 0
    assert list((tmp_path / "cache/fabvisor").glob("*.git"))
    wrong = app.deploy("--fetch", "laptop")
    assert wrong.code == 2 and "laptop" in messages(wrong)


def test_a_client_that_is_killed_while_it_sends_leaves_nothing_anywhere(carried: App, tmp_path: Path) -> None:
    carried.deployed()
    before = carried.states()
    carried.commit(f"{carried.name}-2", {"large": os.urandom(2 * 2**20).hex()})
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    going = carried.start("deploy", carried.name, TMPDIR=str(temporary))
    going.wait_event(lambda event: event["event"] == "step_started" and event["step"] == "fetch", "the fetch")
    going.signal(signal.SIGKILL)
    carried.wait_restored()
    assert carried.states() == before
    assert list(temporary.iterdir()) == []
    assert carried.deploy().code == 0
