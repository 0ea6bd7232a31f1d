"""`subdirectory`: a service is built and runs in a folder of its repository, and stays where nothing in it changes."""

from __future__ import annotations

from pathlib import Path

from tests.integration.app import RUN, App, messages
from tests.integration.conftest import MakeApp
from tests.support.lab import stands_in


def test_service_of_a_folder_runs_there_and_stays_where_nothing_in_it_changes(make_app: MakeApp) -> None:
    app = make_app(subdirectory="backend", build="pwd >built-in; cp source built",
                   hooks={"after_activate": "pwd >hooked-in"}, health={"command": "test -e built"}).alone()
    app.lab.commit(app.name, {"backend/source": f"{app.name}-1", "backend/run.sh": RUN,
                              ".gitignore": "built*\nhooked-in\n"})
    app.deployed()
    directory = app.lab["web1"].directory(app.name)
    _runs_in(app, directory / "backend", f"{app.name}-1")
    assert (directory / "logs" / f"{app.name}.log").read_text() == f"starting {app.name}-1\n"
    assert not (directory / "built").exists()

    _stays(app)
    app.write(strategy="releases")
    commit = app.lab.commit(app.name, {"backend/source": f"{app.name}-2"})
    app.deployed()
    _runs_in(app, directory / "releases" / commit / "backend", f"{app.name}-2")
    assert f"starting {app.name}-2" in (directory / "logs" / f"{app.name}.log").read_text()

    before = app.states()
    app.write(subdirectory="front/end")
    _is_refused(app, "host")
    _is_refused(app, "client")
    assert app.states() == before


def _runs_in(app: App, folder: Path, version: str) -> None:
    assert stands_in(app.pid("web1")) == folder and app.running("web1") == version
    assert {(folder / name).read_text().strip() for name in ("built-in", "hooked-in")} == {str(folder)}


def _stays(app: App) -> None:
    """On a commit that touches nothing below the folder, as `plan` and `deploy` say."""
    before, pids = app.states(), app.pids()
    app.lab.commit(app.name, {"README": "more"})
    plan, run = app.fab("plan", app.name), app.deploy()
    assert (plan.code, run.code, run.finished["outcome"]) == (0, 0, "unchanged"), run
    assert [event["steps"] for event in plan.events if event["event"] == "plan"] == [[]]
    for said in (plan, run):
        assert f"{app.name}: nothing below backend differs between" in messages(said)
    assert (app.states(), app.pids()) == (before, pids)


def _is_refused(app: App, fetch: str) -> None:
    run = app.deploy("--fetch", fetch)
    assert run.code == 2 and "has no folder front/end, which `subdirectory` names" in messages(run), run
    assert "in a rollback name a version that has it: --to REVISION" in messages(run)
