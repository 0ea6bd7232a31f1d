"""Hosts to deploy to, as a team has them: OpenSSH's sshd, a supervisord, a root in the article's layout, git.

All on loopback, in one temporary folder, as the current user; what was started is ended by pid (guard).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xmlrpc.client
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from supervisor.xmlrpc import SupervisorTransport

from tests.support import guard
from tests.support.forked import Program, start
from tests.support.processes import descendants, kill
from tests.support.sshd import Sshd

CHECKOUT = Path(__file__).resolve().parents[2]
FAB = CHECKOUT / "tests/support/fab.py"
CONF = """\
[unix_http_server]
file={root}/supervisor.sock
[supervisord]
logfile={root}/supervisord.log
pidfile={root}/supervisord.pid
childlogdir={root}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://{root}/supervisor.sock
[include]
files = conf.d/*.conf
"""
# Nothing runs as root unless hosts.yaml says so; where root runs the tests, it does.
PROGRAM_USER = {"user": "root"} if os.geteuid() == 0 else {}


def with_program_user(services: dict[str, Any]) -> dict[str, Any]:
    """As in hosts.yaml, for a login user who is root."""
    return {name: _with_programs(service, service["programs"]) if "programs" in service
            else {**service, "program": {**PROGRAM_USER, **service.get("program", {})}}
            for name, service in services.items()}


def _with_programs(service: dict[str, Any], programs: dict[str, Any]) -> dict[str, Any]:
    return {**service, "programs": with_program_user(programs)}


class LabHost:
    """One host. `root` is the article's $GOPATH/src/git.example.com."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self.root = folder / name / "go/src/git.example.com"
        (self.root / "conf.d").mkdir(parents=True)
        self.conf = self.root / "supervisord.conf"
        self.conf.write_text(CONF.format(root=self.root))
        self.sshd = Sshd(folder / name)
        self.daemon: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.sshd.__enter__()
        self.start_supervisord()

    def start_supervisord(self) -> None:
        command = [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", str(self.conf)]
        self.daemon = subprocess.Popen(command, cwd=self.root, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
        wait_for(self.answers, f"supervisord of {self.name}")

    def stop_supervisord(self) -> None:
        if self.daemon is not None:
            self.daemon.send_signal(signal.SIGTERM)
            self.daemon.wait()
            self.daemon = None

    def stop(self) -> None:
        """As a power cut: supervisord would end one program after the other, and wait for each."""
        if self.daemon is not None:
            for pid in [self.daemon.pid, *descendants(self.daemon.pid)]:
                kill(pid)
            self.daemon.wait()
            self.daemon = None
        self.sshd.__exit__(None, None, None)

    @property
    def rpc(self) -> Any:
        """supervisord's own API."""
        return supervisord_at(self.root / "supervisor.sock")

    def remove_programs(self) -> None:
        """End all programs, and remove their files."""
        for path in (self.root / "conf.d").iterdir():
            path.unlink()
        if self.answers():
            self.rpc.reloadConfig()
            self.rpc.stopAllProcesses()
            for group in {info["group"] for info in self.rpc.getAllProcessInfo()}:
                self.rpc.removeProcessGroup(group)

    def info(self, program: str) -> dict[str, Any]:
        return self.rpc.getProcessInfo(f"{program}:{program}")

    def directory(self, service: str) -> Path:
        return self.root / "micro" / service

    def head(self, service: str) -> str:
        """Of the release that `current` points to, where there is one."""
        current = self.directory(service) / "current"
        return git(current if current.is_symlink() else self.directory(service), "rev-parse", "HEAD")

    def history(self, service: str) -> list[dict[str, Any]]:
        path = self.root / ".fabvisor" / service / "history.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def leftovers(self) -> list[str]:
        """Journals, backups and other traces of something unfinished; [] when all is tidy."""
        state = self.root / ".fabvisor"
        patterns = ("journal/*", "*/before-*", "*/resolve-*", "**/.*.new")
        found = [path for pattern in patterns for path in state.glob(pattern) if path.suffix != ".conf"]
        return [str(path.relative_to(self.root)) for path in found]

    def settings(self, **more: Any) -> dict[str, Any]:
        """As under `hosts` in hosts.yaml."""
        return {"address": self.sshd.host, "port": self.sshd.port, "user": self.sshd.user, "root": str(self.root),
                "python": sys.executable, "identity_file": str(self.sshd.client_key), **more}

    def answers(self) -> bool:
        try:
            return bool(self.rpc.getState())
        except OSError:
            return False


@dataclass
class Run:
    """A finished `fab …`. `events`: the JSON lines, where there were any."""

    code: int
    out: str
    err: str
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def finished(self) -> dict[str, Any]:
        assert self.events[-1]["event"] == "finished", self
        return self.events[-1]

    def outcome(self, host: str, service: str = "monitor") -> str:
        return self.finished["hosts"][host][service]["outcome"]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The events of that kind."""
        return [event for event in self.events if event["event"] == kind]

    def steps(self, host: str) -> list[str]:
        return [e["step"] for e in self.events if e["event"] == "step_finished" and e["host"] == host and e["ok"]]


class Lab:
    """`with Lab(names=("web1", "web2")) as lab: lab.write(...); lab.fab("deploy", "monitor")`."""

    def __init__(self, names: tuple[str, ...] = ("web1", "web2")) -> None:
        # A unix socket's path has 107 bytes at most: pytest's own folders are too deep.
        self.folder = Path(tempfile.mkdtemp(prefix="lab-"))
        guard.watch(self.folder)
        self.home = self.folder / "home"
        (self.home / ".ssh").mkdir(parents=True, mode=0o700)
        self.inventory = self.folder / "hosts.yaml"
        self.hosts = {name: LabHost(self.folder, name) for name in names}

    def __enter__(self) -> Lab:
        for host in self.hosts.values():
            host.start()
        known = "".join(host.sshd.known_hosts_line + "\n" for host in self.hosts.values())
        (self.home / ".ssh/known_hosts").write_text(known)
        return self

    def __exit__(self, *exc: object) -> None:
        try:
            with ThreadPoolExecutor() as all_at_once:
                list(all_at_once.map(LabHost.stop, self.hosts.values()))
        finally:
            guard.clear(self.folder)

    def __getitem__(self, name: str) -> LabHost:
        return self.hosts[name]

    def repository(self, name: str, files: dict[str, str]) -> Path:
        """A working copy and a bare repository `<name>.git` beside it, which has its objects; commit() adds to both."""
        bare, work = self.folder / "git" / f"{name}.git", self.folder / "git" / name
        shutil.copytree(self._empty / "bare", bare)
        shutil.copytree(self._empty / "work", work)
        with (work / ".git/config").open("a") as config:
            config.write(f'[remote "origin"]\n\turl = {bare}\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n')
        (bare / "objects/info").mkdir(exist_ok=True)
        (bare / "objects/info/alternates").write_text(f"{work}/.git/objects\n")
        self.commit(name, files, "first")
        return bare

    @cached_property
    def _empty(self) -> Path:
        """A folder with an empty `bare` repository and an empty `work` tree, to copy."""
        folder = self.folder / "empty"
        folder.mkdir()
        for name, *options in (("bare", "--bare"), ("work",)):
            git(folder, "init", "--quiet", "--initial-branch=main", "--template=", *options, name)
        return folder

    def commit(self, name: str, files: dict[str, str], message: str = "change", branch: str = "main") -> str:
        """Returns the new commit, which `branch` of the bare repository has, too."""
        work = self.folder / "git" / name
        for path, text in files.items():
            (work / path).parent.mkdir(parents=True, exist_ok=True)
            (work / path).write_text(text)
            if text.startswith("#!"):
                (work / path).chmod(0o755)
        git(work, "add", "--all")
        git(work, "commit", "--quiet", "--allow-empty", "--message", message)
        head = (work / ".git/HEAD").read_text().strip()
        made = (work / ".git" / head.removeprefix("ref: ")).read_text().strip() if head.startswith("ref: ") else head
        # As a push would do it, by seven processes.
        bare = work.with_name(f"{name}.git")
        ref = bare / "refs/heads" / branch
        ref.parent.mkdir(parents=True, exist_ok=True)
        (bare / "new").write_text(made + "\n")
        (bare / "new").replace(ref)
        return made

    def write(self, services: dict[str, Any], environment: dict[str, Any] | None = None,
              **hosts: dict[str, Any]) -> None:
        """hosts.yaml with one environment `test` on all hosts; `hosts`: further settings by host name."""
        listed = {name: host.settings(**hosts.get(name, {})) for name, host in self.hosts.items()}
        whole = {"default_environment": "test", "services": with_program_user(services),
                 "environments": {"test": {"branch": "main", "hosts": listed, **(environment or {})}}}
        self.inventory.write_text(yaml.safe_dump(whole, sort_keys=False))

    def command(self, *args: str) -> list[str]:
        return [sys.executable, str(FAB), "--search-root", str(CHECKOUT), *args]

    def environ(self, **env: str) -> dict[str, str]:
        ours = ("FAB", "CI", "GITLAB", "SSH_", "PYTHON")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        return {**kept, "HOME": str(self.home), "FAB_INVENTORY": str(self.inventory), **env}

    def popen(self, *args: str, cwd: str = "", **env: str) -> Program:
        return start(self.command(*args), Path(cwd) if cwd else self.folder, self.environ(**env))

    def fab(self, *args: str, format: str = "json", **env: str) -> Run:
        """Run it to its end; JSON unless told otherwise."""
        process = self.popen(*args, "--format", format, **env)
        out, err = process.communicate(timeout=90)
        events = [json.loads(line) for line in out.splitlines()] if format == "json" else []
        return Run(process.returncode, out, err, events)


def supervisord_at(sock: Path) -> Any:
    """supervisord's own API: xmlrpc.client.ServerProxy(...).supervisor."""
    transport = SupervisorTransport(None, None, f"unix://{sock}")
    return xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport).supervisor


def git(folder: Path, *args: str) -> str:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "maintenance.auto=false"]
    done = subprocess.run(["git", *identity, *args], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def wait_for(condition: Any, description: str, seconds: float = 60) -> Any:
    """Poll until so() is true and return that; a failure names what was waited for."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited {seconds} s for {description}"
        time.sleep(0.02)
    return value


def stands_in(pid: int) -> Path:
    """The folder of a program; waits until supervisord's child has become it, for until then that stands elsewhere."""
    def started() -> bool:
        parent = re.search(r"^PPid:\s*(\d+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
        assert parent is not None
        return Path(f"/proc/{pid}/cmdline").read_bytes() != Path(f"/proc/{parent[1]}/cmdline").read_bytes()

    wait_for(started, f"{pid} to become the program")
    return Path(os.readlink(f"/proc/{pid}/cwd"))
