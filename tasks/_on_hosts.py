"""Makes a command of a team's own function, which works on the chosen hosts."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from invoke.exceptions import Exit

from . import remote, rollout
from ._command import command
from ._confirmation import confirmation
from ._context import Command
from ._errors import FabvisorError, SelectionError, Unreachable
from ._options import DEFAULTS, ROLLOUT, check_one_service
from ._own_task_errors import Body, in_words

if TYPE_CHECKING:
    from invoke.tasks import Task

    from .remote.task_connection import TaskConnection

NOT_CALLED = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)


def on_hosts(service: str = "", once: bool = False, help: Mapping[str, str] | None = None
             ) -> Callable[[Body], Task[Any]]:
    """Make a command of a function (c, **its own options): it is called for each chosen host, one after the other.

    `c` is a fabric.Connection. Its commands begin where the version of `service` that runs is, with the variables and
    secrets of the service; without a service in the host's root. `once`: on the lowest-named of the hosts only. `help`:
    texts for the function's own options. The command also has the options of every command, and --yes.
    """
    if callable(service):
        raise TypeError("on_hosts: parentheses are missing: @on_hosts()")

    def make(body: Body) -> Task[Any]:
        @functools.wraps(body)
        def call(run: Command, yes: bool = False, **options: Any) -> rollout.events.Finished:
            check_one_service(service, "service of on_hosts")
            _require(name, {option: options[option] for option in needed})
            return _call_on_hosts(run, functools.partial(body, **options), service, once, yes)

        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        own = _own_options(body)
        needed = [option.name for option in own if option.default is option.empty]
        name = body.__name__.replace("_", "-")          # as Invoke lists it
        call.__signature__ = inspect.Signature([  # type: ignore[attr-defined]
            inspect.Parameter("run", kind), *(option.replace(kind=kind) for option in own),
            inspect.Parameter("yes", kind, default=False)])
        return command(name=name, help={**(help or {}), "yes": ROLLOUT["yes"]}, positional=needed,
                       may_be_empty=[option.name.replace("_", "-") for option in own])(call)

    return make


def _own_options(body: Body) -> list[inspect.Parameter]:
    """Those without a default first. Raises TypeError for a function that cannot be called for a host."""
    name = body.__name__
    parameters = list(inspect.signature(body).parameters.values())
    variadic = [str(each) for each in parameters if each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]
    if variadic:
        raise TypeError(f"on_hosts: {name} has {variadic[0]}: write out each of its options")
    if not parameters:
        raise TypeError(f"on_hosts: {name} takes no connection: def {name}(c)")
    if any(is_kind(body) for is_kind in NOT_CALLED):
        raise TypeError(f"on_hosts: a call of {name} runs nothing, for it has `async` or `yield`: leave that out")
    own = parameters[1:]
    shared = [option.name for option in own if option.name in (*DEFAULTS, "yes")]
    if shared:
        raise TypeError(f"on_hosts: each command has an option --{shared[0]}; {name} cannot have its own")
    return sorted(own, key=lambda option: option.default is not option.empty)


def _require(command: str, needed: Mapping[str, Any]) -> None:
    """Invoke gives an empty text for a word that was not typed. Raises SelectionError."""
    missing = [name for name, value in needed.items() if value == ""]
    if missing:
        raise SelectionError(f"{command} needs {' and '.join(missing)}",
                             f"fab {command} {' '.join(name.upper() for name in needed)}")


def _call_on_hosts(run: Command, body: Body, service: str, once: bool, yes: bool) -> rollout.events.Finished:
    """Nothing is called unless all hosts can be used; no further host follows one where it failed."""
    chosen, confirm = run.choose(lambda environment: (run.select(environment, service or "all"),
                                                      confirmation(run, yes)))
    by_host = {target.host.name: target for target in reversed(chosen)}
    targets = [by_host[name] for name in sorted(by_host)][:1 if once else None]
    if confirm:
        confirm()
    run.announce(tuple(targets), filter(None, [service]))
    opened = remote.task_connection.open_all(targets, service, run.sudo_password)
    connections = [each for each in opened if not isinstance(each, FabvisorError)]
    try:
        failed = [(target.host.name, each) for target, each in zip(targets, opened, strict=True)
                  if isinstance(each, FabvisorError)]
        return _finished(run, failed or _call_on_each(run, body, service, connections))
    except KeyboardInterrupt:
        return rollout.events.Finished(command=run.name, outcome="failed", exit_code=130)
    finally:
        for connection in connections:
            connection.close()


def _call_on_each(run: Command, body: Body, service: str, connections: Sequence[TaskConnection]
                  ) -> list[tuple[str, FabvisorError]]:
    """Returns the first host where it fails, with the error."""
    called: list[str] = []
    for connection in connections:
        host = connection.target.host.name
        if not connection.connection.is_connected:
            lost = Unreachable(f"{host}: the connection was lost", "try again")
            return [(host, rollout.peers.connection_errors.not_run(lost, host, called))]
        called.append(host)

        def say(line: str, stream: str, host: str = host) -> None:
            run.report.on(rollout.events.LogLine(host=host, service=service, stream=stream, line=line))

        try:
            with connection.placed(service, say) as placed:
                body(placed)
        except FabvisorError as error:
            return [(host, error)]
        except (Exception, SystemExit) as error:
            if isinstance(error, (Exit, SystemExit)) and not error.code:
                continue                    # it ended early, and well
            return [(host, in_words(connection, error, body))]
    return []


def _finished(run: Command, failed: Sequence[tuple[str, FabvisorError]]) -> rollout.events.Finished:
    for host, error in failed:
        run.report.on(rollout.events.of_error(error, host))
    errors = [error for _, error in failed]
    code = rollout.peers.results.worst([error.exit_code for error in errors])
    outcome = "failed" if code in (1, 3) else errors[0].outcome if errors else "unchanged"
    return rollout.events.Finished(command=run.name, outcome=outcome, exit_code=code)
