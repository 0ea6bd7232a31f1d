"""Asks all hosts at once, and changes nothing there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from .. import signals
from ..peers import results, settings
from ..peers.conversation import Conversation, Stop
from ..peers.fleet import Fleet
from ..peers.peer import State
from .status import rows

if TYPE_CHECKING:
    from ...executor.protocol import Verb
    from ...inventory.model import Host, Target
    from ..events import Finished, Listener
    from ..peers.peer import Peer


Named = Mapping[str, list[str]]


def orphans(hosts: tuple[Host, ...], report: Listener, named: Named) -> list[Peer]:
    """The services that were deployed to these hosts, and that are not `named` there."""
    return _ask(Fleet((), "status", hosts), report, lambda peer: settings.status(peer, named.get(peer.name, [])))


def read(targets: tuple[Target, ...], report: Listener, verb: Verb, greeting: Callable[[Peer], Mapping[str, Any]]
         ) -> list[Peer]:
    """The answers of all hosts to their first message; a host that cannot answer has an `error`."""
    return _ask(Fleet(targets, verb), report, greeting)


def adopt(hosts: tuple[Host, ...], report: Listener, root: str | None, supervisord_conf: str | None) -> list[Peer]:
    """What the supervisord of each of these hosts keeps running."""
    return _ask(Fleet((), "adopt", hosts), report, lambda peer: settings.adopt(peer, root, supervisord_conf))


def _ask(fleet: Fleet, report: Listener, greeting: Callable[[Peer], Mapping[str, Any]]) -> list[Peer]:
    conversation = Conversation(fleet, report)
    with signals.handled(conversation.fleet.signal, report.close), conversation.fleet:
        try:
            conversation.fleet.connect()
            conversation.wait(conversation.peers, lambda peer: peer.state is not State.CONNECTING)
            for peer in conversation.peers:
                if peer.state is State.CONNECTED:
                    peer.greet(greeting(peer))
            conversation.wait(conversation.peers, lambda peer: peer.is_over)
        except Stop as stop:
            raise stop.error from None
    return conversation.peers


def show_status(targets: tuple[Target, ...], report: Listener, environment: str, named: Named) -> Finished:
    """The rows of all services on all hosts. The exit code is 1 when one has an oddity, or worse by an error.

    `named`: by host, the services that hosts.yaml has there; with none, others are not looked for.
    """
    peers = read(targets, report, "status", lambda peer: settings.status(peer, named.get(peer.name)))
    table = rows(environment, peers)
    for row in table:
        report.on(row)
    finished = results.read("status", peers)
    odd = any(row.oddities for row in table)
    return replace(finished, exit_code=results.worst([finished.exit_code, 1 if odd else 0]))
