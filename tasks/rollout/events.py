"""Everything that happens, as values: events. Only `reports/` turns them into text.

As JSON (msgspec.json.encode) each is one object with its name under "event". Fields are added,
never renamed. Times are in seconds; commits are full, or null where there was no clone.
"""

from __future__ import annotations

from typing import Any, Literal, Protocol

from msgspec import UNSET, Struct, UnsetType, field

from .. import _errors as errors
from .._errors import FabvisorError
from .bounds import Name, Seconds, Text


class Event(Struct, frozen=True, kw_only=True, tag_field="event"):
    pass


class Started(Event, frozen=True, kw_only=True, tag="started"):
    """The command is about to contact hosts; `hosts` in name order, the lowest first.

    `deploy`: its id, by which the hosts name their run logs; `url`: where the environment can be seen. `programs`: by
    service, those that it is about, where it is about some of them alone.
    """

    command: str
    environment: str
    hosts: list[str]
    services: list[str]
    deploy: str = ""
    url: str = ""
    programs: dict[str, list[str]] | UnsetType = UNSET


class Resolved(Event, frozen=True, kw_only=True, tag="resolved"):
    """The revision that was asked for is this commit, on every host.

    `back`: how many commits the resolving host has that this one lacks, `forward`: the other way round;
    null where it had no clone, or was not asked.
    """

    service: str
    revision: str
    commit: str
    subject: str = ""
    back: int | None = None
    forward: int | None = None


class Commit(Struct, frozen=True, kw_only=True):
    commit: str
    subject: str
    author: str


class Names(Struct, frozen=True, kw_only=True):
    added: list[str] = []
    removed: list[str] = []
    changed: list[str] = []


class FileChange(Struct, frozen=True, kw_only=True):
    """A file of `files`: `change` is added, changed or removed. `diff`: unified, from what is there; empty for a
    `secret` one, and where only `plan` asks. `mode`: where that alone changes, what it was and what it will be."""

    path: str
    change: str
    secret: bool
    diff: list[str] = []
    mode: list[str] = []


class Planned(Event, frozen=True, kw_only=True, tag="plan"):
    """The plan of a deploy for one service on one host, with the reasons; no `steps`: it is up to date.

    `commits` are the newest of those that it adds, `dropped` of those that it leaves behind. `diff` is of the program
    file. `missing` is what `requires` names and the commit lacks, `obstacles` what a deploy would be refused for.
    Null where it was not asked: `back` and `forward` of a first deploy or of a host that differs from the first
    one; `variables` and `secrets_changed` in a deploy, which only `plan` looks for, as for what is missing. `user`: as
    whom the program shall run; null for the user who logs in. `restarts`: of programs with a socket or `reload`, what
    clients notice of the restart. `way_back`: what going back would cost, should the deploy fail. `seconds`: by
    step, how long it took when it last had something to do, where that is known.
    """

    host: str
    service: str
    was: str | None
    next: str | None
    back: int | None = None
    forward: int | None = None
    commits: list[Commit] = []
    dropped: list[Commit] = []
    diff: list[str] = []
    variables: Names | None = None
    secrets_changed: int | None = None
    edited: list[str] = []
    missing: list[str] = []
    obstacles: list[str] = []
    steps: list[str] = []
    why: list[str] = []
    user: str | None = None
    files: list[FileChange] = []
    restarts: list[str] = []
    way_back: str | None = None
    seconds: dict[str, float] = {}


class Batch(Event, frozen=True, kw_only=True, tag="batch"):
    """In a deploy these hosts restart now, in a plan in this order; only where there is more than one batch. `pause`:
    seconds that the batch must stay well before the next begins."""

    number: int                 # from 1
    of: int
    hosts: list[str]
    pause: float = 0


class HostState(Event, frozen=True, kw_only=True, tag="host_state"):
    """The state of a host between steps."""

    host: str
    state: Name                 # connecting, connected, locked, recovering, restoring, waiting, asking
    detail: Text = ""


class StepStarted(Event, frozen=True, kw_only=True, tag="step_started"):
    host: str
    service: Name
    step: Name


class Output(Event, frozen=True, kw_only=True, tag="output"):
    """One line that a step printed on the host."""

    host: str
    service: Name
    step: Name
    line: Text


class StepFinished(Event, frozen=True, kw_only=True, tag="step_finished"):
    """`changed` is False where there was nothing to do; `why` explains a failure, in one line or several.

    `stopped`: it did not fail by itself, the deploy was ended meanwhile.
    """

    host: str
    service: Name
    step: Name
    ok: bool
    changed: bool
    seconds: Seconds
    why: Text | None = None
    stopped: bool = False


class Notice(Event, frozen=True, kw_only=True, tag="notice"):
    """Something a person should know. `level` is info or warning; `host` is null for the whole fleet."""

    message: Text
    level: Name = "info"
    host: str | None = None


class Error(Event, frozen=True, kw_only=True, tag="error"):
    """Why the command, or one host of it, could not go on; `hint` is the next thing to type."""

    message: str
    hint: str = ""
    host: str | None = None


class Bug(Error, frozen=True, kw_only=True, tag="error"):
    """An unexpected error. Its `trace` goes to a file, and the screen names the file."""

    trace: str


def of_error(error: FabvisorError, host: str | None = None) -> Error:
    if isinstance(error, errors.Bug):
        return Bug(message=error.message, hint=error.hint, host=host, trace=error.trace)
    return Error(message=error.message, hint=error.hint, host=host)


class ProcessStatus(Struct, frozen=True, kw_only=True):
    name: str
    state: str
    pid: int | None


class ProgramStatus(Struct, frozen=True, kw_only=True):
    """`state`, `pid` and `uptime` are those of its worst process, as hosts call it; of processes that all run, those of
    the youngest."""

    program: str
    state: str
    pid: int | None
    uptime: float | None
    processes: list[ProcessStatus]


class PastDeploy(Struct, frozen=True, kw_only=True):
    """How a deploy ended for a service on a host, as in History."""

    deploy: str | None = None
    at: str | None = None
    by: str | None = None
    command: str | None = None
    from_: str | None = field(name="from", default=None)
    to: str | None = None
    result: str | None = None
    source: str | None = None


class Status(Event, frozen=True, kw_only=True, tag="status"):
    """`state`, `pid` and `uptime` are those of the worst program. `uptime` in seconds, null unless it runs;
    `deployed_at` is ISO 8601 in UTC. `user`: whose process it is, null for the user who logs in. `source`: the commit
    that a client built `commit` from, null where it built none. `deploys`: the last ones, the newest last."""

    environment: str
    host: str
    service: str
    state: str
    pid: int | None
    uptime: float | None
    commit: str | None
    branch: str | None
    strategy: str
    deployed_by: str | None
    deployed_at: str | None
    oddities: list[str]
    user: str | None = None
    programs: list[ProgramStatus] = []
    source: str | None = None
    deploys: list[PastDeploy] = []


class Check(Event, frozen=True, kw_only=True, tag="check"):
    """The outcome of a check of `fab doctor` on a host. `remedy` is the next thing to type, empty where all is well."""

    host: str
    check: Name
    outcome: Literal["ok", "warning", "failed"]
    message: Text
    remedy: Text = ""


class Setting(Event, frozen=True, kw_only=True, tag="setting"):
    """`host` is null where all hosts agree; `source` is where the value comes from: `file:line`, default, …"""

    environment: str
    host: str | None
    service: str
    key: str
    value: Any
    source: str


class LogLine(Event, frozen=True, kw_only=True, tag="log"):
    """`process`: which wrote it, as supervisord names it; where several write to one log, their program or service.
    `stream`: stdout (with what supervisord redirects there) or stderr. Both are empty in a run log."""

    host: str
    service: str
    process: str = ""
    stream: str = ""
    line: str


class Document(Event, frozen=True, kw_only=True, tag="document"):
    """The text of a file, which the command prints unchanged."""

    text: str


class History(Event, frozen=True, kw_only=True, tag="history"):
    """One line of a host's history: how a deploy ended there for one service; `at` is ISO 8601 in UTC, `fabvisor` the
    version that deployed. `source`: the commit that a client built `to` from, null where it built none."""

    host: str
    service: str
    deploy: str | None
    at: str | None
    by: str | None
    command: str | None
    from_: str | None = field(name="from")
    to: str | None
    result: str | None
    why: str | None
    revision: str | None
    branch: str | None
    batch: int | None = None
    fabvisor: str | None = None
    source: str | None = None


class Looked(Event, frozen=True, kw_only=True, tag="looked"):
    """All changes were reported: a table may be drawn now. `at` is ISO 8601 in UTC."""

    at: str


# Outcomes of a host that had a plan, and is as it was.
BACK = frozenset({"restored", "not_reached"})


class Result(Struct, frozen=True, kw_only=True):
    """One service on one host at the end: committed, unchanged, restored, not_reached (a batch before it failed),
    refused, unreachable or unknown; of a plan also pending. `programs`: those that the command was about, where it was
    about some of them alone; `source`: the commit that a client built `tried` from, where it built it."""

    was: str | None = None
    tried: str | None = None
    now: str | None = None
    outcome: str
    why: str | None = None
    programs: list[str] | UnsetType = UNSET
    source: str | UnsetType = UNSET


class Finished(Event, frozen=True, kw_only=True, tag="finished"):
    """Always the last event. `outcome` is that of the fleet: one of Result's, or mixed."""

    command: str
    outcome: str
    exit_code: int
    hosts: dict[str, dict[str, Result]] = {}
    extra: dict[str, Any] = {}


class Listener(Protocol):
    """Receives all events of a command, in order, on one thread."""

    def on(self, event: Event) -> None: ...

    def close(self) -> None:
        """Tidy up at once, for a command that leaves in a hurry."""

    @property
    def gone(self) -> bool:
        """Nobody reads standard output any more: an endless command ends."""
        return False
