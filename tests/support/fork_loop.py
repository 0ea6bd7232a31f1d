"""The loop of a server that forks a process when a test asks for one (tests/support/forked.py)."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import sys
from typing import Any


def serve(channel: socket.socket) -> list[Any]:
    """Returns in every child: the words that it was asked for. The server itself ends here, when the tests do."""
    running: dict[int, tuple[int, int]] = {}            # by pidfd: pid, where its end is told
    while True:
        for ready in select.select([channel.fileno(), *running], [], [])[0]:
            if ready == channel.fileno():
                said, given, *_ = socket.recv_fds(channel, 1, 5)
                if not said:
                    sys.exit()
                pid = os.fork()
                if pid == 0:
                    channel.detach()
                    return _become(*given)
                os.write(given[3], b"%d\n" % pid)
                running[os.pidfd_open(pid)] = pid, given.pop(3)
            else:
                pid, told = running.pop(ready)
                given = [ready, told]
                with contextlib.suppress(BrokenPipeError):
                    os.write(told, b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
            for fd in given:
                os.close(fd)


def _become(stdin: int, stdout: int, stderr: int, _: int, request: int) -> list[Any]:
    os.setsid()
    for number, fd in enumerate((stdin, stdout, stderr)):
        os.dup2(fd, number)
    with open(request) as file:
        words, cwd, env, umask = json.load(file)
    os.closerange(3, 2**16)
    os.chdir(cwd)
    os.umask(umask)
    os.environ.clear()
    os.environ.update(env)
    return words
