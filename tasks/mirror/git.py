"""git on this machine: it never asks anything, has a time limit, and its errors are errors of ours."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from .._errors import FabvisorError, NotReady, TryAgain
from ..executor.git import server_errors, server_remedies
from ..executor.git.version import is_older
from ..executor.system import shell
from ..program.quoting import for_sh

QUICK, SLOW = 60.0, 3600.0              # seconds; SLOW is for what transfers a whole repository
OLDEST = (2, 24)                        # before it, no command takes --end-of-options
BATCH = " -oBatchMode=yes -oConnectTimeout=10"
# The user's own hooks, filters and maintenance have no say in a mirror.
SETTINGS = ("-c", "gc.auto=0", "-c", "maintenance.auto=0", "-c", "core.hooksPath=/dev/null",
            "-c", "protocol.ext.allow=never", "-c", "core.quotePath=false", "-c", "core.fsyncMethod=batch",
            "-c", "fetch.recurseSubmodules=false", "-c", "core.fsmonitor=false", "-c", "safe.bareRepository=all",
            "-c", "init.defaultBranch=main", "-c", "init.defaultObjectFormat=sha1",
            "-c", "init.defaultRefFormat=files", "-c", "i18n.logOutputEncoding=UTF-8")
# In a job of GitLab, where a repository that one may not read is said not to be there.
BY_TOKEN = ("a job reads the projects of its GitLab with its token: see Settings > CI/CD > Job token permissions of "
            "that project, and whether you can read it")


def _command(args: Sequence[str]) -> str:
    """The name of the command, such as `fetch`: the first word that is no setting."""
    words = iter(args)
    return next(word for word in words if word != "-c" or not next(words))


class GitFailed(Exception):
    """git ended with an error; `output` is what it said."""

    def __init__(self, args: Sequence[str], output: str) -> None:
        super().__init__(f"git {_command(args)}: {output.strip()}")
        self.output = output.strip()


class TimedOut(GitFailed):
    """git took longer than it may."""


def run(args: Sequence[str], folder: Path, env: Mapping[str, str], *, given: str = "", timeout: float = QUICK) -> str:
    """The output of one git command in a folder. Raises GitFailed, or NotReady where there is no git."""
    command = ["git", *SETTINGS, *args]
    try:
        done = subprocess.run(command, cwd=folder, env=environment(env), input=given.encode(), capture_output=True,
                              timeout=timeout, check=False)
    except FileNotFoundError:
        raise NotReady("there is no git on this machine", "install git here, or set `fetch: host`") from None
    except subprocess.TimeoutExpired:
        raise TimedOut(args, f"timed out after {timeout:g} s") from None
    if done.returncode:
        raise GitFailed(args, done.stderr.decode("utf-8", "replace"))
    return done.stdout.decode("utf-8", "surrogateescape")


def require(env: Mapping[str, str]) -> None:
    """Raise NotReady where there is no git, or one that is too old."""
    version = run(["--version"], Path("/"), env).strip()
    if is_older(version, OLDEST):
        raise NotReady(f"{version} on this machine is older than {OLDEST[0]}.{OLDEST[1]}, which `fetch: client` needs",
                       "install a newer git here, and let PATH find it first; or set `fetch: host`")


def environment(env: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment, without what points git to another repository; ssh never asks, and messages are
    English."""
    kept = {name: value for name, value in env.items()
            if not name.startswith("GIT_") or name.startswith(("GIT_CONFIG", "GIT_SSH", "GIT_SSL", "GIT_ASKPASS"))}
    ssh = kept.get("GIT_SSH_COMMAND") or kept.get("GIT_SSH") or "ssh"
    return {**kept, "GIT_TERMINAL_PROMPT": "0", "GIT_SSH_COMMAND": ssh.replace(BATCH, "") + BATCH,
            "LC_ALL": "C.UTF-8", "LANGUAGE": "C", "PATH": kept.get("PATH", os.defpath)}


def explain(failure: GitFailed, repo: str, env: Mapping[str, str]) -> FabvisorError:
    """A failed transfer as one of our errors. `repo` is shown: it holds no secret. `env`: that git ran with."""
    why = server_errors.reason(failure.output.splitlines())
    cause = "slow" if isinstance(failure, TimedOut) else server_errors.cause(failure.output)
    if not cause:
        return NotReady(f"git cannot fetch {repo}: {why}", f"try here: git ls-remote {for_sh(repo)}")
    its_own = foreign(failure) if repo.startswith(("/", "file:")) else None
    if its_own:
        return its_own
    kind, message, hint = server_remedies.explain(cause, server_remedies.HERE, repo, why)
    if cause in ("refused", "missing") and env.get("CI_JOB_TOKEN"):
        hint = BY_TOKEN
    return TryAgain(message, hint) if kind == "try_again" else NotReady(message, hint)


def foreign(failure: GitFailed) -> NotReady | None:
    """The error of a repository on this machine that somebody else made; None where it is another error."""
    found = re.search(server_errors.DUBIOUS, failure.output)
    return NotReady(f"the repository belongs to another user of this machine: {found[1]}",
                    f"where you trust it: git config --global --add safe.directory {for_sh(found[1])}"
                    ) if found else None


def write(args: Sequence[str], folder: Path, env: Mapping[str, str], *, given: str, target: BinaryIO) -> None:
    """As run(), with the output in an open file, however large it is."""
    try:
        done = subprocess.run(["git", *SETTINGS, *args], cwd=folder, env=environment(env), input=given.encode(),
                              stdout=target, stderr=subprocess.PIPE, timeout=SLOW, check=False)
    except subprocess.TimeoutExpired:
        raise TimedOut(args, f"timed out after {SLOW:g} s") from None
    if done.returncode:
        raise GitFailed(args, done.stderr.decode("utf-8", "replace"))


def feed(args: Sequence[str], folder: Path, env: Mapping[str, str], pieces: Iterable[bytes]) -> None:
    """As run(), with the pieces on its standard input, as they come."""
    try:
        shell.feed(["git", *SETTINGS, *args], pieces, cwd=str(folder), env=environment(env), check=lambda: None)
    except shell.CommandFailed as failure:
        raise GitFailed(args, "\n".join(failure.output)) from None
