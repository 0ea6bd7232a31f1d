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
from tests.support.lab import Lab, Run, git


def carry(app: App, patch: pytest.MonkeyPatch, cache: Path) -> App:
    """A service whose hosts have no way to the git server: its address is rewritten on this machine only."""
    patch.setenv("XDG_CACHE_HOME", str(cache))
    address = f"ssh://git@git.invalid/{app.name}.git"
    patch.setenv("GIT_CONFIG_COUNT", "1")
    patch.setenv("GIT_CONFIG_KEY_0", f"url.{app.repo}.insteadOf")
    patch.setenv("GIT_CONFIG_VALUE_0", address)
    app.write(repo=address, fetch="client")
    return app


@pytest.fixture
def carried(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> App:
    return carry(make_app(), monkeypatch, tmp_path / "cache")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the service that is deployed."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def deployed_once(lab: Lab, cache: Path) -> Iterator[App]:
    app = App(lab, "carried").alone()
    with pytest.MonkeyPatch.context() as patch:
        carry(app, patch, cache).deployed()
    yield app
    app.remove()


@pytest.fixture
def deployed(deployed_once: App, monkeypatch: pytest.MonkeyPatch, cache: Path) -> App:
    """On one host, for tests that leave it in any version."""
    return carry(deployed_once, monkeypatch, cache)


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
    assert carried.alone().deploy().finished["outcome"] == "unchanged"
    assert carried.fab("rollback", carried.name).code == 0


def test_a_failed_build_of_a_carried_commit_goes_back(deployed: App) -> None:
    before = deployed.states()
    deployed.commit(f"{deployed.name}-bad")
    deployed.shut("fail", f"{deployed.name}-bad")
    run = deployed.deploy()
    assert run.code == 1 and both(run, deployed, "restored"), run
    assert deployed.states() == before


def test_plan_compares_in_the_mirror_and_sends_nothing(deployed: App) -> None:
    (old,), new = deployed.commits(), deployed.commit(f"{deployed.name}-planned")
    run = deployed.fab("plan", deployed.name)
    assert run.code == 0, run
    (plan,) = run.of("plan")
    between = int(git(deployed.repo, "rev-list", "--count", f"{old}..{new}"))
    assert between and (plan["next"], plan["forward"], len(plan["commits"])) == (new, between, between)
    assert new not in git(deployed.lab["web1"].directory(deployed.name), "cat-file", "--batch-all-objects",
                          "--batch-check")


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


@pytest.mark.long
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
    carried.deployed()
    tree = carried.lab["web1"].directory(carried.name)
    assert (tree / "inner/source").read_text() == f"{carried.name}-1"
    # What was sent of a submodule can be let go with the commit that wants it.
    (store,) = (tree / ".git" / STORES).iterdir()
    kept = git(store, "for-each-ref", "--format=%(refname)", COMMITS).splitlines()
    assert kept and all(ref.startswith(f"{COMMITS}{commit}-") for ref in kept)


def test_a_lost_mirror_is_made_again(deployed: App, cache: Path) -> None:
    shutil.rmtree(cache / "fabvisor")
    new = deployed.commit(f"{deployed.name}-found")
    assert deployed.deploy().code == 0
    assert deployed.commits() == [new]


@pytest.mark.parametrize(("repo", "code"), [("ssh://git@127.0.0.1:1/app.git", 75), ("/nowhere/app.git", 2)])
def test_a_git_server_that_this_machine_cannot_read_changes_nothing(deployed: App, repo: str, code: int) -> None:
    before = deployed.states()
    deployed.write(repo=repo)
    run = deployed.deploy()
    assert run.code == code, run
    assert repo in messages(run)
    assert deployed.states() == before


def test_fetch_can_be_chosen_for_one_command(
        make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    app = make_app().alone()
    assert app.deploy("--fetch", "client").code == 0
    assert list((tmp_path / "cache/fabvisor").glob("*.git"))
    wrong = app.deploy("--fetch", "laptop")
    assert wrong.code == 2 and "laptop" in messages(wrong)


@pytest.mark.long
def test_a_client_that_is_killed_while_it_sends_leaves_nothing_anywhere(carried: App, tmp_path: Path) -> None:
    carried.alone().deployed()
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
