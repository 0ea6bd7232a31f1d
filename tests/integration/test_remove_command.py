"""fab remove, and the services that hosts have and hosts.yaml has no longer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.integration.app import App, messages
from tests.integration.conftest import MakeApp


def left(app: App, host: str) -> list[str]:
    """What the host still has of the service."""
    here = app.lab[host]
    paths: dict[str, Path] = {"program file": app.program_file(host), "environment file": app.env_file(host),
                              "clone": here.directory(app.name) / ".git",
                              "history": here.root / f".fabvisor/{app.name}/history.jsonl"}
    return [name for name, path in paths.items() if path.exists()]


def forget(app: App) -> None:
    """Take the service out of hosts.yaml."""
    service: dict[str, Any] = app.services.pop(app.name)
    app.services["other"] = service
    app.inventory.write_text(app.inventory.read_text().replace(f"  {app.name}:\n", "  other:\n"))


def test_remove_stops_a_service_and_deploy_brings_it_back(make_app: MakeApp) -> None:
    app = make_app().alone().deployed()
    removed = app.fab("remove", app.name)
    assert removed.code == 0, removed
    assert removed.outcome("web1", app.name) == "committed"
    assert (app.program("web1")["statename"], left(app, "web1")) == ("absent", ["clone", "history"])
    oddities = [oddity for row in app.fab("status").of("status") for oddity in row["oddities"]]
    assert [oddity.split(" by ")[0] for oddity in oddities] == ["removed"]
    by = app.lab["web1"].history(app.name)[-1]["by"]
    for command in (("restart",), ("logs",), ("run", "true", "--service")):
        assert f"removed by {by} at " in messages(app.fab(*command, app.name))
    assert f"or the version that ran: fab rollback {app.name}" in messages(app.fab("stop", app.name))
    assert app.fab("rollback", app.name).code == 0
    assert app.running("web1") == f"{app.name}-1"


@pytest.mark.promise(3)
@pytest.mark.promise(11)
def test_remove_leaves_every_host_as_it_was_when_one_fails(make_app: MakeApp) -> None:
    """web2 fails once web1 has removed all."""
    app = make_app().deployed()
    gone = f"while test -e {app.program_file('web1')} || kill -0 {app.pid('web1')}; do sleep 0.05; done"
    app.write(hooks={"drain": f"test $HOST = web1 || {{ {gone}; exit 1; }}", "undrain": "true"})
    before, pids = app.states(), app.pids()
    failed = app.fab("remove", app.name)
    assert failed.code == 1, failed
    assert app.states() == before
    assert [old == new for old, new in zip(pids, app.pids(), strict=True)] == [False, True]

    # hosts.yaml is ahead: what is removed is what was deployed.
    app.write(hooks={"drain": "true", "undrain": "true"}, directory=f"{app.name}-moved", strategy="releases")
    files = [app.lab[host].root / f"{app.name}-moved/mine" for host in app.hosts]
    for file in files:
        file.parent.mkdir()
        file.touch()
    handwritten = [app.env_file(host).with_name("before-fabvisor.conf") for host in app.hosts]
    for file in handwritten:
        file.touch()
    for options in ([], ["--purge"], ["--purge"]):
        assert app.fab("remove", app.name, *options).code == 0
    assert [app.program(host)["statename"] for host in app.hosts] == ["absent", "absent"]
    assert [left(app, host) for host in app.hosts] == [[], []]
    assert all(file.exists() for file in [*files, *handwritten]), "no deploy made them"


def test_status_names_what_hosts_yaml_has_no_longer_and_remove_purges_it(make_app: MakeApp) -> None:
    app = make_app(strategy="releases", shared=["uploads/"]).deployed()
    name = app.name
    (app.lab["web1"].directory(name) / "uploads/picture").write_text("a user's")
    forget(app)
    status = app.fab("status")
    orphans = [row for row in status.of("status") if row["service"] == name]
    assert status.code == 1
    assert [(row["host"], row["state"], row["oddities"]) for row in orphans] == [
        (host, "RUNNING", [f"hosts.yaml does not name it here any more: fab remove {name} --host {host}"])
        for host in app.hosts]
    checks = app.fab("doctor").of("check")
    remedies = [check["remedy"] for check in checks if check["message"].startswith(f"{name} was")]
    assert remedies == [f"name it again, or: fab remove {name} --host {host}" for host in app.hosts]
    assert app.fab("remove", name, "--host", "web1").code == 0
    assert left(app, "web1") == ["clone", "history"]
    assert [row["host"] for row in app.fab("status").of("status") if row["service"] == name] == ["web2"]
    removed = app.fab("remove", name, "--purge")
    assert removed.code == 0, removed
    assert [left(app, host) for host in app.hosts] == [[], []]
    kept = [path.name for host in app.hosts for path in app.lab[host].directory(name).iterdir()]
    assert kept == ["uploads"] * 2, "nobody can deploy again what users uploaded"
    unknown = app.fab("remove", name)
    assert (unknown.code, f"no service {name!r}" in messages(unknown)) == (2, True)


def test_remove_refuses_what_it_would_lose(make_app: MakeApp) -> None:
    app = make_app().alone().deployed()
    (app.lab["web1"].directory(app.name) / "source").write_text("mine")
    edited = app.fab("remove", app.name, "--purge")
    assert (edited.code, "files were edited" in messages(edited)) == (2, True), edited
    app.program_file("web1").write_text(app.program_file("web1").read_text().partition("\n")[2])
    handwritten = app.fab("remove", app.name)
    assert (handwritten.code, "written by hand" in messages(handwritten)) == (2, True), handwritten
    assert app.running("web1") == f"{app.name}-1"


@pytest.mark.long
def test_remove_asks_where_the_environment_says_so(make_app: MakeApp) -> None:
    app = make_app().deployed("--host", "web1")
    app.environment["confirm"] = True
    app.write()
    refused = app.fab("remove", app.name)
    assert (refused.code, "--yes" in messages(refused)) == (2, True), refused
    assert app.fab("remove", app.name, "--yes").code == 0
    assert app.program("web1")["statename"] == "absent"


@pytest.mark.promise(11)
def test_purge_is_refused_where_the_directory_also_holds_another_service(make_app: MakeApp) -> None:
    app = make_app().deployed("--host", "web1")
    inner = make_app(directory=f"micro/{app.name}/inner").deployed("--host", "web1")
    refused = app.fab("remove", app.name, "--purge", "--host", "web1")
    assert refused.code == 2, refused
    assert f"the directory of {app.name}, also holds that of {inner.name}" in messages(refused)
    assert [each.running("web1") for each in (app, inner)] == [f"{app.name}-1", f"{inner.name}-1"]

    # A program that a person wrote counts, too.
    assert inner.fab("remove", inner.name, "--purge", "--host", "web1").code == 0
    by_hand = app.program_file("web1").with_name(f"{app.name}-by-hand.conf")
    folder = app.lab["web1"].directory(app.name) / "sub"
    by_hand.write_text(f"[program:{app.name}-by-hand]\nautostart=false\ncommand=/bin/true\ndirectory={folder}\n")
    refused = app.fab("remove", app.name, "--purge", "--host", "web1")
    by_hand.unlink()
    assert f"also holds that of the program {app.name}-by-hand ({by_hand}:1)" in messages(refused)
    assert app.fab("remove", app.name, "--purge", "--host", "web1").code == 0
