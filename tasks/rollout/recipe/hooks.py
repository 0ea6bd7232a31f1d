"""Hooks: a service's own commands, before anything restarts on any host, and once all hosts are healthy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from ...executor import protocol
from ...inventory.model import Service
from ..facts import Facts
from ..steps import Action, Step
from .strategies import strategy_of

if TYPE_CHECKING:
    from ..goal import Goal


def before_activate(service: Service, facts: Facts, goal: Goal) -> list[Step]:
    return _step("before_activate", "before", service, facts, goal)


def after_activate(service: Service, facts: Facts, goal: Goal) -> list[Step]:
    return _step("after_activate", "after", service, facts, goal)


def of_host(service: Service, lowest: bool) -> Service:
    """The service with the hooks that run on this host; hooks with `once` run where it is the `lowest`."""
    return replace(service, hooks={name: tuple(hook for hook in hooks if lowest or not hook.once)
                                   for name, hooks in service.hooks.items()})


def _step(name: str, phase: protocol.Phase, service: Service, facts: Facts, goal: Goal) -> list[Step]:
    """One step for all commands of a hook. It has no undo: only the service knows how to undo them."""
    commands = [command for hook in service.hooks.get(name, ()) for command in hook.run]
    if not commands:
        return []
    variables = {**service.environment_variables(), "ENVIRONMENT": service.environment,
                 "HOST": service.host, "REVISION": goal.commit, "PREVIOUS": facts.commit or ""}
    directory = service.folder_in(strategy_of(service).built_in(service, facts, goal))
    do = protocol.Hook(directory=directory, commands=commands, variables=variables, secrets=service.secret_values,
                       timeout=service.build_timeout)
    return [Step(name=name, phase=phase, do=Action("hook", do))]
