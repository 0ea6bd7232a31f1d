"""git on this machine: it never asks anything, has a time limit, and its errors are errors of ours."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from .._errors import FabvisorError, NotReady, TryAgain
from ..executor import shell

QUICK, SLOW = 60.0, 3600.0              # seconds; SLOW is for what transfers a whole repository
BATCH = " -oBatchMode=yes -oConnectTimeout=10"
# The user's own hooks, filters and maintenance have no say in a mirror.
SETTINGS = ("-c", "gc.auto=0", "-c", "maintenance.auto=0", "-c", "core.hooksPath=/dev/null",
            "-c", "protocol.ext.allow=never", "-c", "core.quotePath=false", "-c", "core.fsyncMethod=batch",
            "-c", "fetch.recurseSubmodules=false", "-c", "core.fsmonitor=false")
# What git says, what it means, what helps; the first that fits counts.
REMEDIES: tuple[tuple[str, type[FabvisorError], str, str], ...] = (
    (r"Permission denied \(|could not read (Username|Password)|Authentication failed|terminal prompts disabled|"
     r"returned error: 40[13]|access denied|not allowed to",
     NotReady, "the git server refuses you", "try here: git ls-remote {repo}"),
    (r"Host key verification failed",
     NotReady, "the git server's host key is unknown here, or has changed", "see what ssh says: git ls-remote {repo}"),
    (r"Could not resolve|Connection (refused|timed out|reset|closed)|Failed to connect|Network is unreachable|"
     r"No route to host|timed out|returned error: (429|5\d\d)|remote end hung up|early EOF",
     TryAgain, "the git server cannot be reached from here", "try again, or see what git says: git ls-remote {repo}"),
    (r"not our ref|couldn't find remote ref|unadvertised object|no such remote ref",
     NotReady, "the repository does not have that commit", "push it, or choose another"),
    (r"does not appear to be a git repository|not found|does not exist|could not be found",
     NotReady, "the repository cannot be read", "correct `repo`, or try here: git ls-remote {repo}"),
)


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


def environment(env: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment, without what points git to another repository; ssh never asks, and messages are
    English."""
    kept = {name: value for name, value in env.items()
            if not name.startswith("GIT_") or name.startswith(("GIT_CONFIG", "GIT_SSH", "GIT_SSL", "GIT_ASKPASS"))}
    ssh = kept.get("GIT_SSH_COMMAND") or kept.get("GIT_SSH") or "ssh"
    return {**kept, "GIT_TERMINAL_PROMPT": "0", "GIT_SSH_COMMAND": ssh.replace(BATCH, "") + BATCH,
            "LC_ALL": "C.UTF-8", "LANGUAGE": "C", "PATH": kept.get("PATH", os.defpath)}


def explain(failure: GitFailed, repo: str) -> FabvisorError:
    """A failed transfer as one of our errors. `repo` is shown: it holds no secret."""
    if isinstance(failure, TimedOut):
        return TryAgain(f"the git server was too slow, or cannot be reached from here ({repo}): {failure.output}",
                        f"try here: git ls-remote {repo}; or raise `fetch_timeout` in hosts.yaml")
    for pattern, kind, message, remedy in REMEDIES:
        if re.search(pattern, failure.output, re.IGNORECASE):
            return kind(f"{message} ({repo}): {reason(failure.output)}", remedy.format(repo=repo))
    return NotReady(f"git cannot fetch {repo}: {reason(failure.output)}", f"try here: git ls-remote {repo}")


def reason(output: str) -> str:
    """The lines that say why, without the frames that git servers draw and the sentences that never change."""
    lines = [re.sub(r"^remote: ?", "", line).strip(" =") for line in output.splitlines()]
    fixed = ("Please make sure you have the correct access rights", "and the repository exists.")
    return "; ".join(dict.fromkeys(line for line in lines if line and not line.startswith(fixed)))[:600]


def write(args: Sequence[str], folder: Path, env: Mapping[str, str], *, given: str, target: Path) -> None:
    """As run(), with the output in a file, however large it is."""
    try:
        with target.open("wb") as file:
            done = subprocess.run(["git", *SETTINGS, *args], cwd=folder, env=environment(env), input=given.encode(),
                                  stdout=file, stderr=subprocess.PIPE, timeout=SLOW, check=False)
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
