"""A host as the client knows it: a state machine whose events are the messages of both sides."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Literal

from ... import _errors as errors
from ..._errors import FabvisorError, NeedsPerson
from .. import events, protocol
from . import reported_errors
from .peer_events import Connected, HookFailed, Lost, PackFailed, PeerEvent

if TYPE_CHECKING:
    from ...executor.protocol import ClientMessage, Phase, Plan
    from ...inventory.model import Host, Target
    from ...remote.session import Session
    from .. import steps
    from ..facts import Facts


class State(Enum):
    CONNECTING = auto()
    CONNECTED = auto()
    GREETED = auto()            # the first message was sent
    LOCKED = auto()             # it holds the locks, and looks
    READY = auto()              # its facts are known
    REFUSED = auto()            # somebody else holds a lock
    PLANNED = auto()            # it was given a plan, and must say how that ended
    ENDED = auto()              # it sent its ending, or was dismissed
    LOST = auto()               # its connection is gone, or cannot be believed


class Peer:
    """`phase`: the last one that is over; `ending`: committed or restored, of the plan that it was given."""

    def __init__(self, host: Host, targets: list[Target]) -> None:
        self.host = host
        self.targets = targets
        self.state = State.CONNECTING
        self.session: Session | None = None
        self.error: FabvisorError | None = None
        self.before: FabvisorError | None = None            # why the connection before this one ended
        self.refusal: protocol.Refused | None = None
        self.recovered: dict[str, str] = {}                 # services of an interrupted deploy: how that ended now
        self.resolved: dict[str, protocol.Resolved] = {}
        self.facts: dict[str, Facts] = {}
        self.odd: dict[str, str] = {}                       # services that could not be looked at, and why
        self.orphans: list[protocol.Orphan] = []            # deployed there, and not in hosts.yaml any more
        self.history: list[events.History] = []             # oldest first
        self.checks: list[events.Check] = []                # what `doctor` found
        self.adopted: protocol.Adopted | None = None        # what its supervisord keeps running
        self.clock_offset: float | None = None              # seconds that its clock is ahead of ours
        self.host_facts: protocol.HostFacts | None = None   # the newest, for `setup`
        self.heads: Mapping[str, str | None] = {}           # commits on the disk, where there are no facts
        self.plans: dict[str, steps.Plan] = {}
        self.compared: dict[str, protocol.Compared] = {}
        self.has_plan = False
        self.commit_sent = False
        self.is_reached = True
        self.is_undone = False                              # hooks of the client may be due, before it ends
        self.phase: Phase | Literal[""] = ""
        self.ending = ""
        self.now: Mapping[str, str | None] = {}
        self.why = ""
        self.greeting: Mapping[str, Any] = {}               # the first message
        self.counts: Counter[tuple[type, str]] = Counter()  # of its messages: by kind and service
        self.steps: set[tuple[str, str]] = set()            # that have begun, and are not over: (service, step)
        self.processes: set[str] = set()                    # whose logs it has shown
        self.queued = 0                                     # bytes of its messages that came to the inbox
        self.read = 0                                       # those of them that were taken from it
        self._phases: list[Phase] = []                      # that it was told to run
        self._greeted = 0.0

    @property
    def name(self) -> str:
        return self.host.name

    @property
    def services(self) -> list[str]:
        return [target.service.name for target in self.targets]

    @property
    def verb(self) -> str:
        return str(self.greeting.get("do", ""))

    @property
    def revisions(self) -> list[str]:
        """The services whose revision it was asked to resolve."""
        return [service["name"] for service in self.greeting["services"] if service["revision"]]

    @property
    def planned(self) -> list[str]:
        """The services that its plan changes."""
        return [name for name, plan in self.plans.items() if plan.steps]

    def parts(self, service: str) -> set[tuple[str, str]]:
        """(repository, commit) that the client carries to it."""
        plan = self.plans.get(service)
        calls = [step.do for step in plan.steps if step.do.action == "receive"] if plan else []
        return {(part["repo"], part["commit"]) for call in calls for part in call.args["parts"]}

    @property
    def next_phase(self) -> Phase | None:
        """The one that it can finish next. After a failure there is none."""
        index = self._phases.index(self.phase) + 1 if self.phase else 0
        return None if self.counts[protocol.Failed, ""] else next(iter(self._phases[index:]), None)

    @property
    def is_over(self) -> bool:
        return self.state in (State.ENDED, State.LOST)

    @property
    def is_greeted(self) -> bool:
        """It was sent its first message, and can be sent more."""
        return self.state not in (State.CONNECTING, State.CONNECTED, State.ENDED, State.LOST)

    @property
    def has_answered(self) -> bool:
        """It answered the request to lock and look."""
        return self.state not in (State.CONNECTING, State.CONNECTED, State.GREETED, State.LOCKED)

    @property
    def trouble(self) -> str:
        """Its error in words, without the host's own name in front."""
        error = self.error or self.before
        return error.message.removeprefix(f"{self.name}: ") if error else ""

    def greet(self, message: Mapping[str, Any]) -> None:
        """Send the first message; from now on the host beats."""
        self.state, self.greeting, self._greeted = State.GREETED, message, time.monotonic()
        self.send(message)

    def retry(self) -> None:
        """Ask it to lock and look once more."""
        self.state, self.refusal = State.GREETED, None
        self.counts.clear()
        self.send({"do": "retry"})

    def give_plan(self, plan: Plan) -> None:
        """With the phases of the plan, and those that it was to run while it waited for it."""
        self.state, self.has_plan = State.PLANNED, True
        self._phases = [*dict.fromkeys([*plan["phases"], *self._phases])]
        self.send({**plan, "phases": [*self._phases]})

    def run(self, phase: Phase) -> None:
        """Tell it to run the phase, unless it was told before, or will be with its plan."""
        if phase in self._phases:
            return
        self._phases.append(phase)
        if self.has_plan:
            self.send({"do": "run", "phases": [phase]})

    def abort(self, why: str, is_reached: bool) -> None:
        """Tell it to go back. `is_reached`: not where other hosts were activated, and this one was not."""
        self.is_reached = is_reached
        self.send({"do": "abort", "why": why, "reached": is_reached})

    def commit(self) -> None:
        """Tell it to keep what it runs: from now on it must not be believed to go back."""
        self.commit_sent = True
        self.send({"do": "commit"})

    def dismiss(self, message: ClientMessage) -> None:
        """Say the last word to a host without a plan: it owes no answer, and none is heard."""
        self.send(message)
        self.state = State.ENDED

    def send(self, message: ClientMessage | Mapping[str, Any]) -> None:
        if self.session is not None:
            self.session.send(message)

    def apply(self, event: PeerEvent) -> None:
        """Take in what the host said, or what happened to its connection. Nothing else changes the state, but sending.
        """
        match event:
            case Connected():
                self.state = State.CONNECTED
            case Lost(error):
                self.state, self.error = State.LOST, self.error or error
            case PackFailed(error):
                self.error = self.error or error
            case HookFailed(error):
                self.error = error              # what it was before has its way back; this has none
            case protocol.Undone():
                self.is_undone = True
            case protocol.Locked():
                self.state = State.LOCKED
                self.recovered.update((name, deploy.result) for deploy in event.recovered for name in deploy.services)
            case protocol.Refused():
                self.state, self.refusal = State.REFUSED, event
            case protocol.NotReady():
                self.state, self.error = State.READY, reported_errors.not_ready(self.name, event)
            case protocol.Failed():
                self.error = reported_errors.reported(self.name, event)
            case protocol.Done():
                self.phase = event.phase
            case protocol.Committed() | protocol.Restored() | protocol.Ended() | protocol.Problem() \
                    | protocol.Unusable():
                self._end(event)
            case _:
                self._learn(event)

    def conclude(self, ending: str, now: Mapping[str, str | None], why: str) -> None:
        """How its deploy ended, as it said when it was asked later; `ending` is empty where that is not known."""
        self.ending, self.now, self.why = ending, now, why
        if ending == "committed" and not isinstance(self.error, NeedsPerson):
            self.error = None

    def is_overdue(self, now: float) -> bool:
        """Nothing was heard of it for as long as its lease."""
        if self.session is None or not self._greeted or self.is_over:
            return False
        return now - max(self._greeted, self.session.last_heard) > self.host.lease

    def close(self) -> None:
        if self.session is not None:
            self.session.close()

    def _learn(self, event: PeerEvent) -> None:
        match event:
            case protocol.Facts():
                self.state = State.READY
                self.facts.update(event.services)
            case protocol.Resolved():
                self.resolved[event.service] = event
            case protocol.Compared():
                self.compared[event.service] = event
            case protocol.Odd():
                self.odd[event.service] = ": ".join(filter(None, [event.message, event.hint]))
            case protocol.Orphans():
                self.orphans = event.services
            case protocol.Heads():
                self.heads = event.now
            case events.History():
                self.history.append(event)
            case protocol.HostFacts():
                self.host_facts = event
            case protocol.Adopted():
                self.adopted = event
            case protocol.Clock():
                self.clock_offset = event.now - time.time()
            case events.Check():
                self.checks.append(event)

    def _end(self, event: protocol.Ending) -> None:
        self.state = State.ENDED
        match event:
            case protocol.Committed() if self.has_plan:
                self.ending, self.now = "committed", event.now
            case protocol.Restored() if self.has_plan:
                self.ending, self.now, self.why = "restored", event.now, event.why
            case protocol.Restored():
                self.error = errors.Unreachable(f"{self.name}: it left: {event.why}", "try again")
            case protocol.Problem():
                self.error = reported_errors.reported(self.name, event)
            case protocol.Unusable():
                self.error = reported_errors.unusable(self.name, event)
