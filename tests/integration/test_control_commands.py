"""start, stop, restart, rollback, status, logs."""

from __future__ import annotations

import pytest

from tests.integration.app import BUILD, CRASH, RUN, App, messages
from tests.integration.conftest import MakeApp
from tests.support.lab import git, wait_for


@pytest.fixture
def own(make_app: MakeApp) -> App:
    return make_app().deployed()


@pytest.fixture
def alone(make_app: MakeApp) -> App:
    return make_app().alone().deployed()


def test_stop_start_and_restart_change_the_program_and_nothing_else(own: App) -> None:
    commits = own.commits()
    stopped = own.fab("stop", own.name, "--host", "web1")
    assert stopped.code == 0, stopped
    assert [own.program(host)["statename"] for host in own.hosts] == ["STOPPED", "RUNNING"]
    status = own.fab("status", "--host", "web1")
    assert status.code == 1
    assert any("not running: STOPPED" in one for e in status.events for one in e.get("oddities", []))
    deployed = own.deploy()
    assert [deployed.outcome(host, own.name) for host in own.hosts] == ["committed", "unchanged"]
    assert own.running("web1"), "a deploy that has nothing else to do starts a stopped program"
    assert "build" not in deployed.steps("web1")
    assert own.commits() == commits
    pid = own.alone().pid("web1")
    assert own.fab("start", own.name).finished["outcome"] == "unchanged"
    assert own.pid("web1") == pid
    restarted = own.fab("restart", own.name, LOGNAME="bob")
    assert restarted.code == 0 and own.pid("web1") not in (0, pid)
    assert restarted.of("plan") == [], "no version is on its way"
    assert own.commits() == commits[:1]
    assert own.lab["web1"].history(own.name)[-1]["by"].startswith("bob@")
    (row,) = own.fab("status").of("status")
    assert row["deployed_by"] and not row["deployed_by"].startswith("bob@")

    # hosts.yaml names another directory, and the next deploy moves there: until then all is where the program runs.
    here = "test -e run.sh"
    own.write(directory="moved", health={"command": here}, hooks={"drain": here, "undrain": here})
    restarted = own.fab("restart", own.name)
    assert restarted.code == 0, restarted
    assert own.lab["web1"].history(own.name)[-1]["to"] == commits[0]
    assert own.fab("recover", own.name).finished["hosts"]["web1"][own.name]["now"] == commits[0]
    assert own.fab("run", here, "--service", own.name).code == 0

    # All hosts say where their files were before.
    own.hosts = sorted(own.lab.hosts)
    own.settings = {host: {"state": "elsewhere"} for host in own.hosts}
    own.write()
    both = own.fab("run", here, "--service", own.name)
    assert both.code == 2 and "cp -a" in messages(both), "the directory may be another one, too"
    del own.service["directory"]
    own.write()
    for command in (("run", here, "--service"), ("history",), ("rollback",), ("deploy",)):
        refused = own.fab(*command, own.name)
        assert refused.code == 2, refused
        for host in own.hosts:
            assert f"{host}: {own.lab[host].root}/.fabvisor, where `state` was before" in messages(refused)
            assert not (own.lab[host].root / "moved").exists()


@pytest.mark.promise(8)
def test_start_fails_and_stops_again_when_the_program_does_not_stay_up(alone: App) -> None:
    """Promise 8 holds for start as for deploy; it is STOPPED again."""
    alone.write(program={"startsecs": 1})
    assert alone.fab("stop", alone.name).code == 0
    (alone.lab["web1"].directory(alone.name) / "run.sh").write_text(CRASH)
    run = alone.fab("start", alone.name)
    assert run.code == 1, run
    assert "cannot open the database" in [e["line"] for e in run.events if e["event"] == "output"]
    assert alone.program("web1")["statename"] == "STOPPED"


@pytest.mark.promise(11)
@pytest.mark.parametrize("strategy", ["in_place", "releases"])
@pytest.mark.rows(1)
def test_edit_is_still_one_after_a_restart(make_app: MakeApp, strategy: str) -> None:
    """Who edits a file on a host restarts the program to try it. The next deploy must not take that for a build's."""
    own = make_app(strategy=strategy, build=f"{BUILD}\necho built >>lock").alone()
    own.commit(f"{own.name}-1", {"lock": "1\n"})
    own.deployed()
    directory = own.lab["web1"].directory(own.name) / ("current" if strategy == "releases" else "")
    (directory / "run.sh").write_text(f"{RUN}# precious\n")
    assert own.fab("restart", own.name).code == 0
    own.commit(f"{own.name}-2")
    refused = own.deploy()
    assert refused.code == 2, refused
    assert "web1: M run.sh" in messages(refused) and "lock" not in messages(refused)
    assert own.deploy("--set-aside").code == 0
    assert "precious" in git(own.lab["web1"].directory(own.name), "stash", "show", "-p")


@pytest.mark.long
def test_stop_and_remove_take_the_file_of_a_socket_away(make_app: MakeApp) -> None:
    """A start by hand makes it anew."""
    own = make_app().alone()
    path = own.lab.folder / f"{own.name}.sock"
    own.write(socket=f"unix://{path}", numprocs=2)
    own.deployed()
    for command in ("stop", "remove"):
        assert path.is_socket()
        assert own.fab(command, own.name, "--yes").code == 0
        assert not path.exists()
        if command == "stop":
            own.lab["web1"].rpc.startProcessGroup(own.name)


def test_start_refuses_a_service_that_was_never_deployed(app: App) -> None:
    run = app.alone().fab("start", app.name)
    assert run.code == 2
    assert "fab deploy" in messages(run)


def test_rollback_goes_further_back_each_time_and_skips_failed_deploys(alone: App) -> None:
    """Again goes further back; a deploy that failed never counts; --to goes anywhere."""
    one, two = alone.commits()[0], alone.commit(f"{alone.name}-2")
    alone.deployed()
    alone.commit(f"{alone.name}-bad")
    alone.shut("fail", f"{alone.name}-bad")
    assert alone.deploy().code == 1
    three = alone.commit(f"{alone.name}-3")
    alone.deployed()
    for wanted, version in ((two, 2), (one, 1)):
        run = alone.fab("rollback", alone.name)
        assert run.code == 0, run
        assert alone.commits() == [wanted]
        assert alone.running("web1") == f"{alone.name}-{version}"
    end = alone.fab("rollback", alone.name)
    assert end.code == 2, end
    assert "--to" in messages(end)
    assert alone.fab("rollback", alone.name, "--to", three[:10]).code == 0
    assert alone.commits() == [three]


def test_status_names_every_oddity_of_a_row(make_app: MakeApp) -> None:
    """Every oddity of a row at once; exit 1."""
    app = make_app(program={"startsecs": 0, "autorestart": False}).deployed()
    directory, file = app.lab["web1"].directory(app.name), app.program_file("web1")
    git(directory, "commit", "--quiet", "--allow-empty", "--message", "by hand")
    (directory / "source").write_text("by hand")
    file.write_text(file.read_text() + "; by hand\n")
    app.lab["web2"].rpc.signalProcess(f"{app.name}:{app.name}", "KILL")
    wait_for(lambda: app.program("web2")["statename"] != "RUNNING", "it to die")
    run = app.fab("status", "--service", app.name)
    assert (run.code, run.finished["exit_code"]) == (1, 1), run
    rows = {e["host"]: "\n".join(e["oddities"]) for e in run.events if e["event"] == "status"}
    for host, words in (("web1", "edited files: M source"), ("web1", "the program file was changed by hand"),
                        ("web1", "on disk is"), ("web2", "another commit than on web1"),
                        ("web2", "not running: EXITED")):
        assert words in rows[host]


def test_status_makes_no_folder_when_nothing_was_deployed(app: App) -> None:
    """Looking makes no folder."""
    run = app.alone().fab("status")
    assert run.code == 1
    (row,) = run.of("status")
    assert (row["state"], row["commit"]) == ("absent", None) and "not deployed yet" in row["oddities"][0]
    assert not (app.lab["web1"].root / ".fabvisor" / app.name).exists()


def test_logs_prints_the_last_lines_of_all_hosts(shared: App) -> None:
    """The last lines of all hosts, labelled."""
    own = shared
    for host in own.hosts:
        log = own.lab[host].directory(own.name) / "logs" / f"{own.name}.log"
        assert own.running(host)            # it has said its line
        for _ in range(2):                  # supervisord reads what programs say between two answers
            own.program(host)
        log.write_text("".join(f"{host} line {number}\n" for number in range(30)))
    run = own.fab("logs", own.name, "--lines", "2")
    assert run.code == 0, run
    lines = sorted((e["host"], e["service"], e["line"]) for e in run.events if e["event"] == "log")
    assert lines == [(host, own.name, f"{host} line {number}") for host in own.hosts for number in (28, 29)]
    screen = own.fab("logs", own.name, format="plain").out.splitlines()
    assert len([line for line in screen if "web1" in line and "web1 line" in line]) == 20
