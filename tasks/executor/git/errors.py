"""Explains errors of the git server in the user's terms."""

from __future__ import annotations

import re

from ..errors import HostError, NotReady, TryAgain
from ..shell import CommandFailed

# A pattern of git's output, the kind of error, what it means, what helps; the first that matches counts.
REMEDIES = (
    (r"Permission denied \(|Could not read Username|Authentication failed|terminal prompts disabled",
     NotReady, "the git server refuses this host's user",
     "give the user on the host a deploy key (or a token in ~/.netrc), then try on the host: git ls-remote %s"),
    (r"Host key verification failed",
     NotReady, "the host does not know the git server's host key",
     "log in to the host and run once: git ls-remote %s"),
    (r"Could not resolve host|Connection (refused|timed out|reset)|Network is unreachable|No route to host|timed out",
     TryAgain, "the git server cannot be reached from the host", "try again, or on the host: git ls-remote %s"),
    (r"not our ref|couldn't find remote ref|unadvertised object|no such remote ref",
     NotReady, "the repository does not have that commit", "push it, or choose another"),
    (r"does not appear to be a git repository|[Rr]epository .*not found|not found|does not exist|No such",
     NotReady, "the repository cannot be read", "correct `repo`, or try on the host: git ls-remote %s"),
    (r"dubious ownership", NotReady, "the service directory belongs to another user",
     "make it belong to the user that logs in"),
)


def explain(failure: CommandFailed, repo: str) -> HostError:
    """The error to raise instead: what git's last lines mean, and what to do about it."""
    output = "\n".join(failure.output[-5:])
    for pattern, kind, message, remedy in REMEDIES:
        if re.search(pattern, output if failure.status is not None else "timed out"):
            return kind(f"{message} ({repo}): {output.strip() or failure.message}",
                        remedy % repo if "%s" in remedy else remedy)
    return HostError(f"git failed ({failure.message}): {output.strip()}", "try on the host: git ls-remote " + repo)
