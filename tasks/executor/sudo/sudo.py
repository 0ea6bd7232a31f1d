"""sudo, as it starts an interpreter for us: without a password, or with the one that the client was given."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import time
from typing import IO

from ..errors import NotReady
from ..system.accounts import login_name

# Reads one expression from standard input, and runs the code that it is. The prompt `1` says that Python began.
BOOT = "exec(eval(input(1)))"
PROMPT = "fabvisor's-prompt"
FORBIDDEN = ("not in the sudoers", "not allowed", "may not run", "I'm afraid I can't do that")     # the last: sudo-rs
ANSWER_WITHIN = 30.0                # seconds; a wrong password alone takes two


class Sudo:
    """One process under sudo, begun but not waited for. `password`: None where there is none to give."""

    def __init__(self, python: str, password: str | None) -> None:
        self._command = [python, "-I", "-S", "-c", BOOT]
        self._password = password
        self._errors = os.memfd_create("sudo")
        self._process = self._start("-n")

    def wait_until_begun(self) -> None:
        """Raises NotReady, with the line to add to sudoers."""
        if self._process is None:
            raise NotReady("sudo is not installed on the host, and hosts.yaml says `sudo: true`",
                           f"install sudo there, and add with visudo: {self.sudoers_line}")
        if self._begins():
            return
        if self._password is not None:
            self._process = self._start("-S", "-p", PROMPT)
            self.send(self._password)
            if self._begins():
                return
        raise self._refusal()

    def exchange(self, line: str) -> str:
        """The answer to this line; "" where the process ended."""
        self.send(line)
        return self._output.readline().decode("utf-8", "replace")

    def send(self, text: str) -> None:
        assert self._process is not None and self._process.stdin is not None
        try:
            self._process.stdin.write(text.encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            pass                            # it ended: so the answer is "", too

    def close(self) -> None:
        """sudo ends once its input does: it runs as root, so we could not kill it."""
        assert self._process is not None and self._process.stdin is not None
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            self._process.stdin.close()
            self._process.wait(ANSWER_WITHIN)

    def last_words(self) -> str:
        """The last line that sudo wrote to its standard error."""
        lines = [line for line in self._error_text().replace(PROMPT, "").splitlines() if line.strip()]
        return lines[-1].strip() if lines else ""

    @property
    def sudoers_line(self) -> str:
        return f"{login_name()} ALL=(root) NOPASSWD: {' '.join(self._command)}"

    @property
    def _output(self) -> IO[bytes]:
        assert self._process is not None and self._process.stdout is not None
        return self._process.stdout

    def _start(self, *options: str) -> subprocess.Popen[bytes] | None:
        os.ftruncate(self._errors, 0)
        os.lseek(self._errors, 0, os.SEEK_SET)      # the one before wrote with the same position
        try:
            # Nothing of the login's environment: a variable that marks the processes of steps would mark it, too.
            return subprocess.Popen(["sudo", *options, "--", *self._command], stdin=subprocess.PIPE,
                                    stdout=subprocess.PIPE, stderr=self._errors, start_new_session=True, cwd="/",
                                    env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"})
        except FileNotFoundError:
            return None

    def _begins(self) -> bool:
        """Wait for Python's prompt; False where sudo ended, or asks for a second password."""
        deadline = time.monotonic() + ANSWER_WITHIN
        while time.monotonic() < deadline and self._error_text().count(PROMPT) < 2:
            if select.select([self._output], [], [], 0.02)[0]:
                if self._output.read(1) == b"1":
                    return True
                break
        self.close()
        return False

    def _error_text(self) -> str:
        return os.pread(self._errors, os.fstat(self._errors).st_size, 0).decode("utf-8", "replace")

    def _refusal(self) -> NotReady:
        words = self._error_text()
        login = login_name()
        line = f"add on the host with visudo: {self.sudoers_line}"
        if "try again" in words or "incorrect password" in words:
            return NotReady(f"sudo does not take the password of {login}",
                            f"give the right one (--prompt-for-sudo-password), or {line}")
        if "a password is required" in words or "authentication is required" in words:     # the latter: sudo-rs
            return NotReady(f"sudo wants a password of {login}", f"--prompt-for-sudo-password asks for it; or {line}")
        if "must have a tty" in words:
            return NotReady(f"sudo wants a terminal (requiretty), and {login} has none here",
                            f"add on the host with visudo: Defaults:{login} !requiretty")
        if any(each in words for each in FORBIDDEN):
            return NotReady(f"sudo does not allow {login} to run {self._command[0]} as root", line)
        return NotReady(f"sudo refuses {login}: {self.last_words() or 'it says nothing'}", line)
