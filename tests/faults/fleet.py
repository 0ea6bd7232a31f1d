"""Two real hosts that things happen to, and a service whose every trace tells which version it is of."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack, suppress
from functools import cache
from pathlib import Path
from typing import Any

from tasks.remote.sent_executor import bootstrap
from tests.faults import checker
from tests.integration.app import BUILD, HEALTH, RUN, App, RunningClient
from tests.support import guard
from tests.support.forked import start
from tests.support.lab import Lab, Run, wait_for
from tests.support.processes import descendants
from tests.support.proxy import Proxy

HERE = Path(__file__).parent
# Seconds. A slow machine keeps the long one; the short one is of what ends by it alone.
LEASE, SHORT_LEASE = 30, 4
# A file for each load balancer, ours and that of the host, says that the host is out of service.
HOOKS = {
    "drain": [{"run": 'touch "out-$HOST"', "on": "client"}, 'touch "$GATE/out-$HOST-here"'],
    "undrain": ['rm -f "$GATE/out-$HOST-here"', {"run": 'rm -f "out-$HOST"', "on": "client"}],
    "on_failure": [{"run": "true", "on": "client"}, "true"],
}


@cache
def armed_executor(edits: tuple[tuple[str, str, str], ...] = ()) -> Path:
    """A copy of the executor that faults can be armed in; `edits` are (module, text, text in its place).

    All fleets of a process share it, for clients pack it once.
    """
    folder = Path(tempfile.mkdtemp(prefix="executor-"))
    guard.watch(folder)
    copy = shutil.copytree(bootstrap.EXECUTOR, folder / "executor", ignore=shutil.ignore_patterns("__pycache__"))
    for module, old, new in edits:
        text = (copy / module).read_text()
        assert old in text, f"{module} has no longer: {old}"
        (copy / module).write_text(text.replace(old, new))
    with (copy / "main.py").open("a") as file:
        file.write("\n\n" + (HERE / "armed.py").read_text())
    bootstrap.Program("rollout", copy)(bootstrap.OURS)      # else the first client would, while its hosts wait
    return copy


class Fleet:
    """web1 directly, web2 behind a proxy. A context manager.

    `several`: the service has three programs and four processes, and the third program has another name in each
    version: it comes and goes. `sudo`: what is supervisord's is reached through sudo, by root's own right to it.
    `hooked`: hosts leave the service of two load balancers while they restart.
    """

    names = ("web1", "web2")

    def __init__(self, strategy: str = "in_place", edits: tuple[tuple[str, str, str], ...] = (),
                 fetch: str = "host", several: bool = False, sudo: bool = False, hooked: bool = False) -> None:
        self.strategy = strategy
        self.fetch = fetch
        self.several = several
        self.sudo = sudo
        self.hooks = HOOKS if hooked else {}
        self.edits = edits
        self.lab = Lab(self.names)
        self.number = 0
        self.complaints: list[str] = []

    def __enter__(self) -> Fleet:
        with ExitStack() as ends:           # also when the start fails half-way
            self._start(ends)
            self._ends = ends.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._ends.close()

    def _start(self, ends: ExitStack) -> None:
        ends.callback(self.lab.__exit__)
        self.small_disk = self._mount_small_disk("web2")
        self.lab.__enter__()
        web2 = self.lab["web2"].sshd
        self.proxy = ends.enter_context(Proxy(web2.host, web2.port))
        known = self.lab.home / ".ssh/known_hosts"
        key = web2.known_hosts_line.partition(" ")[2]
        known.write_text(known.read_text() + f"[{self.proxy.host}]:{self.proxy.port} {key}")
        self.executor = armed_executor(self.edits)
        self.armed = self.lab.folder / "armed"
        self.armed.mkdir()
        self.app = App(self.lab, "app", {
            "web1": {"sudo": self.sudo}, "web2": {"sudo": self.sudo, "port": self.proxy.port, "connect_timeout": 5}},
            strategy=self.strategy, fetch=self.fetch)
        self.set_lease(LEASE)
        self.app.environment = {"serial": [1, "100%"]}
        for key in ("command", "program"):
            del self.app.service[key]
        for host in self.names:
            ends.callback(self.power_off, host)
        self.next_version()
        run = self.fab("deploy", "app")
        assert run.code == 0, (run.out, run.err)

    def _mount_small_disk(self, host: str) -> Path | None:
        """The host's root on a file system of a few MB; None where that is not for us to do."""
        root = self.root(host)
        saved = shutil.copytree(root, self.lab.folder / "saved")
        mount = ["mount", "-t", "tmpfs", "-o", "size=8m,mode=0755", "none", str(root)]
        if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
            return None
        shutil.copytree(saved, root, dirs_exist_ok=True)
        return root

    def set_lease(self, seconds: float) -> None:
        for settings in self.app.settings.values():
            settings["lease"] = seconds
        self.app.write()

    @property
    def version(self) -> str:
        return f"app-{self.number}"

    def next_version(self, files: dict[str, str] | None = None, build: str = "") -> str:
        """Commit it, and name it in hosts.yaml: in the program file by its priority, in the environment by VERSION, in
        a file of `files` by its content, in another by its name."""
        self.number += 1
        self.app.open_all()
        placed = {f"conf/{name}": {"variables": True} for name in ("version", f"only-{self.number}")}
        self.app.write(build=build + BUILD, variables={"VERSION": self.version}, files=placed,
                       hooks=self.hooks, **self._programs())
        self.app.commit(self.version, {"run.sh": RUN, **(files or {})})
        return self.version

    def _programs(self) -> dict[str, Any]:
        """Of this version, as in hosts.yaml."""
        plain = {"command": "./run.sh", "program": {"startsecs": 0, "stopwaitsecs": 2, "priority": self.number}}
        if not self.several:
            return {**plain, "health": HEALTH}
        return {"programs": {"web": {**plain, "numprocs": 2, "health": HEALTH}, "worker": plain,
                             f"beat{self.number}": plain}}

    @property
    def processes(self) -> tuple[str, ...]:
        """The names of the processes in supervisord, without the number of the version."""
        return ("app-web_00", "app-web_01", "app-worker", "app-beat") if self.several else ("app",)

    def command(self, *args: str) -> list[str]:
        return [sys.executable, str(HERE / "client.py"), str(self.executor), *args, "--format", "json"]

    def begin(self, *args: str) -> RunningClient:
        env = self.lab.environ(FAB_INVENTORY=str(self.app.inventory))
        return RunningClient(start(self.command(*args), self.lab.folder, env))

    def fab(self, *args: str) -> Run:
        return self.begin(*args).end(90)

    def arm(self, host: str, at: str, do: str, nth: int = 1, **more: Any) -> None:
        """For the next deploy."""
        self.disarm()
        (self.armed / f"{host}.json").write_text(json.dumps({"at": at, "do": do, "nth": nth, **more}))

    def disarm(self) -> None:
        for path in self.armed.iterdir():
            path.unlink()

    def stands(self, host: str, client: RunningClient) -> bool:
        """Wait until the host has reached the armed point; False when the client ended first."""
        reached = self.armed / f"{host}.reached"
        wait_for(lambda: reached.exists() or client.process.poll() is not None, f"the armed point on {host}", 60)
        return reached.exists()

    def release(self, host: str) -> None:
        (self.armed / f"{host}.go").touch()

    def executor_of(self, host: str) -> int | None:
        """The pid that holds the lock, while it does."""
        def known() -> dict[str, Any]:
            free = checker.lock_is_free(self.root(host), "app")
            return {"pid": None} if free else self.app.holder(host)

        pid: int | None = wait_for(known, f"who holds the lock of {host}")["pid"]
        return pid

    def settle(self, seconds: float = 45) -> None:
        """Until no executor is at work on any host: each has gone back by itself, or is dead."""
        for host in self.names:
            wait_for(lambda host=host: checker.lock_is_free(self.root(host), "app"), f"the lock of {host}", seconds)

    def root(self, host: str) -> Path:
        return self.lab[host].root

    def kill(self, *pids: int | None) -> int:
        """How many there were."""
        for pid in pids:
            with suppress(ProcessLookupError):
                if pid:
                    os.kill(pid, signal.SIGKILL)
        return len(pids)

    def kill_host_side(self, host: str) -> None:
        """The executor and all that it started."""
        pid = self.executor_of(host)
        self.kill(pid, *(descendants(pid) if pid else []), *checker.steps(self.root(host)))

    def power_off(self, host: str) -> None:
        """No process of the host is left, but for its sshd, which stands for its network card.

        An executor that stands at its point also loses what was not synced.
        """
        if (self.armed / f"{host}.reached").exists() and self.executor_of(host):
            (self.armed / f"{host}.cut").touch()
            wait_for(lambda: not self.executor_of(host), f"the armed executor of {host} to die")
        daemon = self.lab[host].daemon
        if daemon is not None:
            daemon.kill()
            daemon.wait()
            self.lab[host].daemon = None
        self.kill_host_side(host)
        # Also what supervisord had just forked, which knows nothing of the service yet.
        wait_for(lambda: not self.kill(*guard.belonging(self.root(host)), *checker.of_service(self.app.gate, host)),
                 f"the last process of {host} to die")

    def power_on(self, host: str) -> None:
        if self.lab[host].daemon is None:
            self.lab[host].start_supervisord()
