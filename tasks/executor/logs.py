"""Sends logs to the client: the last lines, and then, if asked for, all that is added."""

from __future__ import annotations

import os
import time
from typing import Any, Dict, NamedTuple

from . import facts, files, history, journal
from .accounts import login_name, user_name
from .context import ServiceContext
from .errors import HostError
from .grep import Grep
from .layout import Layout
from .link import Link
from .supervisord_conf import USE_SUDO
from .tail import Line, Tail

Message = Dict[str, Any]
POLL = 0.2                          # seconds


class Source(NamedTuple):
    """The log of one process; `process` is empty where it is a run log."""

    service: str
    process: str
    tail: Tail


def logs(link: Link, hello: Message, layout: Layout, env: dict[str, str]) -> None:
    """The logs of programs. `marks` says by process where an earlier connection stopped."""
    layout.require_root()
    layout.access.require()
    grep = Grep(hello.get("grep"))
    sources = [source for service in hello["services"] for source in _sources(link, layout, service, env)]
    for source in sources:
        cursor = hello.get("marks", {}).get(source.process)
        if cursor:
            _resume(link, source, cursor)
        else:
            _show_last(link, source, hello, grep)
    while hello.get("follow"):
        link.mask.learn_from_disk(layout, hello["services"])         # a deploy may bring others meanwhile
        shown = [_show(link, source, source.tail.more(), grep) for source in sources]     # each has its turn
        if not any(shown):
            link.raise_if_aborted()
            time.sleep(POLL)


def runs(link: Link, hello: Message, layout: Layout, env: dict[str, str]) -> None:
    """Say which deploys of these services have a run log here; then send the one that the client names."""
    layout.require_root()
    grep = Grep(hello.get("grep"))
    names = [service["name"] for service in hello["services"]]
    present = [deploy for deploy in _deploys(layout, names) if os.path.exists(layout.run_log(deploy))]
    link.answer({"event": "runs", "deploys": present})
    deploy = link.receive().get("deploy")
    if deploy in present:
        _show_last(link, Source(",".join(names), "", Tail(layout.run_log(deploy), link.mask)), hello, grep)


def _show_last(link: Link, source: Source, hello: Message, grep: Grep) -> None:
    """The last `lines`; all of them where that is null."""
    tail, size = source.tail, files.size_of(source.tail.path)
    name, closed = source.process or source.service, _closed(tail.path)
    if closed:
        link.answer({"event": "notice", "level": "warning", "message": f"{name}: {closed}; {USE_SUDO}"})
    elif not size:
        link.answer({"event": "notice", "level": "info", "message": f"{name}: no log at {tail.path} yet"})
    if hello["lines"] is not None:
        tail.from_last(hello["lines"], grep)
    while tail.cursor()[1] < size and _show(link, source, tail.more(), grep):
        pass
    if hello.get("follow"):
        link.stream({"event": "mark", "service": source.service, "process": source.process,
                     "mark": tail.cursor()})
    else:
        _show(link, source, tail.end(), grep)


def _closed(path: str) -> str:
    """Whose log it is, where the login user cannot read it."""
    try:
        owner = user_name(os.stat(path).st_uid)
    except PermissionError:
        return f"its log {path} lies in a folder that {login_name()} cannot enter"
    except OSError:
        return ""
    return "" if os.access(path, os.R_OK) else f"its log {path} belongs to {owner}, and {login_name()} cannot read it"


def _resume(link: Link, source: Source, cursor: list[int]) -> None:
    source.tail.from_cursor(cursor)
    if source.tail.lost:
        link.answer({"event": "notice", "level": "warning", "message": (
            f"{source.process}: its log was rotated away meanwhile; lines may be missing")})


def _show(link: Link, source: Source, lines: list[Line] | None, grep: Grep) -> bool:
    """Returns whether there was anything new, whether it matched or not."""
    for text, cursor in lines or ():
        if grep(text):
            link.stream({"event": "log", "service": source.service, "process": source.process, "line": text,
                         "mark": cursor})
    return lines is not None


def _sources(link: Link, layout: Layout, service: Message, env: dict[str, str]) -> list[Source]:
    """The log of each process, where supervisord says that it is; our own choice of it when supervisord is down."""
    ctx = ServiceContext(layout, service, env, "")
    planned = {program["group"]: program["processes"] for program in service["programs"]}
    try:
        states = facts.process_states(ctx.supervisord(), planned)
    except HostError:
        states = facts.unknown(planned)
    return [Source(ctx.name, process["name"], Tail(process["log"] or ctx.log_file(process["name"]), link.mask))
            for processes in states.values() for process in processes]


def _deploys(layout: Layout, names: list[str]) -> list[str]:
    ended = {line["deploy"] for name in names for line in history.read(layout, name) if line.get("deploy")}
    return sorted(ended | {left.deploy for left in journal.unfinished(layout) if set(left.services) & set(names)})
