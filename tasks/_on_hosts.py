"""Makes a command of a team's own function, which works on the chosen hosts."""

from __future__ import annotations

import functools
import inspect
import os
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from invoke.exceptions import AuthFailure, CommandTimedOut, Exit, Failure

from . import remote, rollout
from ._command import command
from ._confirmation import confirmation
from ._context import Command
from ._errors import FabvisorError, Failed, NeedsPerson, SelectionError, Unreachable
from ._options import DEFAULTS, ROLLOUT, check_one_service

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
            check_one_service(service, "service of on_hosts")
            _require(name, {option: options[option] for option in needed})
            return _call_on_hosts(run, functools.partial(body, **options), service, once, yes)

        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        own = list(inspect.signature(body).parameters.values())[1:]
        shared = [option.name for option in own if option.name in (*DEFAULTS, "yes")]
        if shared:
            raise TypeError(f"on_hosts: each command has an option --{shared[0]}; {body.__name__} cannot have its own")
        needed = [option.name for option in own if option.default is option.empty]
        name = body.__name__.replace("_", "-")          # as Invoke lists it
        call.__signature__ = inspect.Signature([  # type: ignore[attr-defined]
            inspect.Parameter("run", kind), *own, inspect.Parameter("yes", kind, default=False)])
        return command(name=name, help={**(help or {}), "yes": ROLLOUT["yes"]}, positional=needed,
                       may_be_empty=[option.name.replace("_", "-") for option in own])(call)

    return make


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
            return [rollout.peers.connection_errors.not_run(lost, host, called)]
        called.append(host)

        def say(line: str, stream: str, host: str = host) -> None:
            run.report.on(rollout.events.LogLine(host=host, service=service, stream=stream, line=line))

        try:
            with connection.placed(service, say) as placed:
                body(placed)
        except FabvisorError as error:
            return [error]
        except (Exception, SystemExit) as error:
            if isinstance(error, (Exit, SystemExit)) and not error.code:
                continue                    # it ended early, and well
            return [_in_words(connection, error, body)]
    return []


def _in_words(connection: TaskConnection, error: BaseException, body: Body) -> FabvisorError:
    """The error of a command on the host, or of the function itself, without secrets of the service."""
    host, mask = connection.target.host.name, connection.mask
    command = mask(error.result.command) if isinstance(error, Failure) else ""
    if isinstance(error, CommandTimedOut):
        return Failed(f"{host}: {command}: timed out after {error.timeout} s",
                      f"see whether it goes on there: fab ssh {host}")
    if not connection.connection.is_connected or (isinstance(error, Failure) and error.result.exited == LOST):
        return NeedsPerson(f"{host}: the connection was lost", f"see on the host how far it went: fab ssh {host}")
    if isinstance(error, AuthFailure):
        return Failed(f"{host}: sudo does not take the password",
                      "fab --prompt-for-sudo-password, or FABRIC_SUDO_PASSWORD")
    if isinstance(error, Failure):
        return Failed(f"{host}: {command}: exit status {error.result.exited}", "what it printed stands above")
    if isinstance(error, (Exit, SystemExit)):
        words = error.message if isinstance(error, Exit) else error.code
        return Failed(f"{host}: {mask(words) if isinstance(words, str) else f'it ended with {error.code}'}",
                      _place(error, body))
    return Failed(f"{host}: {type(error).__name__}: {mask(str(error))}", _place(error, body))


def _place(error: BaseException, body: Body) -> str:
    """The line of the team's own that led to it, not the one in a library."""
    own = inspect.unwrap(getattr(body, "func", body)).__code__.co_filename
    frames = traceback.extract_tb(error.__traceback__)
    place = next((frame for frame in reversed(frames) if frame.filename == own), frames[-1])
    return f"see {os.path.relpath(place.filename)}:{place.lineno}"


def _finished(run: Command, errors: Sequence[FabvisorError]) -> rollout.events.Finished:
    for error in errors:
        run.report.on(rollout.events.of_error(error))
    code = rollout.peers.results.worst([error.exit_code for error in errors])
    outcome = "failed" if code in (1, 3) else errors[0].outcome if errors else "unchanged"
    return rollout.events.Finished(command=run.name, outcome=outcome, exit_code=code)
