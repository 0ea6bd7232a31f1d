"""The host's half of a deploy: lock, look, and carry out the plan; or undo it.

Two-phase commit with presumed abort: until the client says commit, whatever ends the conversation
undoes what was begun.
"""

from __future__ import annotations

import threading
from importlib import import_module
from typing import Any, Dict

from .. import git, readiness
from ..errors import Aborted, HostError, problem
from ..layout import Layout
from ..link import Link
from ..pack_channel import pack_channel
from ..protocol import Ending, ServiceSettings
from ..service import facts, revision
from ..service.context import ServiceContext
from ..state import locks
from ..supervisor.supervisord import Supervisord
from ..transaction import recovery
from ..transaction.eventlog import EventLog

Message = Dict[str, Any]


def rollout(link: Link, hello: Message, layout: Layout, env: dict[str, str]) -> Ending:
    return Participant(link, hello, layout, env).run()


class Participant:
    """Modules that only the second half needs are imported while git fetches, or not at all."""

    def __init__(self, link: Link, hello: Message, layout: Layout, env: dict[str, str]) -> None:
        self.link = link
        self.hello = hello
        self.deploy = str(hello["deploy"])
        self.layout = layout
        self.eventlog = EventLog(link)
        self.contexts: dict[str, ServiceContext] = {}
        self.recovery = recovery.Recovery([], [])
        self.env = env

    def run(self) -> Ending:
        try:
            self.layout.access.require()
        except HostError:
            self._send_heads()
            raise
        self.layout.prepare()
        held = locks.Locks(self.layout, {key: self.hello.get(key) for key in ("deploy", "by", "command", "since")})
        try:
            message = self._lock_and_look(held)
            while message["do"] == "unlock":        # another host refused: no host waits while it holds a lock
                held.release()
                self.link.receive()
                message = self._lock_and_look(held)
            if message["do"] == "plan" and message["services"]:
                from ..transaction.transaction import Transaction

                return Transaction(self.link, self.hello, message, self.contexts, held, self.env, self.eventlog,
                                   self.recovery.replaced).run()
            return {"event": "end"}
        except Aborted as error:
            # A plan may have been on its way: nothing of it was begun.
            now = {name: ctx.head() for name, ctx in self.contexts.items()}
            return {"event": "restored", "why": error.message, "now": now}
        finally:
            held.release()

    def _lock_and_look(self, held: locks.Locks) -> Message:
        """Returns the client's answer to our facts."""
        try:
            self._lock(held)
            self.recovery = recovery.finish(self.layout, held, self.env, self.eventlog, self.hello["unfinished"])
            self.link.answer({"event": "locked", "recovered": self.recovery.done})
            self._look()
        except HostError:
            self._send_heads()
            raise
        return self.link.receive()

    def _lock(self, held: locks.Locks) -> None:
        while True:
            try:
                held.take([service["name"] for service in self.hello["services"]])
                return
            except locks.Held as error:
                self._send_heads()
                self.link.answer({"event": "refused", "service": error.service, "holder": error.holder})
                self.link.receive()

    def _look(self) -> None:
        """Send all that stands in the way of a change; or resolve the revisions, where asked to, and send the facts."""
        if self.hello["keeps_version"]:
            self.hello = dict(self.hello, services=self._services_as_deployed())
        for service in self.hello["services"]:
            ctx = self.contexts[service["name"]] = self._context(service)
            ctx.clone.require_no_git()
        threading.Thread(target=import_module, args=("..transaction.transaction", __package__), daemon=True).start()
        git.require_git(self.env)
        supervisord = Supervisord(self.layout.access, self.link.raise_if_aborted)
        problems = readiness.problems(self.layout, self.hello, supervisord)
        if problems:
            self._send_heads()
            self.link.answer({"event": "not_ready", "problems": [problem(error) for error in problems]})
            return
        for service in self.hello["services"]:
            if service.get("revision"):
                self.link.answer(revision.resolve(self.contexts[service["name"]], service["revision"]))
        self.link.answer({"event": "facts", "services": {
            service["name"]: facts.of_service(self.layout, service, self.contexts[service["name"]].clone, supervisord)
            for service in self.hello["services"]}})

    def _services_as_deployed(self) -> list[ServiceSettings]:
        from ..service import deployed

        return [deployed.as_deployed(self.layout, service) for service in self.hello["services"]]

    def _send_heads(self) -> None:
        from . import queries

        queries.heads(self.link, self.hello, self.layout, self.env)

    def _context(self, service: Message) -> ServiceContext:
        return ServiceContext(self.layout, service, self.env, self.deploy, check=self.link.raise_if_aborted,
                              mask=self.link.mask, waiting=self.eventlog.waiting, warn=self.eventlog.warn,
                              request_pack=pack_channel(self.link, service["name"]))
