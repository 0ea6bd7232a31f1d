"""`strategy: releases` on one host, over pipes: a real git repository, a real supervisord."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tasks.inventory.model import Service
from tests.executor.driver import UNHEALTHY, Deploy, Example
from tests.support.lab import git, stands_in, wait_for
from tests.support.services import changed

ALL = ["fetch", "checkout", "build", "program", "switch", "restart", "verify"]
Seen = dict[str, Any]


class Site:
    """An example service that is deployed as releases; its build says in `builds` that it ran."""

    def __init__(self, example: Example) -> None:
        self.example = example
        self.builds = example.work.parent / f"{example.name}-builds"
        self.service = example.with_(strategy="releases", build=(f"echo built >>{self.builds}", "cp source built"))
        self.directory = example.directory
        self.folder = example.directory / "releases"

    def write(self, source: str = "exec sleep 1000\n", **files: str) -> str:
        return self.example.write(source, **files)

    def deploy(self, **changes: Any) -> Deploy:
        return self.example.deploy(changed(self.service, **changes))

    def committed(self, *, revision: str = "main", options: dict[str, Any] | None = None,
                  **changes: Any) -> list[dict[str, Any]]:
        """Deploy that revision; returns the steps as they finished."""
        with self.deploy(**changes) as deploy:
            assert deploy.commit(revision, **(options or {}))["event"] == "committed"
            return [message for message in deploy.executor.heard if message["event"] == "step_finished"]

    def go_back_to(self, commit: str, **changes: Any) -> list[dict[str, Any]]:
        return self.committed(revision=commit, **changes)

    def built(self) -> int:
        return len(self.builds.read_text().splitlines()) if self.builds.exists() else 0

    def current(self) -> str | None:
        link = self.directory / "current"
        return os.readlink(link).removeprefix("releases/") if link.is_symlink() else None

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir()) if self.folder.exists() else []

    def stands_in(self) -> str:
        """The release that the running process stands in; the directory itself when it is in none."""
        return stands_in(self.example.info()["pid"]).name

    def seen(self) -> Seen:
        """The state that an undo must bring back; `.git` knows of no other worktree, either."""
        files = {str(path.relative_to(self.directory)): path.read_bytes() if path.is_file() else os.readlink(path)
                 for path in sorted(self.directory.rglob("*")) if (path.is_file() or path.is_symlink())
                 and not {".git", "logs"} & set(path.relative_to(self.directory).parts)}
        clone = (self.directory / ".git").exists()
        file = self.example.program_file
        return {"files": files, "current": self.current(), "state": self.state(), "marks": self.marks(),
                "worktrees": git(self.directory, "worktree", "list") if clone else None,
                "stashes": git(self.directory, "stash", "list") if clone else None,
                "program": file.read_text() if file.exists() else None,
                "leftovers": self.example.host.leftovers()}

    def state(self) -> str:
        groups = [one["group"] for one in self.example.host.rpc.getAllProcessInfo()]
        return str(self.example.info()["statename"]) if self.example.name in groups else "absent"

    def marks(self) -> list[str]:
        folder = self.example.state / "releases"
        return sorted(path.name for path in folder.iterdir()) if folder.exists() else []

    def facts(self, **changes: Any) -> Any:
        with self.deploy(**changes) as deploy:
            return deploy.look().facts[self.example.name]


@pytest.fixture
def site(example: Example) -> Iterator[Site]:
    yield Site(example)


def failing(site: Site, step: str) -> Service:
    site.write("exit 1\n" if step == "verify" else "exec sleep 1000\n")
    return {"build": changed(site.service, build=(*site.service.build, "exit 7")),
            "verify": changed(site.service, program={"startsecs": "1"}),
            "program": changed(site.service, program={"stdout_logfile": "/no/such/folder/log"}),
            "health": changed(site.service, health=UNHEALTHY)}[step]


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
        deploy.look().plan()
        if step != "build":
            deploy.done("prepare")
            deploy.run("activate")
        assert deploy.executor.until("failed")["step"] == step
        deploy.restored()
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
        deploy.look().plan()
        if step != "build":
            deploy.done("prepare")
            deploy.run("activate")
        assert deploy.executor.until("failed")["step"] == step
        deploy.restored()
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


DIE_AT = """
import os
from . import steps
def dying(real):
    def act(ctx, args):
        if %(before)r:
            os._exit(9)
        real(ctx, args)
        os._exit(9)
    return act
steps.ACTIONS[%(action)r] = dying(steps.ACTIONS[%(action)r])
"""
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
    with site.example.deploy(site.service, faults=DIE_AT % {"action": action, "before": before}) as deploy:
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


@pytest.mark.promise(11)
def test_each_commit_that_somebody_made_in_a_release_is_kept_and_named(site: Site) -> None:
    """The release is made anew each time, and the next commit must not take the place of the first."""
    first = site.write()
    site.committed()
    second = site.write()
    made = []
    for number in range(2):
        site.go_back_to(second)
        git(site.folder / first, "commit", "--quiet", "--allow-empty", "--message", f"mine {number}")
        made.append(git(site.folder / first, "rev-parse", "HEAD"))
        with site.deploy() as deploy:
            deploy.commit(first)
            said = "".join(message["line"] for message in deploy.executor.heard if message["event"] == "output")
        (name,) = re.findall(rf"commit {made[-1][:8]}, .* is kept: (refs/\S+?/head)", said)
        assert git(site.directory, "rev-parse", name) == made[-1]
    kept = git(site.directory, "for-each-ref", "--format=%(objectname)", "refs/fabvisor/set-aside").split()
    assert {*made} <= {*kept}


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


# --- keep_releases ---


def test_keep_releases_removes_the_oldest(site: Site) -> None:
    commits = []
    for number in range(3):
        commits.append(site.write())
        site.committed(keep_releases=2)
        if number != 1:
            continue
        with site.example.deploy(failing(site, "health")) as deploy:        # failed ones do not count
            deploy.prepare().run("activate")
            deploy.restored()
    assert site.names() == sorted(commits[-2:])
    assert site.marks() == sorted(f"{commit}.json" for commit in commits[-2:])
    assert len(list((site.directory / ".git/worktrees").iterdir())) == 2
    site.go_back_to(commits[-2], keep_releases=1)
    assert site.names() == sorted(commits[-2:]), "what ran before stays, whatever the number"


def test_release_in_use_is_not_removed(site: Site) -> None:
    first = site.write()
    site.committed()
    with subprocess.Popen(["sleep", "1000"], cwd=site.folder / first) as user:
        for _ in range(2):
            site.write()
            site.committed(keep_releases=1)
        assert len(site.names()) == 3 and first in site.names()
        user.kill()


def test_previous_version_is_not_removed_by_rebuilds(site: Site) -> None:
    first = site.write()
    site.committed()
    second = site.write()
    for number in range(2):
        site.committed(keep_releases=2, variables={"WHO": str(number)})
    assert first in site.names() and site.current() in site.names()
    assert {name.partition("-")[0] for name in site.names()} == {first, second}


@pytest.mark.long
def test_deploy_commits_when_old_releases_cannot_be_removed(site: Site) -> None:
    site.write()
    site.committed()
    last = site.write()
    broken = "\n\nfrom . import steps\ndef no(ctx, args):\n    raise OSError(5, 'I/O error', 'releases')\n" \
             "steps.ACTIONS['tidy_releases'] = no\n"
    with site.example.deploy(site.service, faults=broken) as deploy:
        assert deploy.commit()["event"] == "committed"
        (notice,) = [one for one in deploy.executor.heard if one["event"] == "notice"]
        assert "I/O error" in notice["message"] and notice["level"] == "warning"
    assert site.current() == last and site.example.host.leftovers() == []


# --- shared paths ---


def test_shared_paths_are_linked_into_each_release(site: Site) -> None:
    (site.directory / "etc").mkdir(parents=True)
    (site.directory / "etc/secret.cfg").write_text("secret\n")
    shared = ("etc/secret.cfg", "var/data/", "made/")
    commits = []
    for _ in range(2):
        commits.append(site.write("echo $$ >>var/data/starts; exec sleep 1000\n"))
        site.committed(shared=shared)
    for commit in commits:
        release = site.folder / commit
        assert (release / "etc/secret.cfg").read_text() == "secret\n"
        for path in ("etc/secret.cfg", "var/data", "made", "logs"):
            assert (release / path).is_symlink() and not os.path.isabs(os.readlink(release / path))
            assert (release / path).samefile(site.directory / path)
        assert git(release, "status", "--porcelain") == "?? built"
    wait_for(lambda: len((site.directory / "var/data/starts").read_text().splitlines()) == 2, "two starts")


def test_shared_path_replaces_what_the_commit_has_there(site: Site) -> None:
    """As in Capistrano; and nobody takes it for an edit."""
    for folder in ("logs", "etc"):
        (site.example.work / folder).mkdir()
    (site.directory / "etc").mkdir(parents=True)
    (site.directory / "etc/a.cfg").write_text("of the host\n")
    first = site.write(**{"logs/.gitkeep": "", "etc/a.cfg": "of the commit\n", "etc/b.cfg": "b\n"})
    site.committed(shared=("etc/a.cfg",))
    assert (site.folder / first / "etc/a.cfg").read_text() == "of the host\n"
    assert (site.folder / first / "etc/b.cfg").read_text() == "b\n"
    assert (site.folder / first / "logs").is_symlink()
    assert site.facts().edited == []
    assert (site.directory / "etc/a.cfg").read_text() == "of the host\n"


def test_missing_shared_file_is_refused_with_its_path(site: Site) -> None:
    site.write()
    with site.deploy(shared=("etc/secret.cfg",)) as deploy:
        deploy.look().plan()
        failed = deploy.executor.until("failed")
        assert (failed["step"], failed["kind"]) == ("checkout", "not_ready")
        assert f"{site.directory}/etc/secret.cfg" in failed["message"]
        deploy.restored()
    assert not site.directory.exists()


def test_shared_path_below_a_link_of_the_commit_is_refused(site: Site) -> None:
    """Else the shared file itself would be taken for the commit's, and replaced by a link to itself."""
    (site.directory / "etc").mkdir(parents=True)
    (site.directory / "etc/a.cfg").write_text("precious\n")
    (site.example.work / "etc").symlink_to("../../etc")
    site.write()
    with site.deploy(shared=("etc/a.cfg",)) as deploy:
        deploy.look().plan()
        failed = deploy.executor.until("failed")
        assert "link" in failed["message"] and failed["kind"] == "not_ready"
        deploy.restored()
    assert (site.directory / "etc/a.cfg").read_text() == "precious\n"
    assert [path.name for path in site.directory.iterdir()] == ["etc"]


def test_files_that_are_not_shared_stop_a_first_deploy(site: Site) -> None:
    site.write()
    (site.directory / "etc").mkdir(parents=True)
    assert site.facts().foreign
    assert not site.facts(shared=("etc/a.cfg",)).foreign


def test_file_named_current_stops_a_deploy(site: Site) -> None:
    site.write()
    in_place = changed(site.service, strategy="in_place")
    site.example.committed(in_place)
    (site.directory / "current").write_text("somebody's\n")
    with site.deploy() as deploy:
        deploy.look().plan()
        assert "is not a link" in deploy.executor.until("failed")["message"]
        deploy.restored()
    assert (site.directory / "current").read_text() == "somebody's\n"


# --- the other strategy ---


IN_PLACE, RELEASES = {"strategy": "in_place"}, {"strategy": "releases"}


@pytest.mark.parametrize(("was", "then"), [(IN_PLACE, RELEASES), (RELEASES, IN_PLACE)],
                         ids=["to releases", "to in_place"])
@pytest.mark.parametrize("same", [True, False], ids=["the same commit", "another commit"])
@pytest.mark.rows(2)
def test_strategy_changes_in_one_deploy(site: Site, was: Seen, then: Seen, same: bool) -> None:
    commit = site.write()
    site.committed(**was)
    commit = commit if same else site.write()
    site.committed(**then)
    with site.deploy(**then) as deploy:
        found = deploy.look().facts[site.example.name]
        assert deploy.message()["services"][site.example.name]["steps"] == [], "all is there"
    assert (found.strategy, found.commit, found.started_from, found.edited) == (then["strategy"], commit, commit, [])
    if then is RELEASES:
        assert site.stands_in() == site.current() == commit
    else:
        assert site.stands_in() == site.directory.name
        assert site.current() is None and not site.folder.exists() and site.marks() == []
        assert site.example.head() == commit


@pytest.mark.promise(3)
@pytest.mark.parametrize("same", [pytest.param(True, id="the same commit", marks=pytest.mark.long),
                                  pytest.param(False, id="another commit")])
@pytest.mark.parametrize("step", ["build", pytest.param("verify", marks=pytest.mark.long), "health"])
@pytest.mark.parametrize(("was", "then"), [(IN_PLACE, RELEASES), (RELEASES, IN_PLACE)],
                         ids=["to releases", "to in_place"])
@pytest.mark.rows(2)
def test_failed_change_of_strategy_is_undone(site: Site, was: Seen, then: Seen, step: str, same: bool) -> None:
    site.write()
    site.committed(**was)
    before, facts = site.seen(), site.facts()
    bad = failing(site, step)
    if same and step != "verify":
        git(site.example.work, "reset", "--quiet", "--hard", "HEAD~1")
    with site.example.deploy(replace(bad, **then)) as deploy:
        deploy.look().plan()
        if step != "build":
            deploy.done("prepare")
            deploy.run("activate")
        assert deploy.executor.until("failed")["step"] == step
        deploy.restored()
    left = {**site.seen(), "files": {name: data for name, data in site.seen()["files"].items() if name != "built"}}
    before["files"].pop("built", None)      # not of any commit: what a build made stays, as it does in_place
    assert left == before
    after = site.facts()
    assert (after.strategy, after.commit, after.started_from) == (was["strategy"], facts.commit, facts.commit)


@pytest.mark.promise(4)
@pytest.mark.long
@pytest.mark.parametrize("action", ["checkout", "build", "program", "verify", "restart"])
def test_change_to_in_place_is_undone_when_the_executor_is_killed(site: Site, action: str) -> None:
    """`current` is there all the while: the program file says what is run."""
    first = site.write()
    site.committed()
    before = site.seen()
    site.write()
    with site.example.deploy(changed(site.service, **IN_PLACE),
                             faults=DIE_AT % {"action": action, "before": False}) as deploy:
        deploy.look().plan()
        deploy.run("activate")
        deploy.executor.rest()
    with site.deploy() as deploy:
        deploy.look()
    after = site.seen()
    after["files"].pop("built", None)
    assert after == before and site.stands_in() == first


@pytest.mark.promise(3)
@pytest.mark.long
def test_files_of_the_clone_return_when_in_place_fails(site: Site) -> None:
    """The files that are there from before it was deployed as releases."""
    site.write(notes="old\n")
    site.committed(**IN_PLACE)
    old = site.example.head()
    site.write(notes="new\n")
    site.committed()
    assert (site.directory / "notes").read_text() == "old\n"
    with site.example.deploy(changed(site.service, **IN_PLACE, health=UNHEALTHY)) as deploy:
        deploy.prepare()
        assert (site.directory / "notes").read_text() == "new\n"
        deploy.run("activate")
        deploy.restored()
    assert (site.directory / "notes").read_text() == "old\n"
    assert git(site.directory, "rev-parse", "HEAD") == old


def test_tracked_files_changed_by_a_build_are_no_edits_of_either_strategy(site: Site) -> None:
    site.write(lock="a\n")
    touching = (*site.service.build, "echo b >lock")
    site.committed(**IN_PLACE, build=touching)
    second = site.write()
    site.committed(build=touching)
    assert site.facts().edited == []
    site.write()
    site.committed(build=touching)
    steps = {one["step"]: one["changed"] for one in site.go_back_to(second, build=touching)}
    assert not steps["build"] and site.built() == 3
    site.committed(**IN_PLACE, build=touching)
    assert site.facts(**IN_PLACE).edited == []


# --- edits ---


@pytest.mark.long
def test_edits_in_the_running_release_are_refused_by_the_checkout(site: Site) -> None:
    """Made after the look and before the checkout: refused, and still there."""
    first = site.write(notes="a\n")
    site.committed()
    site.write(notes="b\n")
    with site.deploy() as deploy:
        deploy.look()
        (site.folder / first / "notes").write_text("precious\n")
        deploy.plan()
        failed = deploy.executor.until("failed")
        assert "notes" in failed["message"] and failed["kind"] == "not_ready"
        deploy.restored()
    assert (site.folder / first / "notes").read_text() == "precious\n"
    assert site.facts().edited == [" M notes"]


@pytest.mark.parametrize("same", [True, False], ids=["the same commit", "another commit"])
@pytest.mark.parametrize("end", ["commit", "abort"])
@pytest.mark.rows(1)
def test_set_aside_stashes_edits_and_keeps_the_running_release(site: Site, end: str, same: bool) -> None:
    """They go to the stash while the running release keeps them: its files never change."""
    first = site.write(notes="a\n")
    site.committed()
    edited = site.folder / first / "notes"
    edited.write_text("precious\n")
    if not same:
        site.write(notes="b\n")
    with site.deploy() as deploy:
        deploy.look().plan(set_aside=True)
        deploy.done("prepare")
        assert edited.read_text() == "precious\n"
        deploy.run("activate")
        deploy.done("activate")
        deploy.executor.send({"do": end})
        assert deploy.ending()["event"] == ("committed" if end == "commit" else "restored")
    if end == "abort":
        assert site.stands_in() == first and edited.read_text() == "precious\n"
        assert git(site.directory, "stash", "list") == ""
        return
    assert site.facts().edited == []
    assert (site.directory / "current/notes").read_text() == ("a\n" if same else "b\n")
    assert deploy.id in git(site.directory, "stash", "list")
    assert "precious" in git(site.directory, "stash", "show", "-p")


def test_edits_in_an_old_release_are_stashed_when_it_is_removed(site: Site) -> None:
    first = site.write(notes="a\n")
    site.committed()
    second = site.write(notes="b\n")
    site.committed()
    (site.folder / first / "notes").write_text("precious one\n")
    site.go_back_to(first)
    assert (site.directory / "current/notes").read_text() == "a\n" and site.built() == 3
    assert "precious one" in git(site.directory, "stash", "show", "-p")
    (site.folder / second / "notes").write_text("precious two\n")
    site.write()
    site.committed(keep_releases=1)
    assert second not in site.names()
    assert "precious two" in git(site.directory, "stash", "show", "-p")


# --- what is told ---


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


def test_removed_release_is_deployed_anew(site: Site) -> None:
    import shutil

    first = site.write()
    site.committed()
    shutil.rmtree(site.folder / first)
    found = site.facts()
    assert (found.commit, found.current, found.releases) == (None, first, [])
    site.committed()
    assert site.stands_in() == first


def test_submodules_of_a_release_are_those_of_the_commit(site: Site, home: Path) -> None:
    (home / ".gitconfig").write_text("[protocol \"file\"]\n\tallow = always\n")
    part = site.example.work.parent / f"{site.example.name}-part"
    part.mkdir()
    git(part, "init", "--quiet", "--initial-branch=main")
    (part / "inside").write_text("one\n")
    git(part, "add", "--all")
    git(part, "commit", "--quiet", "--message", "one")
    git(site.example.work, "-c", "protocol.file.allow=always", "submodule", "add", "--quiet", str(part), "part")
    first = site.write()
    site.committed(keep_releases=1)
    (part / "inside").write_text("two\n")
    git(part, "commit", "--quiet", "--all", "--message", "two")
    git(site.example.work / "part", "pull", "--quiet", "origin", "main")
    second = site.write()
    site.committed(keep_releases=1)
    assert (site.folder / first / "part/inside").read_text() == "one\n"
    assert (site.folder / second / "part/inside").read_text() == "two\n"
    assert site.facts().edited == []
    _refuses_what_was_done_in(site, site.folder / second / "part")
    site.write()
    site.committed(keep_releases=1)
    assert len(site.names()) == len(list((site.directory / ".git/worktrees").iterdir())) == 2
    (home / ".gitconfig").unlink()


def _refuses_what_was_done_in(site: Site, part: Path) -> None:
    """A stash of it, or a commit, would go with the release."""
    site.write()
    for command in ("echo mine > inside", "git -c user.name=a -c user.email=a@b commit -qam mine"):
        subprocess.run(command, shell=True, cwd=part, check=True)
        with site.deploy() as deploy:
            deploy.look().plan(set_aside=True)
            failed = deploy.executor.until("failed", "done")
            assert failed["event"] == "failed" and f"edited in {part.parent}: part" in failed["message"]
            assert failed["kind"] == "not_ready"
            deploy.restored()
        assert (part / "inside").read_text() == "mine\n"
    git(part, "reset", "--quiet", "--hard", "HEAD^")


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
