"""A host that says what is not in the protocol is that host's trouble: 75 before a plan, 3 after it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.app import App, messages
from tests.integration.conftest import MakeApp


@pytest.fixture
def app(shared: App) -> Iterator[App]:
    """Deployed; each test leaves it as it was."""
    with shared.with_settings():
        yield shared


def speaks(app: App, folder: Path, host: str, edit: str) -> None:
    """From now on sed edits every line that this host's executor says."""
    python = folder / "python"
    python.write_text(f"#!/bin/sh\n{shlex.quote(sys.executable)} \"$@\" | sed -u {shlex.quote(edit)}\n")
    python.chmod(0o755)
    app.settings = {host: {"python": str(python)}}
    app.write()


@pytest.mark.promise(8)
@pytest.mark.parametrize("edit", [
    's/"event": "facts"/"event": "dance"/', 's/"event": "facts"/"event": "gone"/', 's/"event": "locked"/"event": 7/',
    's/"edited": \\[\\]/"edited": {}/', 's/"services": {"app[^"]*": /"services": {"other": /'])
@pytest.mark.rows(1)
def test_host_outside_the_protocol_refuses_a_deploy_before_a_plan(app: App, tmp_path: Path, edit: str) -> None:
    commits = [app.lab[host].head(app.name) for host in app.hosts]
    app.commit("next")
    speaks(app, tmp_path, "web1", edit)
    run = app.deploy()
    assert run.code == 75, run
    assert "web1: its message does not follow the protocol: " in messages(run) and "a bug" not in messages(run)
    assert [run.outcome(host, app.name) for host in app.hosts] == ["unreachable", "refused"]
    assert [app.lab[host].head(app.name) for host in app.hosts] == commits


@pytest.mark.promise(8)
def test_host_outside_the_protocol_after_a_plan_needs_a_person(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app().deployed()
    app.commit("next")
    speaks(app, tmp_path, "web1", 's/"phase": "activate"/"phase": "party"/')
    run = app.deploy()
    assert run.code == 3, run
    assert "web1: its message does not follow the protocol: done" in messages(run)
    assert run.outcome("web2", app.name) == "restored"


@pytest.mark.promise(8)
def test_host_outside_the_protocol_after_the_commit_needs_a_person(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app().deployed()
    app.commit("next")
    speaks(app, tmp_path, "web1", 's/"event": "committed", "now": {/"event": "committed", "now": 7, "then": {/')
    run = app.deploy()
    assert run.code == 3, run
    assert [run.outcome(host, app.name) for host in app.hosts] == ["committed"] * 2, "it said so when it was asked"


def test_json_that_a_login_shell_prints_is_no_message(app: App, tmp_path: Path) -> None:
    speaks(app, tmp_path, "web1", '1i {"motd": "welcome"}')
    assert app.fab("status", "--service", app.name, "--host", "web1").code == 0


@pytest.mark.promise(1)
@pytest.mark.parametrize(("commit", "words"), [
    ("d" * 40, " is not dddd"), ("--output=/tmp/x", "resolved: "), ("HEAD", "resolved: ")])
@pytest.mark.rows(1)
def test_host_cannot_resolve_a_full_hash_to_another_commit(app: App, tmp_path: Path, commit: str, words: str) -> None:
    wanted, before = app.commit("next"), app.commits()
    speaks(app, tmp_path, "web1", f's#"commit": "[0-9a-f]*", "branch"#"commit": "{commit}", "branch"#')
    run = app.deploy("--revision", wanted, "--host", "web1")
    assert run.code == 75 and words in messages(run), run
    assert app.commits() == before
