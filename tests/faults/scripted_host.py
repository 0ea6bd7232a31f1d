"""A host without a machine: it speaks the protocol by the letter, in this process, and knows how its deploy ended."""

from __future__ import annotations

import json
import queue
import time
from collections.abc import Iterator
from typing import Any

from msgspec import to_builtins

from tasks.inventory.model import Host
from tasks.remote.session import Deliver, Session
from tests.rollout.samples import A, B, facts

Message = dict[str, Any]


class ScriptedHost:
    """`ending`: of its plan, the truth; empty while it has none. `said`: the kinds of message that left it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.ending = ""
        self.planned = False
        self.said: list[str] = []

    def answers(self, told: Iterator[Message]) -> Iterator[Message]:
        """One conversation: what it says to what it is told."""
        hello = next(told)
        self.services = [service["name"] for service in hello["services"]]
        yield from getattr(self, hello["do"])(hello, told)

    def rollout(self, hello: Message, told: Iterator[Message]) -> Iterator[Message]:
        yield {"event": "locked", "recovered": []}
        yield from self._resolve(hello)
        yield self._facts()
        plan: Message = {}
        for message in told:
            if message["do"] == "retry":
                yield {"event": "locked", "recovered": []}
                yield self._facts()
            elif message["do"] in ("plan", "run"):
                self.planned = True
                plan = message if message["do"] == "plan" else plan
                yield from self._phases(plan, message["phases"])
            elif message["do"] == "commit":
                self.ending = "committed"
                yield {"event": "committed", "now": self._commits(B)}
                return
            elif message["do"] != "unlock":
                break
        self.ending = "restored"
        yield {"event": "restored", "why": "told to", "now": self._commits(A)}

    def plan(self, hello: Message, told: Iterator[Message]) -> Iterator[Message]:
        yield from self._resolve(hello)
        yield self._facts()
        for name in next(told).get("services", {}):
            yield {"event": "compared", "service": name, "missing": [], "obstacles": [], "secrets": [],
                   "variables": {}, **DISTANCE}
        yield {"event": "end"}

    def status(self, hello: Message, told: Iterator[Message]) -> Iterator[Message]:
        for name in self.services:
            yield {"event": "facts", "services": {name: to_builtins(facts())}}
        yield {"event": "end"}

    def heads(self, hello: Message, told: Iterator[Message]) -> Iterator[Message]:
        yield {"event": "heads", "now": self._commits(A)}
        yield {"event": "end"}

    def history(self, hello: Message, told: Iterator[Message]) -> Iterator[Message]:
        fields = dict.fromkeys(("deploy", "at", "by", "command", "from", "to", "result", "why", "revision", "branch"))
        for number in range(3):
            yield {**fields, "event": "history", "service": self.services[0], "deploy": f"d{number}"}
        yield {"event": "end"}

    def logs(self, hello: Message, told: Iterator[Message]) -> Iterator[Message]:
        for number in range(3):
            yield {"event": "log", "service": self.services[0], "process": self.services[0], "stream": "stdout",
                   "line": f"line {number}", "mark": [1, number, 0, 0]}
        yield {"event": "end"}

    def runs(self, hello: Message, told: Iterator[Message]) -> Iterator[Message]:
        yield {"event": "runs", "deploys": ["d1"]}
        next(told)
        yield {"event": "log", "service": ",".join(self.services), "process": "", "stream": "", "line": "begins",
               "mark": [1, 0, 0, 0]}
        yield {"event": "end"}

    def ask(self, hello: Message, told: Iterator[Message]) -> Iterator[Message]:
        for name in self.services:
            yield {"event": "outcome", "service": name, "result": self.ending or "restored", "why": None,
                   "busy": False, "due": False, "now": B if self.ending == "committed" else A}
        yield {"event": "end"}

    def _resolve(self, hello: Message) -> Iterator[Message]:
        for service in hello["services"]:
            if service["revision"]:
                yield {"event": "resolved", "service": service["name"], "revision": service["revision"], "commit": B,
                       "branch": "main", **DISTANCE}

    def _facts(self) -> Message:
        return {"event": "facts", "services": {name: to_builtins(facts()) for name in self.services}}

    def _phases(self, plan: Message, phases: list[str]) -> Iterator[Message]:
        for phase in phases:
            for name, part in plan["services"].items():
                for step in part["steps"]:
                    if step["phase"] == phase:
                        named = {"service": name, "step": step["name"]}
                        yield {"event": "step_started", **named}
                        yield {"event": "output", **named, "line": "it works"}
                        yield {"event": "step_finished", **named, "ok": True, "changed": True, "seconds": 0.1,
                               "why": None, "stopped": False}
            yield {"event": "done", "phase": phase}

    def _commits(self, commit: str) -> dict[str, str]:
        return dict.fromkeys(self.services, commit)


DISTANCE: Message = {"back": 0, "forward": 1, "dropped": [], "subject": "x",
                     "commits": [{"commit": B, "author": "ann", "subject": "x"}]}


class NoConnection:
    """As much of a connection as a session without a network asks for."""

    is_connected = False

    def __init__(self, host: Host) -> None:
        self.original_host = host.name

    def sever(self) -> None: ...


class ScriptedSession(Session):
    """Its host is a script: lines of bytes, made from what is sent to it. A change of one may also end it, or wait."""

    def __init__(self, host: Host, deliver: Deliver, script: ScriptedHost, mutate: Any) -> None:
        super().__init__(NoConnection(host), deliver, None)         # type: ignore[arg-type]
        self.began = True
        self._script = script
        self._mutate = mutate
        self._thread(self._run, "script")

    def _run(self) -> None:
        try:
            for message in self._script.answers(self._told()):
                for line in self._mutate(message, self._closed):
                    self._take(line, b"")
                if self._closed.is_set():
                    break
        except Exception as error:                                  # of the host: it ends
            self._failure = f"{type(error).__name__}: {error}"
        finally:
            if self._script.planned and not self._script.ending:
                self._script.ending = "restored"                    # the lease lapses
            self._end(None)

    def _told(self) -> Iterator[Message]:
        while True:
            try:
                data = self._outbox.get(timeout=0.05)
            except queue.Empty:
                self.last_heard = time.monotonic()                  # stands for its beats
                if self._closed.is_set():
                    return
                continue
            if data is None:
                return
            message = json.loads(data)
            if message["do"] != "beat":
                yield message
