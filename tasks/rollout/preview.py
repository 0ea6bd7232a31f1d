"""A plan and the facts that it was made of, as an event that a person can read. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from msgspec import convert

from ..inventory.model import Service
from ..inventory.secret import Secret
from . import planner
from .events import Commit, Names, Planned
from .facts import Facts
from .steps import Plan

if TYPE_CHECKING:
    from .conversation import Conversation
    from .fleet import Message

# `environment=` with the lines that continue it, and a pair in it.
ENVIRONMENT = re.compile(r"(?m)^(environment\s*[=:])(.*(?:\n[ \t].*)*)")
PAIR = re.compile(r"""([\w.]+\s*=\s*)("[^"]*"|'[^']*'|[^,\n]*)""")


def full(conversation: Conversation) -> Iterator[Planned]:
    """With what the hosts said when they were asked to compare."""
    for peer in conversation.peers:
        for target in peer.targets:
            name = target.service.name
            yield of(peer.name, target.service, peer.facts[name], peer.plans[name], peer.compared.get(name, {}))


def brief(conversation: Conversation) -> Iterator[Planned]:
    """From what a deploy knows anyway: the way from one commit to the other only where the resolving host is."""
    first: dict[str, str | None] = {}
    for peer in conversation.peers:
        for target in peer.targets:
            name, plan = target.service.name, peer.plans[target.service.name]
            resolved = conversation.resolved.get(name)
            if resolved is None and plan.was == plan.tried:
                continue                    # start, stop, restart: no version is on its way
            way = resolved or {}
            if plan.was != first.setdefault(name, plan.was):
                way = {}
            yield of(peer.name, target.service, peer.facts[name], plan, way)


def of(host: str, service: Service, facts: Facts, plan: Plan, told: Message) -> Planned:
    """`told`: the way from `was` to `tried` and what else the host said of it, as far as it was asked."""
    same = plan.was == plan.tried
    asked = "variables" in told
    return Planned(
        host=host, service=service.name, was=plan.was, next=plan.tried,
        back=0 if same else told.get("back"), forward=0 if same else told.get("forward"),
        commits=convert(told.get("commits", []), list[Commit]), dropped=convert(told.get("dropped", []), list[Commit]),
        diff=program_diff(service, facts, plan),
        variables=changed_variables(service, told) if asked else None,
        secrets_changed=changed_secrets(service, told) if asked else None,
        edited=facts.edited, missing=told.get("missing", []), obstacles=obstacles(facts),
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


def changed_variables(service: Service, told: Message) -> Names:
    """By name; the secrets of either version are not among them."""
    secret = {*told["secrets"], *service.secrets}
    old = {name: digest for name, digest in told["variables"].items() if name not in secret}
    new = {name: digest_of(value) for name, value in service.variables.items() if name not in secret}
    return Names(added=sorted(new.keys() - old.keys()), removed=sorted(old.keys() - new.keys()),
                 changed=sorted(name for name in new.keys() & old.keys() if new[name] != old[name]))


def changed_secrets(service: Service, told: Message) -> int:
    """How many come, go or change."""
    names = {*told["secrets"], *service.secrets}
    new: dict[str, Any] = {**{name: digest_of(value) for name, value in service.variables.items()},
                           **{name: value.sha256() for name, value in service.secret_values.items()}}
    return sum(told["variables"].get(name) != new.get(name) for name in names)


def digest_of(value: str) -> str:
    return Secret(value).sha256()


def fingerprint(plan: Plan, facts: Facts) -> tuple[Any, ...]:
    """What a person agrees to: two plans with the same one do the same. How to undo it may differ (a pid does)."""
    return plan.was, plan.tried, tuple(facts.edited), tuple((step.name, step.do) for step in plan.steps)
