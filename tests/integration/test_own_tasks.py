"""A team's own tasks: the fabfile of docs/extending.md, by the letter, but for the name of the service."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.integration.app import App
from tests.support.forked import start
from tests.support.lab import CHECKOUT, Lab, Run, wait_for
from tests.support.pages import blocks
from tests.support.sshd import Sshd

LAUNCH = "from fabvisor._launch import main; main()\n"
SECRET = "s3cret-of-the-task"
BUILD = "printf '#!/bin/sh\\necho $2 by $HOST in $PWD with $TOKEN; exit ${2#status-}\\n' >manage.py; chmod +x manage.py"
MORE = """

@on_hosts(service="api")
def broken(c):
    c.run("echo here; exit 7")


namespace.add_task(broken)


@on_hosts(service="api", once=True)
def telltale(c, way=""):
    token = c.run("echo $TOKEN", hide=True).stdout.strip()
    if way == "command":
        c.run(f"false {token}")
    if way == "exit":
        raise SystemExit(f"no {token}")
    raise ValueError(f"no {token}")


namespace.add_task(telltale)


@on_hosts(service="api")
def outlast(c):
    c.run("test $HOST = web1 && touch $GATE/turn; while ! test -e $GATE/go-on; do sleep 0.02; done")


namespace.add_task(outlast)
"""


# The commands of a Fabric user, and the ways in which they end.
FABRIC = """

import sys
from invoke.exceptions import Exit


@on_hosts(service="api", once=True)
def use_all(c):
    \"\"\"What Fabric's pages show.\"\"\"
    seen = c.run("printf part; echo unseen >&2", hide=True)
    c.run(f"printf {seen.stdout}")
    c.run("pwd -P", echo=True)
    with c.cd("sub"):
        c.run("pwd -P")
    c.run('echo "$A" $RUN_MODE', env={"A": "b  c; $HOST"})
    c.local("echo here")
    if c.run("exit 4", warn=True).failed:
        sys.exit(0)


@on_hosts(once=True)
def end(c, way):
    {"late": lambda: c.run("exec sleep 50", timeout=1), "exit": lambda: sys.exit("no more"),
     "signal": lambda: c.run("kill -9 $$"),
     "Exit": lambda: (_ for _ in ()).throw(Exit("enough", 9)), "library": lambda: c.get("")}[way]()


@on_hosts(service="all")
def wrong(c):
    c.run("true")


for task in (use_all, end, wrong):
    namespace.add_task(task)
"""
ENDS = {"late": "web1: exec sleep 50: timed out after 1 s", "exit": "web1: no more", "Exit": "web1: enough",
        "signal": "web1: kill -9 $$: it was ended by a signal"}


@pytest.fixture(scope="module")
def app(lab: Lab) -> Iterator[App]:
    """Deployed once: the tests leave it as it was."""
    made = App(lab, "own", build=BUILD, command="sleep 100000", secrets=["TOKEN"])
    assert made.deploy(TOKEN=SECRET).code == 0
    yield made
    made.remove()


@pytest.fixture(scope="module")
def team(app: App, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package and a fabfile."""
    folder = installed(tmp_path_factory.mktemp("team"))
    fabfile = next(block for block in blocks("py", (CHECKOUT / "docs/extending.md").read_text()) if "on_hosts" in block)
    (folder / "fabfile.py").write_text((fabfile + MORE + FABRIC).replace('service="api"', f'service="{app.name}"'))
    return folder


def installed(folder: Path) -> Path:
    """The package in that folder, with a copy of what is kept of its compiled code."""
    shutil.copytree(CHECKOUT / "tasks", folder / "fabvisor")
    (folder / "launch.py").write_text(LAUNCH)
    return folder


def fabvisor(app: App, folder: Path, *words: str) -> Run:
    return launch(app.lab, folder, *words, FAB_INVENTORY=str(app.inventory))


def launch(lab: Lab, folder: Path, *words: str, **env: str) -> Run:
    """The package's command, with the fabfile and the package in that folder."""
    argv = [sys.executable, str(folder / "launch.py"), f"--search-root={folder}", *words, "--format", "json"]
    process = start(argv, folder, lab.environ(**env))
    out, err = process.communicate(90)
    return Run(process.returncode, out, err, [json.loads(line) for line in out.splitlines()])


def assert_says_where_nothing_was_run(app: App, folder: Path) -> None:
    with ThreadPoolExecutor() as pool:
        running = pool.submit(fabvisor, app, folder, "outlast")
        wait_for((app.gate / "turn").exists, "the task on web1")
        app.lab["web2"].sshd.end_sessions()
        (app.gate / "go-on").touch()
    assert running.result().code == 3
    assert [error["message"] for error in running.result().of("error")] == [
        "web2: the connection was lost: nothing was run there"]


@pytest.mark.long
def test_own_task_runs_nothing_where_its_directory_is_gone(app: App, team: Path) -> None:
    """Not even the second of two commands."""
    folders = [app.lab[host].directory(app.name) for host in app.hosts]
    for folder in folders:
        folder.rename(f"{folder}.aside")
    run = fabvisor(app, team, "broken")
    for folder in folders:
        Path(f"{folder}.aside").rename(folder)
    assert run.code == 1 and "here" not in [line["line"] for line in run.of("log")], run
    assert [error["message"] for error in run.of("error")] == ["web1: echo here; exit 7: exit status 1"]


def test_own_task_runs_where_the_service_does_with_its_environment(app: App, team: Path) -> None:
    """Also where hosts.yaml names another directory since the last deploy."""
    directory = app.lab["web1"].directory(app.name).resolve()
    app.write(directory="moved")
    migrated = fabvisor(app, team, "migrate", "--args=status-0")
    assert migrated.code == 0, migrated
    assert [(line["host"], line["line"]) for line in migrated.of("log")] == [
        ("web1", f"status-0 by web1 in {directory} with ***")]
    del app.service["directory"]
    app.write()
    disks = fabvisor(app, team, "disk")
    assert {line["host"] for line in disks.of("log")} == {*app.hosts}
    broken = fabvisor(app, team, "broken")
    assert (broken.code, [(line["host"], line["line"]) for line in broken.of("log")]) == (1, [("web1", "here")])
    assert [(error["host"], error["message"]) for error in broken.of("error")] == [
        ("web1", "web1: echo here; exit 7: exit status 7")]
    told = [error["message"] for way in ("command", "exit", "error")
            for error in fabvisor(app, team, "telltale", f"--way={way}").of("error")]
    assert told == ["web1: false ***: exit status 1", "web1: no ***", "web1: ValueError: no ***"]
    assert_says_where_nothing_was_run(app, team)
    app.env_file("web2").rename(app.gate / "env")
    refused = fabvisor(app, team, "broken")
    (app.gate / "env").rename(app.env_file("web2"))
    assert (refused.code, refused.of("log")) == (2, [])


@pytest.mark.long
def test_own_task_and_ssh_do_not_depend_on_the_login_shell(app: App, team: Path) -> None:
    """One that runs no commands is named before anything runs."""
    directory = app.lab["web1"].directory(app.name).resolve()
    task, login = by_login_shell(app, team, "tcsh")
    assert [line["line"] for line in task.of("log")] == [f"status-0 by web1 in {directory} with ***"]
    assert (login.returncode, login.stdout.splitlines()[-1:]) == (5, [str(directory)]), login
    task, login = by_login_shell(app, team, "/usr/sbin/nologin")
    assert (task.code, login.returncode) == (2, 1)
    assert [error["message"] for error in task.of("error")] == [
        "web1: its login runs no commands: This account is currently not available."]


def by_login_shell(app: App, folder: Path, shell: str) -> tuple[Run, subprocess.CompletedProcess[str]]:
    """How an own task and `ssh` end on a host with this one."""
    path = shutil.which(shell)
    if path is None:
        pytest.skip(f"no {shell}")
    known = app.lab.home / ".ssh/known_hosts"
    before = known.read_text()
    with Sshd(app.gate, shell=path) as door:
        app.settings = {"web1": {"port": door.port, "identity_file": str(door.client_key)}}
        app.write()
        known.write_text(before + door.known_hosts_line)
        task = fabvisor(app, folder, "migrate", "--args=status-0")
        login = subprocess.run(app.lab.command("ssh", "web1", "--service", app.name), cwd=folder, text=True,
                               env=app.lab.environ(FAB_INVENTORY=str(app.inventory)), input="pwd -P; exit 5\n",
                               capture_output=True, check=False)
    known.write_text(before)
    app.settings = {}
    app.write()
    return task, login


@pytest.mark.long
def test_own_task_may_use_fabric_as_its_users_do(app: App, team: Path) -> None:
    directory = app.lab["web1"].directory(app.name).resolve()
    (directory / "sub").mkdir()         # its commit has none: git sees no folder without a file
    used = fabvisor(app, team, "use-all")
    assert (used.code, used.of("started")[0]["command"]) == (0, "use-all"), used
    assert [line["line"] for line in used.of("log")] == [
        "part", "pwd -P", str(directory), f"{directory}/sub", "b  c; $HOST test", "here"]
    for way, message in ENDS.items():
        ended = fabvisor(app, team, "end", way)
        assert (ended.code, [error["message"] for error in ended.of("error")]) == (1, [message])
    hint = fabvisor(app, team, "end", "library").of("error")[0]["hint"]
    assert hint.startswith("see fabfile.py:"), hint
    for words in (["end"], ["wrong"]):
        assert fabvisor(app, team, *words).code == 2
