"""Many hosts that cost little: roots on this machine behind one sshd, each with a supervisord of its own.

The conversation is a real one: OpenSSH, the executor, git, supervisord.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.support.lab import CONF, PROGRAM_USER, Lab, wait_for
from tests.support.sshd import Sshd

SERVICE = "monitor"
SCRIPT = "#!/bin/sh\nexec sleep 100000\n"
FORKING = Path(__file__).with_name("supervisords.py")
# All hosts log in at once, at one sshd.
OPTIONS = ("MaxStartups 2000:30:2000",)


class Crowd:
    """A context manager. `lab` has the repository, the client's home and hosts.yaml."""

    def __init__(self, count: int) -> None:
        self.lab = Lab(())
        self.names = [f"web{number:03}" for number in range(1, count + 1)]
        self.sshd = Sshd(self.lab.folder / "sshd", options=OPTIONS)
        self.daemons: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Crowd:
        self.lab.__enter__()
        self.sshd.__enter__()
        self._write_known_hosts()
        self._start_supervisords()
        repo = self.lab.repository(SERVICE, {"run": SCRIPT})
        service = {"repo": str(repo), "build": "true", "command": "./run", "program": {**PROGRAM_USER, "startsecs": 0}}
        settings = {"lease": 300, "connect_timeout": 120}       # this machine is all the hosts at once
        hosts = {name: {"root": str(self.root(name))} for name in self.names}
        self.lab.inventory.write_text(yaml.safe_dump({
            "default_environment": "test", "services": {SERVICE: service}, "defaults": {**self._way(), **settings},
            "environments": {"test": {"branch": "main", "hosts": hosts}}}))
        return self

    def __exit__(self, *exc: object) -> None:
        if self.daemons is not None:
            os.killpg(self.daemons.pid, signal.SIGKILL)
            self.daemons.wait()
        self.sshd.__exit__(*exc)
        self.lab.__exit__(*exc)

    def root(self, name: str) -> Path:
        return self.lab.folder / name

    def _write_known_hosts(self) -> None:
        """A line a host, hashed, as Debian's ssh does. One line is for all of them here: the last."""
        path = self.lab.home / ".ssh/known_hosts"
        key = self.sshd.known_hosts_line.partition(" ")[2]
        path.write_text("".join(f"{name} {key}" for name in self.names) + self.sshd.known_hosts_line)
        subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(path)], check=True, capture_output=True)

    def _way(self) -> dict[str, Any]:
        return {"address": self.sshd.host, "port": self.sshd.port, "user": self.sshd.user, "python": sys.executable,
                "identity_file": str(self.sshd.client_key)}

    def _start_supervisords(self) -> None:
        confs = [self.root(name) / "supervisord.conf" for name in self.names]
        for conf in confs:
            (conf.parent / "conf.d").mkdir(parents=True)
            conf.write_text(CONF.format(root=conf.parent))
        self.daemons = subprocess.Popen([sys.executable, FORKING, *map(str, confs)],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        start_new_session=True)
        for conf in confs:
            wait_for((conf.parent / "supervisor.sock").exists, f"the supervisord of {conf.parent.name}")
