"""Hooks with `on: client`: they run where fab runs, between the phases of the hosts; and whoever finishes a deploy that
was cut off runs what is left of them."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.app import RUN, App, messages, read
from tests.integration.conftest import MakeApp
from tests.support.lab import Lab, Run, wait_for

SECRET = "hunter2-MARK4711"


def on_client(name: str, more: str = "true", once: bool = False) -> dict[str, object]:
    return {"run": [f'echo {name} "$HOST" "$TOKEN" >>record', more], "on": "client", "once": once}


SERVICE: dict[str, Any] = {"secrets": ["TOKEN"], "hooks": {
    "before_activate": on_client("before", once=True),
    "after_activate": [on_client("after"), 'test ! -e "$GATE/unwell"'],
    "drain": [on_client("drain", 'test ! -e stuck || sleep 1000'), 'echo drain on "$HOST" >>"$GATE/record"'],
    "undrain": [on_client("undrain", 'echo "no route: $TOKEN"; test ! -e broken || exit 4'),
                'echo undrain on "$HOST" >>"$GATE/record"'],
    "on_failure": on_client("failed", "exit 5")}}


def serial(app: App) -> App:
    app.environment = {"serial": 1}
    app.write()
    return app


@pytest.fixture(scope="module")
def deployed(lab: Lab) -> Iterator[App]:
    app = serial(App(lab, "hooked", **SERVICE))
    assert deploy(app).code == 0
    yield app
    app.remove()


@pytest.fixture
def own(deployed: App) -> Iterator[App]:
    """Deployed in whichever version. `record`, beside hosts.yaml, has a line for each hook that ran."""
    record(deployed)
    yield deployed
    deployed.open_all()


def deploy(app: App, *args: str) -> Run:
    run = app.deploy(*args, TOKEN=SECRET)
    assert "MARK4711" not in run.out + run.err
    return run


def record(app: App) -> list[str]:
    path = app.gate / "record"
    lines = path.read_text().splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    assert all(line.endswith(SECRET) for line in lines if " on " not in line)
    return [line.removesuffix(f" {SECRET}") for line in lines]


def batch(host: str) -> list[str]:
    return [f"drain {host}", f"drain on {host}", f"undrain on {host}", f"undrain {host}"]


def test_client_hooks_run_around_those_of_each_batch(own: App) -> None:
    own.commit(f"{own.name}-around")
    run = deploy(own)
    assert run.code == 0, run
    assert record(own) == ["before web1", *batch("web1"), *batch("web2"), "after web1", "after web2"]
    assert "no route: ***" in [event["line"] for event in run.of("output") if event["host"] == "web1"]
    assert own.fab("restart", own.name, "--host", "web2", TOKEN=SECRET).code == 0
    assert record(own) == batch("web2")


@pytest.mark.promise(3)
def test_hosts_of_earlier_batches_are_drained_again_before_they_go_back(own: App) -> None:
    before = own.states()
    own.commit(f"{own.name}-half", {"run.sh": '#!/bin/sh\ntest "$HOST" = web1 || exit 1\nexec sleep 100000\n'})
    own.write(program={"startsecs": 1, "stopwaitsecs": 5})
    run = deploy(own)
    own.write(program={"startsecs": 0, "stopwaitsecs": 5})
    own.commit(f"{own.name}-whole", {"run.sh": RUN})
    assert (run.code, own.states()) == (1, before), run
    assert record(own) == [
        "before web1", *batch("web1"), "drain web2", "drain on web2", "undrain on web2", "undrain web2",
        "drain web1", "drain on web1", "undrain on web1", "undrain web1", "failed web1", "failed web2"]


@pytest.mark.long
@pytest.mark.promise(3)
@pytest.mark.promise(10)
def test_hosts_that_fail_in_service_are_drained_and_go_back_one_after_the_other(own: App) -> None:
    """after_activate fails on both at the same time."""
    before = own.states()
    own.commit(f"{own.name}-unwell")
    (own.gate / "unwell").touch()
    run = deploy(own)
    assert (run.code, own.states()) == (1, before), run
    assert record(own) == ["before web1", *batch("web1"), *batch("web2"), *batch("web2"), *batch("web1"), "failed web1",
                           "failed web2"]


@pytest.mark.long
@pytest.mark.promise(3)
@pytest.mark.parametrize("drains_here", [True, False], ids=["undrain on the host", "undrain on the client"])
def test_host_that_leaves_service_by_the_one_enters_it_by_the_other(make_app: MakeApp, drains_here: bool) -> None:
    """Also on the way back."""
    here = {name: on_client(name) for name in ("drain", "undrain")}
    there = {name: f'echo {name} on "$HOST" >>"$GATE/record"' for name in ("drain", "undrain")}
    app = make_app(secrets=["TOKEN"], hooks={"drain": (here if drains_here else there)["drain"],
                                             "undrain": (there if drains_here else here)["undrain"]}).alone()
    app.write(health={"command": "! grep -q -e -2$ source", "timeout": 0.2})
    leaves, enters = ("drain web1", "undrain on web1") if drains_here else ("drain on web1", "undrain web1")
    run = deploy(app)
    assert run.code == 0 and record(app) == [leaves, enters]
    seen = [event["step"] for event in run.of("step_started") if event["step"] in here]
    assert seen == [step for step in run.of("plan")[0]["steps"] if step in here] == ["drain", "undrain"], "each once"
    app.commit(f"{app.name}-2")
    run = deploy(app)
    assert (run.code, record(app)) == (1, [leaves, enters]), run
    app.write(health={"command": "true"}, hooks={**app.service["hooks"], "after_activate": "! grep -q -e -3$ source"})
    app.commit(f"{app.name}-3")
    run = deploy(app)
    assert (run.code, record(app)) == (1, [leaves, enters] * 2), run
    assert not (app.lab["web1"].root / ".fabvisor" / app.name / "drained").exists()


def test_failed_undrain_on_the_way_back_needs_a_person_and_recover_runs_it_again(own: App) -> None:
    version = own.running("web1")
    own.commit(f"{own.name}-broken")
    (own.gate / "broken").touch()
    run = deploy(own, "--host", "web1")
    assert run.code == 3
    assert f"may be out of service\ncorrect it, then: fab recover {own.name}" in messages(run)
    assert own.running("web1") == version
    assert out_of_service(own)
    (own.gate / "broken").unlink()
    record(own)
    pid = own.pid("web1")
    assert own.fab("recover", own.name, "--host", "web1", TOKEN=SECRET).code == 0
    assert record(own) == ["undrain web1"]
    assert own.pid("web1") == pid and not out_of_service(own)


@pytest.mark.promise(4)
def test_next_deploy_runs_the_undrain_that_a_killed_client_left(own: App) -> None:
    """Also where the version that it deploys runs already: nothing restarts then."""
    first, restored = own.lab["web1"].head(own.name), own.results("web1").count("restored")
    own.commit(f"{own.name}-stuck")
    (own.gate / "stuck").touch()
    client = own.start("deploy", own.name, "--host", "web1", TOKEN=SECRET)
    wait_for(lambda: "drain web1" in read(str(own.gate / "record")), "the hook")
    client.signal(signal.SIGKILL)
    client.end()
    own.wait_restored("web1", since=restored + 1)
    assert out_of_service(own)
    record(own)
    pid = own.pid("web1")
    run = deploy(own, "--host", "web1", "--revision", first)
    assert (run.code, run.outcome("web1", own.name)) == (0, "committed"), run
    assert record(own) == ["undrain web1"]
    assert own.pid("web1") == pid and not out_of_service(own)


def test_interrupted_client_hook_ends_and_the_host_enters_service_again(own: App) -> None:
    own.commit(f"{own.name}-interrupted")
    (own.gate / "stuck").touch()
    client = own.start("deploy", own.name, "--host", "web1", TOKEN=SECRET)
    wait_for(lambda: "drain web1" in read(str(own.gate / "record")), "the hook")
    client.signal(signal.SIGINT)
    run = client.end()
    assert run.code == 130, run
    assert record(own) == ["before web1", "drain web1", "undrain web1", "failed web1"]
    assert not (own.lab["web1"].root / ".fabvisor" / own.name / "drained").exists()


def out_of_service(app: App) -> bool:
    (status,) = app.fab("status", "--service", app.name, "--host", "web1").of("status")
    return any("may be out of service" in oddity and f"fab recover {app.name}" in oddity
               for oddity in status["oddities"])
