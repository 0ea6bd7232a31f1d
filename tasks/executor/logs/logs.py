"""Sends logs to the client: the last lines, and then, if asked for, all that is added."""

from __future__ import annotations

import itertools
import os
import time
from typing import Any, Dict

from .. import disk_secrets
from ..errors import HostError
from ..layout import Layout
from ..link import Link
from ..service.context import ServiceContext
from ..state import history, journal, program_owner
from . import log_sources
from .grep import Grep
from .log_sources import LogSource
from .log_view import LogView
from .process_logs import ProcessLog

Message = Dict[str, Any]
POLL = 0.2                          # seconds
LOOK_EVERY = 2.0                    # seconds: a deploy may let programs write elsewhere


def logs(link: Link, hello: Message, layout: Layout, env: dict[str, str]) -> None:
    """The logs of programs. `marks` says by process and stream where an earlier connection stopped."""
    layout.require_root()
    layout.access.require()
    viewer = LogViewer(link, hello, layout, env)
    viewer.begin()
    while hello.get("follow"):
        disk_secrets.learn(link.mask, layout, hello["services"])       # a deploy may bring others meanwhile
        if not viewer.show_more():
            link.raise_if_aborted()
            time.sleep(POLL)


class LogViewer:
    """Shows the logs of services, also those that a deploy lets programs write meanwhile."""

    def __init__(self, link: Link, hello: Message, layout: Layout, env: dict[str, str]) -> None:
        self._link = link
        self._hello = hello
        self._layout = layout
        self._uses_sudo = bool(layout.access.prefix)
        self._grep = Grep(hello.get("grep"))
        self._services = [(ServiceContext(layout, service, env, ""),
                           {program["group"]: program["processes"] for program in service["programs"]})
                          for service in hello["services"]]
        self._views: list[LogView] = []
        self._looked = 0.0

    def begin(self) -> None:
        """Show the last lines of each log, or go on where an earlier connection stopped. Raises NotReady where a
        program is another's."""
        self._require_own()
        self._views = [LogView(self._link, source, self._grep) for source in self._first_sources()]
        for view in self._views:
            cursor = self._hello["marks"].get(view.source.writer, {}).get(view.source.log.stream)
            if cursor:
                view.resume(cursor)
            else:
                self._show_last(view)
        self._looked = time.monotonic()

    def show_more(self) -> bool:
        """Show the next block of each log: each has its turn. Returns whether there was anything new."""
        if time.monotonic() - self._looked > LOOK_EVERY:
            self._look()
        shown = [view.show_more() for view in self._views]
        return any(shown)

    def _require_own(self) -> None:
        """We do not know the secrets that the program of another service or environment may print."""
        definitions = log_sources.definitions(self._layout)
        for ctx, planned in self._services:
            for error in program_owner.problems(self._layout, {"name": ctx.name, "directory": ctx.directory}):
                raise error
            for found in program_owner.programs_of_others(definitions, self._layout, ctx.name, planned):
                raise program_owner.section_problem(found, self._layout, ctx.name)

    def _first_sources(self) -> list[LogSource]:
        """As supervisord says; where it is down, by the program files."""
        try:
            return self._sources()
        except HostError as error:
            self._link.answer({"event": "notice", "level": "warning",
                               "message": f"{error.message}; these are the logs that the program files name"})
            return [source for ctx, planned in self._services for source in log_sources.of_files(ctx, planned)]

    def _sources(self) -> list[LogSource]:
        return [source for ctx, planned in self._services for source in log_sources.of_service(ctx, planned)]

    def _look(self) -> None:
        """Go over to the logs that there are now. One that is no longer written is shown to its end."""
        self._looked = time.monotonic()
        try:
            sources = self._sources()
        except HostError:
            return                      # supervisord is down: until it is back, nothing else is written
        known = {view.source.key: view for view in self._views}
        self._views = [known.get(source.key) or LogView(self._link, source, self._grep) for source in sources]
        for view in known.values():
            if view not in self._views:
                view.show_present()
                view.end()
        for view in self._views:
            if view.source.key not in known:
                self._show_last(view)

    def _show_last(self, view: LogView) -> None:
        view.describe(self._uses_sudo)
        view.show_last(self._hello["lines"])
        if self._hello["follow"]:
            view.mark()
        else:
            view.end()


def runs(link: Link, hello: Message, layout: Layout, env: dict[str, str]) -> None:
    """Say which deploys of these services have a run log here; then send the one that the client names."""
    layout.require_root()
    names = [service["name"] for service in hello["services"]]
    for error in itertools.chain.from_iterable(history.problems(layout, name) for name in names):
        raise error
    present = [deploy for deploy in _deploys(layout, names) if os.path.exists(layout.run_log(deploy))]
    link.answer({"event": "runs", "deploys": present})
    deploy = link.receive().get("deploy")
    if deploy in present:
        source = LogSource(",".join(names), "", ProcessLog("", layout.run_log(str(deploy))))
        view = LogView(link, source, Grep(hello.get("grep")))
        view.show_last(hello["lines"])
        view.end()


def _deploys(layout: Layout, names: list[str]) -> list[str]:
    ended = {line["deploy"] for name in names for line in history.read(layout, name) if line.get("deploy")}
    return sorted(ended | {left.deploy for left in journal.readable(layout) if set(left.services) & set(names)})
