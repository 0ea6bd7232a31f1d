"""Sends logs to the client: the last lines, and then, if asked for, all that is added."""

from __future__ import annotations

import os
import time
from typing import Any, Dict

from . import files, history, journal
from .context import ServiceContext
from .errors import HostError
from .grep import Grep
from .layout import Layout
from .link import Link
from .tail import Line, Tail

Message = Dict[str, Any]
POLL = 0.2                          # seconds


def logs(link: Link, hello: Message, layout: Layout, env: dict[str, str]) -> None:
    """The logs of programs. `marks` says by service where an earlier connection stopped."""
    layout.require_root()
    layout.access.require()
    grep = Grep(hello.get("grep"))
    tails = {service["name"]: Tail(_path(layout, service, env), link.mask) for service in hello["services"]}
    for name, tail in tails.items():
        cursor = hello.get("marks", {}).get(name)
        if cursor:
            _resume(link, name, tail, cursor)
        else:
            _show_last(link, name, tail, hello, grep)
    while hello.get("follow"):
        link.mask.learn_from_disk(layout, hello["services"])         # a deploy may bring others meanwhile
        shown = [_show(link, name, tail.more(), grep) for name, tail in tails.items()]    # each has its turn
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
        _show_last(link, ",".join(names), Tail(layout.run_log(deploy), link.mask), hello, grep)


def _show_last(link: Link, name: str, tail: Tail, hello: Message, grep: Grep) -> None:
    """The last `lines`; all of them where that is null."""
    size = files.size_of(tail.path)
    if not size:
        link.answer({"event": "notice", "level": "info", "message": f"{name}: no log at {tail.path} yet"})
    if hello["lines"] is not None:
        tail.from_last(hello["lines"], grep)
    while tail.cursor()[1] < size and _show(link, name, tail.more(), grep):
        pass
    if hello.get("follow"):
        link.stream({"event": "mark", "service": name, "mark": tail.cursor()})
    else:
        _show(link, name, tail.end(), grep)


def _resume(link: Link, name: str, tail: Tail, cursor: list[int]) -> None:
    tail.from_cursor(cursor)
    if tail.lost:
        link.answer({"event": "notice", "level": "warning", "message": (
            f"{name}: its log was rotated away meanwhile; lines may be missing")})


def _show(link: Link, name: str, lines: list[Line] | None, grep: Grep) -> bool:
    """Returns whether there was anything new, whether it matched or not."""
    for text, cursor in lines or ():
        if grep(text):
            link.stream({"event": "log", "service": name, "line": text, "mark": cursor})
    return lines is not None


def _path(layout: Layout, service: Message, env: dict[str, str]) -> str:
    """The path of the log, as supervisord says; our own choice of it when supervisord is down."""
    ctx = ServiceContext(layout, service, env, "")
    try:
        return str(ctx.supervisord().info(ctx.name).get("stdout_logfile") or ctx.log_file)
    except HostError:
        return ctx.log_file


def _deploys(layout: Layout, names: list[str]) -> list[str]:
    ended = {line["deploy"] for name in names for line in history.read(layout, name) if line.get("deploy")}
    return sorted(ended | {left.deploy for left in journal.unfinished(layout) if set(left.services) & set(names)})
