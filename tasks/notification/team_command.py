"""A command of the team, with the event `finished` as JSON on its standard input."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

READ = 2**17                            # bytes of its output that are read when it fails
SHOWN = 4096                            # characters of them: no secret is cut, which would not be found
REAP_WITHIN = 1.0                       # seconds


class TeamCommand:
    """An attempt in a process group of its own. Its streams are files: nothing waits for who holds them open.

    `mask` hides secrets: the command has those of the caller's environment.
    """

    def __init__(self, command: str, folder: Path, given: bytes, mask: Callable[[str], str]) -> None:
        self._mask = mask
        self._output = tempfile.TemporaryFile()          # noqa: SIM115 (cancel() closes it)
        self._failure = ""
        self._process: subprocess.Popen[bytes] | None = None
        with tempfile.TemporaryFile() as stdin:
            stdin.write(given)
            stdin.seek(0)
            try:
                self._process = subprocess.Popen(
                    ["bash", "-e", "-o", "pipefail", "-c", command], cwd=folder, stdin=stdin, stdout=self._output,
                    stderr=subprocess.STDOUT, start_new_session=True)
            except OSError as error:
                self._failure = f"cannot run bash: {error.strerror}"

    def is_over(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def problem(self) -> str:
        status = self._process.poll() if self._process else None
        if not status:
            return self._failure
        ending = f"signal {-status}" if status < 0 else f"exit status {status}"
        self._output.seek(max(0, self._output.seek(0, os.SEEK_END) - READ))
        lines = self._mask(self._output.read().decode("utf-8", "replace"))[-SHOWN:].split("\n")
        return ": ".join([ending, *[line for line in lines if line.strip()][-1:]])

    def cancel(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(REAP_WITHIN)
        self._output.close()
