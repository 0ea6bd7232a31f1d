"""What clients notice of a deploy: three hosts, one after the other, each asked all the time, and every way in which a
deploy can go."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.support.lab import Lab, wait_for
from tests.support.load import Load, most_at_once
from tests.support.sshd import free_port

LEAST = 2000                        # requests of a case
HOSTS = ("web1", "web2", "web3")
SERVICE = "web"
# It takes a second to start, as an application that imports a framework; a version that is `bad` never takes a request.
SERVER = """\
import os, signal, socket, time
signal.signal(signal.SIGTERM, lambda *_: globals().update(ending=True))
ending, version = False, open("version").read().strip()
time.sleep(1)
listening = socket.socket(fileno=0) if "SOCKET" in os.environ else None
while version == "bad" and not ending:
    time.sleep(0.02)
if listening is None and not ending:
    listening = socket.create_server(("127.0.0.1", int(os.environ["PORT"])), backlog=128)
while not ending:
    listening.settimeout(0.02)
    try:
        link, _ = listening.accept()
    except OSError:
        continue
    with link:
        link.settimeout(5)
        try:
            if link.recv(65536):
                link.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\n" + version.encode())
        except OSError:
            pass
"""
OF_SOCKET = {"socket": "tcp://127.0.0.1:${PORT}", "variables": {"SOCKET": "yes"}}
KINDS: dict[str, dict[str, Any]] = {
    "command": {}, "socket, 1 process": OF_SOCKET, "socket, 2 processes": {**OF_SOCKET, "numprocs": 2}}


@dataclass(frozen=True)
class Row:
    """`down`: how many hosts were down at once, at most; `longest` and `slowest`: seconds."""

    kind: str
    case: str
    requests: int
    refused: int
    failed: int
    slowest: float
    down: int
    longest: float

    @property
    def reached(self) -> bool:
        """Two processes: no request fails. One: never two hosts at once."""
        return self.refused + self.failed == 0 if self.kind == "socket, 2 processes" else self.down <= 1


class Site:
    """Three hosts with one service, of one kind."""

    def __init__(self, lab: Lab, kind: str) -> None:
        self.lab = lab
        self.kind = kind
        self.ports = {name: free_port() for name in HOSTS}
        self.addresses = {name: f"tcp://127.0.0.1:{port}" for name, port in self.ports.items()}

    def deploy_first(self) -> None:
        self._write(30)
        self.commit("good")
        assert self.lab.fab("deploy", SERVICE, "--force").code == 0

    def _write(self, timeout: float) -> None:
        service = {"repo": str(self.lab.folder / f"git/{SERVICE}.git"), "build": "true", "program": {"startsecs": 0},
                   "command": f"{sys.executable} -I -S server.py",
                   "health": {"http": "http://127.0.0.1:${PORT}/", "timeout": timeout}, **KINDS[self.kind]}
        hosts = {name: {"variables": {"PORT": str(port)}, "lease": 3} for name, port in self.ports.items()}
        self.lab.write({SERVICE: service}, {"serial": 1}, **hosts)

    def commit(self, version: str) -> None:
        self.lab.commit(SERVICE, {"server.py": SERVER, "version": version})

    def good(self) -> None:
        self.commit("good")
        assert self.lab.fab("deploy", SERVICE).code == 0

    def bad(self) -> None:
        self._write(4)
        self.commit("bad")
        assert self.lab.fab("deploy", SERVICE).code == 1
        self._write(30)

    def rollback(self) -> None:
        assert self.lab.fab("rollback", SERVICE).code == 0

    def restart(self) -> None:
        assert self.lab.fab("restart", SERVICE).code == 0

    def killed_client(self) -> None:
        """While the first host checks the new version."""
        self.commit("bad")
        client = self.lab.popen("deploy", SERVICE, "--format", "json")
        assert client.stdout is not None
        for line in client.stdout:
            event = json.loads(line)
            if event["event"] == "step_started" and event["step"] == "restart":
                break
        client.send_signal(signal.SIGKILL)
        client.wait()
        wait_for(lambda: all(host.history(SERVICE)[-1]["result"] == "restored" for host in self.lab.hosts.values()),
                 "all hosts to go back")


CASES: dict[str, Callable[[Site], None]] = {
    "good deploy": Site.good, "rollback": Site.rollback, "restart": Site.restart, "bad deploy": Site.bad,
    "killed client": Site.killed_client}


def rows() -> Iterator[Row]:
    with Lab(HOSTS) as lab:
        lab.repository(SERVICE, {"version": "good"})
        for kind in KINDS:
            site = Site(lab, kind)
            site.deploy_first()
            for case, run in CASES.items():
                yield _row(site, case, run)


def _row(site: Site, case: str, run: Callable[[Site], None]) -> Row:
    with Load(site.addresses) as load:
        run(site)
        wait_for(lambda: len(load.answers) >= LEAST, "enough requests", 120)
    refused = sum(answer.is_refused for answer in load.answers)
    outages = load.outages()
    return Row(site.kind, case, len(load.answers), refused, len(load.failed) - refused,
               max(answer.seconds for answer in load.answers), most_at_once(outages),
               max((end - begin for begin, end in outages), default=0.0))


def print_table(table: Iterator[Row]) -> bool:
    """Returns whether all goals were reached."""
    print(f"{'service':20} {'case':14} {'requests':>8} {'refused':>8} {'failed':>7} {'slowest s':>10} "
          f"{'down at once':>13} {'longest s':>10}")
    reached = True
    for row in table:
        reached &= row.reached
        print(f"{row.kind:20} {row.case:14} {row.requests:8} {row.refused:8} {row.failed:7} {row.slowest:10.2f} "
              f"{row.down:13} {row.longest:10.2f}{'' if row.reached else '  MISSED'}", flush=True)
    return reached
