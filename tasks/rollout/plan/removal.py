"""The plans of `fab remove`. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..._errors import NotReady
from ...executor.protocol import PROGRAM_HEADER
from ...inventory.model import Service, Target
from ...inventory.nearest import first_of
from ..goal import Goals, Key, Planner, key
from ..recipe import hooks, supervised
from ..steps import Action, Plan, Step
from .planner import same_version

if TYPE_CHECKING:
    from ..facts import Facts


def planner(purge: bool) -> Planner:
    """A planner that takes services off their hosts; with `purge` also what is left of them there."""

    def plan(targets: tuple[Target, ...], facts: dict[Key, Facts], goals: Goals) -> dict[Key, Plan]:
        _refuse_handwritten(facts)
        if purge:
            _refuse_edited(facts)
        return {key(target): _plan(target.service, facts[key(target)], purge) for target in targets}

    return plan


def recipe(service: Service, facts: Facts, purge: bool) -> list[Step]:
    """Everything that happens on one host for one service, in order. The undos run in the same order: supervisord
    needs the files before it starts a program again."""
    check = Step(name="check", phase="prepare", do=Action("require_purgeable"))
    program = Step(name="program", phase="activate", do=Action("remove_program"), undo=Action("files_back"))
    return [*([check] if purge else []), *hooks.around(service, facts, [program, supervised.remove(service, facts)])]


def _plan(service: Service, facts: Facts, purge: bool) -> Plan:
    """What no deploy made stays: the directory may hold anything then."""
    there = facts.program_file is not None or facts.env_sha256 is not None
    purge = purge and bool(facts.program_file or facts.committed)
    plan = same_version(service, facts, recipe(service, facts, purge) if there or purge else [])
    keep = sorted({path.split("/")[0] for path in ([service.shared_directory] if service.shared_directory
                                                   else service.shared)})
    return replace(plan, record={**plan.record, "program_sha256": None, "directory": facts.directory},
                   tidy=Action("purge", {"keep": keep}) if purge else None)


def _refuse_handwritten(facts: dict[Key, Facts]) -> None:
    strange = [f"{host}: {known.program_path} ({service})" for (host, service), known in facts.items()
               if known.program_file is not None and not known.program_file.startswith(PROGRAM_HEADER)]
    if strange:
        raise NotReady("these program files were written by hand, not by a deploy:\n" + "\n".join(strange),
                       "remove them on the host, or deploy the service once")


def _refuse_edited(facts: dict[Key, Facts]) -> None:
    edited = [f"{host}: {line.strip()} ({service})" for (host, service), known in facts.items()
              for line in (*known.edited, *(known.clone_state.edited if known.clone_state else ()))]
    if edited:
        raise NotReady("files were edited on the host, and --purge would remove them:\n" + "\n".join(first_of(edited)),
                       "commit them elsewhere, or leave --purge out")
