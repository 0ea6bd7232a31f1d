"""`strategy: releases` on one host, over pipes: a real git repository, a real supervisord."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.executor.driver import UNHEALTHY
from tests.executor.faults import dies_at
from tests.executor.site import Site, failing
from tests.support.lab import git, wait_for
from tests.support.services import changed

ALL = ["fetch", "checkout", "build", "program", "switch", "restart", "verify"]


def test_first_release_and_the_next_are_committed(site: Site, python: str) -> None:
    first = site.write()
    with site.example.deploy(site.service, python=python) as deploy:
        assert deploy.commit() == {"event": "committed", "now": {site.example.name: first}}
        assert [step for step, ok in deploy.executor.steps() if ok] == ALL
    assert site.current() == first and site.stands_in() == first
    text, pid = site.example.program_file.read_text(), site.example.info()["pid"]
    assert f"directory={site.directory}/current\n" in text
    second = site.write()
    assert [one["step"] for one in site.committed() if not one["changed"]] == ["fetch", "program"]
    assert site.example.program_file.read_text() == text
    assert site.current() == second and site.stands_in() == second
    assert site.example.info()["pid"] != pid
    assert site.names() == sorted([first, second])
    assert git(site.folder / first, "status", "--porcelain") == git(site.folder / second, "status", "--porcelain") == (
        "?? built")
    assert site.example.host.leftovers() == []


@pytest.mark.long
def test_known_release_is_switched_to_without_a_build_and_counts_as_new(site: Site) -> None:
    first = site.write()
    site.committed()
    site.write()
    site.committed()
    steps = {one["step"]: one["changed"] for one in site.go_back_to(first)}
    assert steps == {"fetch": False, "checkout": False, "build": False, "switch": True, "program": False,
                     "restart": True, "verify": True}
    assert site.current() == first and site.stands_in() == first
    assert site.built() == 2
    third = site.write()
    site.committed(keep_releases=2)
    assert site.names() == sorted([first, third])


@pytest.mark.promise(3)
@pytest.mark.parametrize("step", ["build", "verify", "program", "health"])
@pytest.mark.rows(2)
def test_failed_first_release_leaves_no_folder(site: Site, step: str) -> None:
    with site.example.deploy(failing(site, step)) as deploy:
        deploy.fails_in(step)
    assert not site.directory.exists() and not site.example.program_file.exists()
    assert site.marks() == [] and site.example.host.leftovers() == []


@pytest.mark.promise(3)
@pytest.mark.parametrize("step", ["build", "verify", "program", "health"])
@pytest.mark.rows(2)
def test_failed_release_is_undone_and_removed(site: Site, step: str) -> None:
    first = site.write()
    site.committed()
    before, pid = site.seen(), site.example.info()["pid"]
    with site.example.deploy(failing(site, step)) as deploy:
        deploy.fails_in(step)
    assert site.seen() == before
    assert site.names() == [first] and site.stands_in() == first
    assert (site.example.info()["pid"] == pid) is (step in ("build", "program"))
    assert site.built() == 2, "the way back builds nothing"


@pytest.mark.promise(3)
def test_known_release_stays_when_a_deploy_of_it_fails(site: Site) -> None:
    first = site.write()
    site.committed()
    site.write()
    site.committed()
    before = site.seen()
    with site.deploy(health=UNHEALTHY) as deploy:
        deploy.look(revision=first).plan()
        deploy.done("prepare")
        deploy.run("activate")
        deploy.restored()
    assert site.seen() == before and first in site.names()


# The moments that matter, as (before the action, at a first deploy): the usual run takes some of them (rows); the
# others are `long`.
AFTER_THE_NEXT, BEFORE_THE_FIRST = (False, False), (True, True)

KILLED = {"fetch": [BEFORE_THE_FIRST], "checkout_release": [AFTER_THE_NEXT, BEFORE_THE_FIRST],
          "build_release": [AFTER_THE_NEXT], "program": [AFTER_THE_NEXT, BEFORE_THE_FIRST],
          "switch": [AFTER_THE_NEXT, BEFORE_THE_FIRST], "restart": [AFTER_THE_NEXT], "verify": [AFTER_THE_NEXT]}


@pytest.mark.promise(4)
@pytest.mark.parametrize(("action", "before", "first"), [
    pytest.param(action, before, first, marks=() if (before, first) in moments else pytest.mark.long,
                 id=f"{'before' if before else 'after'}-the {'first' if first else 'next'}-{action}")
    for action, moments in KILLED.items() for before in (True, False) for first in (True, False)])
@pytest.mark.rows(2)
def test_release_is_undone_when_the_executor_is_killed_at_any_step(site: Site, action: str, before: bool,
                                                                   first: bool) -> None:
    if not first:
        site.write()
        site.committed()
    was = site.seen() if site.directory.exists() else None
    site.write()
    with site.example.deploy(site.service, faults=dies_at(action, before=before)) as deploy:
        deploy.look().plan()
        deploy.run("activate")
        deploy.executor.rest()
        assert deploy.executor.process.wait(60) == 9
    with site.deploy() as deploy:
        deploy.hello()
        assert deploy.executor.until("locked")["recovered"][0]["result"] == "restored"
        deploy.executor.until("facts")              # else it is ended while it looks, and leaves what it looks in
    if was is None:
        assert not site.directory.exists() and not site.example.program_file.exists()
        assert site.marks() == [] and site.example.host.leftovers() == []
    else:
        assert site.seen() == was
    site.committed()
    assert site.stands_in() == site.current()


@pytest.mark.long
def test_half_made_worktree_is_made_anew(site: Site) -> None:
    """Half its files, no mark, and metadata that `git worktree prune` spares."""
    site.write()
    site.committed()
    second = site.write()
    git(site.directory, "fetch", "--quiet", "origin", "main")
    git(site.directory, "worktree", "add", "--quiet", "--detach", f"releases/{second}", second)
    (site.directory / f".git/worktrees/{second}/locked").write_text("initializing\n")
    (site.directory / f".git/worktrees/{second}/index.lock").touch()
    (site.folder / second / "source").unlink()
    site.committed()
    assert site.current() == second and site.stands_in() == second
    assert len(list((site.directory / ".git/worktrees").iterdir())) == 2


@pytest.mark.parametrize("lost", [".git/worktrees", "releases", "current/.git", "current"])
@pytest.mark.long
def test_deploy_goes_on_where_the_release_that_runs_or_its_record_is_lost(site: Site, lost: str) -> None:
    site.write()
    site.committed()
    subprocess.run(["rm", "-r", lost], cwd=site.directory, check=True)
    second = site.write()
    site.committed()
    assert site.current() == second and site.stands_in() == second


@pytest.mark.promise(2)
def test_crashed_program_starts_from_the_old_release_until_the_switch(site: Site) -> None:
    """`in_place` has that window; here the files of the running release never change."""
    first = site.write()
    site.committed()
    before = {path: path.read_bytes() for path in (site.folder / first).rglob("*") if path.is_file()}
    site.write()
    with site.deploy() as deploy:
        deploy.prepare()
        pid = site.example.info()["pid"]
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: site.example.info()["pid"] not in (0, pid), "supervisord to start it again")
        assert site.stands_in() == first
        assert {path: path.read_bytes() for path in (site.folder / first).rglob("*") if path.is_file()} == before
        deploy.executor.send({"do": "abort"})
        deploy.restored()
    assert site.facts().started_from == first


@pytest.mark.long
def test_crash_before_the_switch_is_reported_as_the_old_release(site: Site) -> None:
    """Even when supervisord then refuses the program file, and nothing is ever restarted."""
    first = site.write()
    site.committed()
    site.write()
    meanwhile = """
import os
from . import steps
from .supervisor import supervisord
real = steps.ACTIONS["program"]
def program(ctx, args):
    pid = ctx.supervisord().info(ctx.name)["pid"]
    os.kill(pid, 9)
    while ctx.supervisord().info(ctx.name)["pid"] in (0, pid):
        ctx.check()
    return real(ctx, args)
steps.ACTIONS["program"] = program
"""
    refused = changed(site.service, program={"stdout_logfile": "/no/such/folder/log"})
    with site.example.deploy(refused, faults=meanwhile) as deploy:
        deploy.prepare().run("activate")
        assert deploy.executor.until("failed")["step"] == "program"
        deploy.restored()
    assert site.names() == [first] and site.stands_in() == first


@pytest.mark.long
def test_same_commit_with_other_variables_is_built_beside(site: Site) -> None:
    """It must not touch what runs."""
    commit = site.write()
    site.committed()
    inode = (site.folder / commit / "built").stat().st_ino
    site.committed(variables={"WHO": "y"})
    assert site.current() == site.stands_in() == f"{commit}-2"
    assert (site.folder / commit / "built").stat().st_ino == inode
    assert site.facts().commit == commit
    site.committed()                                            # and back: that one is still there
    assert site.current() == commit and site.built() == 2
    site.committed(options={"force": True})
    assert site.built() == 3 and site.current() == f"{commit}-3"


@pytest.mark.long
def test_release_is_built_again_when_the_disk_could_not_be_synced(site: Site, home: Path, tmp_path: Path) -> None:
    (tmp_path / "sync").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "sync").chmod(0o755)
    (home / ".profile").write_text(f"export PATH={tmp_path}:$PATH\n")
    first = site.write()
    site.committed()
    (home / ".profile").unlink()
    assert site.marks() == [] and site.stands_in() == first
    site.write()
    site.committed()
    site.go_back_to(first)
    assert site.built() == 3


@pytest.mark.long
def test_status_of_releases_names_commit_and_edits(site: Site) -> None:
    first = site.write()
    site.committed()
    second = site.write()
    site.committed()
    with site.deploy() as deploy:
        deploy.hello("status")
        found = deploy.executor.until("facts")["services"][site.example.name]
        assert (found["strategy"], found["commit"], found["started_from"], found["edited"]) == (
            "releases", second, second, [])
        assert {one["name"]: one["in_use"] for one in found["releases"]} == {first: False, second: True}
    site.example.host.rpc.stopProcess(f"{site.example.name}:{site.example.name}")
    (site.directory / "current").unlink()
    (site.directory / "current").symlink_to(f"releases/{first}")
    site.example.host.rpc.startProcess(f"{site.example.name}:{site.example.name}")
    assert (site.facts().commit, site.facts().started_from) == (first, first), "somebody switched by hand"
    (site.directory / "current").unlink()
    (site.directory / "current").symlink_to(f"releases/{second}")
    assert (site.facts().commit, site.facts().started_from) == (second, first), "and did not restart it"


@pytest.mark.long
def test_removed_release_is_deployed_anew(site: Site) -> None:
    import shutil

    first = site.write()
    site.committed()
    shutil.rmtree(site.folder / first)
    found = site.facts()
    assert (found.commit, found.current, found.releases) == (None, first, [])
    site.committed()
    assert site.stands_in() == first


@pytest.mark.long
def test_release_without_build_is_complete_after_the_checkout(site: Site) -> None:
    first = site.write(built="exec sleep 1000\n")
    site.committed(build=())
    second = site.write()
    site.committed(build=())
    steps = {one["step"]: one["changed"] for one in site.go_back_to(first, build=())}
    assert steps["checkout"] is False and "build" not in steps
    assert site.stands_in() == first and second in site.names()


def test_health_command_runs_in_the_release(site: Site) -> None:
    from tasks.inventory.model import Health

    commit = site.write()
    site.committed(health=Health(command=f'test "$(basename "$(pwd -P)")" = {commit} && test -e built', timeout=20))
