"""Makes a task of a function: the shared options, and the one boundary where errors become exit codes."""

from __future__ import annotations

import functools
import inspect
import os
import sys
import traceback
from collections.abc import Callable, Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from invoke.exceptions import Exit
from invoke.tasks import Task

from . import _empty_options, _fabric_options, reports, rollout
from ._context import Command
from ._errors import FabvisorError, Failed, NeedsPerson
from ._options import DEFAULTS, IGNORED, SHARED, RolloutOptions

Body = Callable[..., "rollout.events.Finished"]


# A letter means the same in every command, or nothing.
SHORT = MappingProxyType({"env": "e", "revision": "r", "follow": "f", "lines": "n"})


class _Task(Task):  # type: ignore[type-arg]
    """A task whose options have the short forms of SHORT only."""

    def arg_opts(self, name: str, default: str, taken_names: set[str]) -> dict[str, Any]:
        options = super().arg_opts(name, default, taken_names)
        if name in SHORT:
            options["names"] = [name, SHORT[name]]
        return options

    def __deepcopy__(self, memo: object) -> _Task:
        """Invoke copies all tasks of a fabfile with all that they hold, though nobody changes them. Saves 2 ms."""
        return self


def is_plain(task: Any) -> bool:
    """A task of ours, as we made it: it needs nothing of Fabric until it connects to hosts."""
    return isinstance(task, _Task) and not (task.pre or task.post)


def command(
    *, name: str = "", help: Mapping[str, str] | None = None, positional: Iterable[str] = (),
    may_be_empty: Collection[str] = _empty_options.MAY_BE_EMPTY, ignores: Collection[str] = (),
) -> Callable[[Body], _Task]:
    """Make a task of a function (run: Command, **its own options) -> Finished; `name`: as typed, if not the same.
    `may_be_empty`: the options for which an empty text is a value. `ignores`: shared options that choose nothing here.
    It takes them all the same, for scripts that give them to every command.

    A parameter `options: RolloutOptions` stands for all options of that class.
    """
    def make(body: Body) -> _Task:
        typed = name or body.__name__
        block = "options" in inspect.signature(body).parameters

        @functools.wraps(body)
        def call(context: Any, **options: Any) -> None:
            shared = {name: options.pop(name) for name in SHARED}
            if block:
                options["options"] = RolloutOptions(**{name: options.pop(name) for name in BLOCK})

            def checked(run: Command) -> rollout.events.Finished:
                _fabric_options.refuse()
                _empty_options.refuse(call, may_be_empty)
                return body(run, **options)

            code = _guarded(typed, checked, shared, context.config.sudo.password)
            if code:
                raise Exit(code=code)           # else the next task on the line has its turn

        call.__signature__ = _signature(body)  # type: ignore[attr-defined]
        helps = {**SHARED, **dict.fromkeys(ignores, IGNORED), **(help or {})}
        return _Task(call, positional=list(positional), help=helps, auto_shortflags=False)

    return make


BLOCK = RolloutOptions._field_defaults


def _signature(body: Body) -> inspect.Signature:
    """The body's own options, then the shared ones."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    own: list[inspect.Parameter] = []
    for parameter in list(inspect.signature(body).parameters.values())[1:]:
        own += [parameter] if parameter.name != "options" else [
            inspect.Parameter(name, kind, default=default) for name, default in BLOCK.items()]
    shared = [inspect.Parameter(name, kind, default=default) for name, default in DEFAULTS.items()]
    return inspect.Signature([inspect.Parameter("context", kind), *own, *shared])


def _guarded(name: str, body: Body, shared: dict[str, Any], sudo_password: str | None) -> int:
    """Run the body. Whatever happens, the screen hears of it, `finished` is the last event, and an exit code returns.
    """
    choose = reports.formats.choose
    try:
        reports.formats.require_fit(shared["format"], name)
        report = choose(shared["format"], shared["verbose"], os.environ, sys.stdout, sys.stderr, sys.stdin)
        wrong_format = None
    except FabvisorError as error:
        report = choose("plain", False, os.environ, sys.stdout, sys.stderr)
        wrong_format = error
    with (reporters := reports.reporters.Reporters(report)):
        try:
            if wrong_format:
                raise wrong_format
            run = Command(name, shared, reporters, sudo_password)
            reporters.mask = run.mask
            finished = body(run)
        except (KeyboardInterrupt, Exception) as error:
            finished = _ended_by(error, name, reporters)
        try:
            reporters.on(finished)
        except Exception as error:
            reporters.apologize(f"{type(error).__name__}: {error}")
            return NeedsPerson.exit_code if finished.hosts else Failed.exit_code
    if reporters.fault:
        reporters.apologize(f"standard output: {reporters.fault}")
        return finished.exit_code or (0 if finished.hosts else Failed.exit_code)
    return finished.exit_code


def _ended_by(error: BaseException, name: str, report: reports.reporters.Reporters) -> rollout.events.Finished:
    events = rollout.events
    if isinstance(error, KeyboardInterrupt):
        return events.Finished(command=name, outcome="refused", exit_code=130)
    if not isinstance(error, FabvisorError):
        trace = "".join(traceback.format_exception(error))
        report.on(events.Bug(message=f"a bug: {type(error).__name__}: {error}", trace=trace))
        return events.Finished(command=name, outcome="unknown", exit_code=1)
    report.on(events.of_error(error))
    return events.Finished(command=name, outcome=error.outcome, exit_code=error.exit_code)

