"""The client's half of a deploy: two-phase commit with presumed abort, a method a phase.

`roll_out` and `dry_run` are the two ways through the same phases: connect, lock and look, plan; then the one runs the
plans and commits, the other compares. executor/protocol.py shows the messages.
"""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from ... import _errors as errors
from .. import events, protocol, signals
from ..commits import previous_version, revisions
from ..commits.client_builds import ClientBuilds
from ..commits.local_commits import LocalCommits
from ..commits.pack_sender import PackSender
from ..commits.sources import Sources
from ..goal import Goal, Planner
from ..peers import connection_errors, results, settings
from ..peers.conversation import Conversation, Stop
from ..peers.fleet import Fleet
from ..peers.peer import Peer
from ..peers.peer_events import Lost
from ..plan import batches, machines
from . import preview
from .comparison import Comparison
from .host_locks import lock_and_look
from .two_phase_commit import TwoPhaseCommit

if TYPE_CHECKING:
    from ..goal import Deployment, Key

Confirm = Callable[[], None]                # returns when a person has confirmed; raises when not


class Coordinator:
    """Plans from the facts of all hosts, and carries the plans out: on all hosts or on none.

    Seconds to wait for a lock: `wait`, or `while_restoring` when its holder is on its way back.
    """

    def __init__(self, deployment: Deployment, fleet: Fleet, report: events.Listener, planner: Planner, *,
                 wait: float = 0, while_restoring: float = 0, sources: Sources | None = None) -> None:
        self.deployment = deployment
        self.fleet = fleet
        self.report = report
        self.planner = planner
        self.wait = wait
        self.while_restoring = while_restoring
        self.conversation = Conversation(fleet, report)
        self.peers = fleet.peers
        self.sources = sources or Sources((), Path(), Path(), {}, ClientBuilds(()))
        self.conversation.listeners.append(PackSender(self.sources, fleet.fail).note)
        self.local = LocalCommits(self.sources, self.conversation)
        self.resolved: dict[str, protocol.Resolved] = {}
        self.batches: list[events.Batch] = []
        self.fingerprints: dict[Key, tuple[Any, ...]] = {}              # of the plans, for a person to confirm
        self._confirmed: dict[Key, tuple[Any, ...]] | None = None

    def roll_out(self, confirm: Confirm | None = None) -> events.Finished:
        """With `confirm` a dry run comes first, and nothing is begun that it did not show."""
        if confirm is not None:
            rehearsal = Coordinator(self.deployment, Fleet(self.fleet.targets, "plan"), self.report, self.planner,
                                    wait=self.wait, sources=self.sources)
            finished = rehearsal.dry_run()
            if finished.outcome != "pending":
                return finished
            confirm()                       # no connection and no lock waits for the answer
            self._confirmed = rehearsal.fingerprints
        with signals.handled(self.fleet.signal, self.conversation.leave), self.fleet:
            try:
                return self._carry_out()
            except Exception as error:
                if not any(peer.has_plan for peer in self.peers):
                    raise
                return self._cut_short(error)

    def _carry_out(self) -> events.Finished:
        commit = TwoPhaseCommit(self.conversation, self.deployment.deploy, Path(self.deployment.folder))
        stopped: errors.FabvisorError | None = None
        try:
            self._connect(self.deployment.command)
            self._lock(settings.rollout)
            self._plan()
            self._report(preview.brief(self.peers, self.resolved))
            commit.run(self.batches)
        except Stop as stop:
            stopped = stop.error
            commit.abort(stopped)
        commit.await_endings()
        return self._finished(stopped)

    def _cut_short(self, error: Exception) -> events.Finished:
        """The client itself failed while hosts had plans: say of each what is known. When the fleet closes,
        each host goes back that was not told to commit."""
        bug = errors.Bug(f"a bug: {type(error).__name__}: {error}", "".join(traceback.format_exception(error)))
        with contextlib.suppress(Exception):        # the screen may be what failed
            self.report.on(events.of_error(bug))
        return results.cut_short(self.deployment.command, self.peers)

    def dry_run(self) -> events.Finished:
        """Reports a `plan` event a host and service; whatever stops a deploy before its first step stops it, too.

        Exit code 2 where a deploy would be refused for what the plans show.
        """
        stopped: errors.FabvisorError | None = None
        with signals.handled(self.fleet.signal, self.report.close), self.fleet:
            try:
                self._connect("plan")
                self._lock(settings.plan)
                self._plan()
                Comparison(self.conversation, self.local, self.resolved).run()
                planned = list(preview.full(self.peers))
                self._report(planned)
                self._report(self.batches if len(self.batches) > 1 else ())
            except Stop as stop:
                if isinstance(stop.error, errors.Interrupted):
                    raise stop.error from None
                stopped = stop.error
        if stopped:
            return self._finished(stopped)
        return results.dry_run_result(self.deployment.command, self.peers, preview.is_refused(self.peers, planned))

    # --- the phases that both have ---

    def _connect(self, command: str) -> None:
        self.fleet.connect()
        self.report.on(events.Started(          # reports import what they need meanwhile
            command=command, environment=self.deployment.environment, services=sorted(self.deployment.services),
            hosts=[peer.name for peer in self.peers], deploy=self.deployment.deploy, url=self.deployment.url,
            programs=settings.named_programs(self.fleet.targets) or UNSET))
        self.local.resolve(self.deployment.services)
        self.conversation.wait_connected()
        self.local.build()                      # before any lock is taken

    def _lock(self, greeting: Callable[[Peer, Deployment, Mapping[str, str]], Mapping[str, Any]]) -> None:
        """The lowest-named host that has a service resolves its revision, once for all."""
        asked = revisions.by_host(self.peers, {name: revision for name, revision in self.deployment.services.items()
                                               if name not in self.local})
        lock_and_look(self.conversation, lambda peer: greeting(peer, self.deployment, asked[peer.name]),
                      self.wait, self.while_restoring, takes_locks=greeting is settings.rollout)
        for peer in self.peers:
            problem = revisions.unanswered(peer, asked[peer.name])
            if problem:
                peer.apply(Lost(connection_errors.not_in_protocol(peer, problem)))
        self.conversation.stop_on_error()
        self.resolved = {name: peer.resolved[name] for peer in self.peers for name in asked[peer.name]}
        self.resolved.update(self.local.resolved(self.peers))
        self._report(events.Resolved(service=name, revision=resolved.revision, commit=resolved.commit,
                                     subject=resolved.subject, back=resolved.back, forward=resolved.forward)
                     for name, resolved in self.resolved.items())

    def _plan(self) -> None:
        """Make the plan of each host and service; stop where that is not possible."""
        facts = {(peer.name, name): peer.facts[name] for peer in self.peers for name in peer.services}
        try:
            machines.refuse_foreign(facts, self.local.binaries)
            plans = self.planner(self.fleet.targets, facts, {name: self._goal(name) for name in self.resolved})
        except errors.FabvisorError as error:
            self.conversation.stop(error)
        self.fingerprints = {key: preview.fingerprint(plan, facts[key]) for key, plan in plans.items()}
        if self._confirmed is not None:
            self._stop_where_changed(self._confirmed)
        self.batches = batches.of_plans(plans, self.deployment.serial, self.deployment.pause)
        plans = batches.in_batches(plans, self.batches)
        for peer in self.peers:
            peer.plans = {name: plans[peer.name, name] for name in peer.services}
        self._report(preview.without_program(self.peers))
        self._report(preview.moved(self.peers))
        self._report(preview.renamed(self.peers))
        for service in sorted(self.deployment.services):
            self._report(revisions.remarks(service, self.resolved.get(service), self.peers))

    def _goal(self, service: str) -> Goal:
        resolved = self.resolved[service]
        carried = self.local.get(service)
        return Goal(commit=resolved.commit, revision=resolved.revision, branch=resolved.branch,
                    subtree=resolved.subtree, parts=carried.parts if carried else (),
                    source=carried.source if carried else self._source_of(service, resolved.commit))

    def _source_of(self, service: str, commit: str) -> str | None:
        """What another machine built the commit from, by the hosts' histories; None where hosts build it."""
        histories = (peer.facts[service].history for peer in self.peers if service in peer.facts)
        return previous_version.source_of(commit, histories)

    def _stop_where_changed(self, confirmed: dict[Key, tuple[Any, ...]]) -> None:
        changed = [": ".join(key) for key, made in sorted(self.fingerprints.items())
                   if made[:len(confirmed[key])] != confirmed[key]]
        if changed:
            self.conversation.stop(errors.TryAgain(
                "the plan has changed since the question:\n" + "\n".join(changed),
                "type the same command again to see the new plan"))

    # --- ends ---

    def _report(self, shown: Iterable[events.Event]) -> None:
        for event in shown:
            self.report.on(event)

    def _finished(self, stopped: errors.FabvisorError | None) -> events.Finished:
        codes = [peer.error.exit_code for peer in self.peers if peer.error]
        tried = {name: resolved.commit for name, resolved in self.resolved.items()}
        return results.finished(self.deployment.command, self.peers, tried, stopped.message if stopped else "",
                                results.worst([0, *codes, *([stopped.exit_code] if stopped else [])]))
