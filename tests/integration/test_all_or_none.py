"""Promise 2, and several services as one deploy."""

from __future__ import annotations

import pytest

from tests.integration.app import CRASH, App, messages, why
from tests.integration.conftest import MakeApp


@pytest.mark.promise(2)
def test_deploy_restarts_no_host_when_one_build_fails(shared: App) -> None:
    before, pids = shared.states(), shared.pids()
    commit = shared.commit(f"{shared.name}-2")
    shared.shut("fail-web2", f"{shared.name}-2")
    run = shared.deploy()
    shared.open("fail-web2")
    assert run.code == 1, run
    assert [run.outcome(host, shared.name) for host in shared.hosts] == ["restored", "restored"]
    result = run.finished["hosts"]["web2"][shared.name]
    assert (result["was"], result["tried"], result["now"]) == (before[1]["commit"], commit, before[1]["commit"])
    assert "exit status 9" in result["why"]
    assert shared.states() == before
    assert shared.pids() == pids
    assert {"program", "restart"}.isdisjoint(run.steps("web1") + run.steps("web2"))
    assert "no space for web2" in [e["line"] for e in run.events if e["event"] == "output"]


@pytest.mark.promise(2)
def test_deploy_restarts_only_after_the_last_host_has_built(shared: App) -> None:
    pids = shared.pids()
    shared.commit(f"{shared.name}-3")
    shared.shut("block-web2", f"{shared.name}-3")
    client = shared.start("deploy", shared.name).wait_at(shared, "building", "web2")
    client.wait_event(lambda e: e["event"] == "step_finished" and (e["host"], e["step"]) == ("web1", "build"),
                      "web1's build")
    assert shared.pids() == pids
    shared.open("block-web2")
    run = client.end()
    assert run.code == 0, run
    order = [(e["event"], e["step"], e["host"]) for e in run.events if e["event"].startswith("step_")]
    built = max(order.index(("step_finished", "build", host)) for host in shared.hosts)
    assert all(order.index(("step_started", "program", host)) > built for host in shared.hosts)
    assert [shared.running(host) for host in shared.hosts] == [f"{shared.name}-3"] * 2


@pytest.fixture
def two(make_app: MakeApp) -> tuple[App, App]:
    """alpha's inventory names both services."""
    alpha, beta = make_app(), make_app()
    alpha.services[beta.name] = {**beta.service, "variables": {"GATE": str(beta.gate)}}
    alpha.write()
    return alpha, beta


@pytest.mark.promise(2)
@pytest.mark.promise(3)
def test_deploy_of_several_services_commits_all_or_none(two: tuple[App, App]) -> None:
    """Both succeed together; when one of them does not start on one host, both go back on all."""
    alpha, beta = two
    first = alpha.fab("deploy", "all")
    assert first.code == 0, first
    steps = [(e["step"], e["service"]) for e in first.events if e["event"] == "step_started" and e["host"] == "web1"]
    assert steps == [(step, name) for step in ("fetch", "checkout", "build", "program", "restart", "verify")
                     for name in sorted((alpha.name, beta.name))], "all are fetched before the first is built"
    assert [app.running(host) for app in two for host in app.hosts] == [
        f"{alpha.name}-1", f"{alpha.name}-1", f"{beta.name}-1", f"{beta.name}-1"]
    before = [app.states() for app in two]
    alpha.commit(f"{alpha.name}-2")
    beta.commit(f"{beta.name}-2", {"run.sh": CRASH})
    alpha.services[beta.name]["program"] = {"startsecs": 1, "startretries": 0}
    alpha.write()
    run = alpha.fab("deploy", f"{alpha.name},{beta.name}")
    assert run.code == 1, run
    assert {run.outcome(host, app.name) for host in alpha.hosts for app in two} == {"restored"}
    # Both hosts fail; the one that does so first is told of.
    assert any(f"{host}: {beta.name}: verify: it did not stay up" in messages(run) for host in alpha.hosts), run
    assert any(f"{beta.name}: verify: it did not stay up" in why(run, host, alpha.name) for host in alpha.hosts), run
    assert [app.states() for app in two] == before
