"""Turns what a host reports of itself into errors of the client."""

from __future__ import annotations

from ... import _errors as errors
from .. import protocol

KINDS: dict[str, type[errors.FabvisorError]] = {
    "failed": errors.Failed, "not_ready": errors.NotReady, "try_again": errors.TryAgain,
    "needs_person": errors.NeedsPerson,
}


def reported(name: str, message: protocol.Failed | protocol.Problem) -> errors.FabvisorError:
    """An error that the host reports."""
    step = f"{message.step}: " if isinstance(message, protocol.Failed) and message.step else ""
    if message.trace:
        return errors.Bug(f"{name}: {step}{message.message}", message.trace)
    return KINDS.get(message.kind, errors.Failed)(f"{name}: {step}{message.message}", message.hint)


def not_ready(name: str, message: protocol.NotReady) -> errors.NotReady:
    hints = dict.fromkeys(problem.hint for problem in message.problems if problem.hint)
    return errors.NotReady("\n".join(f"{name}: {problem.message}" for problem in message.problems), "\n".join(hints))


def unusable(name: str, message: protocol.Unusable) -> errors.NotReady:
    return errors.NotReady(f"{name}: {message.why}", "name a newer interpreter with `python` in hosts.yaml")
