"""Promise 9: bad input changes nothing, and no host is contacted."""

from __future__ import annotations

import pytest

from tests.integration.app import App, messages


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
def test_promise_9(app: App, args: list[str], changes: dict[str, object], said: list[str]) -> None:
    app.write(**changes)
    contacted = [app.lab[host].sshd.log for host in app.hosts]
    run = app.fab(*(arg.format(name=app.name) for arg in args))
    assert run.code == 2, run
    assert run.finished["exit_code"] == 2 and run.finished["command"] == args[0]
    for words in said:
        assert words.format(name=app.name) in messages(run)
    assert [app.lab[host].sshd.log for host in app.hosts] == contacted, "a host was contacted"


def test_promise_9_an_inventory_that_is_not_there(app: App) -> None:
    run = app.deploy("--inventory", "nowhere.yaml")
    assert run.code == 2
    assert "nowhere.yaml" in messages(run)
    assert run.finished["hosts"] == {}


def test_promise_9_hosts_yaml_that_is_no_yaml(app: App) -> None:
    app.inventory.write_text("services: {a: [}\n")
    run = app.deploy()
    assert run.code == 2
    assert "hosts.yaml:1" in messages(run)
