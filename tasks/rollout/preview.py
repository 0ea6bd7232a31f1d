"""A plan and the facts that it was made of, as an event that a person can read. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from ..inventory.model import Service
from ..inventory.secret import Secret
from . import planner
from .events import Names, Planned
from .facts import Facts
from .steps import Plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from . import protocol
    from .peer import Peer

# `environment=` with the lines that continue it, and a pair in it.
ENVIRONMENT = re.compile(r"(?m)^(environment\s*[=:])(.*(?:\n[ \t].*)*)")
PAIR = re.compile(r"""([\w.]+\s*=\s*)("[^"]*"|'[^']*'|[^,\n]*)""")


def full(peers: list[Peer]) -> Iterator[Planned]:
    """With what the hosts said when they were asked to compare."""
    for peer in peers:
        for target in peer.targets:
            name, compared = target.service.name, peer.compared.get(target.service.name)
            event = planned_event(peer.name, target.service, peer.facts[name], peer.plans[name], compared)
            yield event if compared is None else replace(
                event, variables=changed_variables(target.service, compared), missing=compared.missing,
                secrets_changed=changed_secrets(target.service, compared))


def brief(peers: list[Peer], resolved: Mapping[str, protocol.Resolved]) -> Iterator[Planned]:
    """From what a deploy knows anyway: the way from one commit to the other only where the resolving host is."""
    first: dict[str, str | None] = {}
    for peer in peers:
        for target in peer.targets:
            name, plan = target.service.name, peer.plans[target.service.name]
            if name not in resolved and plan.was == plan.tried:
                continue                    # start, stop, restart: no version is on its way
            same = plan.was == first.setdefault(name, plan.was)
            yield planned_event(peer.name, target.service, peer.facts[name], plan,
                                resolved.get(name) if same else None)


def planned_event(host: str, service: Service, facts: Facts, plan: Plan, distance: protocol.Distance | None
                  ) -> Planned:
    """`distance`: from `was` to `tried`, where the host was asked for it."""
    same = plan.was == plan.tried
    return Planned(
        host=host, service=service.name, was=plan.was, next=plan.tried,
        back=0 if same else distance.back if distance else None,
        forward=0 if same else distance.forward if distance else None,
        commits=distance.commits if distance else [], dropped=distance.dropped if distance else [],
        diff=program_diff(service, facts, plan), edited=facts.edited, obstacles=obstacles(facts),
        steps=[step.name for step in plan.steps], why=why(service, facts, plan))


def why(service: Service, facts: Facts, plan: Plan) -> list[str]:
    found = planner.differences(service, facts, plan.tried or "") if plan.steps else []
    return found or (["it was asked for (--force)"] if plan.steps else [])


def obstacles(facts: Facts) -> list[str]:
    due = [f"an interrupted deploy ({deploy}) is undone first" for deploy in facts.due]
    foreign = [f"{facts.directory} holds files, but no clone"] if facts.foreign else []
    return [*facts.obstacles, *foreign, *due]


def program_diff(service: Service, facts: Facts, plan: Plan) -> list[str]:
    """Unified; <root> stands for the host's root, so that hosts with different ones can be compared."""
    new = next((step.do.args["program_file"] for step in plan.steps if step.do.action == "program"), None)
    if new is None or new == facts.program_file:
        return []
    import difflib  # only where something differs

    root = facts.directory.removesuffix("/" + service.directory) + "/"
    before, after = (hidden(text.replace(root, "<root>/"), service) for text in (facts.program_file or "", new))
    path = facts.program_path.replace(root, "<root>/")
    return list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", tofile=path,
                                     fromfile="/dev/null" if facts.program_file is None else path))


def hidden(text: str, service: Service) -> str:
    """A program file that somebody else wrote may hold passwords in its `environment=`: only RUN_MODE is shown."""
    def pair(found: re.Match[str]) -> str:
        return found[0] if found[1].rstrip(" =") == "RUN_MODE" else found[1] + "***"

    return ENVIRONMENT.sub(lambda found: found[1] + PAIR.sub(pair, found[2]), text)


def changed_variables(service: Service, compared: protocol.Compared) -> Names:
    """By name; the secrets of either version are not among them."""
    secret = {*compared.secrets, *service.secrets}
    old = {name: digest for name, digest in compared.variables.items() if name not in secret}
    new = {name: digest_of(value) for name, value in service.variables.items() if name not in secret}
    return Names(added=sorted(new.keys() - old.keys()), removed=sorted(old.keys() - new.keys()),
                 changed=sorted(name for name in new.keys() & old.keys() if new[name] != old[name]))


def changed_secrets(service: Service, compared: protocol.Compared) -> int:
    """How many come, go or change."""
    names = {*compared.secrets, *service.secrets}
    new: dict[str, Any] = {**{name: digest_of(value) for name, value in service.variables.items()},
                           **{name: value.sha256() for name, value in service.secret_values.items()}}
    return sum(compared.variables.get(name) != new.get(name) for name in names)


def digest_of(value: str) -> str:
    return Secret(value).sha256()


def fingerprint(plan: Plan, facts: Facts) -> tuple[Any, ...]:
    """What a person agrees to: two plans with the same one do the same. How to undo it may differ (a pid does)."""
    return plan.was, plan.tried, tuple(facts.edited), tuple((step.name, step.do) for step in plan.steps)
