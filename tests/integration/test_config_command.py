"""fab config: what is in force, and where it was written. No host is contacted, no sandbox is started."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.integration.app import App, messages
from tests.support.http_answers import answering
from tests.support.lab import CHECKOUT, Lab


def settings(app: App, *args: str, **env: str) -> dict[tuple[str, str], dict[str, Any]]:
    run = app.fab("config", app.name, *args, **env)
    assert run.code == 0, run
    assert {event["event"] for event in run.events[:-1]} == {"setting"}
    return {(event["environment"], event["key"]): event for event in run.events[:-1]}


@pytest.mark.promise(7)
def test_config_contacts_no_host_and_shows_no_secret(app: App) -> None:
    app.write(secrets=["GIVEN", "KEPT", "GONE"], variables={"LEVEL": "info"})
    (app.gate / ".secrets").mkdir()
    kept = app.gate / ".secrets/test.env"
    kept.write_text("\nKEPT=hunter2-MARK\n")
    kept.chmod(0o600)
    contacted = [app.lab[host].sshd.log for host in app.hosts]
    found = settings(app, GIVEN="hunter2-MARK")
    line = app.inventory.read_text().splitlines().index("      LEVEL: info") + 1
    assert found["test", "variables.LEVEL"] == {
        "event": "setting", "environment": "test", "host": None, "service": app.name, "key": "variables.LEVEL",
        "value": "info", "source": f"{app.gate.name}/hosts.yaml:{line}"}
    assert [(found["test", f"secrets.{name}"]["value"], found["test", f"secrets.{name}"]["source"])
            for name in ("GIVEN", "KEPT", "GONE")] == [
        ("***", "environment"), ("***", ".secrets/test.env:2"), (None, "missing")]
    for format in ("json", "plain", "terminal"):
        run = app.fab("config", app.name, "--verbose", format=format, GIVEN="hunter2-MARK")
        assert run.code == 0 and "secrets.GIVEN" in run.out and "MARK" not in run.out + run.err, run
    kept.chmod(0o644)
    refused = app.fab("config", app.name)
    assert refused.code == 2 and "chmod 600 .secrets/test.env" in messages(refused)
    assert [app.lab[host].sshd.log for host in app.hosts] == contacted, "a host was contacted"


def test_config_diff_lists_what_differs_between_two_environments(app: App) -> None:
    text = app.inventory.read_text()
    other = "  other:\n    branch: main\n    run_mode: test\n    hosts: {web1: {root: /x, user: ann}}\n"
    app.inventory.write_text(text + other)
    found = settings(app, "--env", "test", "--diff", "other")
    assert {key for _, key in found} == {"port", "address", "user", "root", "identity_file", "python", "variables.HOST",
                                         "variables.GATE"}
    assert found["other", "root"]["value"] == "/x" and found["other", "variables.GATE"]["source"] == "not set"
    same = app.fab("config", app.name, "--diff", "test")
    assert same.code == 0 and "nothing differs between test and test" in messages(same)
    wrong = app.fab("config", app.name, "--diff", "oter")
    assert wrong.code == 2 and "did you mean 'other'?" in messages(wrong)


@pytest.mark.promise(7)
def test_config_diff_says_where_the_secrets_of_each_environment_come_from(app: App) -> None:
    """Those that have other values or another source; all that are missing; never a value."""
    app.write(secrets={"SAME": "SAME", "MOVED": "MOVED", "NAMED": "OTHER_NAME", "GONE": "GONE", "LOST": "KEPT"})
    app.inventory.write_text(app.inventory.read_text() + (
        "  other:\n    branch: main\n    run_mode: test\n    hosts: {web1: {root: /x}}\n"
        "    secrets_from: cat printed\n"))
    (app.gate / ".secrets").mkdir()
    (app.gate / "printed").write_text("MOVED=hunter2-MARK\n")
    for name, text in {"test": "MOVED=hunter2-MARK", "other": "OTHER_NAME=another-MARK"}.items():
        path = app.gate / f".secrets/{name}.env"
        path.touch(mode=0o600)
        path.write_text(text + "\n")
    found = settings(app, "--diff", "other", SAME="hunter2-MARK")
    secrets = {key: (event["value"], event["source"]) for key, event in found.items() if "secrets." in key[1]}
    assert secrets == {
        ("test", "secrets.MOVED"): ("***", ".secrets/test.env:1"), ("other", "secrets.MOVED"): ("***", "secrets_from"),
        ("test", "secrets.NAMED"): (None, "missing, as OTHER_NAME"),
        ("other", "secrets.NAMED"): ("***", ".secrets/other.env:1, as OTHER_NAME")}
    run = app.fab("config", app.name, "--env", "test", SAME="hunter2-MARK")
    assert {event["key"] for event in run.of("setting") if event["source"].startswith("missing")} == {
        "secrets.NAMED", "secrets.GONE", "secrets.LOST"}
    assert "MARK" not in run.out + str(found)


def test_config_starts_no_sandbox(lab: Lab, tmp_path: Path) -> None:
    run = lab.fab("config", "monitor", FAB_INVENTORY=str(CHECKOUT / "hosts.yaml"), TMPDIR=str(tmp_path))
    assert run.code == 0, run
    (port,) = [event for event in run.events if event.get("key") == "variables.PORT"]
    assert (port["value"], port["source"]) == ("given when it starts", "sandbox")
    assert os.listdir(tmp_path) == []


@pytest.mark.rows(1)
@pytest.mark.promise(7)
@pytest.mark.parametrize("login", ["deploy:hunter2-MARK-0123456789", "hunter2-MARK-0123456789"])
def test_password_in_the_url_of_a_repository_is_shown_by_no_command(app: App, login: str) -> None:
    report = app.gate / "junit.xml"
    with answering(401, WWW_Authenticate='Basic realm="git"') as port:
        app.alone().write(repo=f"http://{login}@127.0.0.1:{port}/x.git", build=f"echo http://{login}@127.0.0.1/")
        for format in ("json", "plain", "terminal", "gitlab"):
            shown = [app.fab("config", app.name, "--verbose", format=format),
                     app.deploy("--verbose", "--junit", str(report), format=format)]
            if format in ("json", "terminal"):
                shown.append(app.fab("plan", app.name, "--verbose", format=format))
            assert [run.code for run in shown] == [0, 2, 2][:len(shown)], shown
            assert f"***@127.0.0.1:{port}/x.git" in "".join(shown[0].out.split()), "a terminal breaks long lines"
            assert [run for run in shown if "MARK" in run.out + run.err] == []
            assert "MARK" not in report.read_text()
