"""Carries out the plans of all hosts, or none: prepare, activate batch after batch, commit; or go back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ... import _errors as errors
from ...executor.protocol import PHASES, Phase
from .. import events
from ..peers import settings
from ..peers.conversation import Conversation
from ..peers.peer import Peer, State
from . import outcome_query
from .client_hooks import ClientHooks


class TwoPhaseCommit:
    """Of the hosts of a conversation, once they have plans. `deploy`: its id; `folder`: of hosts.yaml."""

    def __init__(self, conversation: Conversation, deploy: str, folder: Path) -> None:
        self.conversation = conversation
        self.hooks = ClientHooks(conversation, folder)
        self.peers = conversation.peers
        self.report = conversation.report
        self.deploy = deploy
        self._begun: list[list[Peer]] = []          # batches

    def run(self, batches: Sequence[events.Batch]) -> None:
        """Nothing restarts until every host has built, and no batch until the one before is well; nothing is kept until
        all are. `batches`: of the hosts whose plans have steps. Raises Stop."""
        changing = [peer for peer in self.peers if peer.planned]
        self._give_plans(changing)
        self._pass(("prepare", "before"), changing)
        by_name = {peer.name: peer for peer in changing}
        for batch in batches:
            if batch.of > 1:
                self.report.on(batch)
            self._begun.append([by_name[name] for name in batch.hosts])
            self._pass(("activate", "recheck"), self._begun[-1])
        self._pass(("after",), changing)
        self.conversation.holding = True
        for peer in changing:
            peer.commit()

    def _give_plans(self, peers: list[Peer]) -> None:
        """A lone host waits for nobody but hooks of the client: it gets all phases in advance, which saves round trips.
        """
        waits = len(peers) > 1 or any(plan.client_steps for peer in peers for plan in peer.plans.values())
        in_advance = [phase for phase in _phases_of(peers) if not waits or phase == "prepare"]
        for peer in peers:
            services = {name: plan.message() for name, plan in peer.plans.items() if plan.steps}
            self.conversation.fetch_limit.enter(peer, {"do": "plan", "services": services, "phases": in_advance})

    def _pass(self, phases: Sequence[Phase], peers: list[Peer]) -> None:
        """Bring these hosts through those of the phases in which one of them has steps. Raises Stop as soon as any host
        of the conversation cannot go on."""
        for phase in _phases_of(peers):
            if phase in phases:
                self.hooks.run_ahead(peers, phase)
                for peer in peers:
                    peer.run(phase)
                self.conversation.await_phase(phase, peers)
                self.hooks.run_behind(peers, phase)

    def abort(self, error: errors.FabvisorError) -> None:
        """Tell all hosts to go back: at once those of the newest batch, and those that no batch has reached; then the
        batches before, one after the other."""
        self.conversation.fetch_limit.shut()
        self.conversation.holding = True
        if isinstance(error, errors.Interrupted):
            going_back = ": the hosts go back" if any(peer.has_plan for peer in self.peers) else ""
            message = f"interrupted{going_back}; interrupt again to leave without waiting"
            self.report.on(events.Notice(message=message, level="warning"))
        for peer in self.peers:
            if peer.is_greeted and not peer.has_plan:
                peer.dismiss({"do": "abort", "why": error.message, "reached": False})
        reached = {peer for batch in self._begun for peer in batch}
        unreached = [peer for peer in self.peers if peer.has_plan and peer not in reached]
        newest, *earlier = reversed(self._begun or [[]])
        for group in ([*unreached, *newest], *earlier):
            self.hooks.drain_back(group)
            for peer in group:
                peer.abort(error.message, peer in reached or not reached)
            self._await_end(group)
        self._look_at_the_rest()

    def _look_at_the_rest(self) -> None:
        """Ask hosts that were asked nothing yet for their commits: the last table shows them."""
        rest = [peer for peer in self.peers if peer.state is State.CONNECTED]
        for peer in rest:
            peer.greet(settings.heads(peer))
        self.conversation.wait_over(rest)

    def await_endings(self) -> None:
        """Each host with a plan says how it ended; a host that could not say it is asked over a new connection."""
        begun = [peer for peer in self.peers if peer.has_plan]
        for peer in self.peers:
            if peer.is_greeted and not peer.has_plan:
                peer.dismiss({"do": "end"})
        self.conversation.holding = True
        self._await_end(begun)
        outcome_query.ask([peer for peer in begun if not peer.ending], self.deploy, self.report)
        back = [peer for peer in begun if peer.ending == "restored"]
        for peer in back:
            self.hooks.undrain_back(peer)       # of those that could not wait for it
        self.hooks.run_on_failure(back)

    def _await_end(self, peers: list[Peer]) -> None:
        """A host that is back ends when the client's hooks have taken it into service again, or could not."""
        self.conversation.wait_undone(peers)
        for peer in peers:
            if peer.is_undone and not peer.is_over:
                peer.send({"do": "undrained"} if self.hooks.undrain_back(peer) else {"do": "end"})
        self.conversation.wait_over(peers)


def _phases_of(peers: list[Peer]) -> list[Phase]:
    """The phases in which one of these hosts has a step."""
    used = {step.phase for peer in peers for plan in peer.plans.values() for step in plan.steps}
    return [phase for phase in PHASES if phase in used]
