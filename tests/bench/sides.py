"""The two sides of the comparison: `fab deploy`, and the article's steps in a bare `ssh host bash -s`.

Both deploy to the same hosts, each a service of its own with a repository of the same shape.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.lab import CHECKOUT, Lab, git, wait_for
from tests.support.proxy import Proxy

SERVICE = "#!/bin/sh\nexec sleep 100000\n"
OURS, BARE = "monitor", "bare"
PR_SET_CHILD_SUBREAPER = 36                                     # prctl(2)
PROGRAM = """\
[program:{name}]
command={directory}/run
directory={directory}
startsecs=0
killasgroup=true
stdout_logfile={directory}/logs/{name}.log
redirect_stderr=true
environment=RUN_MODE="test"
"""
STEPS = """\
set -e
cd {directory} && git pull --quiet && git checkout --quiet main && true
mkdir -p logs && {ctl} -c ../../supervisord.conf update && {ctl} -c ../../supervisord.conf restart {name}
"""


@dataclass(frozen=True)
class Taken:
    """Seconds of one run: on the clock, and of processor time on this side and on the hosts."""

    wall: float
    client: float
    hosts: float


class Yard:
    """Hosts that are ready for both; `delay` in seconds, each way, between the client and every host."""

    def __init__(self, count: int, delay: float = 0) -> None:
        self.lab = Lab(tuple(f"web{number:02}" for number in range(1, count + 1)))
        self.delay = delay
        self.proxies: list[Proxy] = []
        self.addresses: dict[str, tuple[str, int]] = {}         # and ports, by which the client reaches the hosts
        self.commits = 0
        self.orphans = 0.0
        self.standing: set[int] = set()

    def __enter__(self) -> Yard:
        # A session's processes may outlive their sshd: they become our children, so that their time is counted.
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
        self.lab.__enter__()
        self.standing = _children(os.getpid())
        self._route()
        repos = {name: self.lab.repository(name, {"run": SERVICE}) for name in (OURS, BARE)}
        service = {"repo": str(repos[OURS]), "build": "true", "command": "./run", "program": {"startsecs": 0}}
        self.lab.write({OURS: service}, **{
            name: {"address": address, "port": port} for name, (address, port) in self.addresses.items()})
        for host in self.lab.hosts.values():
            self._lay_out_bare(host, repos[BARE])
        self.ours()                                             # once each, uncounted: first clones, warm caches
        self.bare()
        return self

    def __exit__(self, *exc: object) -> None:
        for proxy in self.proxies:
            proxy.__exit__()
        self.lab.__exit__(*exc)

    def ours(self) -> Taken:
        return self._measure(OURS, [[str(CHECKOUT / "fab"), "deploy", OURS, "--format", "plain"]])

    def bare(self) -> Taken:
        """One host after another, as the shell's loop would."""
        return self._measure(BARE, [[*self._ssh(name), "bash -s"] for name in self.lab.hosts])

    def _measure(self, service: str, commands: list[list[str]]) -> Taken:
        """Deploys a new commit. What runs must have changed on every host afterwards."""
        self.commits += 1
        commit = self.lab.commit(service, {"number": f"{self.commits}\n"})
        # As a user's shell has it: PYTHONDONTWRITEBYTECODE, say, would compile the client anew in every run.
        env = {name: value for name, value in self.lab.environ().items() if not name.startswith("PYTHON")}
        pids, hosts, client = self._pids(service), self._hosts_used(), _children_used()
        begin = time.monotonic()
        for command, name in zip(commands, self.lab.hosts, strict=False):
            script = self._steps(name) if service == BARE else ""
            done = subprocess.run(command, input=script, cwd=self.lab.folder, env=env, text=True,
                                  capture_output=True, timeout=120, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
        wall, client = time.monotonic() - begin, _children_used() - client
        wait_for(self._quiet, "the ssh sessions to end")
        assert {host.head(service) for host in self.lab.hosts.values()} == {commit}
        assert not self._pids(service) & pids
        return Taken(wall, client, self._hosts_used() - hosts)

    def _pids(self, service: str) -> set[tuple[str, int]]:
        known = [(name, host) for name, host in self.lab.hosts.items()
                 if (host.root / "conf.d" / f"{service}.conf").exists()]
        return {(name, host.info(service)["pid"]) for name, host in known}

    def _route(self) -> None:
        lines = []
        for name, host in self.lab.hosts.items():
            address, port = self.addresses[name] = self._way_to(host)
            lines.append(host.sshd.known_hosts_line.replace(f"{host.sshd.name} ", f"[{address}]:{port} "))
        (self.lab.home / ".ssh/known_hosts").write_text("".join(lines))

    def _way_to(self, host: Any) -> tuple[str, int]:
        sshd = host.sshd
        return sshd.host, self._through(Proxy(sshd.host, sshd.port, self.delay)) if self.delay else sshd.port

    def _through(self, proxy: Proxy) -> int:
        """Returns its port."""
        proxy.__enter__()
        self.proxies.append(proxy)
        return proxy.port

    def _lay_out_bare(self, host: Any, repo: Path) -> None:
        directory = host.directory(BARE)
        directory.parent.mkdir(exist_ok=True)
        git(directory.parent, "clone", "--quiet", str(repo), BARE)
        (directory / "logs").mkdir()
        (host.root / "conf.d" / f"{BARE}.conf").write_text(PROGRAM.format(name=BARE, directory=directory))
        host.rpc.reloadConfig()
        host.rpc.addProcessGroup(BARE)

    def _steps(self, name: str) -> str:
        return STEPS.format(directory=self.lab[name].directory(BARE), name=BARE,
                            ctl=Path(sys.executable).with_name("supervisorctl"))

    def _ssh(self, name: str) -> list[str]:
        sshd = self.lab[name].sshd
        options = {"BatchMode": "yes", "ControlMaster": "no", "ControlPath": "none", "IdentitiesOnly": "yes",
                   "IdentityFile": sshd.client_key, "StrictHostKeyChecking": "yes",
                   "UserKnownHostsFile": self.lab.home / ".ssh/known_hosts"}
        words = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
        address, port = self.addresses[name]
        return ["ssh", "-F", "none", *words, "-p", str(port), "-l", sshd.user, address]

    def _hosts_used(self) -> float:
        """Processor seconds so far of all that ssh sessions did."""
        ticks = 0
        for pid in self._sshds():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))           # utime, stime, cutime, cstime
        return ticks / os.sysconf("SC_CLK_TCK") + self.orphans

    def _quiet(self) -> bool:
        """Whether no session's process is left; takes the time of orphans that have ended."""
        orphans = _children(os.getpid()) - self.standing
        for orphan in orphans:
            pid, _, used = os.wait4(orphan, os.WNOHANG)
            self.orphans += used.ru_utime + used.ru_stime if pid else 0
        return not orphans and not any(_children(pid) for pid in self._sshds())

    def _sshds(self) -> list[int]:
        return [int((host.sshd.folder / "pid").read_text()) for host in self.lab.hosts.values()]


def _children(pid: int) -> set[int]:
    """Of all its threads, but for one that has just ended: the proxy's do."""
    children: set[int] = set()
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            children.update(map(int, path.read_text().split()))
    return children


def _children_used() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
