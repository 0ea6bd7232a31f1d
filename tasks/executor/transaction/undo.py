"""The undo of a deploy: the same after an abort as after a power cut."""

from __future__ import annotations

import contextlib
import time
from typing import Any, Callable, TypeVar

from .. import git
from ..errors import CannotRestore, HostError, as_host_error
from ..program.process import describe_state
from ..service.context import ServiceContext, process_tag
from ..state import history
from ..state.journal import Journal
from ..steps import ACTIONS, Result, Step
from ..steps.program import is_replaced, programs_back, programs_before
from ..supervisor.supervisord import Away, Busy, Down
from ..system import processes
from . import disk_sync, kept_edits
from .eventlog import EventLog
from .tree_times import TreeTimes

PATIENCE = {Busy: 30.0, Away: 15.0, git.Locked: 15.0}      # seconds
LOOK_EVERY = 0.2                            # seconds

T = TypeVar("T")


class Unsupervised(CannotRestore):
    """supervisord is down: the files are restored, but the program cannot be brought back."""


class Undo:
    """Undoes what a journal says was begun.

    Everything it needs comes from the journal, even where the deploy is still in memory: after a power cut nothing
    else is left, and so every failed deploy tries what a power cut will need.
    """

    def __init__(self, journal: Journal, env: dict[str, str], eventlog: EventLog) -> None:
        self.journal = journal
        self.eventlog = eventlog
        self._waiting_since: float | None = None
        self.contexts = {
            service: ServiceContext(journal.layout, dict(part, name=service), env, journal.deploy,
                                    check=eventlog.note_progress, waiting=eventlog.waiting,
                                    warn=eventlog.warn)
            for service, part in journal.services.items()}

    @property
    def _names(self) -> str:
        return ",".join(sorted(self.journal.services))

    def run(self, why: str, result: str = "restored") -> None:
        """Undo in the recipe's order; then write the history lines, with that result; remove the journal last. What the
        deploy left behind was ended before (end_leftovers).

        Raises CannotRestore: the journal stays, and what still runs well is left alone.
        """
        self._undo_all()
        self._run_hooks_on_failure()
        disk_sync.sync_disks(self.contexts.values(), self.eventlog)
        with contextlib.suppress(OSError):          # a full disk must not keep the undo from ending
            for service, part in sorted(self.journal.services.items()):
                history.write(self.journal.layout, service, dict(part["record"], result=result, why=why))
        self.journal.remove()

    def end_leftovers(self) -> None:
        """End the commands of the deploy that still run, and remove the locks of a git that was killed."""
        processes.end_tagged(process_tag(self.journal.layout, self.journal.deploy))
        for ctx in self.contexts.values():
            ctx.clone.remove_stale_locks()

    def keep_edits(self, service: str, times: TreeTimes | None = None) -> None:
        """Before the undo: what people did in the service's tree. Raises CannotRestore."""
        ctx = self.contexts[service]
        record = self.journal.services[service]["record"]
        undos = [step["undo"]["args"] for owner, step in self.journal.steps_undone_by("checkout_back")
                 if owner == service]
        try:
            self._patiently(ctx, lambda: kept_edits.keep(ctx, record, undos, times))
        except HostError as error:
            remedy = f" ({error.hint})" if error.hint else ""
            raise CannotRestore(f"{ctx.name}: files were edited on the host and cannot be kept, so nothing is undone:"
                                f" {error.message}",
                                f"correct the cause on the host{remedy}, then: fab recover {self._names}; or keep what"
                                f" is there now: fab recover {self._names} --accept") from None

    def _undo_all(self) -> None:
        """Files need no supervisord: while it is down all of them go back, but those that may still be in use."""
        down: Unsupervised | None = None
        for service, step in self.journal.undos(self._replaced()):
            if down and step.get("undo_last"):
                continue
            try:
                self._undo_step(service, step)
            except Unsupervised as error:
                down = down or error
            except CannotRestore as error:
                if not self._is_optional(service, step):
                    raise
                self.eventlog.warn(f"{error.message}; its program was not touched, and nobody knows how its version was"
                                   " built")
        if down:
            raise down

    def _run_hooks_on_failure(self) -> None:
        """Whatever goes wrong in them, the host is back: the event of their end says why."""
        for service, part in sorted(self.journal.services.items()):
            call = part.get("on_failure")               # journals of older versions have none
            if call:
                with contextlib.suppress(Exception):
                    self._run_hook(service, "on_failure", call)

    def _run_hook(self, service: str, name: str, call: dict[str, Any]) -> None:
        step = Step(call["args"], self.eventlog.output_of(service, name))
        self.eventlog.step(service, name, lambda: ACTIONS[call["action"]](self.contexts[service], step))

    def _replaced(self) -> set[str]:
        """Services whose process is not the one that the deploy met. It may have been started from half of a build
        (after a crash, a reboot), though no restart of ours was begun."""
        replaced = set()
        for service, step in self.journal.steps_undone_by("program_back"):
            try:
                if is_replaced(self.contexts[service], self._arguments(service, step["undo"])):
                    replaced.add(service)
            except HostError:
                continue            # supervisord is down: later it starts what is on the disk then
        return replaced

    def _is_optional(self, service: str, step: dict[str, Any]) -> bool:
        """A build of a version that we did not build before, while the program that the deploy met still runs."""
        undo = step["undo"]
        return (undo["action"] == "build" and not undo["args"].get("certain", True)
                and service not in self._replaced()
                and not any(each["undo"]["action"] == "program_back" and name == service
                            for name, each in self.journal.undos()))

    def _undo_step(self, service: str, journaled: dict[str, Any]) -> None:
        name = "undo " + journaled["name"]
        undo = journaled["undo"]
        step = Step(self._arguments(service, undo), self.eventlog.output_of(service, name))
        self.eventlog.step(service, name, lambda: self._act(service, name, undo["action"], step))
        if undo["action"] == "program_back":
            with contextlib.suppress(HostError, OSError):       # it would restart once more then
                self.journal.note_back(service, programs_back(self.contexts[service], step.args))

    def _arguments(self, service: str, undo: dict[str, Any]) -> dict[str, Any]:
        """Those of the journal; where an undo did not come to its end, with the programs that it brought back."""
        is_back = undo["action"] == "program_back" and service in self.journal.back
        return {**undo["args"], "programs": self.journal.back[service]} if is_back else undo["args"]

    def _act(self, service: str, name: str, action: str, step: Step) -> Result:
        ctx = self.contexts[service]
        try:
            return self._patiently(ctx, lambda: ACTIONS[action](ctx, step))
        except Down as error:
            raise Unsupervised(f"{service}: its files are restored, but {error.message}",
                               f"start supervisord on the host, then: fab recover {service}") from None
        except Exception as error:
            cause = as_host_error(error)
            remedy = f" ({cause.hint})" if cause.hint else ""
            raise CannotRestore(f"{service}: {name} failed: {cause.message}; now it is at {self._describe_now(ctx)}",
                                f"correct the cause on the host{remedy}, then: fab recover {self._names}; or deploy a"
                                f" version that works: fab deploy {self._names}; or keep what is there now:"
                                f" fab recover {self._names} --accept") from None

    def _patiently(self, ctx: ServiceContext, act: Callable[[], T]) -> T:
        """Act again while supervisord is too slow, as on an overloaded host, or is not back yet from a restart; and
        while a person's git holds a lock. Undos look first: they may run twice."""
        has_waited = False
        while True:
            try:
                result = act()
            except (Away, Busy, git.Locked) as error:
                self._wait(ctx, error)
                has_waited = True
            else:
                if has_waited:              # what was in the way is gone: the next absence is another one
                    self._waiting_since = None
                return result

    def _wait(self, ctx: ServiceContext, error: HostError) -> None:
        """A moment, for what is in the way; raises it instead where that has been so for longer than we are patient."""
        patience, now, is_git = PATIENCE[type(error)], time.monotonic(), isinstance(error, git.Locked)
        if self._waiting_since is None:
            self._waiting_since = now
            ctx.waiting(f"up to {patience:g} s for {'git' if is_git else 'supervisord'}: {error.message}")
        if now - self._waiting_since > patience:
            raise error
        ctx.check()
        time.sleep(LOOK_EVERY)
        if is_git:
            ctx.clone.remove_stale_locks()

    def _describe_now(self, ctx: ServiceContext) -> str:
        """The commit on the disk and the states of the programs, for the person who has to go on from there."""
        groups = [was["group"] for service, step in self.journal.steps_undone_by("program_back")
                  if service == ctx.name for was in programs_before(service, step["undo"]["args"])] or [ctx.name]
        try:
            infos = ctx.supervisord().processes(*groups)
            states = ", ".join(describe_state(info) if len(groups) == len(infos) == 1
                               else f"{info['name']} {describe_state(info)}" for info in infos) or "absent"
        except HostError as error:
            states = error.message
        commit = (ctx.clone.head() or "none")[:8]
        return f"commit {commit}, and its program is {states}"
