"""The state of one service on one host, as the host tells it (ServiceFacts in executor/protocol.py)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, TypedDict

from msgspec import Meta, Struct

from ..executor.protocol import REMOVED, UNMERGED
from ..program.quoting import for_sh
from .bounds import Name, Seconds, Text, Whole

if TYPE_CHECKING:
    from ..inventory import model

# SHA-1 or SHA-256, written out: never an option of git, nor a name that git would look up.
FULL_HASH = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
CommitHash = Annotated[str, Meta(pattern=rf"^{FULL_HASH.pattern}\Z")]

# Functional, since `from` is a keyword of Python.
HistoryLine = TypedDict("HistoryLine", {
    "deploy": str | None, "at": str | None, "by": str | None, "command": str | None, "branch": str | None,
    "from": CommitHash | None, "to": CommitHash | None, "result": str | None, "was_running": bool | None,
    "source": CommitHash | None})


# Versions of Fabvisor write what they know: any field may be missing.
class CommittedLine(TypedDict, total=False):
    command: str | None
    at: str | None
    by: str | None
    deployed_at: str | None                 # of a restart and its like: of the deploy that it keeps; so is the next
    deployed_by: str | None
    branch: str | None
    to: CommitHash | None
    source: CommitHash | None
    revision: str | None
    strategy: str | None
    subdirectory: str | None
    build: list[str] | None
    variables: dict[str, str] | None
    program_sha256: str | None
    seconds: dict[str, Seconds] | None      # by step; how long it took when it last had something to do


class Holder(Struct, frozen=True, kw_only=True):
    """The holder of a lock, as far as its file tells; `commit`: by service, what is being deployed."""

    deploy: str | None = None
    by: str | None = None
    command: str | None = None
    since: str | None = None
    commit: dict[str, str | None] = {}
    restoring: bool = False


NOBODY = Holder()


# States: a program is as its worst process, a service as its worst program.
WORST_FIRST = ("UNKNOWN", "FATAL", "BACKOFF", "EXITED", "absent", "STOPPED", "STOPPING", "STARTING", "RUNNING")


class Process(Struct, frozen=True, kw_only=True):
    """`state` is supervisord's word for it, or absent (it knows no such program) or UNKNOWN (it is down). `name` is
    supervisord's, without the group."""

    name: Name
    state: Name
    pid: Whole | None = None
    start: Whole | None = None          # seconds since 1970, by the host's clock; so is `now`
    now: Whole | None = None
    why: str = ""
    hint: str = ""
    user: Name | None = None            # whose process it is; None: of the user who logs in
    log: Name | None = None             # where its standard output goes, as supervisord says
    error_log: Name | None = None       # where its standard error goes; empty where that is nowhere, or to `log`
    exit_status: Whole | None = None    # of one that has EXITED; None where a signal ended it

    @property
    def uptime(self) -> float | None:
        running = self.state == "RUNNING" and self.start is not None and self.now is not None
        return float(max(0, (self.now or 0) - (self.start or 0))) if running else None


def worst(processes: Iterable[Process]) -> Process:
    """The process that says how all of them are: of those in the worst state the youngest."""
    return min(processes, default=NO_PROCESS, key=lambda process: (
        WORST_FIRST.index(process.state) if process.state in WORST_FIRST else 0, process.uptime or 0))


# Of a service that has no program on a host.
NO_PROCESS = Process(name="", state="none")


class Release(Struct, frozen=True, kw_only=True):
    name: str
    digest: str | None                  # of what it was built with; None: it was never completed
    in_use: bool
    commit: str | None = None           # of one that another tool made: empty where it is not known; None: it is ours

    @property
    def is_ours(self) -> bool:
        return self.commit is None


class PlacedFile(Struct, frozen=True, kw_only=True):
    """What lies where hosts.yaml names a file, or where we wrote one. `sha256` and `mode`: None where nothing does;
    `written`, `written_mode`: of what we wrote, None where we did not; `problem`: what is in the way of a file."""

    sha256: Name | None = None
    mode: Whole | None = None
    written: Name | None = None
    written_mode: Whole | None = None
    problem: str = ""


class CloneState(Struct, frozen=True, kw_only=True):
    commit: CommitHash | None
    branch: str | None
    edited: list[str]
    files: dict[str, PlacedFile] = {}


class Facts(Struct, frozen=True, kw_only=True):
    directory: str                      # absolute, as are all paths here
    directory_exists: bool
    clone: bool
    foreign: bool                       # the directory holds files, but no git clone
    contents: list[str] = []            # what lies there, where there is no clone
    commit: CommitHash | None
    subtree: CommitHash | None = None   # of the service's `subdirectory` in the commit; None: it has none
    branch: str | None                  # what HEAD is attached to
    edited: list[str]                   # lines of `git status --porcelain`
    files: dict[str, PlacedFile] = {}   # by path, in the tree that the program runs in
    program_file: str | None
    program_path: str
    written_directory: str | None = None    # where the programs run, by that file; None where it does not say it
    env_path: str
    env_sha256: str | None
    login_path: Text | None = None      # PATH of the login, which programs get
    programs: dict[str, list[Process]]  # by group: those that hosts.yaml names, and those in our program file
    started_from: CommitHash | None
    strategy: str | None = None         # by what is on the disk; None: nothing is
    clone_state: CloneState | None = None   # of the clone itself, where the program runs in a release
    current: str | None = None          # the release that `current` points to
    current_target: str | None = None   # what that link holds
    releases: list[Release] = []
    committed: CommittedLine            # the newest committed line of the history; {} when there is none
    history: list[HistoryLine]          # oldest first
    logs: str                           # the folder of the programs' logs
    default_user: str | None = None     # of a program that hosts.yaml gives no user; None: supervisord's own
    login: str = ""                     # who logs in there
    holder: Holder = NOBODY             # who holds the lock now (status only)
    due: list[str] = []                 # deploys that are still to be undone (not in a deploy)
    due_by: list[str] = []              # who began them
    unloaded: bool = False              # the program file is younger than the running program (status only)
    words: dict[str, list[str]] = {}    # by group: the last lines of one that does not stay up (status only)
    obstacles: list[str] = []           # what a change would be refused for (status and plan only)
    handwritten: str | None = None      # the command that runs the program by the file that the first deploy kept
    drained_by: Name | None = None      # a deploy that ended without its hooks on the client
    machine: str = ""                   # as `uname -m` names it
    program_folder: str = ""            # tells the folder of program files from that of any other machine; or empty

    @property
    def runs_other_release(self) -> bool:
        """Whether the program runs in a release that another tool made."""
        others = [release.name for release in self.releases if not release.is_ours]
        return self.strategy == "releases" and self.current in others

    @property
    def earlier_directory(self) -> str:
        """Where the programs run, if hosts.yaml names another directory since the last deploy; else empty."""
        written = self.written_directory or self.directory
        return "" if f"{written}/".startswith(f"{self.directory}/") else written

    @property
    def is_removed(self) -> bool:
        """Whether `fab remove` took the service off the host, and left its clone there."""
        return self.committed.get("command") == "remove" and self.program_file is None

    @property
    def removal(self) -> str:
        """Who removed it, and when; empty where it is not removed."""
        return REMOVED.format(by=self.committed.get("by"), at=self.committed.get("at")) if self.is_removed else ""

    @property
    def built_from(self) -> CommitHash | None:
        """The commit of the repository that is on the disk: where a client built it, the one that it was built from."""
        source = self.committed.get("source") if self.committed.get("to") == self.commit else None
        return source or self.commit

    @property
    def half_done_merge(self) -> str:
        """In words; empty where nothing is left to be merged."""
        paths = [line[3:] for line in self.edited if line[:2] in UNMERGED]
        return f"a merge was left half-done in {self._tree}: conflicts in {', '.join(paths)}" if paths else ""

    @property
    def merge_remedy(self) -> str:
        """What to do about it: git can stash no part of it."""
        return f"finish it on the host, or give it up; this says how: git -C {for_sh(self._tree)} status"

    @property
    def _tree(self) -> str:
        return f"{self.directory}/current" if self.strategy == "releases" else self.directory

    @property
    def deployed_by(self) -> str | None:
        """Who deployed the newest committed version; a restart has not."""
        return self.committed.get("deployed_by") or self.committed.get("by")

    @property
    def deployed_at(self) -> str | None:
        """When."""
        return self.committed.get("deployed_at") or self.committed.get("at")

    @property
    def edited_placed_files(self) -> list[str]:
        """The paths of placed files that are not as a deploy wrote them."""
        return [path for path, file in self.files.items() if file.written and file.sha256 != file.written]

    @property
    def other_modes(self) -> list[str]:
        """Files of `files` whose content alone is as a deploy wrote it: path, and both modes."""
        return [f"{path} ({file.mode:04o}, not {file.written_mode:04o})" for path, file in self.files.items()
                if file.mode is not None and file.written_mode is not None and file.mode != file.written_mode
                and file.sha256 == file.written]

    def left_by(self, strategy: str) -> list[Facts | CloneState]:
        """The trees whose edits a deploy by this strategy overwrites, or leaves behind: that of the program, and with
        in_place the clone, also where the program runs in a release."""
        return [self, *([self.clone_state] if self.clone_state and strategy == "in_place" else [])]

    @property
    def seconds(self) -> dict[str, Seconds]:
        """By step, how long it took when it last had something to do."""
        return self.committed.get("seconds") or {}

    def has_subtree(self, subtree: str | None) -> bool:
        """Whether the service's `subdirectory` is this one: the commit is as good as any other that has it."""
        return subtree is not None and self.subtree == subtree

    def processes(self, group: str) -> list[Process]:
        """Never empty: of a program that is not there, one process is absent."""
        return self.programs.get(group) or [Process(name=group, state="absent")]

    def of(self, programs: Iterable[model.Program]) -> list[Process]:
        """The processes of all these programs."""
        return [process for program in programs for process in self.processes(program.group)]

    def is_whole(self, program: model.Program) -> bool:
        """Whether all of its processes run."""
        return all(process.state == "RUNNING" for process in self.processes(program.group))
