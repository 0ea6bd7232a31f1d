"""Promise 5: two deploys never meet."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest

from tests.integration.app import App, messages
from tests.integration.conftest import MakeApp
from tests.support.lab import git, wait_for


@pytest.fixture
def own(make_app: MakeApp) -> App:
    return make_app().alone().deployed()


@pytest.mark.promise(5)
def test_second_deploy_is_refused_or_waits_for_the_lock(own: App) -> None:
    """75, and who holds it, since when, for which commit; with --wait it comes next."""
    first = own.begin("block", "building", f"{own.name}-2")
    commit = git(own.repo, "rev-parse", "main")
    refused = own.deploy()
    assert refused.code == 75, refused
    assert refused.outcome("web1", own.name) == "refused"
    holder = own.holder("web1")
    for word in (holder["by"], holder["since"], commit[:8], "--wait"):
        assert word in messages(refused)
    assert re.search(r"\S+@\S+", holder["by"])

    leaving = own.start("deploy", own.name, "--wait", "60")
    leaving.wait_event(lambda e: e["event"] == "notice" and "waiting" in e["message"], "the wait")
    leaving.signal(signal.SIGTERM)
    assert leaving.end().code == 143

    waiting = own.start("deploy", own.name, "--wait", "60", "--force")
    waiting.wait_event(lambda e: e["event"] == "notice" and "waiting" in e["message"], "the wait")
    own.open("block")
    assert first.end().code == 0
    second = waiting.end()
    assert second.code == 0, second
    assert own.results("web1") == ["committed"] * 3


@pytest.mark.promise(5)
def test_racing_deploys_take_turns_on_overlapping_hosts(app: App) -> None:
    """On hosts that overlap: nobody waits for ever, and every host's history is one chain."""
    choices = (("web2",), ("web1", "web2"), ("web1", "web2"))
    racers = [app.start("deploy", app.name, "--host", ",".join(hosts), "--force", "--wait", "60") for hosts in choices]
    runs = [racer.end(90) for racer in racers]
    assert [run.code for run in runs] == [0] * 3, runs
    for host, deploys in zip(app.hosts, (2, 3), strict=True):
        history = app.lab[host].history(app.name)
        assert [line["result"] for line in history] == ["committed"] * deploys
        assert [line["from"] for line in history] == [None, *(line["to"] for line in history[:-1])]
        assert app.running(host) == f"{app.name}-1"
        assert app.state(host)["leftovers"] == []


@pytest.mark.promise(5)
def test_next_deploy_gets_the_lock_when_its_holder_was_killed(own: App) -> None:
    """kill -9 of the executor: the next deploy ends what they left running, undoes it, and gets through."""
    version = f"{own.name}-2"
    first = own.begin("block", "building", version)
    commit = git(own.repo, "rev-parse", "main")
    own.kill_executor("web1")
    assert first.end().code == 3
    # The orphaned builds still block: who came next must end them before it touches their tree.
    own.shut("block", f"{version} was")
    run = own.deploy()
    assert run.code == 0, run
    assert own.results("web1") == ["committed", "restored", "committed"]
    assert own.commits() == [commit]
    wait_for(lambda: own.running("web1") == version, "the new version")
    assert len([e for e in run.of("notice") if "undid" in e["message"]]) == 1


@pytest.mark.promise(9)
def test_deploy_does_not_wait_for_itself_where_two_hosts_are_one_machine(make_app: MakeApp, tmp_path: Path) -> None:
    """By whatever names: here one of the roots is a link to the other. Nobody knows which of the locked hosts it is."""
    app = make_app()
    (tmp_path / "root").symlink_to(app.lab["web1"].root)
    app.environment = {"hosts": {"web1": app.lab["web1"].settings(), "web3": app.lab["web2"].settings(),
                                 "web2": app.lab["web1"].settings(root=str(tmp_path / "root"))}}
    app.write()
    run = app.deploy("--wait", "60")
    assert run.code == 2, run
    assert f"{app.name} is locked by this very command: web2 is the same machine and root as one of web1, web3" \
        in messages(run)
    plan = app.fab("plan", app.name)
    words = f"web2 is the same machine as web1, and {app.name} has one program file there"
    assert plan.code == 2 and words in messages(plan), plan
    (tmp_path / "other").mkdir()
    program_dir = app.lab["web1"].root / "conf.d"
    app.environment["hosts"]["web2"].update(root=str(tmp_path / "other"), program_dir=str(program_dir),
                                            supervisord_conf=str(app.lab["web1"].conf))
    app.write()
    for run in (app.fab("plan", app.name), app.deploy()):
        assert run.code == 2 and words in messages(run) and not run.of("step_started"), run
