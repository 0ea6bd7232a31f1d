"""Runs commands of a service on this machine as a host runs its own: events, a process group, a time limit."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..._errors import Failed
from ...executor.masking import Mask
from ...executor.system import shell
from ...inventory.secret import Secret, reveal
from ..events import Output, StepFinished, StepStarted

if TYPE_CHECKING:
    from ..events import Listener

CLIENT = "client"                       # in events, the host's name of this machine
LONGEST_SECRET = 64 * 2**10             # bytes
# Other variables of git point to a repository, which is not the one of the build. PRIVATE is Fabvisor's own.
KEPT_OF_GIT = ("GIT_CONFIG", "GIT_SSH", "GIT_SSL", "GIT_ASKPASS")
PRIVATE = ("SSH_PRIVATE_KEY", "FABRIC_SUDO_PASSWORD")
# A build may need them, and a server hides them in a job's log only: not in our reports.
JOB_TOKENS = ("CI_JOB_TOKEN", "GITHUB_TOKEN")


class Cancelled(Exception):
    """The deploy ended meanwhile."""


class SecretMask(Mask):
    """Hides secrets whose text nobody here may read."""

    def __init__(self, secrets: Iterable[Secret]) -> None:
        super().__init__()
        self._secrets = list(secrets)

    @property
    def longest(self) -> int:
        return LONGEST_SECRET if self._secrets else 0

    def __call__(self, text: str) -> str:
        for secret in self._secrets:
            text = secret.masked_in(text)
        return text


def tokens_of_job(environ: Mapping[str, str]) -> list[Secret]:
    """With which a job of a CI server fetches."""
    return [Secret(environ[name]) for name in JOB_TOKENS if name in environ]


class LocalCommands:
    """`environ`: the caller's, from which a command gets all but `hidden` variables; `secrets`: hidden in output."""

    def __init__(self, report: Listener, environ: Mapping[str, str], hidden: Collection[str],
                 secrets: Iterable[Secret]) -> None:
        self._report = report
        self._environ = {name: value for name, value in environ.items()
                         if name not in hidden and name not in PRIVATE
                         and (not name.startswith("GIT_") or name.startswith(KEPT_OF_GIT))}
        self._mask = SecretMask([*secrets, *tokens_of_job(environ)])
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """From any thread: end what runs, and its process group."""
        self._cancelled.set()

    def run(self, service: str, step: str, commands: Collection[str], folder: Path,
            variables: Mapping[str, str | Secret], timeout: float, host: str = CLIENT) -> None:
        """Run them in a folder, at most `timeout` seconds, about a `host`. Raises Failed, or Cancelled."""
        begin = time.monotonic()
        why = None
        stopped = False
        self._report.on(StepStarted(host=host, service=service, step=step))
        env = {name: reveal(value) if isinstance(value, Secret) else value for name, value in variables.items()}
        try:
            shell.run(shell.script(list(commands)), cwd=str(folder), env={**self._environ, **env},
                      timeout=timeout, mask=self._mask, check=self._raise_if_cancelled,
                      say=lambda line: self._report.on(Output(host=host, service=service, step=step, line=line)))
        except shell.CommandFailed as failure:
            why = failure.message
            about = service if host == CLIENT else f"{host}: {service}"
            raise Failed(f"{about}: {step} on this machine: {why}", "correct it, and try again") from None
        except Cancelled:
            why = "the deploy ended"
            stopped = True
            raise
        finally:
            self._report.on(StepFinished(host=host, service=service, step=step, ok=why is None, changed=True,
                                         seconds=time.monotonic() - begin, why=why, stopped=stopped))

    def _raise_if_cancelled(self) -> None:
        if self._cancelled.is_set():
            raise Cancelled
