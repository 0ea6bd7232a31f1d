"""The client's half of a deploy: connect, lock, look, plan, phase after phase, commit; or abort.

Two-phase commit with presumed abort (design, section 3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import _errors as errors
from ..executor.protocol import PHASES
from . import decision, events, outcome_query, preview, results, settings, signals
from .conversation import Conversation, Stop
from .goal import Planner
from .locking import lock_and_look

if TYPE_CHECKING:
    from .deployment import Deployment
    from .fleet import Fleet


class Coordinator:
    """Carries one plan out on all targets of the fleet: all or none.

    Seconds to wait for a lock: `wait`, or `while_restoring` when its holder is on its way back.
    """

    def __init__(self, order: Deployment, fleet: Fleet, report: events.Listener, *, wait: float = 0,
                 while_restoring: float = 0) -> None:
        self.order = order
        self.fleet = fleet
        self.report = report
        self.wait = wait
        self.while_restoring = while_restoring
        self.conversation = Conversation(fleet, report)
        self.peers = self.conversation.peers

    def roll_out(self, plan: Planner, resolve: dict[str, str] | None = None) -> events.Finished:
        """The whole conversation. `resolve`: the revisions to turn into commits, by service."""
        why, codes = "", [0]
        with signals.as_messages(self.conversation.signalled, self.conversation.leave), self.fleet:
            try:
                self.fleet.connect()
                decision.announce(self.conversation, self.order)      # what it takes to tell is imported meanwhile
                self.conversation.wait_connected()
                self._lock(resolve or {})
                self._plan(plan)
                self._agree()
            except Stop as stop:
                self._abort(stop)
                why, codes = stop.error.message, [stop.error.exit_code]
            self._hear_endings()
        codes += [peer.error.exit_code for peer in self.peers if peer.error]
        tried = {name: found["commit"] for name, found in self.conversation.resolved.items()}
        return results.finished(self.order.command, self.peers, tried, why, results.worst(codes))

    def _lock(self, resolve: dict[str, str]) -> None:
        """The lowest-named host resolves the revisions, once for all."""
        by_host = decision.by_host(self.peers, resolve)
        lock_and_look(self.conversation, lambda peer: settings.rollout(peer, self.order, by_host[peer.name]),
                      self.wait, self.while_restoring)
        decision.tell_resolved(self.conversation)

    def _plan(self, plan: Planner) -> None:
        decision.decide(self.conversation, plan)
        for told in preview.brief(self.conversation):
            self.report.on(told)

    def _agree(self) -> None:
        """Nothing restarts until every host has built; nothing is kept until every host is healthy."""
        busy = [peer for peer in self.peers if any(plan.steps for plan in peer.plans.values())]
        wanted = {step.phase for peer in busy for plan in peer.plans.values() for step in plan.steps}
        phases = [phase for phase in PHASES if phase in wanted]
        # A lone host has nobody to wait for: it is told all of them in advance, which spares round trips.
        in_advance = phases if len(busy) == 1 else phases[:1]
        for peer in busy:
            steps = {name: plan.message() for name, plan in peer.plans.items() if plan.steps}
            self.conversation.gate.enter(peer, {"do": "plan", "services": steps, "phases": in_advance})
        for phase in phases:
            if phase not in in_advance:
                self.conversation.tell(busy, {"do": "run", "phases": [phase]})
            self.conversation.agree(phase, busy)
        self.conversation.holding = True
        self.conversation.tell(busy, {"do": "commit"})

    def _abort(self, stop: Stop) -> None:
        self.conversation.gate.shut()
        self.conversation.holding = True
        if isinstance(stop.error, errors.Interrupted):
            words = "interrupted: going back; once more to leave at once"
            self.report.on(events.Notice(message=words, level="warning"))
        greeted = [peer for peer in self.peers if peer.greeted is not None]
        self.conversation.tell(greeted, {"do": "abort", "why": stop.error.message})
        for peer in self.peers:
            if not peer.planned:
                peer.ending = "end"            # nothing was begun there: it owes us no word
        self._look_at_the_rest()

    def _look_at_the_rest(self) -> None:
        """What is on the hosts that were not asked for anything yet: the last table shows it."""
        rest = [peer for peer in self.peers if peer.connected and peer.greeted is None and not peer.error]
        for peer in rest:
            peer.greet(settings.heads(peer))
        self.conversation.until(lambda: all(peer.heads or peer.gone for peer in rest))

    def _hear_endings(self) -> None:
        """Whoever was given a plan says how it ended; a host that could not say it is asked once more."""
        begun = [peer for peer in self.peers if peer.planned]
        idle = [peer for peer in self.peers if peer.greeted is not None and not peer.planned]
        self.conversation.tell(idle, {"do": "end"})
        self.conversation.holding = True
        self.conversation.until(lambda: all(peer.ending or peer.gone for peer in begun))
        outcome_query.ask([peer for peer in begun if not peer.ending], self.order, self.report)
