"""What a host says of one service. Shapes are those of executor/facts.py."""

from __future__ import annotations

from typing import Any

from msgspec import Struct, convert


class Program(Struct, frozen=True, kw_only=True):
    """`state` is supervisord's word for it, or absent (it knows no such program) or UNKNOWN (it is down)."""

    state: str
    pid: int | None = None
    start: int | None = None            # seconds since 1970, by the host's clock; so is `now`
    now: int | None = None
    why: str = ""
    hint: str = ""

    @property
    def uptime(self) -> float | None:
        running = self.state == "RUNNING" and self.start is not None and self.now is not None
        return float(max(0, (self.now or 0) - (self.start or 0))) if running else None


class Release(Struct, frozen=True, kw_only=True):
    name: str
    digest: str | None                  # of what it was built with; None: it was never completed
    in_use: bool


class CloneState(Struct, frozen=True, kw_only=True):
    commit: str | None
    branch: str | None
    edited: list[str]


class Facts(Struct, frozen=True, kw_only=True):
    directory: str                      # absolute, as are all paths here
    directory_exists: bool
    clone: bool
    foreign: bool                       # the directory holds files, but no clone
    contents: list[str] = []            # what lies there, where there is no clone
    commit: str | None
    branch: str | None                  # what HEAD is attached to
    edited: list[str]                   # lines of `git status --porcelain`
    program_file: str | None
    program_path: str
    env_path: str
    env_sha256: str | None
    program: Program
    started_from: str | None
    strategy: str | None = None         # by what is on the disk; None: nothing is
    standing: CloneState | None = None    # where the program runs in a release: what the clone itself stands on
    current: str | None = None          # the release that `current` points to
    releases: list[Release] = []
    committed: dict[str, Any]           # the newest committed line of the history; {} when there is none
    history: list[dict[str, Any]]       # oldest first
    log: str
    holder: dict[str, Any] = {}         # who holds the lock now (status only)
    due: list[str] = []                 # deploys that left something to undo (status and plan only)
    due_by: list[str] = []              # who began them
    unloaded: bool = False              # the program file is younger than the running program (status only)
    words: list[str] = []               # the last ones of a program that does not stay up (status only)
    obstacles: list[str] = []           # what a change would be refused for (plan only)
    elsewhere: list[Any] | None = None  # [file, line] of another definition of the program (status only)


def read(message: dict[str, Any]) -> Facts:
    return convert(message, Facts)
