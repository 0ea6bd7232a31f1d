"""start, stop, restart, rollback, status, logs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.integration.app import CRASH, App, messages
from tests.integration.conftest import MakeApp
from tests.support.lab import git, wait_for


@pytest.fixture
def own(make_app: MakeApp) -> App:
    return make_app().deployed()


def test_stop_start_restart(own: App) -> None:
    pids, commits = own.pids(), own.commits()
    assert own.fab("start", own.name).finished["outcome"] == "unchanged"
    assert own.pids() == pids
    stopped = own.fab("stop", own.name)
    assert stopped.code == 0, stopped
    assert [own.state(host)["state"] for host in own.hosts] == ["STOPPED"] * 2
    assert own.fab("stop", own.name).finished["outcome"] == "unchanged"
    status = own.fab("status")
    assert status.code == 1
    assert all("not running: STOPPED" in row["oddities"][0] for row in status.events if row["event"] == "status")
    assert own.fab("start", own.name).finished["outcome"] == "committed"
    assert own.fab("stop", own.name, "--host", "web1").code == 0
    started = own.deploy()
    assert started.code == 0
    assert own.running("web1"), "a deploy that has nothing else to do starts a stopped program"
    assert [started.outcome(host, own.name) for host in own.hosts] == ["committed", "unchanged"]
    assert "build" not in started.steps("web1")
    pids = own.pids()
    restarted = own.fab("restart", own.name)
    assert restarted.code == 0, restarted
    assert not set(own.pids()) & set(pids)
    assert own.commits() == commits
    assert own.fab("status").code == 0


def test_start_of_a_program_that_does_not_stay_up(own: App) -> None:
    """Promise 8 holds for start as for deploy; it is STOPPED again."""
    own.write(program={"startsecs": 1})
    own.deployed("--host", "web1")
    assert own.fab("stop", own.name, "--host", "web1").code == 0
    (own.lab["web1"].directory(own.name) / "run.sh").write_text(CRASH)
    run = own.fab("start", own.name, "--host", "web1")
    assert run.code == 1, run
    assert "cannot open the database" in [e["line"] for e in run.events if e["event"] == "output"]
    assert own.program("web1")["statename"] == "STOPPED"


def test_start_of_what_was_never_deployed(app: App) -> None:
    run = app.fab("start", app.name)
    assert run.code == 2
    assert "fab deploy" in messages(run)


def test_rollback(own: App) -> None:
    """Again goes further back; a deploy that failed never counts; --to goes anywhere."""
    one, two = own.commits()[0], own.commit(f"{own.name}-2")
    own.deployed()
    bad = own.commit(f"{own.name}-bad")
    own.shut("fail", f"{own.name}-bad")
    assert own.deploy().code == 1
    own.open_all()
    three = own.commit(f"{own.name}-3")
    own.deployed()
    for wanted, version in ((two, 2), (one, 1)):
        run = own.fab("rollback", own.name)
        assert run.code == 0, run
        assert own.commits() == [wanted] * 2
        assert [own.running(host) for host in own.hosts] == [f"{own.name}-{version}"] * 2
    end = own.fab("rollback", own.name)
    assert end.code == 2, end
    assert "--to" in messages(end)
    assert own.fab("rollback", own.name, "--to", three[:10]).code == 0
    assert own.commits() == [three] * 2
    assert bad not in own.commits()


def test_rollback_that_fails_goes_back(own: App) -> None:
    """Same path, same checks."""
    own.commit(f"{own.name}-2")
    own.deployed()
    before = own.states()
    own.shut("fail-web2", f"{own.name}-1")
    assert own.fab("rollback", own.name).code == 1
    assert own.states() == before


def test_rollback_of_hosts_that_differ(own: App) -> None:
    own.commit(f"{own.name}-2")
    own.deployed("--host", "web1")
    own.commit(f"{own.name}-3")
    own.deployed()
    before, pids = own.states(), own.pids()
    run = own.fab("rollback", own.name)
    assert run.code == 2, run
    assert "web1" in messages(run) and "web2" in messages(run) and "--to" in messages(run)
    assert (own.states(), own.pids()) == (before, pids)


def edited(app: App) -> None:
    (app.lab["web1"].directory(app.name) / "source").write_text("by hand")


def changed_by_hand(app: App) -> None:
    file = app.program_file("web1")
    file.write_text(file.read_text() + "; by hand\n")


def another_commit(app: App) -> None:
    """Checked out by hand under the running program."""
    directory = app.lab["web1"].directory(app.name)
    git(directory, "commit", "--quiet", "--allow-empty", "--message", "by hand")


def died(app: App) -> None:
    app.lab["web1"].rpc.signalProcess(f"{app.name}:{app.name}", "KILL")
    wait_for(lambda: app.program("web1")["statename"] != "RUNNING", "it to die")


@pytest.mark.parametrize(("odd", "host", "words"), [
    pytest.param(edited, "web1", "edited files:  M source", id="edited files"),
    pytest.param(changed_by_hand, "web1", "the program file was changed by hand", id="program file changed by hand"),
    pytest.param(another_commit, "web1", "on disk is", id="started from another commit"),
    pytest.param(another_commit, "web2", "another commit than on web1", id="hosts disagree"),
    pytest.param(died, "web1", "not running: EXITED", id="died"),
])
def test_status_tells_what_is_odd(make_app: MakeApp, odd: Callable[[App], None], host: str, words: str) -> None:
    app = make_app(program={"startsecs": 0, "autorestart": False}).deployed()
    odd(app)
    run = app.fab("status", "--service", app.name)
    assert run.code == 1, run
    rows = {e["host"]: e for e in run.events if e["event"] == "status"}
    assert any(words in one for one in rows[host]["oddities"]), rows
    assert run.finished["exit_code"] == 1


def test_status_of_what_was_never_deployed(app: App) -> None:
    """Looking makes no folder."""
    run = app.fab("status")
    assert run.code == 1
    rows = [e for e in run.events if e["event"] == "status"]
    assert [(row["state"], row["commit"]) for row in rows] == [("absent", None)] * 2
    assert all("not deployed yet" in row["oddities"][0] for row in rows)
    assert not any((app.lab[host].root / ".fabvisor" / app.name).exists() for host in app.hosts)


def test_logs(own: App) -> None:
    """The last lines of all hosts, labelled."""
    for host in own.hosts:
        log = own.lab[host].directory(own.name) / "logs" / f"{own.name}.log"
        log.write_text("".join(f"{host} line {number}\n" for number in range(30)))
    run = own.fab("logs", own.name, "--lines", "2")
    assert run.code == 0, run
    lines = sorted((e["host"], e["service"], e["line"]) for e in run.events if e["event"] == "log")
    assert lines == [(host, own.name, f"{host} line {number}") for host in own.hosts for number in (28, 29)]
    screen = own.fab("logs", own.name, format="plain").out.splitlines()
    assert len([line for line in screen if "web1" in line and "web1 line" in line]) == 20
