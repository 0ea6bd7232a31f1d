"""fab ssh: the system's ssh, with what hosts.yaml says."""

from __future__ import annotations

import subprocess

import pytest

from tests.integration.conftest import MakeApp


@pytest.mark.rows(1)
@pytest.mark.parametrize(("strategy", "folder"), [("releases", "current"), ("in_place", "")])
def test_ssh_begins_where_the_service_runs(make_app: MakeApp, strategy: str, folder: str) -> None:
    """Also where hosts.yaml names another directory since the last deploy."""
    app = make_app(strategy=strategy).deployed("--host", "web2")
    app.write(directory="moved", strategy="in_place")
    shell = subprocess.run(app.lab.command("ssh", "web2", "--service", app.name), cwd=app.lab.folder,
                           env=app.lab.environ(FAB_INVENTORY=str(app.inventory)), input="pwd -P; cat built; exit 5\n",
                           capture_output=True, text=True, check=False)
    inside = app.lab["web2"].directory(app.name) / folder
    assert shell.stdout.splitlines()[-2:] == [str(inside.resolve()), f"{app.name}-1"], shell
    assert shell.returncode == 5


def test_ssh_names_the_hosts_when_there_is_none_of_that_name(make_app: MakeApp) -> None:
    app = make_app()
    refused = app.fab("ssh", "web3")
    assert refused.code == 2
    assert [error["message"] for error in refused.of("error")] == ["test has no host 'web3'; did you mean 'web2'?"]
    several = app.fab("ssh", "web1", "--service", "all")
    assert (several.code, several.of("error")[0]["message"]) == (2, "--service names one service, not 'all'")
