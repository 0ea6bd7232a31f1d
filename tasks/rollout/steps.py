"""A step is a name, what it does on the host, and what undoes it. Pure values."""

from __future__ import annotations

from typing import Any, Literal, get_args

from msgspec import Struct, to_builtins

Phase = Literal["prepare", "before", "activate", "after"]
# In this order; each is over on every host before the next begins on any. Only the first changes nothing that runs.
PHASES: tuple[Phase, ...] = get_args(Phase)


class Action(Struct, frozen=True):
    """A name of executor/steps/__init__.py, and its arguments."""

    action: str
    args: dict[str, Any] = {}


class Step(Struct, frozen=True, kw_only=True):
    """`undo_last`: the undo runs after all the others (what a first deploy created)."""

    name: str
    phase: Phase
    do: Action
    undo: Action | None = None
    undo_last: bool = False


class Plan(Struct, frozen=True, kw_only=True):
    """What one host does for one service; no steps: everything is so already.

    `record` becomes the history line: revision, branch, from, to, strategy, build, variables, ….
    """

    was: str | None
    tried: str | None
    steps: tuple[Step, ...] = ()
    record: dict[str, Any] = {}
    tidy: Action | None = None          # after the commit, best effort

    def message(self) -> dict[str, Any]:
        """As it goes to the host."""
        return {"record": self.record, "steps": [_wire(step) for step in self.steps], "tidy": to_builtins(self.tidy)}


def _wire(step: Step) -> dict[str, Any]:
    return {"name": step.name, "phase": step.phase, "action": step.do.action, "args": step.do.args,
            "undo": to_builtins(step.undo), "undo_last": step.undo_last}
