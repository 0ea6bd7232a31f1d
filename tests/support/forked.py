"""Python programs without the wait for their imports: a server has imported what `fab` needs, and forks.

What comes of it is a process as any other: its own pid and session, arguments, environment, folder, streams, signals
and end. Only what an interpreter reads before its first line is the server's; with another, the real one is started.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen, TimeoutExpired

CHECKOUT = Path(__file__).resolve().parents[2]
OF_THE_START = ("PYTHON", "LC_", "LANG", "LD_")


class Forked:
    """`python *words`, by the server; with as much of subprocess.Popen as tests use. Its standard input is empty."""

    def __init__(self, words: Sequence[str], cwd: Path, env: Mapping[str, str]) -> None:
        self.args = words
        self.returncode: int | None = None
        (out, its_out), (err, its_err), (status, its_status) = (os.pipe() for _ in range(3))
        self.stdout, self.stderr, self._status = (os.fdopen(fd) for fd in (out, err, status))
        with tempfile.TemporaryFile() as request, open(os.devnull) as nothing:
            request.write(json.dumps([list(words), str(cwd), dict(env)]).encode())
            request.seek(0)
            given = [nothing.fileno(), its_out, its_err, its_status, request.fileno()]
            socket.send_fds(_server()[0], [b"1"], given)
            for fd in (its_out, its_err, its_status):
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

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _ended(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._status], [], [], timeout)[0]:
            self.returncode = int(self._status.readline())
            self._status.close()
        return self.returncode


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


@cache
def _server() -> tuple[socket.socket, Popen[bytes]]:
    """One a test process; at the end of this end it ends, too."""
    ours, its = socket.socketpair()
    with its:
        command = [sys.executable, "-m", "tests.support.forkserver", str(its.fileno())]
        process = Popen(command, cwd=CHECKOUT, env=clean_environ(), stdin=DEVNULL, stdout=DEVNULL,
                        pass_fds=[its.fileno()], start_new_session=True)
    return ours, process

