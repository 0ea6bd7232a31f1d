"""The executor as sshd would start it, but over plain pipes: JSON lines in, JSON lines out."""

from __future__ import annotations

import array
import fcntl
import functools
import json
import os
import queue
import signal
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import convert
from msgspec.structs import replace

from tasks.deploy import recipe
from tasks.executor.protocol import Verb
from tasks.inventory.model import Health, Host, Service, Target
from tasks.inventory.secret import Secret, reveal
from tasks.inventory.service_file import ServiceFile, content
from tasks.remote.sent_executor import bootstrap
from tasks.rollout.facts import Facts
from tasks.rollout.goal import Goal, Planner, key
from tasks.rollout.peers import settings
from tasks.rollout.peers.ports import of_variables
from tasks.rollout.plan.planner import deploy_planner
from tests.support.forked import ForkedExecutor
from tests.support.lab import PROGRAM_USER, LabHost, git
from tests.support.program_pieces import modules_of
from tests.support.pythons import interpreters
from tests.support.services import changed, one_program

PATIENCE = 60.0
Message = dict[str, Any]
ENDINGS = ("committed", "restored", "end")
# What a verb's settings hold beside those of all, unless a test says otherwise.
DEFAULTS: dict[str, Message] = {
    "rollout": {"unfinished": "undo", "keeps_version": False}, "status": {"watch": False, "named": None},
    "history": {"lines": 20}, "logs": {"lines": 20, "grep": None, "follow": False, "marks": {}},
    "runs": {"lines": None, "grep": None}, "doctor": {"host": "web1", "named": [], "fetching": [], "tools": {}}}


# The oldest one that is here: the executor must run on it. Most tests take our own.
OLDEST_PYTHON = next(iter(interpreters().values()), sys.executable)


@functools.cache
def program_with(verb: Verb, faults: str, python: str) -> bytes:
    """The code to send, as a client sends it for this verb to this interpreter: compiled where it is like ours.

    `faults` is Python that runs at the end of executor/main.py, to break something.
    """
    program = bootstrap.program(verb)(bootstrap.OURS if python == sys.executable else "")
    if not faults:
        return program
    main = f"{(bootstrap.EXECUTOR / 'main.py').read_text()}\n\n{faults}"
    return bootstrap.packed({**modules_of(program), "executor.main": main},
                            bootstrap.OURS if python == sys.executable else bootstrap.ANY)


def _start(python: str, env: dict[str, str]) -> subprocess.Popen[bytes] | ForkedExecutor:
    """As a login shell would."""
    return subprocess.Popen(
        ["/bin/sh", "-c", bootstrap.command(python)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env=env, start_new_session=True)


class Executor:
    """One executor process. `heard` is everything it said, but for beats."""

    def __init__(self, python: str = sys.executable, faults: str = "", forked: bool = True, **env: str) -> None:
        environ = {**os.environ, **env}
        self.process = (ForkedExecutor(bootstrap.CODE, environ) if forked and python == sys.executable
                        else _start(python, environ))
        self.heard: list[Message] = []
        self._inbox: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=self._read, daemon=True),
                         threading.Thread(target=self._read_errors, daemon=True)]
        self.stderr = b""
        self.reading = threading.Event()            # cleared: the client takes nothing off the pipe
        self.reading.set()
        for thread in self._threads:
            thread.start()
        self._program: Callable[[Verb], bytes] | None = lambda verb: program_with(verb, faults, python)
        self._writing = threading.Lock()

    def send(self, message: Message) -> None:
        """The first message goes behind the program, which is that of its verb."""
        with self._writing:
            self._send_program(message["do"])
            self._write(json.dumps(message, default=reveal).encode() + b"\n")

    def beat(self) -> None:
        """Once there is somebody to hear it."""
        if self._program is None:
            self.send({"do": "beat"})

    def hang_up(self) -> None:
        """What it sees when the connection to the client ends."""
        assert self.process.stdin is not None
        self._send_program("rollout")
        self.process.stdin.close()

    def unread(self) -> int:
        """Bytes that it wrote and that nobody has taken off the pipe yet."""
        assert self.process.stdout is not None
        number = array.array("i", [0])
        fcntl.ioctl(self.process.stdout, termios.FIONREAD, number)
        return number[0]

    def until(self, *kinds: str) -> Message:
        """The next message of one of these kinds."""
        for message in self._messages():
            if message["event"] in kinds:
                return message
        raise AssertionError(f"ended without {kinds}: {self.heard[-5:]}, {self.stderr.decode()}")

    def rest(self) -> list[Message]:
        """All that is still to come, until it ends by itself."""
        return list(self._messages())

    def steps(self) -> list[tuple[str, bool]]:
        return [(message["step"], message["ok"]) for message in self.heard if message["event"] == "step_finished"]

    def kill(self) -> None:
        """As a power cut: no code of it runs any more."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def end(self) -> None:
        if self.process.poll() is None:
            self.kill()
        for thread in self._threads:
            thread.join(5)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            try:
                if pipe:
                    pipe.close()
            except OSError:
                pass

    def _send_program(self, verb: Verb) -> None:
        if self._program is not None:
            self._write(self._program(verb))
            self._program = None

    def _write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(data)
            self.process.stdin.flush()
        except BrokenPipeError:
            pass

    def _messages(self) -> Iterator[Message]:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                message = self._inbox.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"nothing for {PATIENCE} s; so far: {self.heard[-5:]}") from None
            if message is None:
                return
            yield message

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.reading.wait()
            if line.strip():
                message = json.loads(line)
                if message.get("event", "beat") != "beat":          # the first line names the interpreter
                    self.heard.append(message)
                    self._inbox.put(message)
        self._inbox.put(None)

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.stderr += line


class Deploy:
    """The client's half, one message at a time. Plans are those that `fab deploy` would make."""

    number = 0

    def __init__(self, host: LabHost, services: list[Service], *, python: str = sys.executable, lease: float = 30,
                 faults: str = "", forked: bool = True, **env: str) -> None:
        """`forked`: by a server, with our Python; else as a login shell would start it."""
        Deploy.number += 1
        self.id = f"20260101-000000-{Deploy.number:06d}"
        self.host = host
        self.services = services
        self.executor = Executor(python, faults, forked, **env)
        self.lease = lease
        self.layout = {"root": str(host.root), "supervisord_conf": "supervisord.conf", "program_dir": "conf.d",
                       "state": ".fabvisor", "sudo": False}
        self.facts: dict[str, Facts] = {}

    def __enter__(self) -> Deploy:
        return self

    def __exit__(self, *exc: object) -> None:
        self.executor.end()

    def hello(self, do: str = "rollout", revision: str | None = "main", **more: Any) -> None:
        listed = [{"name": service.name, "directory": service.directory, "subdirectory": service.subdirectory,
                   "repo": service.repo, "login": None,
                   "revision": revision, "fetch_timeout": service.fetch_timeout,
                   "shared": list(service.shared), "files": [file.path for file in service.files], "programs": [
                       {"group": program.group, "processes": list(program.processes),
                        "user": program.options.get("user", PROGRAM_USER.get("user")), "socket": program.socket,
                        "logs": settings.log_places(program)}
                       for program in service.programs]}
                  for service in self.services]
        self.executor.send({"do": do, "lease": self.lease, "login_timeout": 10, "place": self.layout,
                            "sudo_password": None, "deploy": self.id, "by": "ann@laptop",
                            "command": "deploy", "since": "2026-01-01T00:00:00Z", "services": listed,
                            "ports": of_variables(self.services),
                            **DEFAULTS.get(do, {}), **more})

    def look(self, revision: str | None = "main", **more: Any) -> Deploy:
        """Up to the facts."""
        self.hello(revision=revision, **more)
        self.executor.until("locked")
        answer = self.executor.until("facts", "not_ready", "problem")
        assert answer["event"] == "facts", answer
        self.facts = {name: convert(facts, Facts) for name, facts in answer["services"].items()}
        return self

    def message(self, planner: Planner | None = None, **options: Any) -> Message:
        """The plan by what was resolved: that of a deploy, unless another planner is given."""
        host = Host(name="web1", root=str(self.host.root))
        targets = tuple(Target(host=host, service=service) for service in self.services)
        goals = {message["service"]: Goal(commit=message["commit"], revision=message["revision"],
                                          branch=message["branch"])
                 for message in self.executor.heard if message["event"] == "resolved"}
        facts = {("web1", name): known for name, known in self.facts.items()}
        plans = (planner or deploy_planner(recipe, **options))(targets, facts, goals)
        steps = {target.service.name: plans[key(target)].message() for target in targets}
        return {"do": "plan", "phases": ["prepare"], "services": steps}

    def plan(self, **options: Any) -> Deploy:
        self.executor.send(self.message(**options))
        return self

    def run(self, *phases: str) -> Deploy:
        self.executor.send({"do": "run", "phases": list(phases)})
        return self

    def done(self, phase: str) -> Deploy:
        assert self.executor.until("done")["phase"] == phase
        return self

    def prepare(self, revision: str = "main", **options: Any) -> Deploy:
        """`options` are those of the planner."""
        return self.look(revision).plan(**options).done("prepare")

    def activate(self, revision: str = "main", **options: Any) -> Deploy:
        return self.prepare(revision, **options).run("activate").done("activate")

    def commit(self, revision: str = "main", **options: Any) -> Message:
        self.activate(revision, **options).executor.send({"do": "commit"})
        return self.executor.until(*ENDINGS)

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Heartbeats, as a client sends them: with a short lease, each step may take its time."""
        over = threading.Event()

        def beat() -> None:
            while not over.wait(self.lease / 10):
                self.executor.beat()

        thread = threading.Thread(target=beat)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def fails_in(self, step: str) -> None:
        """Begin it, and go on until that step has failed, and all is undone."""
        self.look().plan()
        if step != "build":
            self.done("prepare")
            self.run("activate")
        assert self.executor.until("failed")["step"] == step
        self.restored()

    def ending(self) -> Message:
        return self.executor.until(*ENDINGS, "problem")

    def ends(self, ending: str) -> None:
        """With this message, as the last one; then its executor has ended."""
        assert self.ending()["event"] == ending, self.executor.heard[-5:]
        self.executor.rest()

    def restored(self) -> str:
        """Once it has gone back and its executor has ended: the message of what failed, if anything did."""
        self.ends("restored")
        return "".join(message["message"] for message in self.executor.heard if message["event"] == "failed")


class Example:
    """A service with a repository of its own: `build` copies what the commit holds, the program runs that copy."""

    def __init__(self, folder: Path, host: LabHost, name: str) -> None:
        self.host = host
        self.name = name
        self.work = folder / name
        self.work.mkdir(parents=True)
        git(self.work, "init", "--quiet", "--initial-branch=main", "--template=")
        self.service = one_program(
            name, "/bin/sh ./built", repo=str(self.work), directory=f"micro/{name}", run_mode="test",
            build=("cp source built",), program={"startsecs": "0", "stopwaitsecs": "5"}, variables={"WHO": "x"})

    def write(self, source: str = "exec sleep 1000\n", **files: str) -> str:
        """Commit this program; returns the commit."""
        for name, text in {"source": f"# {time.monotonic_ns()}\n{source}", **files}.items():
            (self.work / name).write_text(text)
        git(self.work, "add", "--all")
        git(self.work, "commit", "--quiet", "--allow-empty", "--message", "change")
        return git(self.work, "rev-parse", "HEAD")

    def with_(self, **fields: Any) -> Service:
        return changed(self.service, **fields)

    @property
    def directory(self) -> Path:
        return self.host.directory(self.name)

    @property
    def state(self) -> Path:
        return self.host.root / ".fabvisor" / self.name

    @property
    def program_file(self) -> Path:
        return self.host.root / "conf.d" / f"{self.name}.conf"

    def head(self) -> str:
        return self.host.head(self.name)

    def info(self) -> Message:
        return self.host.info(self.name)

    def results(self) -> list[str]:
        return [line["result"] for line in self.host.history(self.name)]

    def deploy(self, *services: Service, **options: Any) -> Deploy:
        return Deploy(self.host, list(services) or [self.service], **options)

    def committed(self, *services: Service, **options: Any) -> str:
        """Deploy what is on main, all of it; returns the commit that is there now."""
        with self.deploy(*services, **options) as deploy:
            assert deploy.commit()["event"] == "committed"
        return self.head()


class Before:
    """The state of an example that an undo must bring back."""

    def __init__(self, example: Example) -> None:
        self.example = example
        self.pid = example.info()["pid"]
        self.seen = self._look()

    @classmethod
    def next_version(cls, example: Example) -> Before:
        """A version runs, and the next one is pushed."""
        example.write()
        example.committed()
        before = cls(example)
        example.write()
        return before

    def _look(self) -> list[object]:
        one = self.example
        return [one.head(), (one.directory / "built").read_text(), one.program_file.read_text(),
                (one.state / "env").read_text(), one.info()["statename"]]

    def assert_so(self, same_process: bool | None = None) -> None:
        assert self._look() == self.seen
        assert self.example.host.leftovers() == []
        if same_process is not None:
            assert (self.example.info()["pid"] == self.pid) is same_process


UNHEALTHY = Health(command="exit 1", timeout=0.1)
SECRET = "s3cret-of-a-file"


def with_files(service: Service, mode: int = 0o644, **texts: str) -> Service:
    """`a__b` stands for a/b. A text that is SECRET is one."""
    named = {name.replace("__", "/"): text for name, text in texts.items()}
    contents = [content(path, Secret(text), mode, "all") if text == SECRET else content(path, text, mode, "none")
                for path, text in named.items()]
    return replace(service, files=tuple(ServiceFile(path=path, origin=(), source=path) for path in named),
                   file_contents=tuple(contents))
