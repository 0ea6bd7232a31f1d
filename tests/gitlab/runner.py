"""A stand-in of gitlab-runner's shell executor: what it does to a job that gitlab-ci-local does not.

As read in gitlab-runner 19.4 (executors/shell, shells/bash.go, helpers/process): a login shell that reads the
script on its standard input, the commands in a subshell without input, a process group of its own; File variables
are files; of the runner's own environment nothing arrives. Cancel is SIGTERM to the group, then SIGKILL.
"""

from __future__ import annotations

import getpass
import os
import shlex
import signal
import string
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCRIPT = """\
trap 'exit 1' TERM
if set -o | grep pipefail >/dev/null; then set -o pipefail; fi; set -o errexit
set +o noclobber
( eval {body} ) </dev/null
exit 0
"""
GRACE = 600                     # seconds from SIGTERM to SIGKILL


@dataclass(frozen=True)
class File:
    """A variable of type File. GitLab's form takes any text; some executors write it for everybody to read."""

    text: str
    mode: int = 0o600


class Runner:
    """`home` is the runner user's; jobs of a project run one after the other in the same folder below `builds`."""

    def __init__(self, home: Path, builds: Path) -> None:
        self.home = home
        self.project = builds / "micro" / "monitor"
        self.files = builds / "micro" / "monitor.tmp"
        for folder in (self.project, self.files):
            folder.mkdir(parents=True)

    def start(self, job: dict[str, Any], variables: dict[str, str | File]) -> Job:
        """`job` as it stands in the expanded pipeline; `variables`: of GitLab and of the project."""
        values = {"CI_PROJECT_DIR": str(self.project)}
        for name, value in variables.items():
            values[name] = value if isinstance(value, str) else self._written(name, value)
        for name, value in job.get("variables", {}).items():
            values[name] = string.Template(str(value)).safe_substitute(values)
        exports = [f"export {name}={shlex.quote(value)}" for name, value in values.items()]
        commands = [line for command in [*job.get("before_script", []), *job["script"]]
                    for line in (f"echo {shlex.quote('$ ' + command.splitlines()[0])}", command)]
        body = "\n".join([*exports, f"cd {shlex.quote(str(self.project))}", *commands])
        return Job(SCRIPT.format(body=shlex.quote(body)), self.home, self.project, job)

    def _written(self, name: str, file: File) -> str:
        path = self.files / name
        path.unlink(missing_ok=True)
        path.write_bytes(file.text.encode())
        path.chmod(file.mode)
        return str(path)


class Job:
    def __init__(self, script: str, home: Path, project: Path, job: dict[str, Any]) -> None:
        self._project = project
        self._reports = job.get("artifacts", {}).get("reports", {})
        self.log = ""
        environment = {"HOME": str(home), "USER": getpass.getuser(), "PATH": "/usr/bin:/bin"}
        # The log lies in a file: a pipe that nobody reads would be full one day.
        self._log_file = project.parent / "job.log"
        with self._log_file.open("wb") as log:
            self._process = subprocess.Popen(["bash", "-l"], cwd=home, env=environment, stdin=subprocess.PIPE,
                                             stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        assert self._process.stdin is not None
        self._process.stdin.write(script.encode())
        self._process.stdin.close()

    def cancel(self) -> None:
        os.killpg(self._process.pid, signal.SIGTERM)

    def end(self, seconds: float = 60) -> int:
        """The exit code; what is still in the group then is ended, as the runner does."""
        try:
            code = self._process.wait(min(seconds, GRACE))
        finally:
            self.left_behind = self._alive()
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self.log = self._log_file.read_bytes().decode()
        return code

    def running(self) -> bool:
        return self._process.poll() is None

    def report(self, kind: str) -> str:
        """The text of an artifact report, which GitLab takes whatever the job's exit code is."""
        return (self._project / self._reports[kind]).read_text("utf-8")

    def _alive(self) -> bool:
        try:
            os.killpg(self._process.pid, 0)
        except ProcessLookupError:
            return False
        return True
