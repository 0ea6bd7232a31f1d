"""Promise 9: bad input changes nothing, and no host is contacted."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.app import App, messages
from tests.integration.conftest import MakeApp


@pytest.mark.promise(9)
@pytest.mark.parametrize(("args", "changes", "said"), [
    pytest.param(["deploy", "{name}"], {"comand": "./run.sh"}, ["comand", "command", "hosts.yaml:"], id="unknown key"),
    pytest.param(["deploy", "{name}"], {"directory": "../up", "program": {"stratsecs": 1}},
                 ["directory", "stratsecs", "startsecs"], id="two mistakes at once"),
    pytest.param(["deploy", "ap"], {}, ["'ap'", "{name}"], id="unknown service"),
    pytest.param(["deploy", "{name}", "--host", "web9*"], {}, ["web9*"], id="host glob that matches nothing"),
    pytest.param(["deploy", "{name}", "--host", "!web*"], {}, ["!web*"], id="host glob that leaves nothing"),
    pytest.param(["deploy", "{name}", "--env", "tset"], {}, ["tset", "test"], id="unknown environment"),
    pytest.param(["deploy", "{name}", "--wait", "soon"], {}, ["--wait", "soon"], id="bad --wait"),
    pytest.param(["deploy", "{name}", "--revision=-x"], {}, ["--revision"], id="revision like an option"),
    pytest.param(["rollback", "{name}", "--to", "a..b"], {}, ["--to"], id="bad --to"),
    pytest.param(["logs", "{name}", "--lines=-1"], {}, ["--lines"], id="bad --lines"),
])
def test_bad_input_contacts_no_host(app: App, args: list[str], changes: dict[str, object], said: list[str]) -> None:
    app.write(**changes)
    contacted = [app.lab[host].sshd.log for host in app.hosts]
    run = app.fab(*(arg.format(name=app.name) for arg in args))
    assert run.code == 2, run
    assert run.finished["exit_code"] == 2 and run.finished["command"] == args[0]
    for words in said:
        assert words.format(name=app.name) in messages(run)
    assert [app.lab[host].sshd.log for host in app.hosts] == contacted, "a host was contacted"


@pytest.mark.promise(9)
def test_missing_inventory_is_named_in_the_error(app: App) -> None:
    run = app.deploy("--inventory", "nowhere.yaml")
    assert run.code == 2
    assert "nowhere.yaml" in messages(run)
    assert run.finished["hosts"] == {}


@pytest.mark.promise(9)
def test_invalid_yaml_is_refused_with_its_line(app: App) -> None:
    app.inventory.write_text("services: {a: [}\n")
    run = app.deploy()
    assert run.code == 2
    assert "hosts.yaml:1" in messages(run)


@pytest.mark.promise(9)
@pytest.mark.parametrize(("options", "said", "hint"), [
    (["-H", "web1"], "-H/--hosts would bypass hosts.yaml", "--host GLOB"),
    (["--hosts=web1,web2"], "-H/--hosts would bypass hosts.yaml", "--host GLOB"),
    (["--dry"], "-R/--dry is Fabric's own and would deploy all the same", "leave it out"),
    (["-i", "key"], "-i and --prompt-for-* are not used here", "identity_file"),
], ids=["-H", "--hosts", "--dry", "-i"])
@pytest.mark.parametrize("command", ["deploy", "status"])
def test_fabric_core_options_are_refused_with_the_right_name(app: App, command: str, options: list[str], said: str,
                                                             hint: str) -> None:
    """They would do nothing, or not what they say."""
    contacted = [app.lab[host].sshd.log for host in app.hosts]
    run = app.fab(*options, command, *([app.name] if command == "deploy" else []))
    assert run.code == 2, run
    error = next(event for event in run.events if event["event"] == "error")
    assert error["message"] == said and hint in error["hint"]
    assert [app.lab[host].sshd.log for host in app.hosts] == contacted, "a host was contacted"


def test_ci_init_refuses_a_service_that_runs_in_a_sandbox_only(app: App) -> None:
    app.environment = {"sandbox": True}
    app.write()
    run = app.fab("ci.init", app.name)
    assert run.code == 2 and f"{app.name}: runs in no environment but a sandbox" in messages(run)
    assert "add an environment to" in messages(run)


@pytest.mark.promise(9)
@pytest.mark.parametrize(("changes", "message"), [
    ({"command": "./run.sh 'x"}, "command: cannot be split into words: no closing quotation; balance its quotes"),
    ({"directory": "micro/a ;b"}, "directory: cannot hold `%(here)s`, nor `;` or `#` after a space, got 'micro/a ;b'"),
    ({"program": {"stdout_logfile": "%(here)s/x.log"}}, "stdout_logfile: holds `%(here)s`, which is not expanded"),
    ({"program": {"stopasgroup": True, "killasgroup": False}}, "program: stopasgroup: true needs killasgroup: true as "
     "well"),
    ({"program": {"stderr_logfile": "/tmp/x.err"}}, "program: stderr_logfile has no effect while redirect_stderr is"),
    ({"variables": {"UID": "7"}}, "variables.UID: UID belongs to the shell"),
], ids=["an open quote", "a comment", "%(here)s", "killasgroup", "stderr_logfile", "UID"])
def test_deploy_refuses_values_that_a_program_file_cannot_hold(make_app: MakeApp, changes: dict[str, Any],
                                                               message: str) -> None:
    """supervisord would cut it off, or put something else in its place."""
    app = make_app(**changes)
    contacted = app.lab["web1"].sshd.log
    run = app.deploy("--host", "web1")
    assert run.code == 2, run
    assert message in messages(run)
    assert app.lab["web1"].sshd.log == contacted, "the host was contacted"
