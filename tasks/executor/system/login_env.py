"""The environment of the user's own login."""

from __future__ import annotations

import os
import shutil
import subprocess

from . import processes

ENVIRON = "/proc/self/environ"


class LoginShell:
    """The environment that the user's own login would have: a runner's shell and `go` in ~/.profile count.

    It starts at once and answers meanwhile. Not through a pipe: a process that a profile starts in the background
    (ssh-agent) would hold that open.
    """

    def __init__(self) -> None:
        self.problem = ""
        shell = "/bin/bash" if os.path.exists("/bin/bash") else "/bin/sh"
        self._memory = os.memfd_create("environment")
        read = f"cat {ENVIRON} >/dev/fd/{self._memory}"     # `command`: a profile may have a function of that name
        self._process = subprocess.Popen(
            [shell, "-l", "-c", f"command {read} || command -p {read}"], pass_fds=[self._memory],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)

    def environment(self, timeout: float) -> dict[str, str]:
        """Our own environment where the shell failed, or did not answer in time: then `problem` says so.

        The folders of sshd's PATH stay at the end, because /etc/profile often sets PATH anew; before them the system's,
        where PATH is empty or wrong.
        """
        # Where SHLVL is lower, bash takes each build for a login by ssh, and reads ~/.bashrc.
        env = self._answer(timeout) or {**os.environ, "SHLVL": "1"}
        path = env.get("PATH", os.defpath)
        if not shutil.which("sh", path=path):
            self.problem = self.problem or f"PATH of the login is {path!r}, and not even sh is there"
            path = joined(path, os.defpath)
        env["PATH"] = joined(path, os.environ.get("PATH", os.defpath))
        return env

    def _answer(self, timeout: float) -> dict[str, str]:
        try:
            status = self._process.wait(timeout)
            env = _parsed(os.pread(self._memory, os.fstat(self._memory).st_size, 0))
            if not env:
                self.problem = (f"the login shell ended with exit status {status}" if status
                                else "a profile of the login starts another program in place of the shell")
            return env                      # whatever a trap or ~/.bash_logout made of the exit status
        except subprocess.TimeoutExpired:
            processes.end_group(self._process.pid)
            self.problem = f"the login shell did not answer within {timeout:g} s (`login_timeout` in hosts.yaml)"
            return {}
        finally:
            os.close(self._memory)


def joined(path: str, further: str) -> str:
    """A PATH with the folders of another one behind its own."""
    folders = path.split(":") if path else []           # one that is empty would be the current folder
    more = further.split(":") if further else []
    return ":".join(folders + [folder for folder in more if folder not in folders])


def _parsed(environ: bytes) -> dict[str, str]:
    pairs = (os.fsdecode(entry).partition("=") for entry in environ.split(b"\0") if entry)
    return {name: value for name, _, value in pairs}
