"""PATH of a program: that of the login, as its build has it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tasks.executor.checks.host import ExaminedHost
from tasks.executor.checks.login import path
from tasks.executor.layout import Layout
from tasks.executor.service.context import ServiceContext
from tests.executor.driver import Example
from tests.support.lab import wait_for


def environ(example: Example) -> dict[str, str]:
    pid = example.info()["pid"]
    pairs = (pair.partition("=") for pair in Path(f"/proc/{pid}/environ").read_text().split("\0"))
    return {name: value for name, _, value in pairs}


def steps(example: Example, **fields: Any) -> list[str]:
    with example.deploy(example.with_(**fields)) as deploy:
        return [step["name"] for step in deploy.look().message()["services"][example.name]["steps"]]


def test_program_runs_with_path_of_the_login_as_its_build(example: Example, home: Path, tmp_path: Path) -> None:
    """A command without a slash is found there, too; a changed PATH restarts; one that nobody knows changes nothing."""
    tool = tmp_path / "tool"
    tool.write_text("#!/bin/sh\nexec sleep 1000\n")
    tool.chmod(0o755)
    (home / ".profile").write_text(f"export PATH={tmp_path}:$PATH\n")
    fields: dict[str, Any] = {"command": "tool", "build": ('printf %s "$PATH" >path',)}
    example.write()
    example.committed(example.with_(**fields))
    wait_for(lambda: environ(example).get("PATH") == (example.directory / "path").read_text(), "PATH of the build")
    assert environ(example)["PATH"].startswith(f"{tmp_path}:")
    assert steps(example, **fields) == []
    (home / ".profile").write_text("exit 3\n")
    assert steps(example, **fields) == []
    (home / ".profile").write_text(f"export PATH={tmp_path}:/another:$PATH\n")
    assert "restart" in steps(example, **fields)
    fields["variables"] = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    example.committed(example.with_(**fields))
    wait_for(lambda: environ(example).get("PATH") == fields["variables"]["PATH"], "PATH of hosts.yaml")
    assert (example.directory / "path").read_text().startswith(f"{tmp_path}:/usr/bin:/bin:/another:")


@pytest.mark.promise(3)
def test_undo_builds_with_the_tools_that_the_login_had_before(example: Example, home: Path, tmp_path: Path) -> None:
    """Its PATH has lost a folder since then."""
    tool = tmp_path / "tool"
    tool.write_text("#!/bin/sh\ncp source built\n")
    tool.chmod(0o755)
    (home / ".profile").write_text(f"export PATH={tmp_path}:$PATH\n")
    service = example.with_(build=("true", "tool"))
    example.write("exec sleep 1001\n")
    example.committed(service)
    (home / ".profile").unlink()
    example.write("exec sleep 1002\n")
    with example.deploy(service) as deploy:
        deploy.look().plan()
        assert deploy.executor.until("failed")["message"] == "exit status 127"
        deploy.restored()
    assert (example.directory / "built").read_text().endswith("exec sleep 1001\n")


def test_folders_of_the_login_stand_behind_a_path_of_hosts_yaml(layout: Layout) -> None:
    """What builds needs the tools of the login; what hosts.yaml names comes first."""
    ctx = ServiceContext(layout, {"name": "a", "directory": "a", "repo": "r"}, {"PATH": "/go/bin:/usr/bin"}, "")
    assert ctx.with_variables({"PATH": "/usr/bin:/bin"})["PATH"] == "/usr/bin:/bin:/go/bin"
    assert ctx.with_variables({})["PATH"] == "/go/bin:/usr/bin"


def test_doctor_names_the_folders_of_the_login_that_a_program_lacks(layout: Layout, tmp_path: Path,
                                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    """Where somebody else started it, or PATH of the login changed since: a deploy gives it that."""
    monkeypatch.setattr(ExaminedHost, "pids", lambda host, service: [os.getpid()])
    login = {"PATH": f"{os.environ['PATH']}:{tmp_path}"}
    host = ExaminedHost({"services": [{"name": "api", "programs": []}], "tools": {}}, layout, login, lambda: None)
    [finding] = path(host)
    assert finding.outcome == "warning" and finding.remedy.startswith("fab deploy api;")
    assert str(tmp_path) in finding.message


@pytest.mark.parametrize(("tool", "is_missing"), [("absent", True), ("sh", False), ("time", False), ("cd", False)])
def test_doctor_warns_of_a_build_whose_first_command_is_nowhere_in_path(layout: Layout, tool: str, is_missing: bool
                                                                       ) -> None:
    """Words of the shell are there."""
    host = ExaminedHost({"services": [], "tools": {"api": tool}}, layout, {"PATH": os.environ["PATH"]}, lambda: None)
    [finding] = path(host)
    assert finding.outcome == ("warning" if is_missing else "ok")
    assert ("the build of api begins with absent" in finding.message) == is_missing
