"""The host's half of a deploy: lock, facts, plan, phase after phase, commit; or the way back.

Two-phase commit with presumed abort: until the client says commit, whatever ends the conversation
undoes what was begun. It ends with `committed`, `restored`, `unlocked` (nothing was begun) or `stuck`.
"""

from __future__ import annotations

import itertools
from typing import Any, Dict, Iterable

from . import facts, git, journal, locks, reading, recovery, restoring, revision
from .actions import ACTIONS, CHECKS
from .configuration import Configuration
from .errors import Aborted, HostError, as_host_error, problem
from .here import Here
from .link import Link
from .place import Place
from .releases import Releases
from .story import Story
from .supervisord import Supervisord

Message = Dict[str, Any]
FIRST = "prepare"


def rollout(link: Link, hello: Message, env: Dict[str, str]) -> None:
    Rollout(link, hello, env).run()


class Rollout:
    def __init__(self, link: Link, hello: Message, env: Dict[str, str]) -> None:
        self.link = link
        self.hello = hello
        self.deploy = str(hello["deploy"])
        self.place = Place(hello["place"])
        self.story = Story(link)
        self.here: Dict[str, Here] = {}
        self.env = env
        self.step = ""
        self.phase = FIRST

    def run(self) -> None:
        self.place.prepare()
        held = locks.Locks(self.place, {key: self.hello.get(key) for key in ("deploy", "by", "command", "since")})
        try:
            message = self._lock_and_look(held)
            while message["do"] == "unlock":        # refused elsewhere: nobody waits while holding a lock
                held.release()
                self.link.receive()
                message = self._lock_and_look(held)
            if message["do"] == "plan" and message["services"]:
                self._carry_out(message, held)
            self.link.answer({"event": "unlocked"})
        finally:
            held.release()

    def _lock_and_look(self, held: locks.Locks) -> Message:
        """Returns what the client says to it."""
        try:
            self._lock(held)
            recovered = recovery.finish(self.place, held, self.env, self.story)
            self.link.answer({"event": "locked", "recovered": recovered})
            self._look()
        except HostError:
            reading.heads(self.link, self.hello, self.env)
            raise
        try:
            return self.link.receive()
        except Aborted as error:
            # A plan may have been on its way: nothing of it was begun.
            self.link.answer({"event": "restored", "why": error.message, "now": self._heads(self.here)})
            raise

    def _lock(self, held: locks.Locks) -> None:
        while True:
            try:
                held.take([service["name"] for service in self.hello["services"]])
                return
            except locks.Held as error:
                reading.heads(self.link, self.hello, self.env)
                self.link.answer({"event": "refused", "service": error.service, "holder": error.holder})
                self.link.receive()

    def _look(self) -> None:
        """Tell the facts; on the host that resolves the revisions, resolve them first."""
        for service in self.hello["services"]:
            here = self.here[service["name"]] = self._at(service)
            here.clone.unlock()
        configuration = Configuration(self.place.supervisord_conf, self.env)
        supervisord = Supervisord(configuration, self.link.check)
        problems = facts.ready(self.place, self.hello["services"], configuration, supervisord)
        if problems:
            reading.heads(self.link, self.hello, self.env)
            self.link.answer({"event": "not_ready", "problems": [problem(error) for error in problems]})
            return
        for service in self.hello["services"]:
            if service.get("revision"):
                found = revision.resolve(self.here[service["name"]], service["revision"])
                self.link.answer(dict(found, event="resolved", service=service["name"]))
        self.link.answer({"event": "facts", "services": {
            service["name"]: facts.of_service(self.place, service, self.here[service["name"]].clone, supervisord)
            for service in self.hello["services"]}})

    def _carry_out(self, plan: Message, held: locks.Locks) -> None:
        self.story.keep_log(self.place, self.deploy)
        self._learn_secrets(plan)
        held.describe(commit={name: part["record"].get("to") for name, part in plan["services"].items()})
        written = journal.create(self.place, self._head(plan))
        try:
            self._run_phases(plan, written)
            now = self._commit(written)
        except Exception as error:
            # A full disk or a bug of ours is no reason to leave the host in between.
            self._say_why(as_host_error(error))
            held.describe(restoring=True)
            self._restore(written, self.link.mask(as_host_error(error).message))
            return
        self._tidy(plan)
        self.link.answer({"event": "committed", "now": now})

    def _tidy(self, plan: Message) -> None:
        """It is committed: whatever goes wrong now is only told."""
        for name, part in sorted(plan["services"].items()):
            tidy = part.get("tidy")
            try:
                if tidy:
                    ACTIONS[tidy["action"]](self.here[name], tidy["args"])
            except Exception as error:
                self.story.event("notice", level="warning", message="%s: not tidied up: %s" % (
                    name, as_host_error(error).message))

    def _commit(self, written: journal.Journal) -> Message:
        """Returns the commits that are on the disk."""
        with self.link.decided():
            now = self._note_what_is(written)
            try:
                restoring.commit(written)
            except OSError:
                # With one history line on the disk it is committed; the next command writes the others.
                if not restoring.committed(written):
                    raise
        return now

    def _say_why(self, error: HostError) -> None:
        if not isinstance(error, Aborted):
            # Once more than preparing was begun, what went wrong is a failed deploy, whatever its cause.
            kind = error.kind if self.phase == FIRST else "failed"
            hint = error.hint or "the whole story is on the host: " + self.place.run_log(self.deploy)
            self.link.answer(dict(problem(error), event="failed", step=self.step, kind=kind, hint=hint))

    def _learn_secrets(self, plan: Message) -> None:
        """Of this version and of the one before: neither is told or logged."""
        self.link.mask.learn_from_disk(self.place, self.hello["services"])
        for part in plan["services"].values():
            for step in part["steps"]:
                self.link.mask.learn(step["args"].get("env_file", ""))

    def _run_phases(self, plan: Message, written: journal.Journal) -> None:
        """Those that we are told of in advance, then whatever the client says, until it says commit."""
        message = plan
        while message["do"] in ("plan", "run"):
            for phase in message["phases"]:
                self.phase = phase
                self._phase(phase, plan, written)
                self.link.answer({"event": "done", "phase": phase})
            message = self.link.receive()
        if message["do"] != "commit":
            raise Aborted("the client ended the deploy")

    def _phase(self, phase: str, plan: Message, written: journal.Journal) -> None:
        """Step by step for all services: all are fetched before the first is built."""
        columns = [[(name, step) for step in part["steps"] if step["phase"] == phase]
                   for name, part in sorted(plan["services"].items())]
        for pair in itertools.chain.from_iterable(itertools.zip_longest(*columns)):
            if pair is not None:
                self._do(written, *pair)

    def _do(self, written: journal.Journal, service: str, step: Message) -> None:
        self.link.check()
        here, name = self.here[service], step["name"]
        here.say = lambda line: self.story.event("output", service=service, step=name, line=line)
        self.step = name
        if step["action"] in CHECKS:
            CHECKS[step["action"]](here, step["args"])
        written.begin(service, name)
        with self.story.step(service, name) as ending:
            ending.changed = ACTIONS[step["action"]](here, step["args"])

    def _restore(self, written: journal.Journal, why: str) -> None:
        self.story.event("host_state", state="restoring", detail=why)
        restoring.restore(written, self.env, why, self.story)
        self.link.answer({"event": "restored", "why": why, "now": self._heads(written.services)})

    def _head(self, plan: Message) -> Message:
        """The journal's first line: what is needed for the way back, and nothing else."""
        services = {service["name"]: service for service in self.hello["services"]}
        parts = {name: {"directory": services[name]["directory"], "repo": services[name]["repo"],
                        "record": dict(part["record"], deploy=self.deploy, by=self.hello.get("by"),
                                       command=self.hello.get("command")),
                        "steps": [{key: step.get(key) for key in ("name", "undo", "undo_last")}
                                  for step in part["steps"]]}
                 for name, part in plan["services"].items()}
        return {"deploy": self.deploy, "by": self.hello.get("by"), "command": self.hello.get("command"),
                "place": self.hello["place"], "services": parts}

    def _note_what_is(self, written: journal.Journal) -> Message:
        """What can be told apart later: by pid and start, which commit a process was started from; by `left`,
        what the build changed from what a person did. Returns the commits."""
        now = {}
        for name, part in written.services.items():
            here = self.here[name]
            found = here.tree.state()
            now[name] = found.commit
            part["record"].update(pid=here.pid, start=here.start, left=found.edits, release=here.releases.live())
        return now

    def _heads(self, services: Iterable[str]) -> Message:
        return {name: _head_of(self.here[name]) for name in services}

    def _at(self, service: Message) -> Here:
        return Here(self.place, service, self.env, self.deploy, check=self.link.check, mask=self.link.mask,
                    waiting=lambda detail: self.story.event("host_state", state="waiting", detail=detail))


def _head_of(here: Here) -> Any:
    """What is on the disk now; asked after the conversation is over, so nothing may interrupt it."""
    here.check = lambda: None
    unstopped = git.Clone(here.directory, here.clone.repo, here.env, here.check)
    return Releases(here.place, here.name, unstopped).live_tree().head()
