"""The main job: a Go service on a host laid out as in the article, with nothing on it moved."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.integration.app import App, read
from tests.support.lab import Lab, git, stands_in, wait_for
from tests.support.sshd import free_port

MAIN = """\
package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	fmt.Println("monitor VERSION", os.Getenv("RUN_MODE"))
	http.HandleFunc("/healthz", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "VERSION") })
	fmt.Println(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}
"""
BY_HAND = """\
[program:monitor]
command={directory}/monitor
directory={directory}
environment=RUN_MODE="old",PORT="{port}"
stdout_logfile={directory}/logs/monitor.log
redirect_stderr=true
startsecs=0
"""


@pytest.fixture(scope="module")
def team(lab: Lab) -> Iterator[App]:
    """A clone by hand, on branch develop, with logs; it runs, from the team's own program file."""
    ports = {host: free_port() for host in lab.hosts}
    app = App(lab, "monitor", {host: {"variables": {"PORT": str(port)}} for host, port in ports.items()}).alone()
    lab.commit("monitor", {"go.mod": "module monitor\n", "main.go": MAIN.replace("VERSION", "one"),
                           ".gitignore": "/monitor\n"}, branch="develop")
    for host in app.hosts:
        directory = lab[host].directory("monitor")
        git(lab.folder, "clone", "--quiet", "--branch", "develop", str(app.repo), str(directory))
        (directory / "logs").mkdir()
        (directory / "logs/monitor.log").write_text("of last year\n")
    directory = lab["web1"].directory("monitor")
    (directory / "monitor").write_text("#!/bin/sh\nexec sleep 100000\n")
    (directory / "monitor").chmod(0o755)
    app.program_file("web1").write_text(BY_HAND.format(directory=directory, port=ports["web1"]))
    lab["web1"].rpc.reloadConfig()
    lab["web1"].rpc.addProcessGroup("monitor")
    wait_for(lambda: app.pid("web1"), "the old monitor to run")
    app.environment = {"branch": "develop", "run_mode": "develop"}
    app.write(build="go build -o monitor", command="./monitor", program={"startsecs": 1},
              health={"http": "http://127.0.0.1:${PORT}/healthz", "timeout": 30})
    yield app
    app.remove()


def moved(app: App) -> dict[str, object]:
    """The files that must stay where they are, by inode."""
    found: dict[str, object] = {}
    for host in app.hosts:
        root = app.lab[host].root
        for path in (root, app.lab[host].conf, root / "micro/monitor", root / "micro/monitor/.git",
                     root / "micro/monitor/logs", root / "micro/monitor/logs/monitor.log"):
            found[f"{host}:{path.name}"] = path.stat().st_ino
        found[f"{host} conf"] = app.lab[host].conf.read_text()
        found[f"{host} develop"] = git(root / "micro/monitor", "rev-parse", "refs/heads/develop")
    return found


def test_deploy_moves_nothing_in_the_article_layout(team: App) -> None:
    before, old_pid = moved(team), team.pid("web1")
    commit = team.commit("monitor-2", {"main.go": MAIN.replace("VERSION", "two")})
    git(team.repo, "update-ref", "refs/heads/develop", commit)
    run = team.deploy()
    assert run.code == 0, run
    assert run.outcome("web1") == "committed"
    assert run.steps("web1") == ["fetch", "checkout", "build", "program", "restart", "verify", "health"]
    assert team.commits() == [commit]
    assert moved(team) == before
    assert team.pid("web1") not in (0, old_pid)
    for host in team.hosts:
        directory = team.lab[host].directory("monitor")
        assert read(f"/proc/{team.pid(host)}/cmdline") == "./monitor\0"
        assert stands_in(team.pid(host)) == directory
        assert team.environ(host)["RUN_MODE"] == "develop"
        log = (directory / "logs/monitor.log").read_text().splitlines()
        assert log[0] == "of last year" and log[-1] == "monitor two develop"
        config = team.program_file(host).read_text()
        assert re.search(r"(?m)^stdout_logfile_maxbytes=20MB$", config)
        assert re.search(r"(?m)^stdout_logfile_backups=20$", config)
        assert re.search(r'(?m)^environment=RUN_MODE="develop"$', config)

    pids = team.pids()
    again = team.deploy()
    assert again.code == 0
    assert again.finished["outcome"] == "unchanged"
    assert again.outcome("web1") == "unchanged"
    assert team.pids() == pids
    assert team.results("web1") == ["committed"]

    status = team.fab("status", "--host", "web1")
    assert status.code == 0, status
    assert {e["branch"] for e in status.events if e["event"] == "status"} == {"develop"}


@pytest.mark.promise(3)
def test_failed_go_build_shows_the_compilers_words_and_changes_nothing(team: App) -> None:
    """The compiler's words are on the screen, and the service runs on."""
    assert team.deploy("--host", "web1").code == 0
    before, pids = team.states(), team.pids()
    commit = team.commit("monitor-3", {"main.go": "package main\nfunc main() { undefined() }\n"})
    git(team.repo, "update-ref", "refs/heads/develop", commit)
    run = team.deploy("--host", "web1", format="plain")
    assert run.code == 1, run
    assert "undefined: undefined" in run.out + run.err
    assert team.pids() == pids
    assert team.states() == before
