"""Batches on two real hosts: web1 restarts first, then web2, as `serial` has it unless given."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from tests.integration.app import App, messages, why
from tests.support.lab import Lab, Run, wait_for

# The test shuts `hang` for a version, or `ill-HOST`: the program ends at once there, and is never healthy.
HEALTH = {"timeout": 60, "command": """
shut() { grep -qsx "$(cat source)" "$GATE/$1"; }
touch "$GATE/checking-$HOST"; while shut hang; do sleep 0.02; done; ! shut "ill-$HOST"
"""}
RUN = """\
#!/bin/bash
if grep -qsx "$(cat built)" "$GATE/ill-$HOST"; then exit 3; fi
exec -a "$(cat built)" sleep 100000
"""
# It is healthy at first.
SHORT = """\
#!/bin/bash
exec -a "$(cat built)" sleep 1
"""
VERSIONS = iter(range(2, 100))


@pytest.fixture(scope="module")
def deployed(lab: Lab) -> Iterator[App]:
    app = App(lab, "batched", health=HEALTH)
    app.environment = {"serial": [1, "100%"]}
    app.write()
    app.commit(f"{app.name}-1", {"run.sh": RUN})
    yield app.deployed()
    app.remove()


@pytest.fixture
def app(deployed: App) -> App:
    """Each test begins with a version that is everywhere, and leaves one."""
    deployed.open_all()
    deployed.environment.pop("pause", None)
    deployed.settings = {}
    deployed.write()
    return deployed


def next_version(app: App, **files: str) -> str:
    version = f"{app.name}-{next(VERSIONS)}"
    app.commit(version, {name.replace("_", "."): text for name, text in files.items()})
    return version


def outcomes(run: Run, app: App) -> list[str]:
    return [run.outcome(host, app.name) for host in app.hosts]


def batches(run: Run) -> list[list[str]]:
    return [event["hosts"] for event in run.of("batch")]


@pytest.mark.promise(10)
def test_second_host_restarts_once_the_first_is_healthy(app: App) -> None:
    next_version(app)
    planned = app.fab("plan", app.name)
    assert batches(planned) == [["web1"], ["web2"]]
    assert planned.events.index(planned.of("batch")[0]) > planned.events.index(planned.of("plan")[-1])
    run = app.deploy()
    assert (run.code, batches(run)) == (0, [["web1"], ["web2"]]), run
    order = [event.get("number") or (event["event"], event["host"], event["step"]) for event in run.events
             if event["event"] in ("batch", "step_started", "step_finished")]
    story = [("step_finished", "web2", "build"), 1, ("step_finished", "web1", "health"), 2,
             ("step_started", "web2", "program")]
    assert sorted(story, key=order.index) == story
    history = app.fab("history", app.name, "--lines", "1")
    assert [(line["host"], line["result"], line["batch"]) for line in history.of("history")] == [
        ("web1", "committed", 1), ("web2", "committed", 2)], history


@pytest.mark.promise(10)
@pytest.mark.promise(3)
def test_host_of_a_later_batch_keeps_its_process_and_gets_its_old_files_when_the_first_host_fails(app: App) -> None:
    before, pids = app.states(), app.pids()
    app.shut("ill-web1", next_version(app))
    run = app.deploy()
    assert (run.code, outcomes(run, app), run.finished["outcome"]) == (1, ["restored", "not_reached"], "restored"), run
    assert "program" not in run.steps("web2") and "build" in run.steps("web2")
    assert app.states() == before
    assert app.pid("web1") != pids[0] and app.pid("web2") == pids[1]
    assert [app.results(host)[-1] for host in app.hosts] == ["restored", "not_reached"]


@pytest.mark.promise(3)
def test_first_host_goes_back_after_the_second_has_when_that_one_fails(app: App) -> None:
    before = app.states()
    app.shut("ill-web2", next_version(app))
    run = app.deploy()
    assert (run.code, outcomes(run, app)) == (1, ["restored", "restored"]), run
    back = [(event["host"], event["step"]) for event in run.of("step_finished") if event["step"].startswith("undo ")]
    assert back.index(("web2", "undo restart")) < next(at for at, (host, _) in enumerate(back) if host == "web1")
    assert app.states() == before


@pytest.mark.promise(3)
def test_all_hosts_go_back_by_themselves_when_the_client_is_killed_in_the_second_batch(app: App) -> None:
    before, ended = app.states(), len(app.results("web1"))
    app.shut("hang", version := next_version(app))
    client = app.start("deploy", app.name).wait_at(app, "checking", "web1")
    app.open("checking-web2")
    app.open("hang")
    client.wait_event(lambda event: event["event"] == "batch" and event["number"] == 2, "the second batch")
    app.shut("hang", version)
    client.wait_at(app, "checking", "web2")
    assert app.running("web1") == version
    client.signal(signal.SIGKILL)
    client.end()
    wait_for(lambda: all(app.results(host)[ended:] == ["restored"] for host in app.hosts), "the hosts to go back")
    wait_for(lambda: not any(map(app.holder_alive, app.hosts)), "the executors to end")
    assert app.states() == before


@pytest.mark.long
@pytest.mark.promise(3)
def test_interrupt_in_the_first_batch_leaves_the_second_alone(app: App) -> None:
    before, pids = app.states(), app.pids()
    app.shut("hang", next_version(app))
    app.open("checking-web1")
    client = app.start("deploy", app.name).wait_at(app, "checking", "web1")
    client.signal(signal.SIGTERM)
    run = client.end()
    assert (run.code, outcomes(run, app)) == (143, ["restored", "not_reached"]), run
    assert app.states() == before and app.pid("web2") == pids[1]


@pytest.mark.promise(10)
def test_pause_finds_a_program_that_ends_after_it_was_healthy(app: App) -> None:
    before, pids = app.states(), app.pids()
    app.environment["pause"] = "1.5s"
    app.write()
    next_version(app, run_sh=SHORT)
    run = app.deploy()
    assert (run.code, outcomes(run, app)) == (1, ["restored", "not_reached"]), run
    assert "it did not stay up" in why(run, "web1", app.name)
    assert app.states() == before and app.pid("web2") == pids[1]


def test_leases_of_hosts_that_wait_do_not_lapse_in_a_pause(app: App) -> None:
    app.environment["pause"] = "6.5s"
    app.settings = {host: {"lease": 6} for host in app.hosts}
    app.write()
    run = app.fab("restart", app.name)
    assert (run.code, batches(run)) == (0, [["web1"], ["web2"]]), run
    seconds = {(event["host"], event["step"]): event["seconds"] for event in run.of("step_finished")}
    assert seconds["web1", "recheck"] >= 6.5 and ("web2", "recheck") not in seconds


def test_host_that_does_not_run_goes_first(app: App) -> None:
    app.lab["web2"].rpc.stopProcess(f"{app.name}:{app.name}")
    run = app.fab("restart", app.name)
    assert (run.code, batches(run)) == (0, [["web2"], ["web1"]]), run


def test_wrong_serial_on_the_command_line_is_refused(app: App) -> None:
    run = app.deploy("--serial", "50 %")
    assert run.code == 2 and "--serial: expected how many hosts" in messages(run), run
