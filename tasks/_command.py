"""What every command shares: its options, what it runs with, and the one error boundary."""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
import sys
from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from invoke.exceptions import Exit
from invoke.tasks import Task

from ._errors import Declined, FabvisorError, SelectionError

if TYPE_CHECKING:
    from .executor.protocol import Unfinished
    from .inventory.loading import Inventory
    from .inventory.model import Environment, Target
    from .reports import Reporters
    from .rollout.events import Finished
    from .rollout.fleet import Fleet
    from .rollout.goal import Deployment
    from .rollout.sources import Sources

HERE = "."                              # as a revision: the commit of the current folder
BESIDE = Path(__file__).resolve().parent.parent
SHARED = {
    "env": "the environment of hosts.yaml; else FAB_ENV, CI_ENVIRONMENT_NAME, default_environment",
    "host": "only these hosts: GLOB[,GLOB]; !GLOB leaves out",
    "format": "auto, terminal, plain, gitlab or json",
    "inventory": "the inventory file; else FAB_INVENTORY, ./hosts.yaml, the one beside the fabfile",
    "verbose": "show everything that the hosts print",
}
DEFAULTS: dict[str, Any] = {"env": "", "host": "", "format": "auto", "inventory": "", "verbose": False}


class Command:
    """What a verb runs with: its name, the shared options, the screen."""

    def __init__(self, name: str, options: dict[str, Any], report: Reporters) -> None:
        self.name = name
        self.options = options
        self.report = report

    @functools.cached_property
    def inventory(self) -> Inventory:
        from .inventory import loading

        path = loading.find_inventory(self.options["inventory"] or None, os.environ, Path.cwd(), BESIDE)
        return loading.load(path)

    @functools.cached_property
    def environment_name(self) -> str:
        from .inventory import selection

        return selection.choose_environment(self.inventory, self.options["env"] or None, os.environ)

    @functools.cached_property
    def environment(self) -> Environment:
        name = self.environment_name
        found = self.inventory.environment(name)
        if found.sandbox:
            from . import embedded

            return embedded.environment(BESIDE, self.inventory, name)
        return found

    def deployment(self, targets: tuple[Target, ...], revision: str | None = None,
                   unfinished: Unfinished = "undo") -> Deployment:
        """What this command brings to the targets' services. Its id sorts by time, to the millisecond, and is unique.
        """
        from .rollout.goal import Deployment

        now = datetime.now(timezone.utc)
        # Milliseconds, then chance, each of three hexadecimal digits.
        moment = f"{now:%Y%m%d-%H%M%S}-{now.microsecond // 1000:03x}{os.urandom(2).hex()[:3]}"
        return Deployment(deploy=moment, command=self.name, by=_who(), since=f"{now:%Y-%m-%dT%H:%M:%SZ}",
                          environment=self.environment.name, url=self.environment.url,
                          services={target.service.name: revision for target in targets}, unfinished=unfinished)

    def write_reports(self, **files: str) -> None:
        """By kind (junit, dotenv) the file that the user named, or the empty text."""
        for kind, path in files.items():
            if path:
                self.report.add_file(kind, path)

    def targets(self, services: str) -> tuple[Target, ...]:
        from .inventory import selection

        return selection.select(self.environment, services, self.options["host"] or None)

    def fleet(self, targets: tuple[Target, ...], agree: Callable[[], None] | None = None) -> Fleet:
        """Their hosts. Connecting is begun, unless a person is asked first: what else a command takes is imported
        meanwhile."""
        from .rollout.fleet import Fleet

        fleet = Fleet(targets)
        if agree is None:
            fleet.connect()
        return fleet

    def described(self, name: str) -> Inventory:
        """The inventory with all that is known of an environment while nothing is started."""
        if not self.inventory.environment(name).sandbox:
            return self.inventory
        from . import embedded

        return embedded.described(BESIDE, self.inventory, name)

    def targets_with_secrets(self, services: str) -> tuple[Target, ...]:
        """For what writes the environment file. A secret without a value stops here, before a host is contacted."""
        from .inventory import secret_sources

        return secret_sources.fill(self.targets(services), self.environment.name, self.inventory.folder, os.environ)

    def fetched_by(self, targets: tuple[Target, ...], fetch: str, revision: str = "") -> tuple[Target, ...]:
        """The targets with --fetch in place of hosts.yaml's; the current folder's commit comes from this machine."""
        if fetch not in ("", "host", "client"):
            raise SelectionError(f"--fetch {fetch!r}: no such way", "--fetch client, or --fetch host")
        if revision == HERE and fetch == "host":
            raise SelectionError("--revision . is a commit of this machine: hosts cannot fetch it",
                                 "leave out --fetch host")
        from msgspec.structs import replace

        way = "client" if revision == HERE else fetch
        return tuple(replace(target, service=replace(target.service, fetch=way)) for target in targets) \
            if way else targets

    def sources(self, targets: tuple[Target, ...]) -> Sources:
        """Where this machine gets the commits that it carries to hosts."""
        from .rollout.sources import Sources

        return Sources(targets, Path.cwd(), os.environ)

    def mask(self, text: str) -> str:
        """Without the values that secrets of hosts.yaml have here, as far as they can be known."""
        from .inventory.urls import without_password

        text = without_password(text)
        with contextlib.suppress(Exception):    # what is wrong with the file must not hide what is to be told
            from .inventory import secret_sources

            return secret_sources.masked(text, self.inventory, self.environment_name, os.environ)
        return text

    def revision(self, option: str, text: str) -> str:
        """What the user typed, when it can be a commit, a branch or a tag."""
        from .inventory import values

        if text == HERE and option == "revision":
            return text
        wrong = values.check_revision(text)
        if wrong:
            raise SelectionError(f"--{option}: {wrong}", "give a commit, a branch or a tag")
        return text

    def pattern(self, option: str, text: str) -> str:
        """A regular expression, as Python has them."""
        import re

        try:
            re.compile(text)
        except (re.error, OverflowError, RecursionError) as error:
            raise SelectionError(f"--{option} {text!r}: {error}",
                                 "a regular expression of Python: \\ takes the next character literally") from None
        return text

    def agreement(self, yes: bool) -> Callable[[], None] | None:
        """How a person agrees before anything changes, where `confirm` wants that. Raises where nobody can be asked."""
        if yes or not self.environment.confirm:
            return None
        if not self.report.attended:
            raise SelectionError(f"{self.environment.name} asks before anything changes (`confirm: true`), and there is"
                                 " no terminal to ask on",
                                 f"see what it would do: fab plan; then: fab {self.name} … --yes")
        return self._ask

    def _ask(self) -> None:
        if not self.report.ask(f"{self.name} {'to' if self.name == 'deploy' else 'on'} {self.environment.name}?"):
            raise Declined("not confirmed: nothing was changed", "the same command asks again")

    def seconds(self, option: str, text: str) -> float:
        return float(self._number(option, text, "a number of seconds"))

    def count(self, option: str, text: str) -> int:
        return self._number(option, text, "a whole number")

    def _number(self, option: str, text: str, expected: str) -> int:
        if not text.isdecimal():
            raise SelectionError(f"--{option}: expected {expected}, got {text!r}", f"such as --{option} 30")
        return int(text)


def _who() -> str:
    """For locks and histories. In a GitLab job: who started it, and where its log is."""
    import getpass
    import socket

    if os.environ.get("GITLAB_USER_LOGIN") and os.environ.get("CI_JOB_URL"):
        return f"{os.environ['GITLAB_USER_LOGIN']} {os.environ['CI_JOB_URL']}"
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = f"uid {os.getuid()}"
    return f"{user}@{socket.gethostname()}"


class _Task(Task):  # type: ignore[type-arg]
    """Only --env has a short form: a letter means the same in every command, or nothing."""

    def arg_opts(self, name: str, default: str, taken_names: set[str]) -> dict[str, Any]:
        options = super().arg_opts(name, default, taken_names)
        if name == "env":
            options["names"] = ["env", "e"]
        return options


Body = Callable[..., "Finished"]


def command(
    *, name: str = "", help: dict[str, str] | None = None, positional: Iterable[str] = ()
) -> Callable[[Body], _Task]:
    """Make a verb of a function (run: Command, **its own options) -> Finished; `name`: as typed, if not the same."""

    def make(body: Body) -> _Task:
        @functools.wraps(body)
        def call(context: Any, **options: Any) -> None:
            shared = {name: options.pop(name) for name in SHARED}
            code = _guarded(name or body.__name__, context, functools.partial(body, **options), shared)
            if code:
                raise Exit(code=code)           # else the next task on the line has its turn

        call.__signature__ = _signature(body)  # type: ignore[attr-defined]
        return _Task(call, positional=list(positional), help={**(help or {}), **SHARED}, auto_shortflags=False)

    return make


def _signature(body: Body) -> inspect.Signature:
    """The body's own options, then the shared ones."""
    own = list(inspect.signature(body).parameters.values())[1:]
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    shared = [inspect.Parameter(name, kind, default=default) for name, default in DEFAULTS.items()]
    return inspect.Signature([inspect.Parameter("context", kind), *own, *shared])


def _guarded(name: str, context: Any, body: Body, shared: dict[str, Any]) -> int:
    """Run it; whatever happens, the screen hears of it, the last event is `finished`, and a number comes out."""
    from . import reports

    try:
        report = reports.choose(shared["format"], shared["verbose"], os.environ, sys.stdout, sys.stderr, sys.stdin)
        trouble = None
    except FabvisorError as error:
        report, trouble = reports.choose("plain", False, os.environ, sys.stdout, sys.stderr), error
    with (reporters := reports.Reporters(report)):
        try:
            if trouble:
                raise trouble
            _refuse_fabric_options(context)
            run = Command(name, shared, reporters)
            reporters.mask = run.mask
            finished = body(run)
        except (KeyboardInterrupt, Exception) as error:
            finished = _ended_by(error, name, reporters)
        reporters.on(finished)
    return finished.exit_code


def _ended_by(error: BaseException, name: str, report: Reporters) -> Finished:
    import traceback

    from .rollout.events import Bug, Finished, of_error

    if isinstance(error, KeyboardInterrupt):
        return Finished(command=name, outcome="refused", exit_code=130)
    if not isinstance(error, FabvisorError):
        trace = "".join(traceback.format_exception(error))
        report.on(Bug(message=f"a bug: {type(error).__name__}: {error}", trace=trace))
        return Finished(command=name, outcome="unknown", exit_code=1)
    report.on(of_error(error))
    return Finished(command=name, outcome=error.outcome, exit_code=error.exit_code)


def _refuse_fabric_options(context: Any) -> None:
    """fab takes them before any task; here they would do nothing, or not what they say."""
    if hasattr(context, "host"):
        raise SelectionError("-H/--hosts would bypass hosts.yaml", "choose among its hosts with --host GLOB")
    if context.config.run.dry:
        raise SelectionError("-R/--dry is Fabric's own and would deploy all the same", "leave it out")
    if context.config._overrides.get("connect_kwargs"):
        raise SelectionError("-i and --prompt-for-* are not used here", "set identity_file in hosts.yaml, or ssh-add")

