"""Runs commands: in a process group of their own, without standard input, with a timeout."""

from __future__ import annotations

import contextlib
import math
import os
import selectors
import subprocess
import time
from typing import IO, Callable, Iterable, Iterator, Mapping, Sequence

from ..errors import HostError
from ..masking import Mask
from . import processes
from .output_lines import OutputLines, Say, silent

MOST_READS_AT_END = 64
REAP_WITHIN = 10                    # seconds

Check = Callable[[], None]


class CommandFailed(HostError):
    """`status` is the exit status, negative for a signal, None for a time-out; `output` its last lines.

    It has no hint: what to do depends on the command, and the log of its step has what it printed.
    """

    def __init__(self, message: str, status: int | None, output: list[str]) -> None:
        super().__init__(message, "")
        self.status = status
        self.output = output


def run(argv: Sequence[str], *, cwd: str, env: Mapping[str, str], timeout: float,
        say: Say = silent, check: Check = lambda: None, mask: Mask | None = None,
        stdin: int = subprocess.DEVNULL, stdout: int | None = None) -> list[str]:
    """Run it to its end; returns its last 200 lines. `say` gets each line, `check` may raise. Raises CommandFailed.

    `mask` hides secrets before a long line is cut, so that none is left in half.
    Processes that it leaves in its group are ended. `stdin`, `stdout`: file descriptors. With `stdout` the lines are
    those of its standard error.
    """
    try:
        process = subprocess.Popen(
            list(argv), cwd=cwd, env=dict(env), stdin=stdin, start_new_session=True,
            stdout=subprocess.PIPE if stdout is None else stdout,
            stderr=subprocess.STDOUT if stdout is None else subprocess.PIPE)
    except OSError as error:
        raise CommandFailed(f"cannot run {argv[0]}: {error.strerror}", 127, []) from None
    lines = OutputLines(say, mask or Mask())
    try:
        in_time = _pump(process, lines, time.monotonic() + timeout, check)
    finally:
        processes.end_group(process.pid)
        _pipe(process).close()
        _reap(process)
    lines.end()
    if not in_time:
        raise CommandFailed(f"timed out after {timeout:g} s", None, lines.last)
    if process.returncode:
        raise CommandFailed(_ending(process.returncode), process.returncode, lines.last)
    return lines.last


def answer(argv: Sequence[str], *, cwd: str, env: Mapping[str, str], timeout: float,
           say: Say = silent, check: Check = lambda: None) -> list[str]:
    """As run(), but returns all lines of its standard output, without the warnings of its standard error."""
    return output(argv, cwd=cwd, env=env, timeout=timeout, say=say, check=check).decode("utf-8", "replace").splitlines()


def output(argv: Sequence[str], *, cwd: str, env: Mapping[str, str], timeout: float,
           say: Say = silent, check: Check = lambda: None, given: bytes = b"") -> bytes:
    """As run(), but returns all of its standard output, without the warnings of its standard error. `given` is its
    standard input."""
    with memory(given) as stdin, memory() as stdout:
        run(argv, cwd=cwd, env=env, timeout=timeout, say=say, check=check, stdin=stdin, stdout=stdout)
        return os.pread(stdout, os.fstat(stdout).st_size, 0)


@contextlib.contextmanager
def memory(content: bytes = b"") -> Iterator[int]:
    """A file in memory, at its beginning."""
    fd = os.memfd_create("memory")
    try:
        os.write(fd, content)
        os.lseek(fd, 0, os.SEEK_SET)
        yield fd
    finally:
        os.close(fd)


def feed(argv: Sequence[str], chunks: Iterable[bytes], *, cwd: str, env: Mapping[str, str], check: Check) -> None:
    """Run it with the chunks, as they come, on its standard input. Raises CommandFailed with what it said."""
    import tempfile  # it brings much, and most that run a command do not feed it

    with tempfile.TemporaryFile() as words:             # a client that is no Linux has no files in memory
        process = subprocess.Popen(list(argv), cwd=cwd, env=dict(env), stdin=subprocess.PIPE, start_new_session=True,
                                   stdout=subprocess.DEVNULL, stderr=words)
        assert process.stdin is not None
        try:
            with contextlib.suppress(BrokenPipeError):          # it ended early: its status says why
                for chunk in chunks:
                    process.stdin.write(chunk)
                process.stdin.close()
            _wait_quietly(process, math.inf, check)
        finally:
            processes.end_group(process.pid)
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            _reap(process)
        if process.returncode:
            words.seek(0)
            lines = words.read().decode("utf-8", "replace").splitlines()
            raise CommandFailed(_ending(process.returncode), process.returncode, lines[-200:])


def script(commands: Sequence[str]) -> list[str]:
    """The argv that runs these command lines one after the other and stops at the first that fails."""
    text = "\n".join(commands)
    if os.path.exists("/bin/bash"):
        return ["/bin/bash", "-e", "-o", "pipefail", "-c", text]
    return ["/bin/sh", "-e", "-c", text]


def _pump(process: subprocess.Popen[bytes], lines: OutputLines, deadline: float, check: Check) -> bool:
    """Feed `lines` until the process has ended; False when its time was up first."""
    fd = _pipe(process).fileno()
    os.set_blocking(fd, False)
    with selectors.DefaultSelector() as selector, _end_of(process.pid) as end:
        selector.register(fd, selectors.EVENT_READ)
        if end is not None:
            selector.register(end, selectors.EVENT_READ)
        while process.poll() is None:
            check()
            if time.monotonic() > deadline:
                return False
            ready = {key.fd for key, _ in selector.select(timeout=0.05)}
            if fd in ready and not lines.feed(fd):
                selector.unregister(fd)
                if end is None:
                    _wait_quietly(process, deadline, check)
    # A background child may hold the pipe open and go on writing: end it, and take only what is there.
    processes.end_group(process.pid)
    for _ in range(MOST_READS_AT_END):
        if not lines.feed(fd):
            break
    return process.returncode is not None


@contextlib.contextmanager
def _end_of(pid: int) -> Iterator[int | None]:
    """A descriptor that can be read when the child has ended; None where Python or the kernel has none.

    A look every few milliseconds would cost a deploy, with its 20 commands, 15 ms.
    """
    try:
        end = os.pidfd_open(pid)                      # novermin: from Python 3.9 on
    except (AttributeError, OSError):
        yield None
        return
    try:
        yield end
    finally:
        os.close(end)


def _pipe(process: subprocess.Popen[bytes]) -> IO[bytes]:
    pipe = process.stdout or process.stderr
    assert pipe is not None
    return pipe


def _reap(process: subprocess.Popen[bytes]) -> None:
    """A process of another user (sudo), or one that hangs in the kernel, cannot be killed: do not wait for ever."""
    try:
        process.wait(timeout=REAP_WITHIN)
    except subprocess.TimeoutExpired:
        raise CommandFailed(f"pid {process.pid} cannot be ended", None, []) from None


def _wait_quietly(process: subprocess.Popen[bytes], deadline: float, check: Check) -> None:
    """The process closed its output but lives on."""
    while time.monotonic() < deadline:
        check()
        try:
            process.wait(timeout=0.05)
            return
        except subprocess.TimeoutExpired:
            continue


def _ending(status: int) -> str:
    return f"ended by signal {-status}" if status < 0 else f"exit status {status}"
