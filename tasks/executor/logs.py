"""Sends logs to the client: the last lines, and then, if asked for, all that is added."""

from __future__ import annotations

import os
import time
from typing import Any, Dict, List, Tuple

from . import history, journal, log_sources
from .context import ServiceContext
from .errors import HostError
from .grep import Grep
from .layout import Layout
from .link import Link
from .log_sources import LogSource
from .log_view import LogView
from .process_logs import ProcessLog

Message = Dict[str, Any]
Services = List[Tuple[ServiceContext, Dict[str, List[str]]]]    # each with its planned processes, by group
POLL = 0.2                          # seconds
LOOK_EVERY = 2.0                    # seconds: a deploy may let programs write elsewhere


def logs(link: Link, hello: Message, layout: Layout, env: dict[str, str]) -> None:
    """The logs of programs. `marks` says by process and stream where an earlier connection stopped."""
    layout.require_root()
    layout.access.require()
    services = [(ServiceContext(layout, service, env, ""),
                 {program["group"]: program["processes"] for program in service["programs"]})
                for service in hello["services"]]
    grep = Grep(hello.get("grep"))
    views = [LogView(link, origin, grep) for origin in _origins(link, services)]
    for view in views:
        _begin(view, hello, layout)
    looked = time.monotonic()
    while hello.get("follow"):
        link.mask.learn_from_disk(layout, hello["services"])         # a deploy may bring others meanwhile
        if time.monotonic() - looked > LOOK_EVERY:
            views = _renewed(views, link, hello, layout, services, grep)
            looked = time.monotonic()
        shown = [view.show_more() for view in views]                 # each has its turn
        if not any(shown):
            link.raise_if_aborted()
            time.sleep(POLL)


def runs(link: Link, hello: Message, layout: Layout, env: dict[str, str]) -> None:
    """Say which deploys of these services have a run log here; then send the one that the client names."""
    layout.require_root()
    names = [service["name"] for service in hello["services"]]
    present = [deploy for deploy in _deploys(layout, names) if os.path.exists(layout.run_log(deploy))]
    link.answer({"event": "runs", "deploys": present})
    deploy = link.receive().get("deploy")
    if deploy in present:
        origin = LogSource(",".join(names), "", ProcessLog("", layout.run_log(str(deploy))))
        view = LogView(link, origin, Grep(hello.get("grep")))
        view.show_last(hello["lines"])
        view.end()


def _begin(view: LogView, hello: Message, layout: Layout) -> None:
    cursor = hello.get("marks", {}).get(view.origin.writer, {}).get(view.origin.log.stream)
    if cursor:
        view.resume(cursor)
        return
    view.describe(bool(layout.access.prefix))
    view.show_last(hello["lines"])
    if hello.get("follow"):
        view.mark()
    else:
        view.end()


def _origins(link: Link, services: Services) -> list[LogSource]:
    """As supervisord says; where it is down, by the program files."""
    try:
        return [origin for ctx, planned in services for origin in log_sources.of_service(ctx, planned)]
    except HostError as error:
        link.answer({"event": "notice", "level": "warning",
                     "message": f"{error.message}; these are the logs that the program files name"})
        return [origin for ctx, planned in services for origin in log_sources.of_files(ctx, planned)]


def _renewed(views: list[LogView], link: Link, hello: Message, layout: Layout, services: Services, grep: Grep
             ) -> list[LogView]:
    """Those of the logs that there are now. One that is no longer written is shown to its end."""
    try:
        origins = [origin for ctx, planned in services for origin in log_sources.of_service(ctx, planned)]
    except HostError:
        return views                    # supervisord is down: until it is back, nothing else is written
    known = {view.origin.key: view for view in views}
    renewed = [known.pop(origin.key) if origin.key in known else LogView(link, origin, grep) for origin in origins]
    for view in known.values():
        view.show_present()
        view.end()
    for view in renewed:
        if view not in views:
            _begin(view, dict(hello, marks={}), layout)
    return renewed


def _deploys(layout: Layout, names: list[str]) -> list[str]:
    ended = {line["deploy"] for name in names for line in history.read(layout, name) if line.get("deploy")}
    return sorted(ended | {left.deploy for left in journal.unfinished(layout) if set(left.services) & set(names)})
