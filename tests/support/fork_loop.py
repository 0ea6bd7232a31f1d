"""The loop of a server that forks a process when a test asks for one (tests/support/forked.py)."""

from __future__ import annotations

import contextlib
import marshal
import os
import select
import signal
import socket
import sys
from typing import Any


class Server:
    """`channel`: of the tests, with which the server ends. `listener`: hosts connect to it, for one process each."""

    def __init__(self, channel: socket.socket, listener: socket.socket | None = None) -> None:
        self._channel = channel
        self._listener = listener
        self._running: dict[int, tuple[int, int]] = {}          # by pidfd: pid, where its end is told
        self._poll = select.poll()
        for asked in filter(None, (channel, listener)):
            self._poll.register(asked, select.POLLIN)

    def serve(self) -> list[Any]:
        """Returns in every child: the words that it was asked for. The server itself ends here."""
        while True:
            ready = self._poll.poll()[0][0]         # the others again: a descriptor may be another one by then
            if ready in self._running:
                self._ended(ready)
            elif given := self._given(ready):
                pid = os.fork()
                if pid == 0:
                    self._forget()
                    return _become(*given)
                self._began(pid, given)

    def _forget(self) -> None:
        """Their numbers are the child's."""
        for sock in filter(None, (self._channel, self._listener)):
            sock.detach()

    def _given(self, ready: int) -> list[int]:
        """The descriptors of a request; [] where `ready` is none: who waited for the end of a process is gone."""
        if self._listener and ready == self._listener.fileno():
            with self._listener.accept()[0] as connection:
                return socket.recv_fds(connection, 1, 5)[1]
        if ready == self._channel.fileno():
            return socket.recv_fds(self._channel, 1, 5)[1] or sys.exit()
        self._poll.unregister(ready)
        for pid, told in self._running.values():
            if told == ready:
                os.kill(pid, signal.SIGKILL)
        return []

    def _began(self, pid: int, given: list[int]) -> None:
        told = given.pop(3)
        with contextlib.suppress(BrokenPipeError):
            os.write(told, b"%d\n" % pid)
        process = os.pidfd_open(pid)
        self._running[process] = pid, told
        self._poll.register(process, select.POLLIN)
        self._poll.register(told, 0)                # that nobody reads there any more is told all the same
        for fd in given:
            os.close(fd)

    def _ended(self, process: int) -> None:
        pid, told = self._running.pop(process)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        with contextlib.suppress(BrokenPipeError):
            os.write(told, b"%d\n" % code)
        for fd in (process, told):
            with contextlib.suppress(KeyError):
                self._poll.unregister(fd)
            os.close(fd)


def _become(stdin: int, stdout: int, stderr: int, _: int, request: int) -> list[Any]:
    os.setsid()
    for number, fd in enumerate((stdin, stdout, stderr)):
        os.dup2(fd, number)
    with open(request, "rb") as file:
        words, cwd, env, umask = marshal.load(file)
    os.closerange(3, 2**16)
    os.chdir(cwd)
    os.umask(umask)
    os.environ.clear()
    os.environ.update(env)
    return words
