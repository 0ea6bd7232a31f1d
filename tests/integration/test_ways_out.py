"""Whatever a deploy left on a host, a command that its hint names leads out."""

from __future__ import annotations

import pytest

from tests.integration.app import App, messages
from tests.integration.conftest import MakeApp
from tests.support.lab import git


def left_by_a_kill(app: App) -> None:
    """A deploy that was killed in its build, and whose old version cannot be built any more."""
    client = app.begin("block", "building", f"{app.name}-2")
    app.kill_host_side()
    client.end()
    app.open_all()
    app.shut("fail", f"{app.name}-1")


@pytest.mark.promise(3)
def test_first_deploy_into_a_clone_that_is_there_goes_back_when_its_build_fails(make_app: MakeApp) -> None:
    app = make_app().alone()
    for host in app.hosts:
        directory = app.lab[host].directory(app.name)
        git(app.lab.folder, "clone", "--quiet", str(app.repo), str(directory))
    first = app.commits()
    app.commit(f"{app.name}-2")
    (app.gate / "fail").write_text(f"{app.name}-1\n{app.name}-2\n")
    run = app.deploy()
    assert run.code == 1, run
    assert {run.outcome(host, app.name) for host in app.hosts} == {"restored"}
    assert "nobody knows how its version was built" in messages(run)
    assert app.commits() == first
    app.open_all()
    assert app.deploy().code == 0


@pytest.mark.promise(4)
def test_hint_of_an_undo_that_fails_leads_out_by_keeping_what_is_there(make_app: MakeApp) -> None:
    app = make_app().alone().deployed()
    left_by_a_kill(app)
    run = app.fab("recover", app.name)
    assert run.code == 3, run
    assert f"fab recover {app.name} --accept" in messages(run)
    kept = app.fab("recover", app.name, "--accept")
    assert kept.code == 0, kept
    assert "kept what was left of the interrupted deploy" in messages(kept)
    assert app.fab("recover", app.name).finished["outcome"] == "unchanged"
    app.open_all()
    app.commit(f"{app.name}-3")
    assert app.deploy("--set-aside").code == 0
    assert [app.running(host) for host in app.hosts] == [f"{app.name}-3"]


@pytest.mark.long
@pytest.mark.promise(4)
def test_hint_of_an_undo_that_fails_leads_out_by_a_corrected_deploy(make_app: MakeApp) -> None:
    app = make_app().alone().deployed()
    left_by_a_kill(app)
    assert f"fab deploy {app.name}" in messages(app.fab("restart", app.name))
    app.commit(f"{app.name}-3")
    run = app.deploy("--set-aside")
    assert run.code == 0, run
    assert "could not undo, and replaces, the interrupted deploy" in messages(run)
    assert [app.running(host) for host in app.hosts] == [f"{app.name}-3"]
    assert not [path for host in app.hosts for path in app.lab[host].leftovers() if app.name in path]


@pytest.mark.promise(4)
def test_journal_that_nobody_can_read_is_left_by_accepting_what_is_there(make_app: MakeApp) -> None:
    app = make_app().alone().deployed()
    journal = app.lab["web1"].root / ".fabvisor/journal/20200101-000000-abcdef.json"
    journal.write_text('{"deploy"')
    row = next(row for row in app.fab("status").of("status") if row["service"] == app.name)
    assert row["state"] == "RUNNING" and "cannot be read" in row["oddities"][-1], "the hint says to look there"
    run = app.deploy("--force")
    assert run.code == 3, run
    assert f"fab recover {app.name} --accept" in messages(run).replace("SERVICE", app.name)
    assert app.fab("recover", app.name, "--accept").code == 0
    assert not journal.exists()
    assert app.deploy("--force").code == 0


@pytest.mark.long
def test_deploy_that_fails_in_the_place_of_another_leaves_the_old_journal(make_app: MakeApp) -> None:
    app = make_app().alone().deployed()
    left_by_a_kill(app)
    app.commit(f"{app.name}-3")
    (app.gate / "fail").write_text(f"{app.name}-1\n{app.name}-3\n")
    assert app.deploy("--set-aside").code in (1, 3)
    assert app.fab("recover", app.name).code == 3
    app.open_all()
    assert app.fab("recover", app.name).code == 0
    assert [app.running(host) for host in app.hosts] == [f"{app.name}-1"]
