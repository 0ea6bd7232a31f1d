"""The build of a service, from the .gitlab-ci.yml that deployed it before."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from .._errors import Mistake
from ..program import quoting

CHECKOUT = re.compile(r"^(sudo\s.*)?git\s+(-\S+\s+\S+\s+)*(pull|checkout|fetch|reset|clone|submodule|clean)\b")
SUPERVISOR = re.compile(r"\bsupervisorctl\b")
SSH = re.compile(r"^[ \t]*(?:sshpass\s[^\n]*?\s)?ssh\s", re.MULTILINE)
HERE_DOCUMENT = re.compile(r"<<-?\s*(['\"]?)(\w+)\1[^\n]*\n(.*?)\n\s*\2[ \t]*$", re.MULTILINE | re.DOTALL)
COMPOUND = re.compile(r"\b(for|while|until|if|case|function)\b|(?<!\$)\{")       # commands with a ; of their own
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
        for line in _on_host(script.replace("\\\n", " ")).splitlines():
            yield from (command.strip() for command in _split(line) if command.strip() not in ("", "exit"))


def _on_host(text: str) -> str:
    """What runs on the host, where a job on another machine gets there by ssh: the text behind ssh's own words, in
    quotes or as a here-document."""
    found = SSH.search(text)
    if found is None:
        return text
    command = text[found.start():]
    document = HERE_DOCUMENT.search(command)
    if document:
        return f"{text[:found.start()]}\n{document[3]}\n{command[document.end():]}"
    try:
        words = quoting.words(command)
    except Mistake:
        return text
    remote = [word for word in words if len(word.split()) > 1]
    return f"{text[:found.start()]}\n{remote[-1]}" if remote else text


def _split(line: str) -> list[str]:
    """At each && and ; outside of quotes."""
    ends = "&" if COMPOUND.search(line) else "&;"
    pieces = re.findall(rf"""(?:'[^']*'|"(?:\\.|[^"\\])*"|(?<!&)&(?!&)|[^'"{ends}]|['"])+""", line)
    return [piece for piece in pieces if not piece.lstrip().startswith("#")]


def _between(lines: list[str]) -> list[str] | None:
    """None where nothing is restarted, or nothing is checked out before."""
    end = next((at for at, line in enumerate(lines) if SUPERVISOR.search(line)), None)
    starts = [at for at, line in enumerate(lines[:end]) if CHECKOUT.match(line)]
    if end is None or not starts:
        return None
    return [line for line in lines[starts[-1] + 1:end] if not LOGS.fullmatch(line)]
