"""Makes `plan` events for people from plans and facts. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from ..executor.protocol import MASK
from ..inventory.model import Service
from ..inventory.secret import Secret
from ..program import files
from . import placed_files, planner, refusals
from .events import FileChange, Names, Notice, Planned
from .facts import Facts, PlacedFile
from .recipe import restarts
from .steps import Plan

if TYPE_CHECKING:
    from ..inventory.service_file import FileContent
    from . import protocol
    from .peer import Peer

# `environment=` with the lines that continue it, and a pair in it.
ENVIRONMENT = re.compile(r"(?m)^(environment\s*[=:])(.*(?:\n[ \t].*)*)")
PAIR = re.compile(r"""([\w.]+\s*=\s*)("[^"]*"|'[^']*'|[^,\n]*)""")
# The number of a process, which supervisord fills in.
NUMBER = re.compile(r"""["']?%\(process_num\)0?\d*d["']?""")

# NUL, what a host cannot send as text, and our own bytes that are no UTF-8.
NO_TEXT = re.compile("[\0\ufffd\udc80-\udcff]")


def full(peers: list[Peer]) -> Iterator[Planned]:
    """All plans, with what the hosts answered to Compare."""
    for peer in peers:
        for target in peer.targets:
            name = target.service.name
            compared = peer.compared.get(target.service.name)
            facts = peer.facts[name]
            event = planned_event(peer.name, target.service, facts, peer.plans[name], compared)
            yield event if compared is None else replace(
                event, variables=changed_variables(target.service, facts, compared), missing=compared.missing,
                obstacles=[*event.obstacles, *compared.obstacles, *map(_in_commit, compared.tracked)],
                files=file_changes(target.service, facts, peer.plans[name], compared.files),
                secrets_changed=changed_secrets(target.service, facts, compared))


def brief(peers: list[Peer], resolved: Mapping[str, protocol.Resolved]) -> Iterator[Planned]:
    """Plans with what a deploy knows without asking. Only the resolving host told the distance between the commits: a
    host that stands on another commit has none."""
    first: dict[str, str | None] = {}
    for peer in peers:
        for target in peer.targets:
            name = target.service.name
            plan = peer.plans[target.service.name]
            if name not in resolved and plan.was == plan.tried:
                continue                    # start, stop, restart: no version is on its way
            same = plan.was == first.setdefault(name, plan.was)
            yield planned_event(peer.name, target.service, peer.facts[name], plan,
                                resolved.get(name) if same else None)


def planned_event(host: str, service: Service, facts: Facts, plan: Plan, distance: protocol.Distance | None
                  ) -> Planned:
    """`distance`: from `was` to `tried`, where the host was asked for it."""
    same = plan.was == plan.tried
    users = {program.options.get("user", facts.login) for program in service.programs} - {facts.login}
    return Planned(
        host=host, service=service.name, was=plan.was, next=plan.tried,
        back=0 if same else distance.back if distance else None,
        forward=0 if same else distance.forward if distance else None,
        commits=distance.commits if distance else [], dropped=distance.dropped if distance else [],
        diff=program_diff(service, facts, plan), edited=[] if facts.half_done_merge else facts.edited,
        obstacles=obstacles(service, facts),
        steps=[step.name for step in plan.steps], why=why(service, facts, plan),
        files=file_changes(service, facts, plan), restarts=list(restarts.words(service, facts, plan.steps)),
        way_back=way_back(plan), seconds={step.name: facts.seconds[step.name] for step in plan.steps
                                          if step.name in facts.seconds},
        user=", ".join(sorted(users)) or None)


def without_program(peers: list[Peer]) -> Iterator[Notice]:
    """A word on each host that has a service, and by `hosts` of its programs none of them."""
    for peer in peers:
        for target in peer.targets:
            if not target.service.programs:
                yield Notice(host=peer.name, message=f"{target.service.name}: none of its programs runs here")


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
    due = [f"an interrupted deploy ({deploy}) is undone first" for deploy in facts.due]
    foreign = [f"{facts.directory} holds files, but no git clone"] if refusals.is_foreign(facts) else []
    others = ([f"the program runs in a release of another tool, below {facts.directory}: write `strategy: releases`"]
              if refusals.belongs_to_other_tool(service, facts) else [])
    edited = [f"{path}, which `files` names, was edited on the host, refused without --set-aside"
              for path in placed_files.edited(service, facts)]
    return [*facts.obstacles, *foreign, *others, *refusals.losses(service, facts),
            *([facts.half_done_merge] if facts.half_done_merge else []), *placed_files.obstacles(service, facts),
            *edited, *due]


def is_refused(peers: list[Peer], planned: list[Planned]) -> bool:
    """Whether a deploy without further options would be refused. One that was interrupted is undone first."""
    undone = {(peer.name, name): len(facts.due) for peer in peers for name, facts in peer.facts.items()}
    return any(event.edited or event.missing or len(event.obstacles) > undone[event.host, event.service]
               for event in planned)


def program_diff(service: Service, facts: Facts, plan: Plan) -> list[str]:
    """Unified; <root> stands for the host's root, so that hosts with different ones can be compared."""
    new = next((step.do.args["program_file"] for step in plan.steps if step.do.action == "program"), None)
    if new is None or new == facts.program_file:
        return []
    root = facts.directory.removesuffix("/" + service.directory) + "/"
    before, after = (hidden(text.replace(root, "<root>/")) for text in (facts.program_file or "", new))
    path = facts.program_path.replace(root, "<root>/")
    return list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", tofile=path,
                                     fromfile="/dev/null" if facts.program_file is None else path))


def _in_commit(path: str) -> str:
    return f"the commit has {path}, where `files` puts a file of its own"


def file_changes(service: Service, facts: Facts, plan: Plan, texts: Mapping[str, str] = MappingProxyType({})
                 ) -> list[FileChange]:
    """`texts`: by path what is there now, where the host was asked for it. A secret is in no diff."""
    if all(step.name != "files" for step in plan.steps):
        return []
    contents = {content.path: content for content in service.file_contents}
    return [FileChange(path=path, change=change, secret=path in contents and contents[path].secrecy != "none",
                       diff=_file_diff(service, path, contents.get(path), texts.get(path)),
                       mode=_mode_change(contents.get(path), facts.files.get(path)))
            for path, change in placed_files.changes(service, facts).items()]


def _mode_change(content: FileContent | None, there: PlacedFile | None) -> list[str]:
    if not content or not there or there.mode is None or content.sha256 != there.sha256:
        return []
    return [f"{mode:04o}" for mode in (there.mode, content.mode)]


def _file_diff(service: Service, path: str, content: FileContent | None, before: str | None) -> list[str]:
    """Nothing of what is no text, and of a secret."""
    if before is None or (content and content.secrecy != "none"):
        return []
    after = str(content.text) if content else ""
    if NO_TEXT.search(before) or NO_TEXT.search(after):
        return []
    old, new = (_diff_lines(_without_secrets(text, service)) for text in (before, after))
    return list(difflib.unified_diff(old, new, lineterm="", fromfile=path, tofile=path if content else "/dev/null"))


def _diff_lines(text: str) -> list[str]:
    """As git's diff has them: with carriage returns, and with a word where the last line has no end."""
    *lines, rest = text.split("\n")
    return [*lines, rest, "\\ No newline at end of file"] if rest else lines


def _without_secrets(text: str, service: Service) -> str:
    for secret in service.secret_values.values():
        text = secret.masked_in(text)
    return text


def hidden(text: str) -> str:
    """A program file that somebody else wrote may hold passwords in its `environment=`: only RUN_MODE is shown, and
    where a process finds its number."""
    def hide(pair: re.Match[str]) -> str:
        is_known = pair[1].rstrip(" =") == "RUN_MODE" or NUMBER.fullmatch(pair[2].strip())
        return pair[0] if is_known else pair[1] + MASK

    return ENVIRONMENT.sub(lambda option: option[1] + PAIR.sub(hide, option[2]), text)


def changed_variables(service: Service, facts: Facts, compared: protocol.Compared) -> Names:
    """Names of the variables that change, without the secrets of either version."""
    secret = {*compared.secrets, *service.secrets}
    old = {name: digest for name, digest in compared.variables.items() if name not in secret}
    new = {name: digest_of(value) for name, value in _all_variables(service, facts).items() if name not in secret}
    return Names(added=sorted(new.keys() - old.keys()), removed=sorted(old.keys() - new.keys()),
                 changed=sorted(name for name in new.keys() & old.keys() if new[name] != old[name]))


def changed_secrets(service: Service, facts: Facts, compared: protocol.Compared) -> int:
    """The number of secrets that are added, removed or changed."""
    names = {*compared.secrets, *service.secrets}
    new: dict[str, Any] = {**{name: digest_of(value) for name, value in _all_variables(service, facts).items()},
                           **{name: value.sha256() for name, value in service.secret_values.items()}}
    return sum(compared.variables.get(name) != new.get(name) for name in names)


def _all_variables(service: Service, facts: Facts) -> dict[str, str]:
    """Those of one program alone as PROGRAM:NAME."""
    own = {f"{program.name}:{name}": value for program in service.programs
           for name, value in program.variables.items()}
    return {**files.variables_in_file(service, facts.login_path), **own}


def digest_of(value: str) -> str:
    return Secret(value).sha256()


def fingerprint(plan: Plan, facts: Facts) -> tuple[Any, ...]:
    """The part of a plan that the user confirms. Plans of one fingerprint do the same; their undos may differ."""
    return plan.was, plan.tried, tuple(facts.edited), tuple((step.name, step.do) for step in plan.steps)
