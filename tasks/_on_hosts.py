"""Makes a command of a team's own function, which works on the chosen hosts."""

from __future__ import annotations

import functools
import inspect
import os
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from invoke.exceptions import Failure

from . import remote, rollout
from ._command import command
from ._context import Command
from ._errors import FabvisorError, Failed, NeedsPerson, Unreachable
from ._options import ROLLOUT

if TYPE_CHECKING:
    from invoke.tasks import Task

    from .remote.task_connection import TaskConnection

Body = Callable[..., object]                # (connection, **its own options)
LOST = -1                                   # paramiko's exit status of a command whose connection was lost


def on_hosts(service: str = "", once: bool = False, help: Mapping[str, str] | None = None
             ) -> Callable[[Body], Task[Any]]:
    """Make a command of a function (c, **its own options): it is called for each chosen host, one after the other.

    `c` is a fabric.Connection. Its commands begin where the version of `service` that runs is, with the variables and
    secrets of the service; without a service in the host's root. `once`: on the lowest-named of the hosts only. `help`:
    texts for the function's own options. The command also has the options of every command, and --yes.
    """
    def make(body: Body) -> Task[Any]:
        @functools.wraps(body)
        def call(run: Command, yes: bool = False, **options: Any) -> rollout.events.Finished:
            return _call_on_hosts(run, functools.partial(body, **options), service, once, yes)

        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        own = list(inspect.signature(body).parameters.values())[1:]
        call.__signature__ = inspect.Signature([  # type: ignore[attr-defined]
            inspect.Parameter("run", kind), *own, inspect.Parameter("yes", kind, default=False)])
        return command(help={**(help or {}), "yes": ROLLOUT["yes"]},
                       positional=[option.name for option in own if option.default is option.empty],
                       may_be_empty=[option.name.replace("_", "-") for option in own])(call)

    return make


def _call_on_hosts(run: Command, body: Body, service: str, once: bool, yes: bool) -> rollout.events.Finished:
    """Nothing is called unless all hosts can be used; no further host follows one where it failed."""
    by_host = {target.host.name: target for target in reversed(run.targets(service or "all"))}
    targets = [by_host[name] for name in sorted(by_host)][:1 if once else None]
    run.confirm(yes)
    run.report.on(rollout.events.Started(
        command=run.name, environment=run.environment.name, hosts=[target.host.name for target in targets],
        services=[service] if service else []))
    opened = remote.task_connection.open_all(targets, service)
    connections = [each for each in opened if not isinstance(each, FabvisorError)]
    try:
        errors = [each for each in opened if isinstance(each, FabvisorError)]
        return _finished(run, errors or _call_on_each(run, body, service, connections))
    except KeyboardInterrupt:
        return rollout.events.Finished(command=run.name, outcome="failed", exit_code=130)
    finally:
        for connection in connections:
            connection.close()


def _call_on_each(run: Command, body: Body, service: str, connections: Sequence[TaskConnection]
                  ) -> list[FabvisorError]:
    """Returns the error of the first host where it fails."""
    called: list[str] = []
    for connection in connections:
        host = connection.target.host.name
        if not connection.connection.is_connected:
            lost = Unreachable(f"{host}: the connection was lost", "try again")
            return [rollout.connection_errors.not_run(lost, host, called)]
        called.append(host)

        def say(line: str, stream: str, host: str = host) -> None:
            run.report.on(rollout.events.LogLine(host=host, service=service, stream=stream, line=line))

        try:
            with connection.placed(service, say) as placed:
                body(placed)
        except FabvisorError as error:
            return [error]
        except Exception as error:
            return [_in_words(connection, error)]
    return []


def _in_words(connection: TaskConnection, error: Exception) -> FabvisorError:
    """The error of a command on the host, or of the function itself."""
    host = connection.target.host.name
    failed = error.result if isinstance(error, Failure) else None
    if not connection.connection.is_connected or (failed is not None and failed.exited == LOST):
        return NeedsPerson(f"{host}: the connection was lost", f"see on the host how far it went: fab ssh {host}")
    if failed is not None:
        command = failed.command.split(" && ", connection.prefixes)[-1]
        return Failed(f"{host}: {command}: exit status {failed.exited}", "what it printed stands above")
    place = traceback.extract_tb(error.__traceback__)[-1]
    return Failed(f"{host}: {type(error).__name__}: {error}", f"see {os.path.relpath(place.filename)}:{place.lineno}")


def _finished(run: Command, errors: Sequence[FabvisorError]) -> rollout.events.Finished:
    for error in errors:
        run.report.on(rollout.events.of_error(error))
    code = rollout.results.worst([error.exit_code for error in errors])
    outcome = "failed" if code in (1, 3) else errors[0].outcome if errors else "unchanged"
    return rollout.events.Finished(command=run.name, outcome=outcome, exit_code=code)
