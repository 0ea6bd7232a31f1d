"""`strategy: releases`, over SSH: what the pages promise of it."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.app import CRASH, HEALTH, App, messages
from tests.integration.conftest import MakeApp
from tests.integration.test_interruption import BUILD, HANG
from tests.support.lab import Run, git, stands_in, wait_for

ARCHITECTURE = (Path(__file__).parents[2] / "docs/architecture.md").read_text()


@pytest.fixture(scope="module")
def settled(lab: Any) -> Iterator[App]:
    """Deployed as releases, in its first version; tests leave it as it was."""
    app = App(lab, "rel", strategy="releases", health=HEALTH)
    yield app.deployed()
    app.remove()


@pytest.fixture
def own(make_app: MakeApp) -> App:
    return make_app(strategy="releases")


def current(app: App, host: str = "web1") -> str:
    return os.readlink(app.lab[host].directory(app.name) / "current").removeprefix("releases/")


def runs_in(app: App, host: str = "web1") -> str:
    return stands_in(app.pid(host)).name


def names(app: App, host: str = "web1") -> set[str]:
    return {path.name for path in (app.lab[host].directory(app.name) / "releases").iterdir()}


def seen(app: App) -> list[dict[str, Any]]:
    """As App.states(), and the links, the releases, and what git knows of them."""
    return [{**app.state(host), "current": current(app, host), "releases": names(app, host),
             "worktrees": git(app.lab[host].directory(app.name), "worktree", "list")} for host in app.hosts]


def changed(run: Run, host: str = "web1") -> dict[str, bool]:
    return {e["step"]: e["changed"] for e in run.events if e["event"] == "step_finished" and e["host"] == host}


def test_releases_switch_forth_and_back_without_a_new_build(own: App) -> None:
    first = own.alone().lab.commit(own.name, {}, "again")
    own.deployed()
    second = own.commit(f"{own.name}-2")
    own.deployed()
    assert current(own) == runs_in(own) == second
    assert own.running("web1") == f"{own.name}-2"
    assert names(own) == {first, second}
    builds = {path: path.stat().st_mtime_ns for path in own.lab["web1"].directory(own.name).glob("releases/*/built")}
    run = own.fab("rollback", own.name)
    assert run.code == 0, run
    assert run.finished["hosts"]["web1"][own.name] == {
        "was": second, "tried": first, "now": first, "outcome": "committed", "why": None}
    assert changed(run) == {"fetch": False, "checkout": False, "build": False, "switch": True, "program": False,
                            "restart": True, "verify": True}
    assert own.running("web1") == f"{own.name}-1"
    assert {path: path.stat().st_mtime_ns for path in builds} == builds
    again = own.deploy()
    assert again.code == 0 and not changed(again)["build"] and runs_in(own) == second
    nothing = own.deploy()
    assert nothing.outcome("web1", own.name) == "unchanged" and changed(nothing) == {}


def test_releases_folders_are_those_of_the_architecture_page(settled: App) -> None:
    tree = next(block for block in re.findall(r"(?ms)^```text\n(.*?)^```", ARCHITECTURE) if "micro/<service>/" in block)
    shown = [line.split("  ")[0] for line in tree.splitlines() if line.startswith("micro/")]
    assert {"micro/<service>/current", "micro/<service>/releases/<commit>/"} <= set(shown)
    for path in shown:
        filled = path.replace("<service>", settled.name).replace("<commit>", current(settled))
        assert (settled.lab["web1"].root / filled).exists(), filled
    assert re.search(r"(?m)^directory=.*/current$", settled.program_file("web1").read_text())


def test_status_shows_the_running_release(settled: App) -> None:
    run = settled.fab("status")
    assert run.code == 0, run
    for row in (event for event in run.events if event["event"] == "status"):
        assert (row["strategy"], row["commit"], row["branch"]) == ("releases", current(settled, row["host"]), "main")
        assert row["oddities"] == [] and row["deployed_by"]


@pytest.mark.promise(3)
@pytest.mark.parametrize(("files", "service"), [
    pytest.param({}, {"build": "cp source built; exit 3"}, id="build"),
    pytest.param({"run.sh": CRASH}, {"program": {"startsecs": 1, "stopwaitsecs": 5}}, id="start"),
    pytest.param({}, {"health": {"command": 'test "$HOST" != web2', "timeout": 0.2}}, id="health, on one host"),
])
@pytest.mark.rows(1)
def test_failed_deploy_of_a_release_restores_every_host(settled: App, files: dict[str, str],
                                                        service: dict[str, Any]) -> None:
    before, pids, was = seen(settled), settled.pids(), dict(settled.service)
    settled.write(**service)
    settled.commit(f"{settled.name}-bad", files)
    run = settled.deploy()
    settled.services[settled.name] = was
    settled.write()
    git(settled.repo.with_suffix(""), "reset", "--quiet", "--hard", "HEAD~1")
    assert run.code == 1, run
    assert [run.outcome(host, settled.name) for host in settled.hosts] == ["restored"] * 2
    assert seen(settled) == before
    assert (settled.pids() == pids) is ("build" in service)


@pytest.mark.promise(3)
def test_failed_first_release_leaves_nothing(own: App) -> None:
    before = own.alone().states()
    own.write(health={"command": "false", "timeout": 0.2}, shared=["data/"])
    assert own.deploy().code == 1
    assert own.states() == before
    assert not own.lab["web1"].directory(own.name).exists()


@pytest.mark.promise(3)
@pytest.mark.parametrize(("gate", "mark"), [pytest.param(*BUILD, id="during the build"),
                                            pytest.param(*HANG, id="during a health command that hangs")])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
@pytest.mark.rows(1)
def test_release_goes_back_when_the_client_goes_away(settled: App, gate: str, mark: str,
                                                     number: signal.Signals) -> None:
    before, pids, done = seen(settled), settled.pids(), settled.results("web1").count("restored")
    client = settled.begin(gate, mark, f"{settled.name}-{number}")
    client.signal(number)
    assert client.end().code == (130 if number == signal.SIGINT else -signal.SIGKILL)
    settled.wait_restored(since=done + 1)
    settled.open_all()
    assert seen(settled) == before
    assert (settled.pids() == pids) is (mark == "building"), "only what was begun is undone"


@pytest.mark.long
@pytest.mark.promise(4)
def test_recover_switches_back_when_every_process_was_killed(settled: App) -> None:
    before = seen(settled)
    client = settled.begin(*HANG, f"{settled.name}-killed")
    assert [current(settled, host) for host in settled.hosts] != [one["current"] for one in before]
    settled.kill_host_side()
    client.end()
    settled.open_all()
    run = settled.fab("recover", settled.name)
    assert run.code == 0, run
    assert seen(settled) == before


@pytest.mark.promise(2)
def test_crash_between_build_and_switch_starts_the_old_release(settled: App) -> None:
    """web2 builds still; on web1, which has built, the program dies: it is the old release that starts again."""
    settled.commit(f"{settled.name}-window")
    settled.shut("block-web2", f"{settled.name}-window")
    client = settled.start("deploy", settled.name).wait_at(settled, "building", "web2")
    client.wait_event(lambda e: e["event"] == "step_finished" and e["step"] == "build" and e["host"] == "web1",
                      "the build")
    old, pid = current(settled), settled.pid("web1")
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: settled.pid("web1") not in (0, pid), "supervisord to start it again")
    assert runs_in(settled) == old
    client.signal(signal.SIGINT)
    assert client.end().code == 130
    settled.open_all()


@pytest.mark.long
def test_edits_in_the_running_release_are_refused_or_set_aside(own: App) -> None:
    own.alone().deployed()
    edited = own.lab["web1"].directory(own.name) / "current/source"
    edited.write_text("by hand\n")
    own.commit(f"{own.name}-2")
    planned, refused = own.fab("plan", own.name, format="plain"), own.deploy()
    assert refused.code == 2 and "web1: M source" in messages(refused)
    assert planned.code == 2 and planned.out.rstrip().endswith("a deploy would be refused: see the lines marked !")
    assert "! edited on the host, refused without --set-aside: M source" in planned.out
    (row,) = own.fab("status", "--service", own.name).of("status")
    (oddity,) = row["oddities"]
    assert oddity.startswith("edited files: M source; ")
    run = own.deploy("--set-aside")
    assert run.code == 0, run
    assert "by hand" in git(own.lab["web1"].directory(own.name), "stash", "show", "-p")


@pytest.mark.long
def test_keep_releases_limits_how_many_stay(own: App) -> None:
    own.write(keep_releases=2)
    commits = []
    for number in range(4):
        commits.append(own.commit(f"{own.name}-{number}"))
        own.deployed()
    assert names(own) == names(own, "web2") == set(commits[-2:])


@pytest.mark.long
def test_strategy_changes_to_in_place_and_back_in_one_deploy_each(own: App) -> None:
    """A colleague's service in the article's layout; each way is one deploy, with one start."""
    (own.gate / "limits").write_text("most = 1\n")
    own.write(strategy="in_place", files={"config/limits": "limits"})
    commit = own.lab.commit(own.name, {}, "again")
    own.deployed()
    own.write(strategy="releases", files={})
    run = own.deploy()
    assert run.code == 0, run
    assert changed(run)["switch"] and runs_in(own) == commit
    own.write(strategy="in_place", health={"command": "false", "timeout": 0.2})
    before = seen(own)
    assert own.deploy().code == 1
    assert seen(own) == before and own.running("web1") == f"{own.name}-1"
    del own.service["health"]
    own.write()
    edited = own.lab["web1"].directory(own.name) / "run.sh"
    text = edited.read_text()
    edited.write_text(text + "# by hand\n")
    plan = own.fab("plan", own.name)
    assert (plan.code, plan.of("plan")[0]["edited"], own.deploy().code) == (2, [" M run.sh"], 2)
    edited.write_text(text)
    run = own.deploy()
    assert run.code == 0, run
    assert [own.lab[host].head(own.name) for host in own.hosts] == [commit] * 2
    directory = own.lab["web1"].directory(own.name)
    assert runs_in(own) == own.name and not (directory / "releases").exists()
    assert not (directory / "current").is_symlink()
    assert not (directory / "config").exists(), "hosts.yaml no longer names its file"
    assert own.fab("rollback", own.name).code == 2, "there never was another version"
    starts = (directory / f"logs/{own.name}.log").read_text().count("starting")
    assert starts == 5, "in_place, releases, in_place that failed, back, in_place"
