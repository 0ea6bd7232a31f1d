"""A step is a name, what it does on the host, and what undoes it. Pure values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from .._version import __version__
from ..executor.protocol import ActionCall, Phase, ServicePlan, StepMessage
from ..inventory.secret import Secret


class Action(Struct, frozen=True):
    """One call on a host: `action` is a name in ARGUMENTS of executor/protocol.py, `args` are of the class there."""

    action: str
    args: Mapping[str, Any] = {}

    def message(self) -> ActionCall:
        """As it goes to the host."""
        return {"action": self.action, "args": dict(self.args)}


class Step(Struct, frozen=True, kw_only=True):
    """`undo_last`: the undo runs after all the others (what a first deploy created); `undo_at`: the step in whose place
    it runs, where that is another one. `on`: host, or client, which is where fab runs.
    """

    name: str
    phase: Phase
    do: Action
    undo: Action | None = None
    undo_last: bool = False
    undo_at: str = ""
    on: str = "host"

    @property
    def is_idle(self) -> bool:
        """Whether it runs nothing, and is there for its undo: a hook of the client that the host undoes, or the other
        way round. Nobody sees it."""
        return self.do.action == "hook" and not self.do.args["commands"]

    def message(self) -> StepMessage:
        """As it goes to the host."""
        return {"name": self.name, "phase": self.phase, **self.do.message(),
                "undo": self.undo.message() if self.undo else None, "undo_last": self.undo_last,
                "undo_at": self.undo_at or None}


class Plan(Struct, frozen=True, kw_only=True):
    """The steps of one host for one service; no steps: it is up to date.

    `record` becomes the history line: revision, branch, from, to, strategy, build, variables, ….
    """

    was: str | None
    tried: str | None
    steps: tuple[Step, ...] = ()
    record: dict[str, Any] = {}
    tidy: Action | None = None          # after the commit, best effort
    on_failure: Action | None = None    # once all is undone, best effort; so is that of the client
    client_on_failure: Action | None = None
    hook_env: Secret | None = None      # an environment file, where hooks need its secrets

    @property
    def was_running(self) -> bool:
        """Whether all programs that it is about run."""
        return bool(self.record.get("was_running", True))

    @property
    def started(self) -> list[str]:
        """The groups of the programs that it starts."""
        return [program["group"] for step in self.steps if step.do.action == "verify"
                for program in step.do.args["programs"]]

    @property
    def client_steps(self) -> list[Step]:
        """Those that run where fab runs, about this host."""
        return [step for step in self.steps if step.on == "client"]

    @property
    def refuses_untracked(self) -> bool:
        """Whether the commit is checked out in the clone itself, and files that git does not know may be in its way."""
        return any(step.do.action == "checkout" and not step.do.args["replaces"] for step in self.steps)

    def message(self) -> ServicePlan:
        """As it goes to the host."""
        return {"record": {**self.record, "fabvisor": __version__},
                "steps": [step.message() for step in self.steps if step.on == "host"],
                "tidy": self.tidy.message() if self.tidy else None,
                "on_failure": self.on_failure.message() if self.on_failure else None, "hook_env": self.hook_env,
                "client_drains": any(step.name == "drain" and step.undo for step in self.client_steps)}
