"""`fab doctor`: what hinders a deploy, each with a remedy; nothing is changed."""

from __future__ import annotations

import json
import os
import re
import socket
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.integration.app import App
from tests.integration.conftest import MakeApp
from tests.integration.packaged_app import packaged_app
from tests.support.lab import Run, git
from tests.support.packaged import PackagedHost

NAMES = {"host_key", "clock", "login", "python", "path", "git", "repo", "root", "disk", "inodes", "sudo", "supervisord",
         "boot", "sections", "services", "programs", "ports", "leftovers"}


def checks(run: Run, host: str = "web1", outcome: str = "") -> dict[str, dict[str, Any]]:
    """By name, the last of each."""
    return {event["check"]: event for event in run.events
            if event["event"] == "check" and event["host"] == host and outcome in ("", event["outcome"])}


def test_doctor_finds_nothing_that_hinders_a_deploy_on_good_hosts(shared: App) -> None:
    run = shared.fab("doctor", "--service", shared.name)
    assert run.code == 0, run
    assert set(checks(run)) == set(checks(run, "web2")) == NAMES
    assert not checks(run, outcome="failed")
    assert checks(run)["services"]["message"] == f"nothing hinders a deploy of {shared.name}"
    assert set(checks(run)["git"]) == {"event", "host", "check", "outcome", "message", "remedy"}
    assert all(bool(event["remedy"]) == (event["outcome"] != "ok") for event in checks(run).values())
    remedy = checks(run)["boot"]["remedy"]
    assert remedy.startswith("fab setup; "), "nothing starts the lab's supervisord with the machine"
    assert f"@reboot {sys.executable} -m supervisor.supervisord -c /" in remedy, "cron has another PATH"


def test_doctor_names_all_that_hinders_a_deploy_and_changes_nothing(make_app: MakeApp, tmp_path: Path) -> None:
    """Each check runs, whatever the others find."""
    app = make_app()
    root = app.lab["web1"].root
    files = {root / "conf.d/first.conf": "[program:twice]\ncommand=sleep 1\nautostart=false\n",
             root / "conf.d/second.conf": "[fcgi-program:twice]\nsocket=tcp://127.0.0.1:9\ncommand=sleep 2\n",
             root / "conf.d/hand.conf": f"[program:hand]\ncommand=sleep 1\ndirectory={root}/micro/{app.name}\n",
             root / "conf.d/old.conf": "; Written by Fabvisor: fab deploy old\n[program:old]\ncommand=sleep 1\n",
             root / ".fabvisor/journal/20200101-000000-abcdef.json": json.dumps({
                 "deploy": "20200101-000000-abcdef", "by": "ann@laptop", "services": {app.name: {"steps": []}},
                 "place": {"root": str(root), "supervisord_conf": "supervisord.conf", "program_dir": "conf.d"}}) + "\n"}
    with socket.create_server(("127.0.0.1", 0)) as stranger, ExitStack() as stack:
        port = stranger.getsockname()[1]
        app.write(repo=str(tmp_path / "nowhere.git"), health={"tcp": "127.0.0.1:${PORT}"}, variables={"PORT": port})
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            stack.callback(path.unlink)
        before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file() and path.suffix != ".log"}
        run = app.fab("doctor", "--host", "web1")
        assert before == {path: path.read_bytes() for path in before}
    assert run.code == run.finished["exit_code"] == 1
    assert set(checks(run)) == NAMES
    failed, warned = checks(run, outcome="failed"), checks(run, outcome="warning")
    assert set(failed) == {"repo", "sections", "ports"}, run
    assert "nowhere.git" in failed["repo"]["message"] and "git ls-remote" in failed["repo"]["remedy"]
    assert "[fcgi-program:twice] is in" in failed["sections"]["message"]
    assert f"port {port} of {app.name} is held by" in failed["ports"]["message"]
    assert f"(pid {os.getpid()})" in failed["ports"]["message"]
    assert checks(run)["services"]["message"] == f"nothing else hinders a deploy of {app.name}"
    assert {"programs", "leftovers"} <= set(warned)
    programs = [event["message"] for event in run.events if event.get("check") == "programs"]
    assert any(message.startswith("old was deployed here") for message in programs)
    assert any(f"defines [program:hand] in the directory of {app.name}" in message for message in programs)
    assert warned["leftovers"]["remedy"] == f"fab recover {app.name}"


@pytest.mark.rows(1)
@pytest.mark.parametrize("fetch", ["host", "client"])
def test_doctor_names_a_branch_that_is_not_there(make_app: MakeApp, fetch: str) -> None:
    app = make_app(fetch=fetch).alone()
    for branch, outcome in (("nowhere", "failed"), (git(app.repo, "rev-parse", "main"), "ok")):
        app.environment["branch"] = branch
        app.write()
        found = checks(app.fab("doctor"), outcome=outcome)["repo"]
        assert ("no branch or tag 'nowhere'" in found["message"]) == (branch == "nowhere"), found


def _edit(app: App, directory: Path) -> None:
    _write_clone(app, directory)
    (directory / "run.sh").write_text("#!/bin/sh\n# edited\n")


def _write_by_hand(app: App, directory: Path) -> None:
    (app.lab["web1"].root / f"conf.d/{app.name}.conf").write_text(
        f"[program:{app.name}]\ncommand=sleep 1\nautostart=false\nnumprocs=1\nexitcodes=7\n")


def _leave_files(app: App, directory: Path) -> None:
    directory.mkdir(parents=True)
    (directory / "notes.txt").write_text("mine")


def _put_in_the_way(app: App, directory: Path) -> None:
    (app.inventory.parent / "app.cfg").write_text("ours")
    app.write(files={"built/app.cfg": "app.cfg"})
    _write_clone(app, directory)
    (directory / "built").write_text("a file, no folder")


def _write_clone(app: App, directory: Path) -> None:
    git(app.lab.folder, "clone", "--quiet", str(app.repo), str(directory))


def _damage(app: App, directory: Path) -> None:
    _write_clone(app, directory)
    (directory / ".git/HEAD").write_text("no reference")


def _release_by_another_tool(app: App, directory: Path) -> None:
    release = directory / "releases/20240101120000"
    release.mkdir(parents=True)
    (release / "REVISION").write_text("a" * 40 + "\n")
    (directory / "current").symlink_to(release)


@pytest.mark.rows(2)
@pytest.mark.parametrize("make", [
    _edit, _write_by_hand, _release_by_another_tool, _damage, _leave_files, _put_in_the_way])
def test_doctor_foretells_in_the_same_words_what_a_deploy_is_refused_for(
        make_app: MakeApp, make: Callable[[App, Path], None]) -> None:
    app = make_app().alone()
    directory = app.lab["web1"].directory(app.name)
    make(app, directory)
    foretold = [event for event in app.fab("doctor").events if event.get("outcome") == "failed"]
    refused = app.deploy()
    (error,) = refused.of("error")
    assert refused.code == 2 and {event["check"] for event in foretold} == {"services"}
    said = " ".join(event["message"] for event in foretold)
    told = re.sub(r"\n(?=.*\n)", "; ", error["message"]).split()
    assert told in (said.split(), ["web1:", *said.split()]), (said, error)
    assert foretold[0]["remedy"] == error["hint"]


def test_doctor_tells_of_a_broken_configuration_once(make_app: MakeApp, tmp_path: Path) -> None:
    """What depends on it is unknown: that is no failure of its own."""
    app = make_app()
    app.settings = {"web1": {"supervisord_conf": str(tmp_path / "none.conf")}}
    app.write()
    run = app.fab("doctor", "--host", "web1")
    assert run.code == 1
    assert list(checks(run, outcome="failed")) == ["supervisord"]
    assert "none.conf does not exist" in checks(run)["supervisord"]["message"]
    assert checks(run)["sections"]["message"].startswith("unknown while supervisord fails")


def test_doctor_goes_on_when_hosts_cannot_be_reached_or_believed(make_app: MakeApp, tmp_path: Path) -> None:
    """An unreachable host and an unknown key are failed checks of that host; the format for people says it, too."""
    app = make_app()
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    app.settings = {"web1": {"port": port}}
    app.write()
    known = tmp_path / "known_hosts"
    known.write_text("")
    run = app.fab("doctor")
    assert run.code == 1 and run.finished["exit_code"] == 1
    (connection,) = checks(run).values()
    assert (connection["check"], connection["outcome"]) == ("connection", "failed") and connection["remedy"]
    assert set(checks(run, "web2")) == NAMES
    unknown = app.fab("doctor", "--host", "web2", format="plain", SSH_KNOWN_HOSTS=str(known))
    assert unknown.code == 1
    assert re.search(r"^web2  failed   host key .*\n    hint: ", unknown.out, re.MULTILINE), unknown.out


def test_doctor_looks_through_sudo_and_says_when_it_is_refused(real_hosts: None) -> None:
    with PackagedHost() as host, packaged_app(host, sudo=True) as app:
        host.conf.chmod(0o600)
        host.allow_sudo()
        run = app.fab("doctor")
        assert run.code == 0, run
        assert checks(run, "deb1")["sudo"]["message"] == "works"
        assert ", of root, socket " in checks(run, "deb1")["supervisord"]["message"]
        host.forbid_sudo()
        refused = app.fab("doctor")
        assert refused.code == 1
        assert list(checks(refused, "deb1", "failed")) == ["sudo"]
        assert "NOPASSWD" in checks(refused, "deb1")["sudo"]["remedy"]
        host.allow_sudo()
        host.stop_supervisord()
        down = checks(app.fab("doctor"), "deb1", "failed")
        assert f"start it on the host: sudo supervisord -c {host.conf}" in down["supervisord"]["remedy"]
