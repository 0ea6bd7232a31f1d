"""--format json: only JSON, one object a line, `finished` last; the shapes of the contract."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.app import App
from tests.support.lab import Lab, Run

STATUS = {"event", "environment", "host", "service", "state", "pid", "uptime", "commit", "branch", "strategy",
          "deployed_by", "deployed_at", "oddities"}
STEP = {"event", "host", "service", "step", "ok", "changed", "seconds"}
FINISHED = {"event", "command", "outcome", "exit_code", "hosts"}
RESULT = {"was", "tried", "now", "outcome", "why"}


@pytest.fixture(scope="module")
def app(lab: Lab) -> Iterator[App]:
    made = App(lab, "shown").alone()
    yield made.deployed()
    made.remove()


@pytest.fixture(scope="module")
def run(app: App) -> Run:
    """Of a deploy that had everything to do."""
    app.commit(f"{app.name}-2")
    return app.deploy()


def test_json_output_is_one_event_a_line_and_ends_with_finished(run: Run) -> None:
    assert run.code == 0
    assert all(isinstance(event["event"], str) for event in run.events)
    assert run.events[0]["event"] == "started"
    assert [event["event"] for event in run.events].count("finished") == 1
    assert run.events[-1]["event"] == "finished"
    assert run.err == ""


def test_step_finished_event_has_the_fields_of_the_contract(run: Run) -> None:
    steps = [event for event in run.events if event["event"] == "step_finished"]
    assert steps and all(event.keys() >= STEP for event in steps)
    assert all(event["seconds"] >= 0 and event["ok"] is True for event in steps)


def test_finished_event_has_the_fields_of_the_contract(run: Run, app: App) -> None:
    assert run.finished.keys() >= FINISHED
    assert (run.finished["command"], run.finished["outcome"], run.finished["exit_code"]) == ("deploy", "committed", 0)
    assert sorted(run.finished["hosts"]) == app.hosts
    for services in run.finished["hosts"].values():
        (result,) = services.values()
        assert result.keys() >= RESULT
        assert result["was"] != result["now"] == result["tried"] == app.commits()[0]


def test_status_event_has_the_fields_of_the_contract(app: App, run: Run) -> None:
    seen = app.fab("status")
    (row,) = seen.of("status")
    assert row.keys() >= STATUS
    assert (row["environment"], row["service"], row["state"]) == ("test", app.name, "RUNNING")
    assert (row["branch"], row["strategy"], row["oddities"]) == ("main", "in_place", [])
    assert row["commit"] == app.commits()[0] and row["pid"] == app.pid(row["host"])
    assert row["uptime"] >= 0 and "@" in row["deployed_by"] and row["deployed_at"].endswith("Z")
    assert seen.events[-1]["event"] == "finished"
