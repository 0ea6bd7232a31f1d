"""The scenes of the pictures: commands on a sandbox, each shown by the terminal's own report as it happens."""

from __future__ import annotations

import io
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import yaml
from rich.console import Console

from tasks.embedded.lifecycle import down, up
from tasks.embedded.sandbox import Sandbox
from tasks.embedded.state_dir import state_of
from tasks.reports.__main__ import decode
from tasks.reports.console.terminal import Terminal
from tasks.reports.screen import Screen
from tasks.reports.stream import Stream
from tests.support import guard
from tests.support.lab import CHECKOUT, Lab, git, with_program_user
from tests.support.sshd import free_port

WHO = {"GITLAB_USER_LOGIN": "alice", "CI_JOB_URL": "https://git.example.com/micro/monitor/-/jobs/1234"}
# Version 3 listens on a second port, which something else has on web2.
METRICS = """\
    try:
        metrics = Server(("127.0.0.1", int(os.environ["METRICS_PORT"])), Handler)
    except OSError as error:
        sys.exit(f"cannot offer metrics: {error.strerror}")
    threading.Thread(target=metrics.serve_forever, daemon=True).start()
"""
BEFORE = "    with Server("


def record(console: Callable[[], Console]) -> dict[str, Console]:
    """By the picture's name, a console on which a command and its report stand."""
    with Lab(()) as lab, listening() as other:
        guard.watch(state_of(lab.folder))
        sandbox = up(lab.folder)
        try:
            write_inventory(lab, sandbox, port(other))
            return {"deploy": run(lab, console(), 0, "deploy", "monitor"),
                    "failed": failed(lab, sandbox, console()),
                    "status": edited(lab, sandbox, console())}
        finally:
            down(lab.folder)


def failed(lab: Lab, sandbox: Sandbox, console: Console) -> Console:
    service = sandbox.clone / "source/service.py"
    service.write_text(service.read_text().replace(BEFORE, METRICS + BEFORE))
    (sandbox.clone / "VERSION").write_text("3\n")
    git(sandbox.clone, "commit", "--quiet", "--all", "--message", "Offer metrics")
    git(sandbox.clone, "push", "--quiet")
    return run(lab, console, 1, "deploy", "monitor")


def edited(lab: Lab, sandbox: Sandbox, console: Console) -> Console:
    with (Path(sandbox.hosts[1].root) / "micro/monitor/build.py").open("a") as file:
        file.write("# a try\n")
    return run(lab, console, 1, "status")


def listening() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def port(server: socket.socket) -> int:
    return int(server.getsockname()[1])


def write_inventory(lab: Lab, sandbox: Sandbox, taken: int) -> None:
    """The hosts.yaml of this repository, with what `sandbox: true` stands for written out."""
    whole = yaml.safe_load((CHECKOUT / "hosts.yaml").read_text())
    hosts = sandbox.host_settings()
    for settings, metrics in zip(hosts.values(), (free_port(), taken), strict=True):
        settings["variables"] = {**settings["variables"], "METRICS_PORT": str(metrics), "LOG_LEVEL": "warning"}
    whole["services"]["monitor"]["repo"] = sandbox.repository
    whole["services"] = with_program_user(whole["services"])
    whole["environments"] = {"sandbox": {"branch": "main", "hosts": hosts}}
    lab.inventory.write_text(yaml.safe_dump(whole))
    shutil.copy(sandbox.state / "known_hosts", lab.home / ".ssh/known_hosts")


class Paper(io.StringIO):
    def isatty(self) -> bool:
        return True


def run(lab: Lab, console: Console, code: int, *args: str) -> Console:
    console.print(f"[dim]$[/] ./fab {' '.join(args)}", highlight=False)
    process = lab.popen(*args, "--format", "json", **WHO)
    assert process.stdout
    screen = Screen(out=Stream(Paper()), err=Stream(Paper()), environ={})
    with Terminal(screen, console, moving=False) as report:
        for line in process.stdout:
            for event in decode(line.encode()):
                report.on(event)
    assert process.wait() == code, console.export_text(clear=False)
    return console
