"""Promise 4, and recover: what must be undone is on the host's disk; the next command finishes it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.app import HEALTH, App, messages
from tests.support.lab import Lab, wait_for


@pytest.fixture(scope="module")
def own(lab: Lab) -> Iterator[App]:
    """Every test leaves it as it was."""
    app = App(lab, "left", health=HEALTH).alone().deployed()
    yield app
    app.remove()


def interrupted(app: App, gate: str, mark: str) -> int:
    """Everything on the hosts is killed in the middle of a deploy; returns the client's exit code."""
    client = app.begin(gate, mark, f"{app.name}-2")
    app.kill_host_side()
    code = client.end().code
    app.open_all()
    return code


@pytest.mark.promise(4)
@pytest.mark.parametrize(("gate", "mark"), [
    pytest.param("hold", "checking", id="in the health check"), pytest.param("block", "building", id="in the build")])
@pytest.mark.rows(1)
def test_recover_undoes_an_interrupted_deploy(own: App, gate: str, mark: str) -> None:
    before = own.states()
    assert interrupted(own, gate, mark) == 3
    assert own.states() != before
    status = own.fab("status")
    assert status.code == 1
    for row in [event for event in status.events if event["event"] == "status"]:
        assert any("fab recover" in one for one in row["oddities"]), row
    run = own.fab("recover", own.name)
    assert run.code == 0, run
    assert run.outcome("web1", own.name) == "restored"
    assert len([e for e in run.events if e["event"] == "notice" and "undid" in e["message"]]) == 1
    assert own.states() == before


def test_recover_waits_while_a_host_restores_by_itself(own: App) -> None:
    """It says for what."""
    before, version = own.states(), f"{own.name}-2"
    client = own.begin("block", "building", version)
    (own.gate / "block").write_text(f"{version}\n{own.name}-1\n")
    client.process.kill()
    for host in own.hosts:
        wait_for(lambda host=host: own.holder(host).get("restoring"), f"{host} to go back")
    recovering = own.start("recover", own.name)
    recovering.wait_event(lambda e: e["event"] == "notice" and "it is being undone" in e["message"], "the wait")
    own.open_all()
    run = recovering.end()
    assert run.code == 0, run
    assert own.states() == before


@pytest.mark.promise(4)
def test_every_changing_command_finishes_the_undo_first(own: App) -> None:
    before = own.states()
    for command in ("rollback", "stop"):
        assert interrupted(own, "hold", "checking") == 3
        run = own.fab(command, own.name)
        # There is no earlier version to roll back to; what is unfinished is finished all the same.
        assert run.code == (2 if command == "rollback" else 0), run
        assert "undid" in messages(run)
        if command != "stop":
            assert own.states() == before
    assert own.state("web1")["state"] == "STOPPED"
    assert own.running("web1") is None
    again = own.fab("recover", own.name)
    assert (again.code, again.finished["outcome"]) == (0, "unchanged"), "nothing is left to do"


@pytest.mark.long
@pytest.mark.usefixtures("real_hosts")
@pytest.mark.promise(3)
def test_way_back_waits_for_a_supervisord_that_is_restarted() -> None:
    """As an upgrade of its package does; the client knows for what the host waits."""
    with Lab(("web1",)) as lab:
        app = App(lab, "app", health=HEALTH).deployed()
        before = app.state("web1")
        client = app.begin("hold", "checking", "app-2")
        lab["web1"].stop_supervisord()
        client.wait_event(lambda e: e.get("state") == "waiting" and "s for supervisord" in e["detail"], "the wait")
        lab["web1"].start_supervisord()
        run = client.end()
        assert run.code == 1, run
        assert run.outcome("web1", "app") == "restored"
        assert app.state("web1") == before
        assert app.running("web1") == "app-1"


@pytest.mark.long
@pytest.mark.usefixtures("real_hosts")
@pytest.mark.promise(4)
def test_recover_finishes_an_undo_that_failed_once_its_cause_is_mended() -> None:
    """3; the journal stays; when it was put right, recover finishes it."""
    with Lab(("web1",)) as lab:
        app = App(lab, "app", health=HEALTH).deployed()
        before = app.state("web1")
        client = app.begin("hold", "checking", "app-2")
        lab["web1"].stop_supervisord()
        run = client.end()
        assert run.code == 3, run
        assert "app: its files are restored, but supervisord is down" in messages(run)
        assert "fab recover app" in messages(run)
        assert app.lab["web1"].leftovers()
        lab["web1"].start_supervisord()
        done = app.fab("recover", "app")
        assert done.code == 0, done
        assert app.state("web1") == before
