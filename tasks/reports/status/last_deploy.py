"""How the last deploy of a service ended, also where somebody has started, stopped or restarted it since."""

from __future__ import annotations

from collections.abc import Sequence

from ...rollout.events import PastDeploy

KEEP_THE_VERSION = frozenset({"start", "stop", "restart"})


def last_deploy(past: Sequence[PastDeploy]) -> PastDeploy | None:
    """Of those past commands, the newest that was to change the version."""
    return next((each for each in reversed(past) if each.command not in KEEP_THE_VERSION), None)


def went_back(past: Sequence[PastDeploy]) -> PastDeploy | None:
    """The newest command, or else the last deploy, if it went back."""
    candidates = (past[-1] if past else None, last_deploy(past))
    return next((each for each in candidates if each and each.result != "committed"), None)
