"""Makes the `plan` event of one service on one host. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...inventory.model import Service
from ..events import Planned
from ..facts import Facts
from ..recipe import restarts
from ..steps import Plan
from . import changes, placed_files, planner, refusals

if TYPE_CHECKING:
    from .. import protocol


def planned_event(host: str, service: Service, facts: Facts, plan: Plan, distance: protocol.Distance | None
                  ) -> Planned:
    """`distance`: from `was` to `tried`, where the host was asked for it."""
    if facts.due:
        return _after_an_undo(host, service, facts, plan)
    same = plan.was == plan.tried
    users = {program.options.get("user", facts.login) for program in service.programs} - {facts.login}
    return Planned(
        host=host, service=service.name, was=plan.was, next=plan.tried,
        back=0 if same else distance.back if distance else None,
        forward=0 if same else distance.forward if distance else None,
        commits=distance.commits if distance else [], dropped=distance.dropped if distance else [],
        diff=changes.program_file(service, facts, plan),
        edited=[] if facts.half_done_merge else refusals.edits(service, facts),
        obstacles=obstacles(service, facts),
        steps=[step.name for step in plan.steps if not step.is_idle], why=why(service, facts, plan),
        files=changes.files(service, facts, plan), restarts=list(restarts.words(service, facts, plan.steps)),
        way_back=way_back(plan), seconds={step.name: facts.seconds[step.name] for step in plan.steps
                                          if step.name in facts.seconds},
        user=", ".join(sorted(users)) or None)


def _after_an_undo(host: str, service: Service, facts: Facts, plan: Plan) -> Planned:
    """These facts are what a deploy left half-way: what is there once it is undone is not known yet."""
    return Planned(
        host=host, service=service.name, was=plan.was, next=plan.tried, steps=["recover"],
        why=[f"what the undo leaves decides the rest: fab recover {service.name}, then fab plan {service.name}"],
        obstacles=[*facts.obstacles, *(f"an interrupted deploy ({deploy}) is undone first" for deploy in facts.due)])


def why(service: Service, facts: Facts, plan: Plan) -> list[str]:
    if not plan.steps:
        return []
    keeps_files = all(step.name != "files" for step in plan.steps)
    owed = [f"`undrain` did not run after deploy {facts.drained_by}"] if facts.drained_by else []
    return [*planner.differences(service, facts, plan.tried or "", keeps_files), *owed] or ["--force asks for it"]


def way_back(plan: Plan) -> str | None:
    """In words what going back costs, where it takes longer than a restart."""
    builds = any(step.undo and step.undo.action == "build" for step in plan.steps)
    return f"a way back builds {(plan.was or '')[:8]} again before it restarts" if builds else None


def obstacles(service: Service, facts: Facts) -> list[str]:
    foreign = [f"{facts.directory} holds files, but no git clone"] if refusals.is_foreign(facts) else []
    others = ([f"the program runs in a release of another tool, below {facts.directory}: write `strategy: releases`"]
              if refusals.belongs_to_other_tool(service, facts) else [])
    edited = [f"{path}, which `files` names, was edited on the host, refused without --set-aside"
              for path in placed_files.edited(service, facts)]
    other = refusals.of_other_environment(service, facts)
    replaced = [f"a program of another environment would be replaced: {other}"] if other else []
    return [*facts.obstacles, *foreign, *others, *replaced, *refusals.losses(service, facts),
            *([facts.half_done_merge] if facts.half_done_merge else []), *placed_files.obstacles(service, facts),
            *edited]
