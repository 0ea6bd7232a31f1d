"""Sets up all hosts: asks what they lack, shows the script, asks the user, and runs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from .._errors import NeedsPerson, NotReady
from ..rollout import signals
from ..rollout.events import Document, Finished, Listener, Notice, Result, Started
from ..rollout.peers import results, settings
from ..rollout.peers.conversation import Conversation, Stop, report_errors
from ..rollout.peers.fleet import Fleet
from .steps import Step, steps_for

if TYPE_CHECKING:
    from ..inventory.model import Target
    from ..rollout.peers.peer import Peer

Confirm = Callable[[], None]                # returns when the user has agreed; raises when not
Steps = Mapping[str, Sequence[Step]]        # by host


def show_script(targets: tuple[Target, ...], report: Listener) -> Finished:
    """What setting up would run, and nothing else."""
    def show(steps: Steps) -> Finished:
        report.on(Document(text=script_of(steps)))
        return Finished(command="setup", outcome="unchanged", exit_code=0)

    return _Setup(targets, report).run(show)


def set_up(targets: tuple[Target, ...], report: Listener, environment: str, confirm: Confirm | None) -> Finished:
    """Run what the hosts lack. `confirm`: asks first, once the script stands on the screen."""
    setup = _Setup(targets, report)

    def carry_out(steps: Steps) -> Finished:
        if any(steps.values()):
            report.on(Document(text=script_of(steps)))
            if confirm is not None:
                confirm()
        report.on(Started(command="setup", environment=environment, hosts=[*steps],
                          services=sorted({target.service.name for target in targets})))
        return setup.carry_out(steps)

    return setup.run(carry_out)


def script_of(steps: Steps) -> str:
    """For sh on each host. Hosts with the same script share it."""
    hosts: dict[str, list[str]] = {}
    for host, of_host in steps.items():
        lines = "".join(f"# {step.name}\n{step.typed}\n" for step in of_host)
        hosts.setdefault(f":\nset -eu\n{lines}" if lines else ": nothing to do\n", []).append(host)
    return "\n".join(f"# On {', '.join(names)}{text}" for text, names in hosts.items())


class _Setup:
    """The conversation with all hosts."""

    def __init__(self, targets: tuple[Target, ...], report: Listener) -> None:
        self._fleet = Fleet(targets, "setup")
        self._conversation = Conversation(self._fleet, report)
        self._report = report
        self._peers = self._fleet.peers

    def run(self, act: Callable[[Steps], Finished]) -> Finished:
        """Ask the hosts what they have; `act` gets the steps of each. Raises NotReady."""
        with signals.handled(self._fleet.signal, self._report.close), self._fleet:
            try:
                self._ask()
            except Stop as stop:
                return results.finished("setup", self._peers, {}, stop.error.message, stop.error.exit_code)
            return act(self._steps())

    def carry_out(self, steps: Steps) -> Finished:
        """Run them on all hosts at once. A host that fails keeps what was done: the same command goes on."""
        busy = [peer for peer in self._peers if steps[peer.name]]
        for peer in self._peers:
            if not steps[peer.name]:
                peer.dismiss({"do": "end"})
        for peer in busy:
            peer.send({"do": "perform", "steps": [
                {"name": step.name, "script": step.script, "as_root": step.as_root} for step in steps[peer.name]]})
        try:
            self._conversation.wait_over(busy)
        except Stop as stop:
            raise NeedsPerson(f"{stop.error.message}: hosts may be set up in part",
                              "the same command goes on where it was") from None
        report_errors(self._peers, self._report)
        for peer in self._peers:
            self._show_keys(peer)
        code = 3 if any(peer.error for peer in self._peers) else 0
        hosts = {peer.name: dict.fromkeys(peer.services, _result(peer, bool(steps[peer.name]))) for peer in self._peers}
        return results.of_hosts("setup", hosts, code)

    def _ask(self) -> None:
        """Raises Stop, with the error of each host reported."""
        self._fleet.connect()
        self._conversation.wait_connected()
        for peer in self._peers:
            peer.greet(settings.setup(peer))
        self._conversation.wait(self._peers, lambda peer: peer.host_facts is not None)
        self._conversation.stop_on_error()

    def _steps(self) -> Steps:
        """Raises NotReady with what each host lacks that nobody gave us the rights for."""
        steps = {}
        problems = []
        for peer in self._peers:
            assert peer.host_facts is not None
            try:
                steps[peer.name] = steps_for(peer.host, peer.host_facts, needs_key(peer))
            except NotReady as error:
                problems.append(error)
        if problems:
            raise NotReady("\n".join(error.message for error in problems),
                           "\n".join(dict.fromkeys(error.hint for error in problems)))
        return steps

    def _show_keys(self, peer: Peer) -> None:
        if peer.error or peer.host_facts is None:
            return
        if not needs_key(peer):
            self._report.on(Notice(host=peer.name, message="the git server needs no key of this host"))
            return
        keys = "".join(f"{key}\n" for key in peer.host_facts.keys)
        self._report.on(Document(text=f"# {peer.name}: its public key, for the git server\n{keys}"))


def needs_key(peer: Peer) -> bool:
    """Whether the host fetches from a git server with ssh."""
    return any(target.service.fetch == "host" and _is_ssh(target.service.repo) for target in peer.targets)


def _is_ssh(repo: str) -> bool:
    """As git tells them apart: ssh://…, or user@host:path, which no slash comes before."""
    return repo.startswith("ssh://") or ("://" not in repo and ":" in repo.partition("/")[0])


def _result(peer: Peer, had_steps: bool) -> Result:
    if peer.error:
        return Result(outcome="unknown", why=peer.trouble)
    return Result(outcome="committed" if had_steps else "unchanged")
