"""The environment of the user's own login."""

from __future__ import annotations

import os
import subprocess

from . import processes


class LoginShell:
    """The environment that the user's own login would have: a runner's shell and `go` in ~/.profile count.

    It starts at once and answers meanwhile. Not through a pipe: a process that a profile starts in the background
    (ssh-agent) would hold that open.
    """

    def __init__(self) -> None:
        shell = "/bin/bash" if os.path.exists("/bin/bash") else "/bin/sh"
        self._memory = os.memfd_create("environment")
        self._process = subprocess.Popen(
            [shell, "-l", "-c", f"exec cat /proc/self/environ >/dev/fd/{self._memory}"], pass_fds=[self._memory],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)

    def environment(self) -> dict[str, str]:
        """Our own environment where the shell failed, or did not answer within ten seconds.

        The folders of sshd's PATH stay at the end, because /etc/profile often sets PATH anew.
        """
        env = self._answer() or dict(os.environ)
        own = os.environ.get("PATH", os.defpath).split(":")
        path = env.get("PATH", os.defpath).split(":")
        env["PATH"] = ":".join(path + [entry for entry in own if entry not in path])
        return env

    def _answer(self) -> dict[str, str]:
        try:
            status = self._process.wait(timeout=10)
            data = os.pread(self._memory, os.fstat(self._memory).st_size, 0)
            return {} if status else _parsed(data)
        except subprocess.TimeoutExpired:
            processes.end_group(self._process.pid)
            return {}
        finally:
            os.close(self._memory)


def _parsed(environ: bytes) -> dict[str, str]:
    pairs = (os.fsdecode(entry).partition("=") for entry in environ.split(b"\0") if entry)
    return {name: value for name, _, value in pairs}
