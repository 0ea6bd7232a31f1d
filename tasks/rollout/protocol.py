"""The messages of hosts (executor/protocol.py) as values, decoded and checked."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from msgspec import Meta, Struct, ValidationError, convert

from ..executor.protocol import Phase
from . import events, facts
from .bounds import Name, Seconds, Text, Whole

# A place in a log. It is kept, and sent again after a loss of the connection.
Cursor = Annotated[list[int], Meta(max_length=8)]
Stream = Literal["", "stdout", "stderr"]


class NotInProtocol(Exception):
    """A host said what executor/protocol.py does not know."""


class Message(Struct, frozen=True, kw_only=True, tag_field="event"):
    pass


class Recovered(Struct, frozen=True, kw_only=True):
    deploy: str
    by: str | None
    result: Literal["committed", "restored", "accepted", "replaced"]
    services: list[str]


class Locked(Message, frozen=True, kw_only=True, tag="locked"):
    recovered: list[Recovered]


class Refused(Message, frozen=True, kw_only=True, tag="refused"):
    service: Name
    holder: facts.Holder


class Distance(Message, frozen=True, kw_only=True):
    back: Whole | None
    forward: Whole | None
    dropped: list[events.Commit]
    commits: list[events.Commit]
    subject: str


class Resolved(Distance, frozen=True, kw_only=True, tag="resolved"):
    service: Name
    revision: str
    commit: facts.CommitHash
    branch: str | None
    subtree: facts.CommitHash | None = None


class Compared(Distance, frozen=True, kw_only=True, tag="compared"):
    service: Name
    missing: list[str]
    tracked: list[str]
    obstacles: list[str]
    secrets: list[str]
    variables: dict[str, str]
    files: dict[str, Text]


class ProblemInfo(Struct, frozen=True, kw_only=True):
    kind: Name
    message: Text
    hint: Text
    trace: Text = ""


class NotReady(Message, frozen=True, kw_only=True, tag="not_ready"):
    problems: list[ProblemInfo]


class Failed(Message, frozen=True, kw_only=True, tag="failed"):
    kind: Name
    message: Text
    hint: Text
    trace: Text = ""
    step: Name


class PackWanted(Message, frozen=True, kw_only=True, tag="pack_wanted"):
    service: Name
    repo: str
    commit: facts.CommitHash
    known: Annotated[list[facts.CommitHash], Meta(max_length=1_000)]


class PackTaken(Message, frozen=True, kw_only=True, tag="pack_taken"):
    service: Name


class Done(Message, frozen=True, kw_only=True, tag="done"):
    phase: Phase


class Facts(Message, frozen=True, kw_only=True, tag="facts"):
    services: dict[str, facts.Facts]


class Undone(Message, frozen=True, kw_only=True, tag="undone"):
    pass


class AdoptedClone(Struct, frozen=True, kw_only=True):
    directory: Text
    subdirectory: Text
    repo: Text
    branch: Text
    ci: Text
    releases: bool = False              # the folder of another tool's releases
    shared_directory: Text = ""
    shared: list[Text] = []


class AdoptedProgram(Struct, frozen=True, kw_only=True):
    name: Name
    group: Name
    path: Text
    link: Text = ""
    line: Whole
    is_ours: bool
    options: dict[str, str]
    variables: dict[str, str]
    expanded: dict[str, str]
    directory: Text
    problem: Text
    clone: AdoptedClone | None


class Adopted(Message, frozen=True, kw_only=True, tag="adopted"):
    """Its variables may be secrets: it becomes no event."""

    supervisord_conf: Text
    program_dirs: dict[Text, Text]
    login: Name
    home: Text
    supervisord: Name | None
    has_path: bool
    writable: list[Text]
    programs: list[AdoptedProgram]


class Orphan(Struct, frozen=True, kw_only=True):
    name: Name
    directory: Text
    strategy: Name
    programs: dict[str, list[facts.Process]]

    @property
    def process(self) -> facts.Process:
        """The one that says how all of them are."""
        return facts.worst(process for processes in self.programs.values() for process in processes)


class Orphans(Message, frozen=True, kw_only=True, tag="orphans"):
    services: Annotated[list[Orphan], Meta(max_length=10_000)]


class Odd(Message, frozen=True, kw_only=True, tag="odd"):
    service: Name
    message: Text
    hint: Text


class Looked(Message, frozen=True, kw_only=True, tag="looked"):
    pass


class Heads(Message, frozen=True, kw_only=True, tag="heads"):
    now: dict[str, str | None]


class Outcome(Message, frozen=True, kw_only=True, tag="outcome"):
    service: Name
    result: str | None
    why: Text | None
    busy: bool
    due: bool
    now: str | None


class Runs(Message, frozen=True, kw_only=True, tag="runs"):
    deploys: Annotated[list[Name], Meta(max_length=1_000)]


class Log(Message, frozen=True, kw_only=True, tag="log"):
    service: Name
    process: Name
    stream: Stream
    line: Text
    mark: Cursor


class Mark(Message, frozen=True, kw_only=True, tag="mark"):
    service: Name
    process: Name
    stream: Stream
    mark: Cursor


class Clock(Message, frozen=True, kw_only=True, tag="clock"):
    now: Seconds


class HostFacts(Message, frozen=True, kw_only=True, tag="host_facts"):
    login: Name
    home: Name
    node: Name
    python: Name
    venv: bool
    distributions: list[Name]
    programs: list[Name]
    root_shell: bool
    systemd: bool
    user_units: bool
    root: Name
    root_exists: bool
    root_can_be_made: bool
    supervisord_conf: Name
    conf_exists: bool
    program_dir: Name
    program_dir_exists: bool
    supervisor_venv: Name
    venv_supervisord: bool
    closed: list[Name]
    supervisord_runs: bool
    supervisord_command: list[Text]
    starts_at_boot: bool
    keys: list[Text]

    @property
    def distribution(self) -> str:
        return self.distributions[0] if self.distributions else "no known distribution"

    @property
    def supervisord(self) -> list[str]:
        """The words that start it, but for its options: the one that runs; else the one that setup installs."""
        return self.supervisord_command or [f"{self.supervisor_venv}/bin/supervisord"]

    def has(self, program: str) -> bool:
        """Whether it is in PATH; venv is a part of Python."""
        return self.venv if program == "venv" else program in self.programs

    @property
    def has_boot(self) -> bool:
        """Whether there is a way to start something with the host."""
        return self.user_units or self.has("crontab")


class Beat(Message, frozen=True, kw_only=True, tag="beat"):
    pass


class Committed(Message, frozen=True, kw_only=True, tag="committed"):
    now: dict[str, str | None]


class Restored(Message, frozen=True, kw_only=True, tag="restored"):
    why: Text
    now: dict[str, str | None]


class Ended(Message, frozen=True, kw_only=True, tag="end"):
    pass


class Problem(Message, frozen=True, kw_only=True, tag="problem"):
    kind: Name
    message: Text
    hint: Text
    trace: Text = ""


class Unusable(Message, frozen=True, kw_only=True, tag="unusable"):
    why: Text


# Some messages are events already, but for the host's name.
ScreenEvent = events.HostState | events.StepStarted | events.Output | events.StepFinished | events.Notice
Ending = Committed | Restored | Ended | Problem | Unusable
HostMessage = (Locked | Refused | Resolved | Compared | NotReady | Failed | PackWanted | PackTaken | Done | Undone
               | Facts | Odd | Orphans | Looked | Heads | Outcome | Runs | Log | Mark | Clock | events.Check | HostFacts
               | Adopted | Beat | events.History | ScreenEvent | Ending)
KINDS: dict[Any, type[HostMessage]] = {str(kind.__struct_config__.tag): kind for kind in get_args(HostMessage)}


def decode(host: str, message: dict[str, Any]) -> HostMessage:
    """Raises NotInProtocol for an unknown message, and for fields that are missing or of another type."""
    name = message.get("event")
    if not isinstance(name, str) or name not in KINDS:
        raise NotInProtocol(f"event: {name!r:.100}")
    try:
        return convert({**message, "host": host}, KINDS[name])
    except (ValidationError, UnicodeEncodeError) as error:      # the latter: half a character as a key or a word
        raise NotInProtocol(f"{name}: {error}") from None
