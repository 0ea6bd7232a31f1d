"""The scenes of the pictures: commands on two hosts, each shown by the terminal's own report as it happens."""

from __future__ import annotations

import io
import socket
from collections.abc import Callable

import yaml
from rich.console import Console

from tasks.reports.__main__ import decode
from tasks.reports.screen import Screen, Stream
from tasks.reports.terminal import Terminal
from tests.support.lab import CHECKOUT, PROGRAM_USER, Lab

EXAMPLE = CHECKOUT / "tasks/embedded/example/monitor"
FILES = ("VERSION", "build.py", "source/service.py", ".gitignore")
WHO = {"GITLAB_USER_LOGIN": "alice", "CI_JOB_URL": "https://git.example.com/micro/monitor/-/jobs/1234"}
# Version 4 listens on a second port, which something else has on web-2.
METRICS = """\
    try:
        metrics = Server(("127.0.0.1", int(os.environ["METRICS_PORT"])), Handler)
    except OSError as error:
        sys.exit(f"cannot offer metrics: {error.strerror}")
    threading.Thread(target=metrics.serve_forever, daemon=True).start()
"""
BEFORE = "    with Server("
NAMES = ("web-1", "web-2")


def record(console: Callable[[], Console]) -> dict[str, Console]:
    """By the picture's name, a console on which a command and its report stand."""
    with Lab(NAMES) as lab, listening() as other:
        lab.repository("monitor", {name: (EXAMPLE / name).read_text() for name in FILES})
        write_inventory(lab, port(other))
        first = lab.fab("deploy", "monitor", **WHO)
        assert first.code == 0, first
        lab.commit("monitor", {"VERSION": "3\n"}, "Answer faster")
        shown = {"deploy": run(lab, console(), 0, "deploy", "monitor")}

        service = (EXAMPLE / FILES[2]).read_text()
        lab.commit("monitor", {FILES[0]: "4\n", FILES[2]: service.replace(BEFORE, METRICS + BEFORE)}, "Offer metrics")
        shown["failed"] = run(lab, console(), 1, "deploy", "monitor")

        with (lab["web-2"].directory("monitor") / "build.py").open("a") as file:
            file.write("# a try\n")
        shown["status"] = run(lab, console(), 1, "status")
    return shown


def listening() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def port(server: socket.socket) -> int:
    return int(server.getsockname()[1])


def free_port() -> int:
    with listening() as server:
        return port(server)


def write_inventory(lab: Lab, taken: int) -> None:
    metrics = dict(zip(NAMES, (free_port(), taken), strict=True))
    hosts = {name: host.settings(variables={"PORT": str(free_port()), "METRICS_PORT": str(metrics[name])})
             for name, host in lab.hosts.items()}
    lab.inventory.write_text(yaml.safe_dump({
        "default_environment": "production",
        "services": {"monitor": {
            "repo": str(lab.folder / "git/monitor.git"), "build": "python3 build.py", "command": "./monitor",
            "variables": {"LOG_LEVEL": "warning"},
            "program": {"startsecs": 1, **PROGRAM_USER}, "health": {"http": "http://127.0.0.1:${PORT}/healthz"}}},
        "environments": {"production": {"branch": "main", "hosts": hosts}}}))


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
