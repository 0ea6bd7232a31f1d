"""A service on a PackagedHost, and the commands that deploy it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.support.lab import Lab, Run
from tests.support.packaged import PackagedHost

RUN = "#!/bin/sh\nexec sleep 100000\n"


class PackagedApp:
    """`settings`: of the host, such as sudo; `service`: more of the service's keys."""

    def __init__(self, host: PackagedHost, lab: Lab, **settings: Any) -> None:
        self.host = host
        self.lab = lab
        self.settings = settings
        self.service: dict[str, Any] = {}
        self.repo = Path(lab.repository("app", {"run.sh": RUN}))
        for folder in (lab.folder, self.repo.parent):
            folder.chmod(0o755)
        (host.sshd.home / ".gitconfig").write_text("[safe]\n\tdirectory = *\n")
        (lab.home / ".ssh/known_hosts").write_text(host.sshd.known_hosts_line + "\n")

    def fab(self, *args: str, env: dict[str, str] | None = None, **program: str) -> Run:
        """fab("deploy", "app", user="www-data"): the options of the program are the keyword arguments."""
        self.write(**program)
        return self.lab.fab(*args, **(env or {}))

    def write(self, **program: str) -> None:
        shape = {} if "programs" in self.service else {"command": "./run.sh", "program": {"startsecs": 0, **program}}
        service = {"repo": str(self.repo), **shape, **self.service}
        self.lab.inventory.write_text(yaml.safe_dump({
            "default_environment": "test", "services": {"app": service},
            "environments": {"test": {"branch": "main", "hosts": {"deb1": self.host.settings(**self.settings)}}}}))

    def commit(self, script: str = RUN) -> str:
        """A new version; returns its commit."""
        return self.lab.commit("app", {"run.sh": script})

    def words(self, run: Run) -> str:
        """All that a user reads of it, errors and their hints."""
        errors = [f"{event.get('message')}: {event.get('hint')}" for event in run.events if "message" in event]
        return "\n".join([*errors, *(odd for event in run.events for odd in event.get("oddities", []))])

    @property
    def pid(self) -> int:
        return int(self.host.rpc.getProcessInfo("app:app")["pid"])

    @property
    def owner(self) -> int:
        return os.stat(f"/proc/{self.pid}").st_uid

    @property
    def env_file(self) -> Path:
        return self.host.root / ".fabvisor/app/env"


@contextmanager
def packaged_app(host: PackagedHost, **settings: Any) -> Iterator[PackagedApp]:
    with Lab(()) as lab:
        yield PackagedApp(host, lab, **settings)
