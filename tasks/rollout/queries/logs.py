"""`fab logs`: what programs wrote, from all hosts at once; or the run log of a deploy, host after host."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..._errors import SelectionError
from .. import protocol
from ..peers import results, settings
from .host_order import HostOrder
from .subscription import Subscription

if TYPE_CHECKING:
    from ...inventory.model import Target
    from ..events import Finished, Listener
    from ..peers.peer import Peer


def show_last(targets: tuple[Target, ...], report: Listener, *, lines: int | None, grep: str | None) -> Finished:
    """The last lines, host after host."""
    order = HostOrder(report, sorted({target.host.name for target in targets}))
    subscription = Subscription(targets, order, "logs", lambda peer: settings.logs(
        peer, lines=lines, grep=grep, follow=False, marks={}), lasting=False)
    for heard in subscription.events():
        if heard is None or heard[0].is_over:
            order.end(peer.name for peer in subscription.peers if peer.is_over)
    order.release()
    return _finished(subscription)


def follow(targets: tuple[Target, ...], report: Listener, *, lines: int | None, grep: str | None) -> Finished:
    """The last lines, and then all that is added, as it comes. A host that comes back goes on behind the last line that
    was shown."""
    marks: dict[str, settings.Marks] = {target.host.name: {} for target in targets}
    subscription = Subscription(targets, report, "logs", lambda peer: settings.logs(
        peer, lines=lines, grep=grep, follow=True, marks=marks[peer.name]), lasting=True)
    for heard in subscription.events():
        peer, event = heard or (None, None)
        if peer is not None and isinstance(event, (protocol.Log, protocol.Mark)):
            marks[peer.name].setdefault(event.process, {})[event.stream] = event.mark
    return _finished(subscription)


def show_run_log(targets: tuple[Target, ...], report: Listener, wanted: str, *, lines: int | None, grep: str | None
                 ) -> Finished:
    """`wanted`: the id of a deploy, the beginning of it, or `last`. Raises SelectionError when it is none."""
    subscription = Subscription(targets, report, "runs", lambda peer: settings.runs(peer, lines=lines, grep=grep),
                                lasting=False)
    known: dict[str, list[str]] = {}
    deploy = ""
    waiting = {peer.name for peer in subscription.peers}
    turns = Turns(subscription.peers)
    with closing(subscription.events()) as stream:
        for heard in stream:
            if heard is None:
                continue
            peer, event = heard
            if isinstance(event, protocol.Runs):
                known[peer.name] = event.deploys
            if peer.is_over or peer.name in known:
                waiting.discard(peer.name)
            if not waiting and known:
                deploy = deploy or choose(wanted, known)
                turns.go_on(deploy)
    return _finished(subscription)


class Turns:
    """Lets hosts show their run logs one after the other, so that each can be read as a whole."""

    def __init__(self, peers: list[Peer]) -> None:
        self._coming = list(reversed(peers))
        self._current: Peer | None = None

    def go_on(self, deploy: str) -> None:
        """Let the next host show the run log of this deploy, once the host before it is over."""
        while self._coming and (self._current is None or self._current.is_over):
            self._current = self._coming.pop()
            self._current.send({"do": "show", "deploy": deploy})


def choose(wanted: str, known: dict[str, list[str]]) -> str:
    """The id that is meant; `known`: by host the ids that have a run log. Raises SelectionError."""
    deploys = sorted(set().union(*known.values()))
    matching = deploys[-1:] if wanted == "last" else [deploy for deploy in deploys if deploy.startswith(wanted)]
    if len(matching) == 1:
        return matching[0]
    if not deploys:
        raise SelectionError("no host has the run log of a deploy of it", "fab history SERVICE")
    problem = "more than one begins with it" if matching else "no host has a run log of it"
    raise SelectionError(f"--deploy {wanted}: {problem}",
                         "there are: " + ", ".join(reversed((matching or deploys)[-10:])))


def _finished(subscription: Subscription) -> Finished:
    return replace(results.read("logs", subscription.peers), exit_code=subscription.exit_code)
