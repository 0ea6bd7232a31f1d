"""The build of a service, from the .gitlab-ci.yml that deployed it before."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

CHECKOUT = re.compile(r"^(sudo\s.*)?git\s+(-\S+\s+\S+\s+)*(pull|checkout|fetch|reset|clone|submodule|clean)\b")
SUPERVISOR = re.compile(r"\bsupervisorctl\b")
LOGS = re.compile(r"mkdir\s+(-p\s+)?(\./)?logs/?")          # Fabvisor makes that folder


class _Loader(yaml.SafeLoader):
    """Takes GitLab's own tags (`!reference`) for nothing."""


_Loader.add_multi_constructor("!", lambda loader, tag, node: None)


def commands(text: str, branch: str) -> list[str]:
    """The lines between checkout and supervisorctl, of the job that names `branch`, else of the first that has them."""
    try:
        jobs = yaml.load(text, _Loader)
    except yaml.YAMLError:
        return []
    if not isinstance(jobs, dict):
        return []
    builds = [(job, build) for job in jobs.values() if isinstance(job, dict)
              for build in [_between(list(_lines([job.get("before_script"), job.get("script")])))] if build is not None]
    of_branch = [build for job, build in builds if branch and branch in str({**job, "script": ""})]
    return next(iter([*of_branch, *(build for _, build in builds)]), [])


def _lines(script: Any) -> Iterator[str]:
    """The single commands of a script, which may hold lists."""
    if isinstance(script, list):
        for part in script:
            yield from _lines(part)
    elif isinstance(script, str):
        for line in script.replace("\\\n", " ").splitlines():
            yield from (command.strip() for command in _split(line) if command.strip())


def _split(line: str) -> list[str]:
    """At each && outside of quotes."""
    pieces = re.findall(r"""(?:'[^']*'|"(?:\\.|[^"\\])*"|(?<!&)&(?!&)|[^'"&]|['"])+""", line)
    return [piece for piece in pieces if not piece.lstrip().startswith("#")]


def _between(lines: list[str]) -> list[str] | None:
    """None where nothing is restarted, or nothing is checked out before."""
    end = next((at for at, line in enumerate(lines) if SUPERVISOR.search(line)), None)
    starts = [at for at, line in enumerate(lines[:end]) if CHECKOUT.match(line)]
    if end is None or not starts:
        return None
    return [line for line in lines[starts[-1] + 1:end] if not LOGS.fullmatch(line)]
