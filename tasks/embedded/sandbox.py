"""A running sandbox, as values."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec import structs

from ..inventory.model import Environment, Host, Target
from . import processes
from .state_dir import check_private

EXAMPLE = "sandbox:monitor"         # as a service's `repo`: the sandbox's own repository
NAMES = ("web1", "web2")
LAYOUT = 1                          # a running sandbox of another layout is started anew


@dataclass(frozen=True)
class Sandbox:
    """`variables`: by host name. The hosts share a machine, so each has a PORT of its own."""

    state: Path
    hosts: tuple[Host, ...]
    variables: dict[str, dict[str, str]]

    @property
    def repository(self) -> str:
        """The bare git repository of the example."""
        return str(self.state / "git" / "monitor.git")

    @property
    def clone(self) -> Path:
        """A clone of it, to edit, commit and push from."""
        return self.state / "monitor"

    def host_settings(self) -> dict[str, dict[str, Any]]:
        """As `hosts` of the environment in hosts.yaml would have them."""
        return {host.name: {
            "address": host.address, "port": host.port, "user": host.user, "root": host.root,
            "python": host.python, "identity_file": host.identity_file,
            "supervisord_conf": host.supervisord_conf, "program_dir": host.program_dir,
            "variables": self.variables[host.name],
        } for host in self.hosts}

    def adapt(self, environment: Environment) -> Environment:
        """Fill in what hosts.yaml cannot say: the pinned host keys, and the example's repository."""
        pinned = {host.name: host.known_hosts for host in self.hosts}

        def fill(target: Target) -> Target:
            host = structs.replace(target.host, known_hosts=pinned[target.host.name], gateway=None)
            example = target.service.repo == EXAMPLE
            service = structs.replace(target.service, repo=self.repository) if example else target.service
            if host.user == "root":         # nothing runs as root unless it is written out; hosts.yaml cannot know here
                service = service.only(structs.replace(program, options={"user": "root", **program.options})
                                       for program in service.programs)
            return Target(host=host, service=service)

        return structs.replace(environment, targets=tuple(map(fill, environment.targets)))


def find_running(state: Path) -> Sandbox | None:
    """The sandbox when all of it is up; None when a part is missing or dead, or was started before the last boot."""
    try:
        check_private(state)
        facts = json.loads((state / "state.json").read_bytes())
        if facts["layout"] != LAYOUT or facts["boot"] != processes.boot():
            return None
        alive = all(processes.alive(pid, started) for pid, started in facts["processes"])
        sandbox = _from_facts(state, facts)
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    return sandbox if alive and all(map(os.path.exists, _files(sandbox))) else None


def _from_facts(state: Path, facts: dict[str, Any]) -> Sandbox:
    hosts = tuple(Host(
        name=name, root=str(state / name / "root"), address="127.0.0.1", port=facts["hosts"][name]["port"],
        user=facts["user"], python=facts["python"], identity_file=str(state / "key"),
        known_hosts=str(state / "known_hosts"),
    ) for name in NAMES)
    return Sandbox(state, hosts, {name: facts["hosts"][name]["variables"] for name in NAMES})


def _files(sandbox: Sandbox) -> list[Path]:
    """The files that a sandbox needs. Some systems clear old temporary files; and a .venv may be made anew."""
    shared = [sandbox.state / "key", sandbox.state / "known_hosts", Path(sandbox.repository)]
    return shared + [Path(host.root, name) for host in sandbox.hosts
                     for name in ("supervisord.conf", "supervisor.sock", "conf.d", host.python)]
