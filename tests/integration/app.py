"""A small service that does as the test says: what it builds, whether it blocks, starts, stays up, is healthy."""

from __future__ import annotations

import json
import os
import signal
import threading
import xmlrpc.client
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml

from tests.support.forked import Program
from tests.support.host_python import host_python
from tests.support.lab import Lab, LabHost, Run, git, wait_for, with_program_user
from tests.support.processes import descendants

# Its name in the process table is the version that it was built from.
RUN = """\
#!/bin/bash
echo "starting $(cat built)"
exec -a "$(cat built)" sleep 100000
"""
# Dies at once, after telling why.
CRASH = """\
#!/bin/sh
echo 'cannot open the database'
exit 7
"""
# The test opens and shuts these gates: files in $GATE that list the versions that do not pass.
BUILD = """\
cp source built
shut() { grep -qsx "$(cat source)" "$GATE/$1" "$GATE/$1-$HOST"; }
if shut block; then touch "$GATE/building-$HOST"; while shut block; do sleep 0.02; done; fi
if shut fail; then echo "no space for $HOST"; exit 9; fi
"""
# `hold` is not healthy yet (it is tried again), `hang` gives no answer.
HEALTH = {"command": """
shut() { grep -qsx "$(cat source)" "$GATE/$1"; }
touch "$GATE/checking-$HOST"; while shut hang; do sleep 0.02; done; if shut hold; then exit 1; fi
""", "timeout": 60}

State = dict[str, Any]


class App:
    """One service in a repository of its own, in an inventory of its own."""

    def __init__(self, lab: Lab, name: str, settings: dict[str, dict[str, Any]] | None = None, **service: Any) -> None:
        self.lab = lab
        self.name = name
        self.hosts = sorted(lab.hosts)
        self.gate = lab.folder / f"gate-{name}"
        self.gate.mkdir()
        self.repo = lab.repository(name, {"source": f"{name}-1", "run.sh": RUN, ".gitignore": "built\n"})
        self.inventory = self.gate / "hosts.yaml"
        self.environment: dict[str, Any] = {}
        self.settings = settings or {}
        self.services: dict[str, Any] = {name: {
            "repo": str(self.repo), "build": BUILD, "command": "./run.sh",
            "program": {"startsecs": 0, "stopwaitsecs": 5}, **service}}
        self.write()

    @property
    def service(self) -> dict[str, Any]:
        service: dict[str, Any] = self.services[self.name]
        return service

    def write(self, **changes: Any) -> None:
        """hosts.yaml; `changes` of the service stay."""
        self.service.update(changes)
        hosts = {name: self._settings(name) for name in self.hosts}
        self.inventory.write_text(yaml.dump({
            "default_environment": "test", "services": with_program_user(self.services),
            "environments": {"test": {"branch": "main", "serial": "100%", "hosts": hosts, **self.environment}}},
            Dumper=yaml.CSafeDumper, sort_keys=False))

    @contextmanager
    def with_settings(self, **hosts: dict[str, Any]) -> Iterator[App]:
        """Until its end hosts.yaml has other settings of these hosts. What a test adds to `settings` meanwhile goes,
        too."""
        before, self.settings = self.settings, {**self.settings, **hosts}
        self.write()
        try:
            yield self
        finally:
            self.settings = before
            self.write()

    def alone(self) -> App:
        """On the first host only: for what has nothing to do with a second one."""
        self.hosts = self.hosts[:1]
        self.write()
        return self

    def commit(self, version: str, files: dict[str, str] | None = None) -> str:
        """Push a version to main; `files`: further ones of it, by path."""
        return self.lab.commit(self.name, {"source": version, **(files or {})}, version)

    def fab(self, *args: str, format: str = "json", **env: str) -> Run:
        return self.lab.fab(*args, format=format, FAB_INVENTORY=str(self.inventory), **env)

    def deploy(self, *args: str, format: str = "json", **env: str) -> Run:
        return self.fab("deploy", self.name, *args, format=format, **env)

    def deployed(self, *args: str) -> App:
        """As a fixture wants it: it must succeed."""
        run = self.deploy(*args)
        assert run.code == 0, run
        return self

    def start(self, *args: str, **env: str) -> RunningClient:
        """`fab *args --format json`, not waited for."""
        return RunningClient(self.lab.popen(*args, "--format", "json", FAB_INVENTORY=str(self.inventory), **env))

    def begin(self, gate: str, mark: str, version: str, *args: str, **env: str) -> RunningClient:
        """A deploy of a new version that stands still at that gate, on every host that it deploys to."""
        for host in self.hosts:
            self.open(f"{mark}-{host}")
        self.commit(version)
        self.shut(gate, version)
        hosts = [args[args.index("--host") + 1]] if "--host" in args else self.hosts
        return self.start("deploy", self.name, *args, **env).wait_at(self, mark, *hosts)

    def shut(self, name: str, version: str) -> None:
        """`block`, `fail` (a build, on all hosts or with -HOST on one), `hold`, `hang` (health), for that version."""
        (self.gate / name).write_text(version + "\n")

    def open(self, name: str) -> None:
        (self.gate / name).unlink(missing_ok=True)

    def open_all(self) -> None:
        for file in self.gate.iterdir():
            if file != self.inventory and file.is_file():
                file.unlink()

    def program(self, host: str) -> dict[str, Any]:
        try:
            return self.lab[host].info(self.name)
        except xmlrpc.client.Fault:
            return {"statename": "absent", "pid": 0}

    def pid(self, host: str) -> int:
        return int(self.program(host)["pid"])

    def pids(self) -> list[int]:
        return [self.pid(host) for host in self.hosts]

    def running(self, host: str) -> str | None:
        """The version of the process that runs; None when none does."""
        def name() -> str | None:
            argv = read(f"/proc/{self.pid(host)}/cmdline").split("\0")
            return argv[0] if argv[0].startswith((self.name, "./" + self.name)) else None
        return wait_for(name, f"{self.name} on {host}") if self.pid(host) else None

    def environ(self, host: str) -> dict[str, str]:
        self.running(host)
        pairs = (pair.partition("=") for pair in read(f"/proc/{self.pid(host)}/environ").split("\0"))
        return {name: value for name, _, value in pairs}

    def state(self, host: str) -> State:
        """Everything that a deploy which is not committed must leave as it was (but for the pid)."""
        here = self.lab[host]
        directory = here.directory(self.name)
        return {
            "directory": {str(path.relative_to(directory)): path.read_bytes() for path in sorted(directory.rglob("*"))
                          if path.is_file() and path.relative_to(directory).parts[0] not in (".git", "logs")}
            if directory.exists() else None,
            **clone_state(directory),
            "program file": bytes_and_mode(self.program_file(host)),
            "env file": bytes_and_mode(self.env_file(host)),
            "state": self.program(host)["statename"],
            "running": self.running(host),
            "leftovers": [path for path in here.leftovers() if self.name in path],
        }

    def states(self) -> list[State]:
        return [self.state(host) for host in self.hosts]

    def program_file(self, host: str) -> Path:
        return self.lab[host].root / "conf.d" / f"{self.name}.conf"

    def env_file(self, host: str) -> Path:
        return self.lab[host].root / ".fabvisor" / self.name / "env"

    def results(self, host: str) -> list[str]:
        return [line["result"] for line in self.lab[host].history(self.name)]

    def commits(self) -> list[str]:
        return [self.lab[host].head(self.name) for host in self.hosts]

    def holder(self, host: str) -> dict[str, Any]:
        """The text that the executor at work wrote into the lock; {} while it writes, or lets go."""
        lock = self.lab[host].root / ".fabvisor" / self.name / "lock"
        try:
            holder: dict[str, Any] = json.loads(lock.read_text())
            return holder
        except ValueError:
            return {}

    def kill_executor(self, host: str) -> None:
        """Alone: what it started lives on."""
        os.kill(self.holder(host)["pid"], signal.SIGKILL)

    def kill_host_side(self, *hosts: str) -> None:
        """SIGKILL to the executor and all that it started, as an out-of-memory killer or a reboot would."""
        executors = [self.holder(host)["pid"] for host in hosts or self.hosts]
        for pid in [one for executor in executors for one in (executor, *descendants(executor))]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def wait_restored(self, *hosts: str, since: int = 1) -> None:
        """Until the hosts have gone back by themselves, `since` times over."""
        for host in hosts or self.hosts:
            wait_for(lambda host=host: self.results(host).count("restored") >= since, f"{host} to be as it was")
            wait_for(lambda host=host: not self.holder_alive(host), f"the executor of {host} to end")

    def holder_alive(self, host: str) -> bool:
        lock = self.lab[host].root / ".fabvisor" / self.name / "lock"
        return bool(lock.exists() and lock.read_text())

    def remove(self) -> None:
        """So that what one test leaves behind disturbs no other."""
        self.open_all()
        for name in self.services:
            for host in self.lab.hosts.values():
                self._remove(host, name)

    def _remove(self, host: LabHost, name: str) -> None:
        if not (host.root / ".fabvisor" / name).exists() and not (host.root / "conf.d" / f"{name}.conf").exists():
            return                      # it was never here
        (host.root / "conf.d" / f"{name}.conf").unlink(missing_ok=True)
        for journal in (host.root / ".fabvisor/journal").glob("*.json"):
            if f'"{name}"' in journal.read_text():
                journal.unlink()
        with suppress(xmlrpc.client.Fault, OSError):
            host.rpc.reloadConfig()
            with suppress(xmlrpc.client.Fault):
                host.rpc.stopProcess(f"{name}:{name}", False)
            wait_for(lambda: host.info(name)["statename"] != "STOPPING", f"{name} to stop")
            host.rpc.removeProcessGroup(name)

    def _settings(self, name: str) -> dict[str, Any]:
        own = self.settings.get(name, {})
        variables = {"HOST": name, "GATE": str(self.gate), **own.get("variables", {})}
        return self.lab[name].settings(**{"python": host_python(), **own, "variables": variables})


class RunningClient:
    """A `fab …` under way; its events are read as they come."""

    def __init__(self, process: Program) -> None:
        self.process = process
        self.events: list[dict[str, Any]] = []
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_event(self, matches: Callable[[dict[str, Any]], bool], description: str) -> dict[str, Any]:
        """Wait for an event that matches; fail when `fab` ends before."""
        def first() -> dict[str, Any] | None:
            event = next((event for event in list(self.events) if matches(event)), None)
            assert event or self.process.poll() is None or self._reader.is_alive(), (description, self.lines)
            return event
        return wait_for(first, description)

    def wait_at(self, app: App, mark: str, *hosts: str) -> RunningClient:
        """Wait until these hosts have left that mark (`building`, `checking`) at the app's gate."""
        for host in hosts or app.hosts:
            def has_mark(file: Path = app.gate / f"{mark}-{host}") -> bool:
                assert file.exists() or self.process.poll() is None, (file.name, self.lines)
                return file.exists()
            wait_for(has_mark, f"{mark} on {host}")
        return self

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self, seconds: float = 60) -> Run:
        code = self.process.wait(seconds)
        self._reader.join(60)
        assert self.process.stderr is not None
        err = self.process.stderr.read()
        self.process.stderr.close()
        return Run(code, "".join(self.lines), err, self.events)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            self.events.append(json.loads(line))
        self.process.stdout.close()


def clone_state(directory: Path) -> State:
    """By one question of git, where nothing is stashed; `commit` is that of the release that `current` points to."""
    if not (directory / ".git").exists():
        return dict.fromkeys(("commit", "branch", "edited", "stashes"))
    lines = git(directory, "status", "--porcelain=2", "--branch").splitlines()
    branch = dict(line[2:].split(" ", 1) for line in lines if line.startswith("# "))
    current = directory / "current"
    return {"commit": git(current, "rev-parse", "HEAD") if current.is_symlink() else branch["branch.oid"],
            "branch": branch["branch.head"],
            "edited": "\n".join(line for line in lines if not line.startswith("# ")),
            "stashes": git(directory, "stash", "list") if (directory / ".git/logs/refs/stash").exists() else ""}


def messages(run: Run) -> str:
    """All that was said about what went wrong."""
    words = [event["message"] + "\n" + event.get("hint", "") for event in run.events
             if event["event"] in ("error", "notice")]
    return "\n".join(words)


def why(run: Run, host: str, service: str) -> str:
    return str(run.finished["hosts"][host][service]["why"])


def read(path: str) -> str:
    try:
        return Path(path).read_bytes().decode("utf-8", "surrogateescape")
    except OSError:
        return ""


def bytes_and_mode(path: Path) -> tuple[bytes, str] | None:
    return (path.read_bytes(), oct(path.stat().st_mode & 0o777)) if path.exists() else None
