"""Runs the hooks with `on: client`: where fab runs, for one host after the other, between the phases of the hosts."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from ..._errors import Failed, NeedsPerson
from .. import events
from ..peers.peer import Peer
from ..peers.peer_events import HookFailed

if TYPE_CHECKING:
    from ...executor.protocol import Phase
    from ..commits.local_commands import LocalCommands
    from ..peers.conversation import Conversation
    from ..steps import Action

AHEAD = ("before_activate", "drain")    # of the host's own steps in that phase; the others follow them


class Call(Struct, frozen=True, kw_only=True):
    """A hook for one service of a host. `name`: of the step that it is, or undoes."""

    host: str
    service: str
    name: str
    action: Action


class ClientHooks:
    """Of the hosts of a conversation, once they have plans. `folder`: of hosts.yaml, where the hooks run."""

    def __init__(self, conversation: Conversation, folder: Path) -> None:
        self._conversation = conversation
        self._folder = folder
        self._begun: set[tuple[str, str, str]] = set()          # (host, service, name)

    def run_ahead(self, peers: Iterable[Peer], phase: Phase) -> None:
        """Run those that come before the hosts' own steps of that phase. Raises Stop."""
        self._run([call for call in _of_phase(peers, phase) if call.name in AHEAD])

    def run_behind(self, peers: Iterable[Peer], phase: Phase) -> None:
        """Run those that follow the hosts' own steps of that phase. Raises Stop."""
        self._run([call for call in _of_phase(peers, phase) if call.name not in AHEAD])

    def drain_back(self, peers: Iterable[Peer]) -> None:
        """Before hosts go back: take those out of service that entered it. They go back even where that fails."""
        for peer in peers:
            for call in self._undos(peer, "undrain"):
                try:
                    self._carry_out([call])
                except Failed as error:
                    self._conversation.report.on(events.Notice(host=peer.name, level="warning", message=(
                        f"its programs stop, though `drain` failed: {error.message}")))

    def undrain_back(self, peer: Peer) -> bool:
        """Once the host is back: take it into service again. Returns whether all that was to do is done."""
        for call in self._undos(peer, "drain"):
            try:
                self._carry_out([call])
            except Failed as failure:
                error = NeedsPerson(f"{failure.message}; it may be out of service",
                                    f"correct it, then: fab recover {call.service}")
                peer.apply(HookFailed(error))
                self._conversation.report.on(events.of_error(error, peer.name))
                return False
        return True

    def run_on_failure(self, peers: Iterable[Peer]) -> None:
        """The deploy went back on these hosts. The event of a hook's end says why it failed; nothing else changes."""
        for peer in peers:
            for service, plan in peer.plans.items():
                if plan.client_on_failure:
                    call = Call(host=peer.name, service=service, name="on_failure", action=plan.client_on_failure)
                    with contextlib.suppress(Failed):
                        self._carry_out([call])

    def _undos(self, peer: Peer, name: str) -> list[Call]:
        """The undos of the steps of that name that were begun; from now on they count as undone."""
        begun = [(service, step) for service, plan in peer.plans.items() for step in plan.client_steps
                 if step.name == name and (peer.name, service, name) in self._begun]
        self._begun -= {(peer.name, service, name) for service, _ in begun}
        return [Call(host=peer.name, service=service, name=f"undo {name}", action=step.undo)
                for service, step in begun if step.undo]

    def _run(self, calls: list[Call]) -> None:
        try:
            self._carry_out(calls)
        except Failed as error:
            self._conversation.stop(error)

    def _carry_out(self, calls: list[Call]) -> None:
        """Run them while hosts are heard. Raises Failed, or Stop."""
        if calls:
            from ..commits.local_commands import LocalCommands  # no other deploy needs it

            secrets = {secret for call in calls for secret in call.action.args["secrets"].values()}
            commands = LocalCommands(self._conversation.report, os.environ, (), secrets)
            self._conversation.wait_for(lambda: self._run_all(calls, commands), commands.cancel)

    def _run_all(self, calls: list[Call], commands: LocalCommands) -> None:
        for call in calls:
            self._begun.add((call.host, call.service, call.name))
            args = call.action.args
            if not args["commands"]:            # the host runs that hook, and the client undoes it
                continue
            commands.run(call.service, call.name, args["commands"], self._folder,
                         {**args["secrets"], **args["variables"]}, args["timeout"], call.host)


def _of_phase(peers: Iterable[Peer], phase: Phase) -> list[Call]:
    return [Call(host=peer.name, service=service, name=step.name, action=step.do)
            for peer in peers for service, plan in peer.plans.items() for step in plan.client_steps
            if step.phase == phase]
