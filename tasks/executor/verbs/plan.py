"""The verb `plan`: what a deploy would do. It takes no lock of a service; git fetches, nothing else changes."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from .. import configuration_check, directory_access, git, masking, readiness
from ..digests import sha256
from ..disk import files
from ..errors import NotReady
from ..layout import Layout
from ..link import Link
from ..network import port_holders
from ..protocol import Compared
from ..service import facts, revision
from ..service.context import ServiceContext
from ..state import journal, locks
from ..steps import in_place
from ..supervisor.supervisord import Supervisord
from . import queries

Message = Dict[str, Any]


def plan(link: Link, hello: Message, layout: Layout, env: dict[str, str]) -> None:
    """Looks, and again as often as the client says `retry`; then compares with the commits that it names."""
    layout.require_writable()
    layout.access.require()
    git.require_git(env)
    contexts = {
        service["name"]: ServiceContext(layout, service, env, hello["deploy"], check=link.raise_if_aborted,
                                        mask=link.mask)
        for service in hello["services"]}
    message: Message = {"do": "retry"}
    while message["do"] == "retry":
        _look(link, hello, layout, contexts, env)
        message = link.receive()
    for name, target in sorted(message.get("services", {}).items()):
        link.answer(_compared(contexts[name], target))


def _require_clone(ctx: ServiceContext) -> None:
    """git fetches into a clone that is there, also in a dry run. Raises NotReady where we cannot write to it."""
    problems = directory_access.problems(ctx.directory) if ctx.clone.exists() else []
    if problems:
        raise problems[0]


def _look(link: Link, hello: Message, layout: Layout, contexts: Mapping[str, ServiceContext],
          env: dict[str, str]) -> None:
    """A service that is being changed has no facts: then the answer is that it is locked."""
    for name in sorted(contexts):
        holder = locks.holder_of(layout, name)
        if holder:
            queries.heads(link, hello, layout, env)
            link.answer({"event": "refused", "service": name, "holder": holder})
            return
    for service in hello["services"]:
        if service.get("revision"):
            _require_clone(contexts[service["name"]])
            link.answer(revision.resolve(contexts[service["name"]], service["revision"]))
    conf = layout.access.configuration()
    supervisord = Supervisord(layout.access, link.raise_if_aborted)
    due = journal.to_undo(layout)
    known = {}
    unreadable = configuration_check.problems(layout, hello["services"], conf, supervisord)
    for service in hello["services"]:
        facts_of = facts.of_service(layout, service, contexts[service["name"]].clone, supervisord)
        obstacles = unreadable + readiness.visible_problems(layout, service, conf, supervisord)
        if not facts.is_down(facts_of["programs"]):
            obstacles += port_holders.problems(layout, service, hello, supervisord)
        facts_of["due"] = [left.deploy for left in due if service["name"] in left.services]
        facts_of["obstacles"] = [f"{error.message}: {error.hint}" for error in obstacles]
        known[service["name"]] = facts_of
    link.answer({"event": "facts", "services": known})


def _compared(ctx: ServiceContext, target: Message) -> Compared:
    """The distance from `was` to `commit`, what of `requires` it lacks, what its checkout would be refused for, and the
    environment file by names and digests."""
    commit = target["commit"]
    distance = revision.UNKNOWN_DISTANCE
    missing: list[str] = []
    tracked: list[str] = []
    if target["fetch"]:
        with revision.obtained(ctx, commit, target["revision"]) as clone:
            revision.subtree(ctx, clone, commit)
            git.require_filters(clone.git, commit)
            distance = revision.distance(ctx, target["was"] or "HEAD", commit)
            missing = [path for path in target["requires"] if not clone.commits.has_path(commit, path)]
            tracked = [*clone.commits.tracked(commit, target["files"])]
    text = files.read_text(ctx.layout.env_file(ctx.name))
    return {**distance, "event": "compared", "service": ctx.name, "missing": missing, "tracked": tracked,
            "obstacles": _obstacles(ctx, target) if target["in_place"] else [],
            "files": {path: ctx.mask(text) for path, text in
                      ctx.releases.placed(ctx.releases.live()).texts(target["shown"]).items()},
            "secrets": masking.secret_names(text),
            "variables": {name: _digest(value) for name, value in masking.values(text).items()}}


def _obstacles(ctx: ServiceContext, target: Message) -> list[str]:
    """Why the clone cannot take a commit that is here."""
    commit = target["commit"]
    if not ctx.clone.exists() or not ctx.clone.commits.has(commit):
        return []
    try:
        in_place.require_log_folder(ctx, commit)
        state = ctx.clone.state()
        ctx.clone.require_merged(state)
        aside = ctx.clone.set_aside(ctx.deploy)
        if in_place.edits_of_persons(ctx, state):
            aside.require_stashable()
        ctx.clone.require_way(aside, commit, carried=not target["fetch"])
    except NotReady as error:
        return [f"{error.message}: {error.hint}"]
    return []


def _digest(value: str) -> str:
    return sha256(value.encode("utf-8", "surrogateescape"))
