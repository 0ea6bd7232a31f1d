"""For the log of a job of GitHub, Gitea or Forgejo: a group for each host, errors as annotations, and a summary.

A line that begins with `::`, or has `##[` in it, is a command to the runner. What hosts say never is one: see
https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

import re

from ...rollout.events import Error, Finished, Started
from ..screen import Screen
from ..text.table import Line, text_of
from .github_summary import summary
from .job_log import JobLog, Record

# Of a line: spaces and colours, behind which a command may begin; and the older form of commands, anywhere.
BEGINNING = re.compile(r"^((?:\s|\x1b\[[0-9;]*m)*):(?=:)")


def reporter(screen: Screen) -> GitHub:
    return GitHub(screen)


class GitHub(JobLog):
    """GitHub cannot show an open group: a host that somebody must look at has none."""

    def __init__(self, screen: Screen) -> None:
        super().__init__(screen)
        self._begun: Started | None = None
        self._since = screen.clock()
        self._errors: list[Error] = []
        self._grouped = False

    def _started(self, event: Started) -> None:
        self._begun = event
        super()._started(event)

    def _error(self, event: Error) -> None:
        super()._error(event)
        self._errors.append(event)

    def _finished(self, event: Finished) -> None:
        super()._finished(event)
        for error in self._errors:
            self._command("error", f"{error.message}\n{error.hint}".strip())
        path = self.screen.environ.get("GITHUB_STEP_SUMMARY")
        if path and self._begun:
            text = summary(self._begun, self._errors, event, self.screen.clock() - self._since)
            try:
                with open(path, "a", encoding="utf-8", errors="replace") as file:
                    file.write(text)
            except OSError as error:
                self._command("warning", f"the summary cannot be written: {error.strerror}")

    def _begin_section(self, name: str, record: Record, is_fine: bool, header: Line) -> None:
        self._grouped = is_fine
        if is_fine:
            self._command("group", text_of(header))
        else:
            self._print([header])

    def _end_section(self) -> None:
        if self._grouped:
            self._command("endgroup", "")

    def _command(self, name: str, text: str) -> None:
        """Line breaks are escaped: each line of the text would be read by itself."""
        data = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
        self.screen.out.write(f"::{name}::{data}\n")
        self.screen.out.flush()

    def _painted(self, line: Line) -> str:
        """No line that is printed can be a command."""
        return BEGINNING.sub(r"\1: ", super()._painted(line)).replace("##[", "## [")
