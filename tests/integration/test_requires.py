"""`requires`: what a commit must have is looked for right after the fetch, before anything else changes."""

from __future__ import annotations

import re

from tests.integration.app import App, messages
from tests.support.lab import git


def test_deploy_refuses_a_commit_that_lacks_a_required_path(app: App) -> None:
    """Named by path, host and commit; exit 2; nothing is touched, not even by a first deploy."""
    app.alone().write(requires=["run.sh", "config/${RUN_MODE}.yaml", "config"])
    before = app.states()
    planned = app.fab("plan", app.name)
    assert (planned.code, planned.of("plan")[0]["missing"]) == (2, ["config/test.yaml", "config"]), planned
    run = app.deploy()
    assert run.code == 2, run
    commit = git(app.repo, "rev-parse", "main")
    assert re.search(rf"web1: fetch: commit {commit} of {app.name} lacks config/test.yaml, config,", messages(run))
    assert app.states() == before
    assert not app.lab["web1"].directory(app.name).exists()

    app.commit(f"{app.name}-2", {"config/test.yaml": "x"})
    assert app.deploy().code == 0
    before, pids = app.states(), app.pids()

    app.write(requires=["config/test.yaml", "$(touch x); -v"])
    commit = app.commit(f"{app.name}-3")
    run = app.deploy()
    assert run.code == 2, run
    assert f"commit {commit} of {app.name} lacks $(touch x); -v," in messages(run)
    assert {event["step"] for event in run.events if event["event"] == "step_started"} == {"fetch"}
    planned = app.fab("plan", app.name)
    assert (planned.code, planned.of("plan")[0]["missing"]) == (2, ["$(touch x); -v"])
    assert (app.states(), app.pids()) == (before, pids)
    app.environment["services"] = {app.name: {"requires": []}}
    app.write()
    assert app.deploy().code == 0
