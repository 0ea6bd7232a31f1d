"""Hooks: a service's own commands at certain moments of a deploy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from ...executor import protocol
from ...inventory.model import Service
from ...inventory.secret import Secret
from ...program import files
from ..facts import Facts
from ..steps import Action, Step
from . import supervised
from .strategies import strategy_of

if TYPE_CHECKING:
    from ..goal import Goal


def before_activate(service: Service, facts: Facts, goal: Goal) -> list[Step]:
    """Before anything restarts on any host."""
    return _step("before_activate", "before", service, _of_deploy(service, facts, goal))


def after_activate(service: Service, facts: Facts, goal: Goal) -> list[Step]:
    """Once all hosts are healthy."""
    return _step("after_activate", "after", service, _of_deploy(service, facts, goal))


def drain(service: Service, facts: Facts, goal: Goal) -> list[Step]:
    """Before the programs of this host stop."""
    return _drain(service, facts, _of_deploy(service, facts, goal), "undrain")


def undrain(service: Service, facts: Facts, goal: Goal) -> list[Step]:
    """Once the programs of this host are healthy."""
    return _undrain(service, _of_deploy(service, facts, goal))


def around(service: Service, facts: Facts, steps: list[Step]) -> list[Step]:
    """Steps about the programs of the version that is there: `drain` before them; `undrain` after them, unless they
    stop the programs."""
    directory = service.folder_in(strategy_of(service).directory(facts))
    hook = _arguments(service, directory, facts.commit or "", facts.commit or "")
    if steps[-1].name == "stop":
        return [*_drain(service, facts, hook, "stop"), *steps]
    return [*_drain(service, facts, hook, "undrain"), *steps, *_undrain(service, hook)]


def on_failure(service: Service, facts: Facts, goal: Goal) -> Action | None:
    """When the deploy went back."""
    directory = service.folder_in(strategy_of(service).directory(facts))
    hook = _arguments(service, directory, goal.commit, facts.commit or "")
    commands = _commands(service, "on_failure")
    return Action("on_failure", {**hook, "commands": commands}) if commands else None


def env_file(service: Service) -> Secret | None:
    """Where hooks on the way back find their secrets; None where there is nothing to find."""
    needed = service.program_secrets and any(_commands(service, name) for name in ("drain", "on_failure"))
    return files.env_file(service) if needed else None


def of_host(service: Service, lowest: bool) -> Service:
    """The service with the hooks that run on this host; hooks with `once` run where it is the `lowest`."""
    return replace(service, hooks={name: tuple(hook for hook in hooks if lowest or not hook.once)
                                   for name, hooks in service.hooks.items()})


def _step(name: str, phase: protocol.Phase, service: Service, hook: protocol.HookBack) -> list[Step]:
    """One step for all commands of a hook. It has no undo: only the service knows how to undo them."""
    commands = _commands(service, name)
    do = Action("hook", {**hook, "commands": commands, "secrets": service.program_secrets})
    return [Step(name=name, phase=phase, do=do)] if commands else []


def _drain(service: Service, facts: Facts, hook: protocol.HookBack, undo_at: str) -> list[Step]:
    """Its undo is `undrain`, once the programs run as before."""
    ran = [program for program in service.programs
           if any(process.state in supervised.RAN for process in facts.processes(program.group))]
    back = Action("undrain_back", {**hook, "commands": _commands(service, "undrain"),
                                   "health": supervised.health_checks(service.only(ran), facts.commit or "")})
    return [replace(step, undo=back, undo_at=undo_at) for step in _step("drain", "activate", service, hook)]


def _undrain(service: Service, hook: protocol.HookBack) -> list[Step]:
    """Its undo is `drain`, before the programs stop on the way back."""
    back = Action("drain_back", {**hook, "commands": _commands(service, "drain")})
    return [replace(step, undo=back, undo_at="drain") for step in _step("undrain", "activate", service, hook)]


def _of_deploy(service: Service, facts: Facts, goal: Goal) -> protocol.HookBack:
    directory = service.folder_in(strategy_of(service).built_in(service, facts, goal))
    return _arguments(service, directory, goal.commit, facts.commit or "")


def _arguments(service: Service, directory: str, revision: str, previous: str) -> protocol.HookBack:
    """What the hooks of a deploy have in common."""
    variables = {**service.environment_variables(), "ENVIRONMENT": service.environment,
                 "HOST": service.host, "REVISION": revision, "PREVIOUS": previous}
    return protocol.HookBack(directory=directory, commands=[], variables=variables, timeout=service.build_timeout)


def _commands(service: Service, name: str) -> list[str]:
    return [command for hook in service.hooks.get(name, ()) for command in hook.run]
