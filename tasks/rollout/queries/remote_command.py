"""`fab run`: a command of the user on all hosts, batch after batch; what it prints is shown as it comes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ... import _errors as errors
from ...remote import start_errors
from .. import signals
from ..events import Finished, Listener, Result
from ..peers import connection_errors, results, settings
from ..peers.conversation import Conversation, Stop, report_errors
from ..peers.fleet import Fleet
from ..plan import batches

if TYPE_CHECKING:
    from ...inventory.serial import Serial
    from ..peers.peer import Peer


def run(fleet: Fleet, report: Listener, command: settings.RemoteCommand, serial: Serial) -> Finished:
    """Nothing runs anywhere unless all hosts can be reached, and have Python; no further batch begins after a host has
    failed."""
    conversation = Conversation(fleet, report)
    by_name = {peer.name: peer for peer in fleet.peers}
    with signals.handled(fleet.signal, report.close), fleet:
        try:
            fleet.connect()
            conversation.wait_connected()
            conversation.wait_begun()
            for names in batches.split([*by_name], serial):
                _require_all(conversation)
                _run_batch(conversation, [by_name[name] for name in names], command)
        except Stop as stop:
            return _finished(fleet.peers, command, stop.error)
    return _finished(fleet.peers, command)


def _require_all(conversation: Conversation) -> None:
    """A host may be lost while the command runs on another one."""
    begun = [peer.name for peer in conversation.peers if peer.greeting]
    for peer in conversation.peers:
        if peer.error:
            peer.error = connection_errors.not_run(peer.error, peer.name, begun)
    conversation.stop_on_error()


def _run_batch(conversation: Conversation, peers: list[Peer], command: settings.RemoteCommand) -> None:
    for peer in peers:
        peer.greet(settings.run(peer, command))
    conversation.wait_over(peers)
    for peer in peers:
        if peer.error and _may_have_run(peer):
            peer.error = errors.NeedsPerson(peer.error.message, f"see on the host whether it ran: fab ssh {peer.name}")
    ran = [peer.name for peer in conversation.peers if peer.greeting and not isinstance(peer.error, errors.NotReady)]
    for peer in peers:
        if isinstance(peer.error, errors.NotReady):
            peer.error = connection_errors.not_run(peer.error, peer.name, ran)
    failed = [peer.error for peer in peers if peer.error]
    if failed:
        report_errors(peers, conversation.report)
        raise Stop(results.worst_error(failed))


def _may_have_run(peer: Peer) -> bool:
    """It was lost while the command ran; or its executor was killed, which may be the command's own doing."""
    was_killed = peer.session is not None and peer.session.exit_status == start_errors.KILLED
    return isinstance(peer.error, errors.TryAgain) or was_killed


def _finished(peers: Iterable[Peer], command: settings.RemoteCommand, stopped: errors.FabvisorError | None = None
              ) -> Finished:
    """Nothing is undone. Where the command has run, its own error lines say how far it came."""
    code = stopped.exit_code if stopped else 0
    hosts = {peer.name: {command.service: _result(peer)} for peer in peers}
    outcome = "failed" if code in (1, 3) else results.of_fleet(results.outcomes(hosts) - {"not_reached"}, code)
    return Finished(command="run", outcome=outcome, exit_code=code, hosts=hosts)


def _result(peer: Peer) -> Result:
    if peer.error is not None:
        return Result(outcome="failed" if peer.error.exit_code == 1 else peer.error.outcome, why=peer.trouble)
    if not peer.greeting:
        return Result(outcome="not_reached")
    return Result(outcome="unchanged") if peer.is_over else Result(outcome="unknown", why="interrupted")
