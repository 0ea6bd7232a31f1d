"""The formats: which there are, and the one that fits the screen.

Each is a module with `reporter(screen)`, imported with the first event: rich alone costs 50 ms, which a pipe need
not pay, and which a terminal pays while the hosts are being connected. A new format is a module and a line in FORMATS,
or in DOCUMENTS.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from importlib import import_module
from types import MappingProxyType
from typing import TextIO, cast

from .._errors import SelectionError
from ..rollout.events import Event
from .reporter import Reporter
from .screen import Screen
from .stream import Stream

FORMATS: Mapping[str, str] = MappingProxyType({
    "terminal": ".console.terminal",
    "plain": ".console.plain",
    "gitlab": ".jobs.gitlab",
    "github": ".jobs.github",
    "json": ".jsonl",
})


# Of `fab status` only: one text of all statuses.
DOCUMENTS: Mapping[str, str] = MappingProxyType({
    "html": ".status.status_html",
    "prometheus": ".status.status_prometheus",
})
EVERY: Mapping[str, str] = MappingProxyType({**FORMATS, **DOCUMENTS})


class LazyReporter(Reporter):
    """The reporter of a module, which is imported with the first event."""

    def __init__(self, module: str, screen: Screen) -> None:
        self._module = module
        self._screen = screen

    @cached_property
    def chosen(self) -> Reporter:
        return cast(Reporter, import_module(self._module, __package__).reporter(self._screen))

    def on(self, event: Event) -> None:
        self.chosen.on(event)

    def close(self) -> None:
        if "chosen" in self.__dict__:
            self.chosen.close()

    def write_to(self, path: str) -> None:
        self.chosen.write_to(path)

    @property
    def gone(self) -> bool:
        return self._screen.out.gone

    @property
    def fault(self) -> str:
        return self._screen.out.fault

    @property
    def attended(self) -> bool:
        return self.chosen.attended

    def ask(self, question: str) -> bool:
        return self.chosen.ask(question)


def choose(
    format: str, verbose: bool, environ: Mapping[str, str], stdout: TextIO, stderr: TextIO,
    stdin: TextIO | None = None,
) -> Reporter:
    """The reporter for `--format`. Raises SelectionError for an unknown name."""
    screen = Screen(out=Stream(stdout), err=Stream(stderr), environ=environ, verbose=verbose, keyboard=stdin)
    name = _automatic(screen) if format == "auto" else format
    if name not in EVERY:
        raise SelectionError(f"--format {format!r}: no such format", _nearest(format))
    return LazyReporter(EVERY[name], screen)


def require_fit(format: str, command: str) -> None:
    """Raises SelectionError for a format that shows nothing of that command."""
    if format in DOCUMENTS and command != "status":
        raise SelectionError(f"--format {format} is for fab status",
                             f"choose one of auto, {', '.join(FORMATS)}; or fab status --format {format}")


def _automatic(screen: Screen) -> str:
    if screen.environ.get("GITLAB_CI") == "true":
        return "gitlab"
    if screen.environ.get("GITHUB_ACTIONS") == "true":          # in Gitea and Forgejo, too
        return "github"
    capable = screen.out.isatty() and screen.environ.get("TERM") != "dumb"
    return "terminal" if capable else "plain"


def _nearest(format: str) -> str:
    import difflib  # only where there is something to say

    choices = ["auto", *EVERY]
    near = difflib.get_close_matches(format, choices, n=1)
    question = f"did you mean {near[0]}? " if near else ""
    return f"{question}choose one of {', '.join(choices)}"
