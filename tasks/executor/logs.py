"""What programs wrote, and what a deploy did: the last lines, and then, if asked for, all that is added."""

from __future__ import annotations

import os
import time
from typing import Any, Dict

from . import files, history, journal, layout
from .context import ServiceContext
from .errors import HostError
from .grep import Grep
from .link import Link
from .tail import Line, Tail

Message = Dict[str, Any]
POLL = 0.2


def logs(link: Link, hello: Message, env: dict[str, str]) -> None:
    """hello: lines, grep, follow; and `marks`, by service: where an earlier connection stopped."""
    where, wanted = layout.existing_layout(hello), Grep(hello.get("grep"))
    tails = {service["name"]: Tail(_path(where, service, env)) for service in hello["services"]}
    for name, tail in tails.items():
        mark = hello.get("marks", {}).get(name)
        if mark:
            _go_on(link, name, tail, mark)
        else:
            _show_last(link, name, tail, hello, wanted)
    while hello.get("follow"):
        link.mask.learn_from_disk(where, hello["services"])         # a deploy may bring others meanwhile
        news = [_show(link, name, tail.more(), wanted) for name, tail in tails.items()]     # each has its turn
        if not any(news):
            link.check()
            time.sleep(POLL)


def runs(link: Link, hello: Message, env: dict[str, str]) -> None:
    """Which deploys of these services have a run log here? Then show the one that the client names."""
    where, wanted = layout.existing_layout(hello), Grep(hello.get("grep"))
    names = [service["name"] for service in hello["services"]]
    known = [deploy for deploy in _deploys(where, names) if os.path.exists(where.run_log(deploy))]
    link.answer({"event": "runs", "deploys": known})
    deploy = link.receive().get("deploy")
    if deploy in known:
        _show_last(link, ",".join(names), Tail(where.run_log(deploy)), hello, wanted)


def _show_last(link: Link, name: str, tail: Tail, hello: Message, wanted: Grep) -> None:
    """No `lines`: all of it."""
    upto = files.size_of(tail.path)
    if not upto:
        link.answer({"event": "notice", "level": "info", "message": f"{name}: no log at {tail.path} yet"})
    if hello["lines"] is not None:
        tail.from_last(hello["lines"], wanted)
    while tail.mark()[1] < upto and _show(link, name, tail.more(), wanted):
        pass
    if hello.get("follow"):
        link.stream({"event": "mark", "service": name, "mark": tail.mark()})
    else:
        _show(link, name, tail.end(), wanted)


def _go_on(link: Link, name: str, tail: Tail, mark: list[int]) -> None:
    tail.from_mark(mark)
    if tail.lost:
        link.answer({"event": "notice", "level": "warning", "message": (
            f"{name}: its log was rotated away meanwhile; lines may be missing")})


def _show(link: Link, name: str, lines: list[Line] | None, wanted: Grep) -> bool:
    """Whether there was anything new, wanted or not."""
    for text, mark in lines or ():
        if wanted(text):
            link.stream({"event": "log", "service": name, "line": text, "mark": mark})
    return lines is not None


def _path(where: layout.Layout, service: Message, env: dict[str, str]) -> str:
    """Where supervisord says it is; where we would put it when supervisord is down."""
    ctx = ServiceContext(where, service, env, "")
    try:
        return str(ctx.supervisord().info(ctx.name).get("stdout_logfile") or ctx.log_file)
    except HostError:
        return ctx.log_file


def _deploys(where: layout.Layout, names: list[str]) -> list[str]:
    ended = {line["deploy"] for name in names for line in history.read(where, name) if line.get("deploy")}
    return sorted(ended | {left.deploy for left in journal.unfinished(where) if set(left.services) & set(names)})
