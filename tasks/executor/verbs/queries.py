"""The verbs that only read: status, history, and how a deploy ended. They take no lock and change nothing."""

from __future__ import annotations

import itertools
import json
import os
import time
from typing import Any, Dict, cast

from .. import earlier_supervisord, git, program_user, readiness
from ..errors import CannotRestore, HostError, NotReady
from ..layout import Layout
from ..link import Link
from ..logs.tail import last_lines
from ..protocol import Facts, History, Odd, ProcessState
from ..service import deployed, facts
from ..service.context import ServiceContext
from ..state import earlier_state, history, journal, locks, program_owner
from ..supervisor.supervisord import Supervisord
from ..supervisor.supervisord_conf import Configuration
from ..system import processes

Message = Dict[str, Any]
PAUSE = 2.0                         # seconds between two looks
LAST_WORDS = 8                      # lines: a panic of Go says why in the first of seven
LAST_DEPLOYS = 5
SHOWN_FIELDS = ("deploy", "at", "by", "command", "from", "to", "result", "why", "revision", "branch", "batch",
                "fabvisor", "source")


def status(link: Link, hello: Message, layout: Layout, env: dict[str, str]) -> None:
    """Send the status of each service; with `watch` look again and again, and send each change."""
    layout.require_root()
    layout.access.require()
    git.require_git(env)
    sent: dict[str, str] = {}
    while True:
        begin = time.monotonic()
        conf = layout.access.configuration()
        for service in hello["services"]:
            ctx = ServiceContext(layout, service, env, "", check=link.raise_if_aborted, mask=link.mask)
            message = _status_of(ctx, service, conf)
            if sent.get(service["name"]) != _lasting(message):
                sent[service["name"]] = _lasting(message)
                link.answer(message)
        _send_orphans(link, hello, layout, conf, sent)
        if not hello.get("watch"):
            return
        link.answer({"event": "looked"})
        link.wait_for_room()
        # Looking takes at most a fifth of the time.
        until = time.monotonic() + max(PAUSE, 4 * (time.monotonic() - begin))
        while time.monotonic() < until:
            link.raise_if_aborted()
            time.sleep(0.1)


def _send_orphans(link: Link, hello: Message, layout: Layout, conf: Configuration, sent: dict[str, str]) -> None:
    """Services that were deployed here and that hosts.yaml does not name any more, where that was asked."""
    if hello["named"] is None:
        return
    supervisord = Supervisord(layout.access, link.raise_if_aborted)
    orphans = deployed.orphans(layout, conf, hello["named"], supervisord)
    states = {each["name"]: [process["state"] for group in each["programs"].values() for process in group]
              for each in orphans}
    if json.dumps(states) != sent.get("", "{}"):
        sent[""] = json.dumps(states)
        link.answer({"event": "orphans", "services": orphans})


def _status_of(ctx: ServiceContext, service: Message, conf: Configuration) -> Facts | Odd:
    layout = ctx.layout
    name = ctx.name
    try:
        supervisord = Supervisord(layout.access, ctx.check)
        known = facts.of_service(layout, service, ctx.clone, supervisord)
        obstacles = _obstacles(layout, service, conf, supervisord, known["programs"])
        due = [left for left in journal.readable(layout) if name in left.services and not left.committed()]
        obstacles += _unreadable_journals(layout)
    except HostError as error:
        return {"event": "odd", "service": name, "message": error.message, "hint": error.hint}
    known["holder"] = locks.holder_of(layout, name)
    known["due"] = [left.deploy for left in due]
    known["due_by"] = [str(left.head.get("by")) for left in due]
    known["obstacles"] = obstacles
    known["history"] = known["history"][-LAST_DEPLOYS:]
    known["unloaded"] = facts.unloaded(layout, name, known["programs"])
    known["words"] = _words(ctx, conf, known["programs"])
    return {"event": "facts", "services": {name: known}}


def _words(ctx: ServiceContext, conf: Configuration, programs: facts.Programs) -> dict[str, list[str]]:
    """By group the last words; not of programs of another service or environment, whose secrets we do not know."""
    if program_owner.other_state(ctx.layout, ctx.name):
        return {}
    others = program_owner.programs_of_others(conf.definitions, ctx.layout, ctx.name, programs)
    names = {each.name for each in others}
    return {group: _last_words(ctx, processes) for group, processes in programs.items() if group not in names}


def _unreadable_journals(layout: Layout) -> list[str]:
    """Nobody knows which services they are of."""
    try:
        journal.unfinished(layout)
        return []
    except CannotRestore as error:
        return [f"{error.message}: {error.hint}"]


def _obstacles(layout: Layout, service: Message, conf: Configuration, supervisord: Supervisord,
               programs: facts.Programs) -> list[str]:
    """The reasons to refuse a change; a program that runs twice, or as root although hosts.yaml does not say so."""
    if facts.is_down(programs):
        return []                           # why is in the state itself
    problems = readiness.visible_problems(layout, service, conf, supervisord)
    twice = earlier_supervisord.left_behind(layout, list(programs), supervisord)
    rooted = any(program["user"] != "root"
                 and processes.user(process["pid"]) == program_user.ROOT
                 for program in service["programs"] for process in programs[program["group"]])
    remedy = "" if problems else f": fab deploy {service['name']} --force"
    own = layout.program_file(service["name"])
    return [*(f"{why}: correct that file on the host" for why in conf.unreadable if why.startswith(f"{own} ")),
            *(f"{error.message}: {error.hint}" for error in [*problems, *twice]),
            *([f"it runs as root, and hosts.yaml does not say so{remedy}"] if rooted else [])]


def _lasting(message: Facts | Odd) -> str:
    """The message as text, without what changes while nothing happens: the host's clock, and the uptime in words."""
    copy = json.loads(json.dumps(message))
    for service in copy.get("services", {}).values():
        for process in itertools.chain.from_iterable(service["programs"].values()):
            if process["state"] in ("RUNNING", "STOPPED"):
                process.update(why="")
            process.update(now=None)
    return json.dumps(copy, sort_keys=True)


def _last_words(ctx: ServiceContext, processes: list[ProcessState]) -> list[str]:
    """The last lines that the first process that did not stay up wrote, by its logs; of each log as many."""
    dead = next((process for process in processes if process["state"] in ("BACKOFF", "FATAL", "EXITED")), None)
    if dead is None:
        return []
    paths = dict.fromkeys([dead["log"], dead["error_log"]])
    return [ctx.mask(line) for path in paths if path and _was_written_since(path, dead["start"])
            for line in last_lines(path, LAST_WORDS, ctx.mask)]


def _was_written_since(path: str, start: int | None) -> bool:
    """Whether the process that was started then can have written to it. supervisord knows whole seconds."""
    try:
        return os.stat(path).st_mtime >= (start or 0)
    except OSError:
        return False


def heads(link: Link, hello: Message, layout: Layout, env: dict[str, str]) -> None:
    """Send the commits on the disk, for a command that ended before it looked at this host."""
    layout.require_root()
    now = {service["name"]: _head(layout, service, env) for service in hello["services"]}
    link.answer({"event": "heads", "now": now})


def history_of(link: Link, hello: Message, layout: Layout, env: dict[str, str]) -> None:
    """Send the newest `lines` of each service's history, oldest first."""
    layout.require_root()
    for service in hello["services"]:
        for line in history.read(layout, service["name"], hello["lines"]):
            shown = {key: line.get(key) for key in SHOWN_FIELDS}
            link.stream(cast(History, dict(shown, event="history", service=service["name"])))
    for service in hello["services"]:
        for error in [*_left_elsewhere(layout, service), *history.problems(layout, service["name"])]:
            raise error


def _left_elsewhere(layout: Layout, service: Message) -> list[HostError]:
    """Why there is no history here: it may be in the state folder that hosts.yaml named before."""
    if os.path.exists(layout.history_file(service["name"])):
        return []
    try:
        return earlier_state.problems(layout, service)
    except NotReady:                        # sudo refuses us, and the program file cannot tell
        return []


def ask(link: Link, hello: Message, layout: Layout, env: dict[str, str]) -> None:
    """Say how a deploy ended. Waits up to `timeout` seconds while its executor is still at work."""
    layout.require_root()
    names: list[str] = [service["name"] for service in hello["services"]]
    deadline = time.monotonic() + hello["timeout"]
    while _busy(layout, names, hello["deploy"]) and time.monotonic() < deadline:
        link.raise_if_aborted()
        time.sleep(0.1)
    for service in hello["services"]:
        name = service["name"]
        line = history.find(layout, name, hello["deploy"]) or {}
        link.answer({"event": "outcome", "service": name, "result": line.get("result"), "why": line.get("why"),
                     "busy": _busy(layout, [name], hello["deploy"]),
                     "due": any(left.deploy == hello["deploy"] for left in journal.to_undo(layout)),
                     "now": _head(layout, service, env)})


def _busy(layout: Layout, names: list[str], deploy: str) -> bool:
    return any(locks.holder_of(layout, name).get("deploy") == deploy for name in names)


def _head(layout: Layout, service: Message, env: dict[str, str]) -> Any:
    return ServiceContext(layout, service, env, "").tree.head()
