"""Hooks: a service's own commands at certain moments of a deploy, on each host or on the client.

Those of the client are around those of the host: they come first where a host leaves service, and last where it enters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from ...executor import protocol
from ...inventory.model import Service
from ...inventory.secret import Secret
from ...program import files
from ..facts import Facts
from ..steps import Action, Step
from .strategies import strategy_of

if TYPE_CHECKING:
    from ..goal import Goal


def before_activate(service: Service, facts: Facts, goal: Goal) -> list[Step]:
    """Before anything restarts on any host."""
    hook = _of_deploy(service, facts, goal)
    return [*_on_client("before_activate", "before", service, hook),
            *_on_host("before_activate", "before", service, hook)]


def after_activate(service: Service, facts: Facts, goal: Goal) -> list[Step]:
    """Once all hosts are healthy."""
    hook = _of_deploy(service, facts, goal)
    return [*_on_host("after_activate", "after", service, hook), *_on_client("after_activate", "after", service, hook)]


def drain(service: Service, facts: Facts, goal: Goal) -> list[Step]:
    """Before the programs of this host stop, or leave it."""
    return _drain(service, facts, _of_deploy(service, facts, goal), "undrain")


def undrain(service: Service, facts: Facts, goal: Goal) -> list[Step]:
    """Once the programs of this host are healthy; a host on which none runs stays out of service."""
    return _undrain(service, _of_deploy(service, facts, goal)) if service.programs else []


def around(service: Service, facts: Facts, steps: list[Step]) -> list[Step]:
    """Steps about the programs of the version that is there: `drain` before them, unless all are stopped; `undrain`
    after them, unless all are stopped then."""
    hook = _of_present(service, facts)
    stays = steps[-1].name != "stop" or _leaves_some(steps[-1], facts)
    drained = _drain(service, facts, hook, "undrain" if stays else "stop")
    return [*drained, *steps, *(_undrain(service, hook) if stays else [])]


def owed(service: Service, facts: Facts) -> list[Step]:
    """`undrain` of the client, where a deploy ended without it; no other step."""
    return _on_client("undrain", "activate", service, _of_present(service, facts)) if facts.drained_by else []


def on_failure(service: Service, facts: Facts, goal: Goal) -> Action | None:
    """On the host, when the deploy went back."""
    hook = _arguments(service, _present_folder(service, facts), goal.commit, facts.commit or "")
    commands = _commands(service, "on_failure", "host")
    return Action("on_failure", {**hook, "commands": commands}) if commands else None


def client_on_failure(service: Service, facts: Facts, goal: Goal) -> Action | None:
    """On the client, when the deploy went back."""
    commands = _commands(service, "on_failure", "client")
    return _hook(service, _of_deploy(service, facts, goal), commands, "") if commands else None


def env_file(service: Service) -> Secret | None:
    """Where hooks on the way back find their secrets; None where there is nothing to find."""
    needed = service.program_secrets and any(
        _commands(service, name, "host") for name in ("drain", "undrain", "on_failure"))
    return files.env_file(service) if needed else None


def of_host(service: Service, lowest: bool) -> Service:
    """The service with the hooks that run on this host; hooks with `once` run where it is the `lowest`."""
    return replace(service, hooks={name: tuple(hook for hook in hooks if lowest or not hook.once)
                                   for name, hooks in service.hooks.items()})


def _is_stopped(facts: Facts) -> bool:
    """Whether somebody stopped all programs: the host is out of service then, and stays so if a deploy goes back."""
    states = {process.state for group in facts.programs for process in facts.processes(group)}
    return "STOPPED" in states and states.isdisjoint(protocol.UP)


def _is_empty(facts: Facts) -> bool:
    """Whether supervisord knows no program of the service."""
    return all(process.state == "absent" for group in facts.programs for process in facts.processes(group))


def _leaves_some(stop: Step, facts: Facts) -> bool:
    """Whether other programs are up than those that the step stops or removes."""
    stopped = {part["group"] for part in (*stop.do.args["programs"], *stop.do.args.get("removed", ()))}
    return any(process.state in protocol.UP for group in facts.programs if group not in stopped
               for process in facts.processes(group))


def _drain(service: Service, facts: Facts, hook: protocol.HookBack, undo_at: str) -> list[Step]:
    """Its undo is `undrain`, once the programs run as before: not where there were none, as before a first deploy."""
    is_empty = _is_empty(facts)
    if _is_stopped(facts) or (is_empty and not service.programs):
        return []
    undo = "" if is_empty else "undrain"
    back = _back("undrain_back", service, hook, undo)
    return [*_on_client("drain", "activate", service, hook, undo),
            *(replace(step, undo_at=undo_at) for step in _on_host("drain", "activate", service, hook, back))]


def _undrain(service: Service, hook: protocol.HookBack) -> list[Step]:
    """Its undo is `drain`, before the programs stop on the way back."""
    back = _back("drain_back", service, hook, "drain")
    return [*(replace(step, undo_at="drain") for step in _on_host("undrain", "activate", service, hook, back)),
            *_on_client("undrain", "activate", service, hook, "drain")]


def _back(action: str, service: Service, hook: protocol.HookBack, name: str) -> Action | None:
    commands = _commands(service, name, "host")
    return Action(action, {**hook, "commands": commands}) if commands else None


def _on_host(name: str, phase: protocol.Phase, service: Service, hook: protocol.HookBack, undo: Action | None = None
             ) -> list[Step]:
    """One step for all commands of a hook; and for none, where there is something to undo: a host may leave service by
    a hook of the client, and enter it by one of its own. `undo`: as the service says, or none."""
    commands = _commands(service, name, "host")
    return [Step(name=name, phase=phase, do=_hook(service, hook, commands, hook["directory"]),
                 undo=undo)] if commands or undo else []


def _on_client(name: str, phase: protocol.Phase, service: Service, hook: protocol.HookBack, undo: str = ""
               ) -> list[Step]:
    """The same for those that run on the client; `undo`: the hook that undoes it."""
    commands = _commands(service, name, "client")
    back = _commands(service, undo, "client")
    return [Step(name=name, phase=phase, on="client", do=_hook(service, hook, commands, ""),
                 undo=_hook(service, hook, back, "") if back else None)] if commands or back else []


def _hook(service: Service, hook: protocol.HookBack, commands: list[str], directory: str) -> Action:
    return Action("hook", {**hook, "commands": commands, "directory": directory, "secrets": service.program_secrets})


def _of_deploy(service: Service, facts: Facts, goal: Goal) -> protocol.HookBack:
    directory = service.folder_in(strategy_of(service).built_in(service, facts, goal))
    return _arguments(service, directory, goal.commit, facts.commit or "")


def _of_present(service: Service, facts: Facts) -> protocol.HookBack:
    return _arguments(service, _present_folder(service, facts), facts.commit or "", facts.commit or "")


def _present_folder(service: Service, facts: Facts) -> str:
    """Where the programs run now: hosts.yaml may name another directory since the last deploy."""
    return facts.written_directory or service.folder_in(strategy_of(service).directory(facts))


def _arguments(service: Service, directory: str, revision: str, previous: str) -> protocol.HookBack:
    """What the hooks of a deploy have in common."""
    variables = {**service.environment_variables(), "ENVIRONMENT": service.environment,
                 "HOST": service.host, "REVISION": revision, "PREVIOUS": previous}
    return protocol.HookBack(directory=directory, commands=[], variables=variables, timeout=service.build_timeout)


def _commands(service: Service, name: str, on: str) -> list[str]:
    return [command for hook in service.hooks.get(name, ()) if hook.on == on for command in hook.run]
