"""fab run: a command of the user on all hosts."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from tests.integration.app import App, messages
from tests.support.lab import Run, wait_for

SECRET = "s3cret-of-the-test"


def lines(run: Run) -> list[tuple[str, str]]:
    return sorted((event["host"], event["line"]) for event in run.of("log"))


@pytest.fixture(scope="module")
def own(shared: App) -> App:
    shared.service["secrets"] = ["TOKEN"]
    shared.write()
    assert shared.fab("deploy", shared.name, TOKEN=SECRET).code == 0
    return shared


def test_run_begins_in_the_root_or_where_the_service_runs_with_its_environment(own: App) -> None:
    roots = {host: str(own.lab[host].root.resolve()) for host in own.hosts}
    assert lines(own.fab("run", "pwd -P")) == sorted(roots.items())
    inside = own.fab("run", "cat source; echo; echo $HOST $RUN_MODE $TOKEN", "--service", own.name)
    assert inside.code == 0, inside
    assert lines(inside) == sorted((host, line) for host in own.hosts for line in (
        f"{own.name}-1", f"{host} test ***"))
    once = own.fab("run", "pwd -P", "--once", "--serial", "1", format="plain")
    assert once.out.splitlines() == [f"web1 | {roots['web1']}"]


def test_run_ends_with_1_where_a_command_fails_and_begins_no_further_batch(own: App) -> None:
    failed = own.fab("run", "echo here; exit 5", "--service", own.name, "--serial", "1")
    assert (failed.code, lines(failed)) == (1, [("web1", "here")])
    assert "web1: exit status 5" in messages(failed)
    assert [failed.outcome(host, own.name) for host in own.hosts] == ["failed", "not_reached"]


def test_run_ends_the_command_on_the_hosts_with_ctrl_c(own: App) -> None:
    client = own.start("run", "touch $GATE/runs-$HOST; sleep 4321 & sleep 4321", "--service", own.name)
    for host in own.hosts:
        wait_for(lambda host=host: (own.gate / f"runs-{host}").exists(), f"the command on {host}")
    client.process.send_signal(signal.SIGINT)
    run = client.end()
    assert (run.code, run.of("finished")[0]["outcome"]) == (130, "unknown")
    assert [run.outcome(host, own.name) for host in own.hosts] == ["unknown", "unknown"], "it ran there"
    busy = "pgrep -f 'sleep[ ]4321' || echo none"
    wait_for(lambda: {line for _, line in lines(own.fab("run", busy))} == {"none"}, "the commands to end")


@pytest.mark.promise(8)
def test_run_says_of_a_host_lost_before_its_turn_that_nothing_was_run_there(own: App) -> None:
    wait = "touch $GATE/turn-of-$HOST; while ! test -e $GATE/go-on; do sleep 0.02; done"
    client = own.start("run", wait, "--service", own.name, "--serial", "1")
    wait_for((own.gate / "turn-of-web1").exists, "the command on web1")
    own.lab["web2"].sshd.end_sessions()
    (own.gate / "go-on").touch()
    run = client.end()
    assert run.code == 3, run
    assert [error["message"] for error in run.of("error")] == [
        "web2: the connection was lost: nothing was run there"]
    assert "type it once more with --host web2; it was run on web1" in messages(run)
    assert [run.outcome(host, own.name) for host in own.hosts] == ["unchanged", "unreachable"]
    assert not (own.gate / "turn-of-web2").exists()


@pytest.mark.promise(8)
def test_run_says_that_nothing_was_changed_only_where_nothing_ran(own: App) -> None:
    killed = own.fab("run", "kill -9 $PPID", "--once", format="plain")
    assert killed.code == 3 and killed.out.splitlines()[:2] == ["host  outcome", "web1  unknown"], killed
    own.env_file("web1").rename(own.gate / "env")
    try:
        assert own.fab("run", "true", "--service", own.name, "--once").code == 2
        partly = own.fab("run", "echo here", "--service", own.name)
    finally:
        (own.gate / "env").rename(own.env_file("web1"))
    assert (partly.code, lines(partly)) == (3, [("web2", "here")])
    assert (partly.of("finished")[0]["outcome"], partly.outcome("web1", own.name)) == ("failed", "refused")
    assert "it has no environment file: nothing was run there" in messages(partly)
    assert "type it once more with --host web1; it was run on web2" in messages(partly)


@pytest.mark.parametrize(("wrong", "code", "outcome"), [
    pytest.param({"port": 1}, 75, "unreachable", id="no sshd"),
    pytest.param({"python": "/nonexistent/python3"}, 2, "refused", id="no python")])
def test_run_runs_nothing_anywhere_where_a_host_cannot_run_it(own: App, wrong: dict[str, Any], code: int, outcome: str
                                                              ) -> None:
    own.settings["web2"] = wrong
    own.write()
    try:
        run = own.fab("run", "echo here", "--service", own.name, "--serial", "1")
    finally:
        del own.settings["web2"]
        own.write()
    assert (run.code, run.of("finished")[0]["outcome"], lines(run)) == (code, outcome, [])
    assert [run.outcome(host, own.name) for host in own.hosts] == ["not_reached", outcome]


def test_run_asks_where_the_environment_says_so(own: App) -> None:
    own.environment["confirm"] = True
    own.write()
    try:
        refused = own.fab("run", "echo here")
        assert (refused.code, lines(refused)) == (2, [])
        assert own.fab("run", "echo here", "--yes").code == 0
    finally:
        del own.environment["confirm"]
        own.write()
