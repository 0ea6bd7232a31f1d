"""fab logs: what the programs wrote, from all hosts at once; or what a deploy did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._command import Command, command
from ._errors import SelectionError

if TYPE_CHECKING:
    from .inventory.model import Target
    from .rollout.events import Finished
    from .rollout.fleet import Message, Peer
    from .rollout.subscription import Subscription

LINES = 20


@command(
    positional=["service"],
    help={
        "service": "a name, a comma list, or `all`",
        "follow": "go on with what is added, until Ctrl-C",
        "lines": "how many of each; 20 unless given, and of a deploy all",
        "grep": "only lines that match: a regular expression, as Python has them",
        "deploy": "the run log of a deploy instead: its id, the beginning of it, or `last`",
    },
)
def logs(
    run: Command, service: str, follow: bool = False, lines: str = "", grep: str = "", deploy: str = "",
) -> Finished:
    """Show the last lines of the logs of all hosts, host-labelled, and follow them.

    Example: fab logs monitor --follow --grep "ERROR|panic"
    """
    targets, count = run.targets(service), run.count("lines", lines) if lines else None
    asked = {"lines": count, "grep": run.pattern("grep", grep) or None}
    if not deploy:
        return _programs(run, targets, follow, {**asked, "lines": LINES if count is None else count})
    if follow:
        raise SelectionError("--follow is for what programs write, not for the run log of a deploy",
                             "leave out one of --follow and --deploy")
    return _deploy(run, targets, deploy, asked)


def _programs(run: Command, targets: tuple[Target, ...], follow: bool, asked: dict[str, Any]) -> Finished:
    """A host that comes back goes on behind the last line that was shown."""
    from .rollout import settings
    from .rollout.subscription import Subscription

    marks: dict[str, dict[str, Any]] = {target.host.name: {} for target in targets}

    def greeting(peer: Peer) -> Message:
        return settings.logs(peer, follow=follow, marks=marks[peer.name], **asked)

    _announce(run, targets)
    subscription = Subscription(targets, run.report, greeting, lasting=follow)
    for heard in subscription.messages():
        if heard is not None:
            peer, message = heard
            _tell(run, peer, message)
            if "mark" in message:
                marks[peer.name][message["service"]] = message["mark"]
    return _finished(subscription)


def _deploy(run: Command, targets: tuple[Target, ...], wanted: str, asked: dict[str, Any]) -> Finished:
    """Host after host: a run log is a story."""
    from .rollout import settings
    from .rollout.subscription import Subscription

    _announce(run, targets)
    subscription = Subscription(targets, run.report, lambda peer: settings.runs(peer, **asked), lasting=False)
    known: dict[str, list[str]] = {}
    chosen, trouble = "", None
    for heard in subscription.messages():
        if heard is not None:
            peer, message = heard
            _tell(run, peer, message)
            if message["event"] == "runs":
                known[peer.name] = message["deploys"]
        open_ = [peer for peer in subscription.peers if not peer.gone]
        if not chosen and all(peer.name in known for peer in open_):
            try:
                chosen = choose(wanted, known)
            except SelectionError as error:
                trouble = error
                break
        if chosen:
            _next(open_, chosen)
    if trouble:
        raise trouble
    return _finished(subscription)


def _next(peers: list[Peer], deploy: str) -> None:
    """Let the first one show it, unless it is at it."""
    for peer in peers[:1]:
        if not peer.planned:
            peer.planned = True
            peer.send({"do": "show", "deploy": deploy})


def choose(wanted: str, known: dict[str, list[str]]) -> str:
    """The id that is meant; `known`: by host the ids that have a run log. Raises SelectionError."""
    deploys = sorted(set().union(*known.values()))
    found = deploys[-1:] if wanted == "last" else [one for one in deploys if one.startswith(wanted)]
    if len(found) == 1:
        return found[0]
    if not deploys:
        raise SelectionError("no host has the run log of a deploy of it", "fab history SERVICE")
    what = f"--deploy {wanted}: {'more than one begins so' if found else 'no host has a run log of it'}"
    raise SelectionError(what, "there are: " + ", ".join(reversed((found or deploys)[-10:])))


def _announce(run: Command, targets: tuple[Target, ...]) -> None:
    from .rollout.events import Started

    run.report.on(Started(command=run.name, environment=run.environment.name,
                          hosts=sorted({target.host.name for target in targets}),
                          services=sorted({target.service.name for target in targets})))


def _tell(run: Command, peer: Peer, message: Message) -> None:
    from .rollout import protocol

    told = protocol.event(peer.name, message)
    if told is not None:
        run.report.on(told)


def _finished(subscription: Subscription) -> Finished:
    from msgspec.structs import replace

    from .rollout import results

    return replace(results.read("logs", subscription.peers), exit_code=subscription.exit_code)
