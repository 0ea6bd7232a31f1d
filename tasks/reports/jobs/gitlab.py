"""For the log of a GitLab job. Sections: https://docs.gitlab.com/ci/jobs/job_logs/#custom-collapsible-sections"""

from __future__ import annotations

import itertools
import re

from ..screen import Screen
from ..text.table import Line
from .job_log import JobLog, Record


def reporter(screen: Screen) -> GitLab:
    return GitLab(screen)


class GitLab(JobLog):
    """The section of a host is closed unless somebody must look into it."""

    def __init__(self, screen: Screen) -> None:
        super().__init__(screen)
        self._names: list[str] = []                 # of the sections so far
        self._ended = 0                             # the newest: when it ended, in seconds since 1970

    def _begin_section(self, name: str, record: Record, is_fine: bool, header: Line) -> None:
        self._names.append(_unique(name, self._names))
        self._ended = int(record.ended.timestamp())
        begun = int(record.begun.timestamp())
        collapsed = "[collapsed=true]" if is_fine else ""
        self.screen.out.write(f"\x1b[0Ksection_start:{begun}:{self._names[-1]}{collapsed}\r\x1b[0K"
                              f"{self._painted(header)}\n")

    def _end_section(self) -> None:
        self.screen.out.write(f"\x1b[0Ksection_end:{self._ended}:{self._names[-1]}\r\x1b[0K\n")


def _unique(text: str, taken: list[str]) -> str:
    """GitLab itself turns capitals and dots into others, so that two hosts could share a section."""
    base = re.sub(r"[^a-z0-9_]+", "-", text.lower())
    numbered = (f"{base}-{number}" for number in itertools.count(2))
    return next(name for name in itertools.chain([base], numbered) if name not in taken)
