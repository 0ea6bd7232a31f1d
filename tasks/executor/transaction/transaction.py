"""A plan carried out on this host: journal, phase after phase, commit; or the undo."""

from __future__ import annotations

import contextlib
import itertools
from typing import Any, Dict, Iterable, Sequence

from .. import disk_secrets, git
from ..disk import files
from ..errors import Aborted, HostError, as_host_error, problem
from ..link import Link
from ..protocol import PHASES, Ending
from ..service.context import ServiceContext
from ..state import history, journal, locks
from ..steps import ACTIONS, CHECKS, Results, Step
from ..steps.hooks import is_idle
from ..steps.placed_files import PLACES, secrets_in
from . import disk_sync, left_edits, plan_result, undo
from .eventlog import EventLog
from .tree_times import TreeTimes

Message = Dict[str, Any]
FIRST = PHASES[0]
IN_SERVICE = ("recheck", "after")
STARTED = ("activate", *IN_SERVICE)
TREES = ("checkout_back", "switch", "remove_clone")         # their undo takes a tree away, or overwrites it


class Transaction:
    """`plan`, for the services of `contexts`, whose locks are `held`. `replaced`: journals of deploys that could not be
    undone; they go once this one is committed."""

    def __init__(self, link: Link, hello: Message, plan: Message, contexts: dict[str, ServiceContext],
                 held: locks.Locks, env: dict[str, str], eventlog: EventLog,
                 replaced: Sequence[journal.Journal]) -> None:
        self.link = link
        self.hello = hello
        self.deploy = str(hello["deploy"])
        self.plan = plan
        self.contexts = contexts
        self.held = held
        self.env = env
        self.eventlog = eventlog
        self.replaced = replaced
        self.layout = next(iter(contexts.values())).layout
        self.results = dict.fromkeys(plan["services"], Results())
        self.step = ""
        self.phase = FIRST
        self.times = {name: TreeTimes(contexts[name].clone) for name in plan["services"]}
        self.is_committing = False          # the client waits for the ending, and says nothing more

    def run(self) -> Ending:
        """Returns the ending, Committed or Restored. Raises CannotRestore."""
        self.eventlog.open_log(self.layout, self.deploy)
        self._learn_secrets()
        self.held.describe(commit={name: part["record"].get("to") for name, part in self.plan["services"].items()})
        for name in self._drained_by_client():
            files.write_atomic(self.layout.drained(name), self.deploy.encode())
        hook_envs = {name: part["hook_env"] for name, part in self.plan["services"].items() if part["hook_env"]}
        written = journal.create(self.layout, self._journal_head(), hook_envs)
        try:
            self._run_phases(written)
            now = self._commit(written)
        except Exception as error:
            # Neither a full disk nor a bug of ours may leave the host in between, even where it hits the report.
            try:
                self._report_failure(as_host_error(error))
                self._await_turn()
                self.held.describe(restoring=True)
            finally:
                ending = self._restore(written, self.link.mask(self._why(as_host_error(error))))
            return ending
        self._tidy()
        self._tell_changed()
        return {"event": "committed", "now": now}

    def _learn_secrets(self) -> None:
        """Mask the secrets of this version and of the one before."""
        disk_secrets.learn(self.link.mask, self.layout, self.hello["services"])
        for part in self.plan["services"].values():
            for text in (part["hook_env"], *(step["args"].get("env_file") for step in part["steps"])):
                self.link.mask.learn(text or "")
            self.link.mask.learn_words(word for step in part["steps"] for word in secrets_in(step))

    def _journal_head(self) -> Message:
        """The journal's first line: what the undo needs, and nothing else."""
        services = {service["name"]: service for service in self.hello["services"]}
        parts = {name: {"directory": services[name]["directory"], "repo": services[name]["repo"],
                        "record": dict(part["record"], deploy=self.deploy, by=self.hello.get("by"),
                                       command=self.hello.get("command")),
                        "on_failure": part["on_failure"],
                        "steps": [{key: step.get(key) for key in ("name", "undo", "undo_last", "undo_at")}
                                  for step in part["steps"]]}
                 for name, part in self.plan["services"].items()}
        return {"deploy": self.deploy, "by": self.hello.get("by"), "command": self.hello.get("command"),
                "place": self.hello["place"], "replaces": [left.deploy for left in self.replaced], "services": parts}

    def _run_phases(self, written: journal.Journal) -> None:
        """The phases that came with the plan, then those that the client names, until it says commit."""
        message = self.plan
        while message["do"] in ("plan", "run"):
            for phase in message["phases"]:
                self.phase = phase
                self._run_phase(phase, written)
                if phase == FIRST:
                    disk_sync.sync_disks([self.contexts[name] for name in self.plan["services"]], self.eventlog)
                if phase in STARTED:
                    for name, part in self.plan["services"].items():
                        plan_result.require(self.contexts[name], part)
                self.link.answer({"event": "done", "phase": phase})
            message = self.link.receive()
        if message["do"] != "commit":
            raise Aborted("the client ended the deploy")

    def _run_phase(self, phase: str, written: journal.Journal) -> None:
        """Step by step for all services: all are fetched before the first is built."""
        columns = [[(name, step) for step in part["steps"] if step["phase"] == phase]
                   for name, part in sorted(self.plan["services"].items())]
        for pair in itertools.chain.from_iterable(itertools.zip_longest(*columns)):
            if pair is not None:
                self._run_step(written, *pair)

    def _run_step(self, written: journal.Journal, service: str, planned: Message) -> None:
        self.link.raise_if_aborted()
        ctx = self.contexts[service]
        self.step = self._name(service, planned)
        step = Step(planned["args"], self.eventlog.output_of(service, planned["name"]), self.results[service])
        to_undo = [planned["name"]]
        if planned["action"] in CHECKS:
            step = step._replace(results=CHECKS[planned["action"]](ctx, step))
            to_undo += step.results.overwritten
        for name in to_undo:
            written.begin(service, name)
        if is_idle(planned):
            return
        with self.times[service].noted(planned["action"]):
            result = self.eventlog.step(service, planned["name"], lambda: ACTIONS[planned["action"]](ctx, step))
        self.results[service] = result.results or step.results

    def _name(self, service: str, planned: Message) -> str:
        """Of the step, for people: where there are several services, with that of its own."""
        name: str = planned["name"]
        return f"{service}: {name}" if len(self.plan["services"]) > 1 else name

    def _why(self, error: HostError) -> str:
        """Of all services, when one of them failed."""
        is_of_all = isinstance(error, Aborted) or len(self.plan["services"]) == 1
        return error.message if is_of_all else f"{self.step}: {error.message}"

    def _commit(self, written: journal.Journal) -> Message:
        """Write the commit record; returns the commits that are on the disk, by service."""
        self.is_committing = True
        with self.link.uninterruptible():
            states = {name: self.contexts[name].tree.state() for name in written.services}
            self._note_left_files()
            try:
                written.commit({name: self._outcome(name, state) for name, state in states.items()}, self.replaced)
            except OSError:
                # With one history line on the disk it is committed; the next command writes the others.
                if not written.committed():
                    raise
            self._note_in_service(written.services)
        return {name: state.commit for name, state in states.items()}

    def _note_left_files(self) -> None:
        """What the build made of the files that were placed is no edit of a person."""
        for name, part in self.plan["services"].items():
            if any(step["action"] in PLACES for step in part["steps"]):
                releases = self.contexts[name].releases
                with contextlib.suppress(OSError):
                    releases.placed(releases.live()).note_left(self.times[name].is_of_person)

    def _outcome(self, service: str, state: git.State) -> Message:
        """The fields that a history line has beyond the journal's record. `seconds`: how long each step took when it
        last had something to do. `pid` and `start` (`processes`) tell
        later from which commit a process was started; `left` tells what the build changed from what a person did."""
        ctx = self.contexts[service]
        part = self.plan["services"][service]
        seconds = {**(part["record"].get("seconds") or {}), **self.eventlog.seconds.get(service, {})}
        return {**self._processes(service), "left": left_edits.of_service(ctx, state, part, self.times[service]),
                "seconds": seconds,
                "release": ctx.releases.live()}

    def _processes(self, service: str) -> Message:
        """The pid and the start of a program's only process; of several those of each, by name."""
        started = self.results[service].started or {}
        identities = {name.partition(":")[2]: [process.pid, process.start] for name, process in started.items()}
        only = identities.pop(service, [None, None])
        return {"pid": only[0], "start": only[1], **({"processes": identities} if identities else {})}

    def _tidy(self) -> None:
        """The deploy is committed: whatever goes wrong here is a warning."""
        for name, part in sorted(self.plan["services"].items()):
            tidy = part.get("tidy")
            try:
                if tidy:
                    step = Step(tidy["args"], self.eventlog.output_of(name, "tidy"))
                    ACTIONS[tidy["action"]](self.contexts[name], step)
                actions = {step["action"] for step in part["steps"]}
                if "receive" in actions:
                    git.forget(self.contexts[name].clone.git, history.commits(self.layout, name))
                if "checkout" in actions:
                    self.contexts[name].clone.set_aside(self.deploy).forget_marks()
                if not actions.isdisjoint(("fetch", "receive")):
                    self.contexts[name].clone.put_objects_together()
            except Exception as error:
                self.eventlog.warn(f"{name}: not tidied up: {as_host_error(error).message}")

    def _tell_changed(self) -> None:
        """The deploy is committed, also where nobody can tell."""
        with contextlib.suppress(Exception):
            for name, part in self.plan["services"].items():
                for words in plan_result.changed(self.contexts[name], part, self.results[name].started or {}):
                    self.eventlog.warn(f"{name}: {words}")

    def _report_failure(self, error: HostError) -> None:
        if not isinstance(error, Aborted):
            # Once more than preparing was begun, the deploy has failed, whatever the cause.
            kind = error.kind if self.phase == FIRST else "failed"
            services = ",".join(service["name"] for service in self.hello["services"])
            hint = error.hint or f"the run log has the details: fab logs {services} --deploy {self.deploy}"
            self.link.answer({**problem(error), "event": "failed", "step": self.step, "kind": kind, "hint": hint})

    def _await_turn(self) -> None:
        """Once it has been taken into service, a host goes back when the client says so: batches go back one after the
        other, and hooks of the client come first. Where nobody says it, the lease ends that."""
        if self.phase in IN_SERVICE and not self.is_committing:
            with contextlib.suppress(HostError):
                while True:
                    self.link.receive()             # until it raises Aborted

    def _restore(self, written: journal.Journal, why: str) -> Ending:
        self.eventlog.event("host_state", state="restoring", detail=why)
        undone = undo.Undo(written, self.env, self.eventlog)
        undone.end_leftovers()                          # git keeps nothing beside the lock of one that was killed
        for service in sorted({service for service, step in written.undos() if step["undo"]["action"] in TREES}):
            undone.keep_edits(service, self.times[service])
        undone.run(why, "restored" if self.link.reached else "not_reached")
        self._await_undrained()
        now = {name: self.contexts[name].head() for name in written.services}
        return {"event": "restored", "why": why, "now": now}

    def _await_undrained(self) -> None:
        """The client's turn: its hooks take the host into service again. Without its word the mark stays, and the next
        command runs them."""
        drained = self._drained_by_client()
        if not drained:
            return
        self.link.disregard_abort()
        self.link.answer({"event": "undone"})
        with contextlib.suppress(HostError):
            message = self.link.receive()
            while message["do"] not in ("undrained", "end"):        # what was on its way before
                message = self.link.receive()
            if message["do"] == "undrained":
                self._note_in_service(drained)

    def _drained_by_client(self) -> list[str]:
        return [name for name, part in self.plan["services"].items() if part["client_drains"]]

    def _note_in_service(self, services: Iterable[str]) -> None:
        for name in services:
            with contextlib.suppress(OSError):              # the hooks run once more then
                files.remove(self.layout.drained(name))
