"""A plan, carried out on this host: journal, phase after phase, commit; or the way back."""

from __future__ import annotations

import itertools
from typing import Any, Dict

from . import disk_sync, journal, locks, undo
from .context import ServiceContext
from .errors import Aborted, HostError, as_host_error, problem
from .eventlog import EventLog
from .link import Link
from .steps import ACTIONS, CHECKS

Message = Dict[str, Any]
FIRST = "prepare"


class Transaction:
    """Of `plan` to the services of `here`, whose locks are `held`."""

    def __init__(self, link: Link, hello: Message, plan: Message, ctx: dict[str, ServiceContext], held: locks.Locks,
                 env: dict[str, str], eventlog: EventLog) -> None:
        self.link = link
        self.hello = hello
        self.deploy = str(hello["deploy"])
        self.plan = plan
        self.ctx = ctx
        self.held = held
        self.env = env
        self.eventlog = eventlog
        self.layout = next(iter(ctx.values())).layout
        self.step = ""
        self.phase = FIRST

    def run(self) -> None:
        self.eventlog.keep_log(self.layout, self.deploy)
        self._learn_secrets()
        self.held.describe(commit={name: part["record"].get("to") for name, part in self.plan["services"].items()})
        written = journal.create(self.layout, self._head())
        try:
            self._run_phases(written)
            now = self._commit(written)
        except Exception as error:
            # A full disk or a bug of ours is no reason to leave the host in between: not here, nor in telling it.
            try:
                self._say_why(as_host_error(error))
                self.held.describe(restoring=True)
            finally:
                self._restore(written, self.link.mask(as_host_error(error).message))
            return
        self._tidy()
        self.link.answer({"event": "committed", "now": now})

    def _tidy(self) -> None:
        """It is committed: whatever goes wrong now is only told."""
        for name, part in sorted(self.plan["services"].items()):
            tidy = part.get("tidy")
            try:
                if tidy:
                    ACTIONS[tidy["action"]](self.ctx[name], tidy["args"])
            except Exception as error:
                self.eventlog.event("notice", level="warning",
                                    message=f"{name}: not tidied up: {as_host_error(error).message}")

    def _commit(self, written: journal.Journal) -> Message:
        """Returns the commits that are on the disk."""
        with self.link.uninterruptible():
            now = self._note_what_is(written)
            try:
                written.commit()
            except OSError:
                # With one history line on the disk it is committed; the next command writes the others.
                if not written.committed():
                    raise
        return now

    def _say_why(self, error: HostError) -> None:
        if not isinstance(error, Aborted):
            # Once more than preparing was begun, what went wrong is a failed deploy, whatever its cause.
            kind = error.kind if self.phase == FIRST else "failed"
            services = ",".join(service["name"] for service in self.hello["services"])
            hint = error.hint or f"the whole story: fab logs {services} --deploy {self.deploy}"
            self.link.answer(dict(problem(error), event="failed", step=self.step, kind=kind, hint=hint))

    def _learn_secrets(self) -> None:
        """Of this version and of the one before: neither is told or logged."""
        self.link.mask.learn_from_disk(self.layout, self.hello["services"])
        for part in self.plan["services"].values():
            for step in part["steps"]:
                self.link.mask.learn(step["args"].get("env_file", ""))

    def _run_phases(self, written: journal.Journal) -> None:
        """Those that we are told of in advance, then whatever the client says, until it says commit."""
        message = self.plan
        while message["do"] in ("plan", "run"):
            for phase in message["phases"]:
                self.phase = phase
                self._phase(phase, written)
                if phase == FIRST:
                    disk_sync.sync_disks([self.ctx[name] for name in self.plan["services"]], self.eventlog)
                self.link.answer({"event": "done", "phase": phase})
            message = self.link.receive()
        if message["do"] != "commit":
            raise Aborted("the client ended the deploy")

    def _phase(self, phase: str, written: journal.Journal) -> None:
        """Step by step for all services: all are fetched before the first is built."""
        columns = [[(name, step) for step in part["steps"] if step["phase"] == phase]
                   for name, part in sorted(self.plan["services"].items())]
        for pair in itertools.chain.from_iterable(itertools.zip_longest(*columns)):
            if pair is not None:
                self._do(written, *pair)

    def _do(self, written: journal.Journal, service: str, step: Message) -> None:
        self.link.check()
        ctx, name = self.ctx[service], step["name"]
        ctx.say = lambda line: self.eventlog.event("output", service=service, step=name, line=line)
        self.step = name
        if step["action"] in CHECKS:
            CHECKS[step["action"]](ctx, step["args"])
        written.begin(service, name)
        with self.eventlog.step(service, name) as ending:
            ending.changed = ACTIONS[step["action"]](ctx, step["args"])

    def _restore(self, written: journal.Journal, why: str) -> None:
        self.eventlog.event("host_state", state="restoring", detail=why)
        undo.restore(written, self.env, why, self.eventlog)
        now = {name: self.ctx[name].head() for name in written.services}
        self.link.answer({"event": "restored", "why": why, "now": now})

    def _head(self) -> Message:
        """The journal's first line: what is needed for the way back, and nothing else."""
        services = {service["name"]: service for service in self.hello["services"]}
        parts = {name: {"directory": services[name]["directory"], "repo": services[name]["repo"],
                        "record": dict(part["record"], deploy=self.deploy, by=self.hello.get("by"),
                                       command=self.hello.get("command")),
                        "steps": [{key: step.get(key) for key in ("name", "undo", "undo_last")}
                                  for step in part["steps"]]}
                 for name, part in self.plan["services"].items()}
        return {"deploy": self.deploy, "by": self.hello.get("by"), "command": self.hello.get("command"),
                "place": self.hello["place"], "services": parts}

    def _note_what_is(self, written: journal.Journal) -> Message:
        """What can be told apart later: by pid and start, which commit a process was started from; by `left`,
        what the build changed from what a person did. Returns the commits."""
        now = {}
        for name, part in written.services.items():
            ctx = self.ctx[name]
            found = ctx.tree.state()
            now[name] = found.commit
            part["record"].update(pid=ctx.pid, start=ctx.start, left=found.edits, release=ctx.releases.live())
        return now
