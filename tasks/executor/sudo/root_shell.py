"""Scripts of sh as root: through sudo, without a password or with the one that the client was given."""

from __future__ import annotations

import os
from typing import Mapping

from ..system import shell
from ..system.output_lines import Say, silent

QUICK = 10.0                        # seconds to begin


class RootShell:
    """`password`: of the login user, None where there is none to give; `check` may raise while a script runs."""

    def __init__(self, env: Mapping[str, str], password: str | None, check: shell.Check) -> None:
        self._env = env
        self._password = password
        self._check = check

    def works(self) -> bool:
        try:
            self.run(":", QUICK)
        except shell.CommandFailed:
            return False
        return True

    def run(self, script: str, timeout: float, say: Say = silent) -> None:
        """Raises CommandFailed."""
        sudo = ["sudo", "-n"] if self._password is None else ["sudo", "-S", "-p", ""]
        # A sudo that wants no password does not read it: the script must not find it.
        command = [*(sudo if os.geteuid() else ()), "/bin/sh", "-euc", f"exec </dev/null\n{script}"]
        with shell.memory(f"{self._password or ''}\n".encode()) as stdin:
            shell.run(command, cwd="/", env=self._env, timeout=timeout, say=say, check=self._check, stdin=stdin)
