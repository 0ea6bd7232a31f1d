"""Python programs without the wait for their imports: a server has imported what `fab` needs, and forks.

What comes of it is a process as any other: its own pid and session, arguments, environment, folder, streams, signals
and end. Only what an interpreter reads before its first line is the server's; with another, the real one is started.
"""

from __future__ import annotations

import marshal
import os
import select
import signal
import socket
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen, TimeoutExpired

from tests.support import guard

CHECKOUT = Path(__file__).resolve().parents[2]
# Of the Python of executors (tasks/remote/sent_executor/bootstrap.py).
OPTIONS = ("-X", "utf8", "-u", "-E", "-s", "-S")
OF_THE_START = ("PYTHON", "LC_", "LANG", "LD_")


class Process:
    """A process that a server forked; with as much of subprocess.Popen as tests use."""

    def __init__(self, server: socket.socket, words: Sequence[str], cwd: Path, env: Mapping[str, str],
                 stdin: int) -> None:
        """`server`: the channel to it. `stdin` is closed here, for the child has it."""
        self.args = words
        self.returncode: int | None = None
        (self._out, its_out), (self._err, its_err), (status, its_status) = (os.pipe() for _ in range(3))
        self._status = os.fdopen(status)
        with tempfile.TemporaryFile() as request:
            request.write(marshal.dumps([list(words), str(cwd), dict(env), _umask()]))
            request.seek(0)
            socket.send_fds(server, [b"1"], [stdin, its_out, its_err, its_status, request.fileno()])
            for fd in (stdin, its_out, its_err, its_status):
                os.close(fd)
            self.pid = int(self._status.readline())

    def poll(self) -> int | None:
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """Raises TimeoutExpired."""
        code = self._ended(timeout)
        if code is None:
            raise TimeoutExpired(self.args, timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):      # it has ended meanwhile
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _ended(self, timeout: float | None) -> int | None:
        if self.returncode is None and _is_readable(self._status.fileno(), timeout):
            self.returncode = int(self._status.readline())
            self._status.close()
        return self.returncode


def _is_readable(descriptor: int, timeout: float | None) -> bool:
    """By poll: select() takes no number above 1023, and a long search for faults has as many files open."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(None if timeout is None else timeout * 1000))


class Forked(Process):
    """`python *words`, with all that `fab` imports; its standard input is empty."""

    def __init__(self, words: Sequence[str], cwd: Path, env: Mapping[str, str]) -> None:
        super().__init__(_clients(), words, cwd, env, os.open(os.devnull, os.O_RDONLY))
        self.stdout, self.stderr = os.fdopen(self._out), os.fdopen(self._err)

    def communicate(self, timeout: float) -> tuple[str, str]:
        with ThreadPoolExecutor(2) as both:
            out, err = both.submit(self.stdout.read), both.submit(self.stderr.read)
            try:
                self.wait(timeout)
            except TimeoutExpired:
                self.kill()
                raise
        self.stdout.close()
        self.stderr.close()
        return out.result(), err.result()


class ForkedExecutor(Process):
    """`python -c CODE` with the executor's options; what the code takes of Python's library is imported already."""

    def __init__(self, code: str, env: Mapping[str, str]) -> None:
        its_in, ours = os.pipe()
        super().__init__(executors()[0], [code], Path.cwd(), env, its_in)
        self.stdin = os.fdopen(ours, "wb")
        self.stdout, self.stderr = os.fdopen(self._out, "rb"), os.fdopen(self._err, "rb")


Program = Forked | Popen[str]


def start(command: Sequence[str], cwd: Path, env: Mapping[str, str]) -> Program:
    """`python …` in a session of its own, nothing to read: by the server where it has started in the same way."""
    if command[0] == sys.executable and _of_the_start(env) == _of_the_start(clean_environ()):
        return Forked(command[1:], cwd, env)
    return Popen(command, cwd=cwd, env=env, text=True, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, start_new_session=True)


def _of_the_start(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name.startswith(OF_THE_START)}


def clean_environ() -> dict[str, str]:
    """Ours, without what would change our Python only."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def _umask() -> int:
    now = os.umask(0o077)
    os.umask(now)
    return now


@cache
def _clients() -> socket.socket:
    return _server("-m", "tests.support.forkserver")


@cache
def executors() -> tuple[socket.socket, Path]:
    """The channel to the server of executors, and the path of the socket where hosts ask it for one."""
    folder = Path(tempfile.mkdtemp(prefix="executors-"))
    guard.watch(folder)
    path = folder / "socket"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        number = listener.fileno()
        server = CHECKOUT / "tests/support/executor_server.py"
        return _server(*OPTIONS, str(server), str(number), pass_fds=(number,)), path


def _server(*words: str, pass_fds: Sequence[int] = ()) -> socket.socket:
    """Of `python *words`, which ends when this end is closed, with the test process."""
    ours, its = socket.socketpair()
    with its:
        Popen([sys.executable, *words], cwd=CHECKOUT, env=clean_environ(), stdin=its.fileno(), stdout=its.fileno(),
              start_new_session=True, pass_fds=pass_fds)
    return ours
