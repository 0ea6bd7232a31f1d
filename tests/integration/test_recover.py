"""Promise 4, and recover: what must be undone is on the host's disk; the next command finishes it."""

from __future__ import annotations

import pytest

from tests.integration.app import HEALTH, App, messages
from tests.integration.conftest import MakeApp
from tests.support.lab import Lab, wait_for


@pytest.fixture
def own(make_app: MakeApp) -> App:
    return make_app(health=HEALTH).deployed()


def interrupted(app: App, gate: str, mark: str) -> int:
    """Everything on the hosts is killed in the middle of a deploy; returns the client's exit code."""
    for host in app.hosts:
        app.open(f"{mark}-{host}")
    version = f"{app.name}-2"
    app.commit(version)
    app.shut(gate, version)
    going = app.going("deploy", app.name).stands_at(app, mark)
    app.kill_host_side()
    code = going.end().code
    app.open_all()
    return code


@pytest.mark.parametrize(("gate", "mark"), [
    pytest.param("block", "building", id="in the build"), pytest.param("hold", "checking", id="in the health check")])
def test_promise_4_recover(own: App, gate: str, mark: str) -> None:
    before = own.states()
    assert interrupted(own, gate, mark) == 3
    assert own.states() != before
    status = own.fab("status")
    assert status.code == 1
    for row in status.events[:2]:
        assert any("fab recover" in one for one in row["oddities"]), row
    run = own.fab("recover", own.name)
    assert run.code == 0, run
    assert [run.outcome(host, own.name) for host in own.hosts] == ["restored"] * 2
    assert len([e for e in run.events if e["event"] == "notice" and "undid" in e["message"]]) == 2
    assert own.states() == before
    again = own.fab("recover", own.name)
    assert (again.code, again.finished["outcome"]) == (0, "unchanged")
    assert own.fab("status").code == 0


@pytest.mark.parametrize("command", ["restart", "stop", "start", "rollback"])
def test_promise_4_any_change_finishes_the_undoing_first(own: App, command: str) -> None:
    before = own.states()
    assert interrupted(own, "hold", "checking") == 3
    run = own.fab(command, own.name)
    # There is no earlier version to roll back to; what is unfinished is finished all the same.
    assert run.code == (2 if command == "rollback" else 0), run
    assert "undid" in messages(run)
    after = own.states()
    if command == "stop":
        assert {state["state"] for state in after} == {"STOPPED"}
        return
    assert after == before


def test_recover_waits_while_a_host_goes_back_by_itself(own: App) -> None:
    """It says for what."""
    before, version = own.states(), f"{own.name}-2"
    own.commit(version)
    own.shut("block", version)
    going = own.going("deploy", own.name).stands_at(own, "building")
    (own.gate / "block").write_text(f"{version}\n{own.name}-1\n")
    going.process.kill()
    for host in own.hosts:
        wait_for(lambda host=host: own.holder(host).get("restoring"), f"{host} to go back")
    recovering = own.going("recover", own.name)
    recovering.heard(lambda e: e["event"] == "notice" and "restoring" in e["message"], "the wait")
    own.open_all()
    run = recovering.end()
    assert run.code == 0, run
    assert own.states() == before


def test_a_way_back_that_fails_needs_a_person() -> None:
    """3; the journal stays; when it was put right, recover finishes it."""
    with Lab(("web1",)) as lab:
        app = App(lab, "app", health=HEALTH).deployed()
        before = app.state("web1")
        app.commit("app-2")
        app.shut("hold", "app-2")
        going = app.going("deploy", "app").stands_at(app, "checking")
        lab["web1"].stop_supervisord()
        run = going.end()
        assert run.code == 3, run
        assert "fab recover app" in messages(run)
        assert app.lab["web1"].leftovers()
        lab["web1"].start_supervisord()
        done = app.fab("recover", "app")
        assert done.code == 0, done
        assert app.state("web1") == before
