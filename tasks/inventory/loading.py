"""Finds and reads hosts.yaml: an Inventory, or one error with every mistake and its line."""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import chain, islice
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from .._errors import InventoryError, Problem, SelectionError
from .document import shape
from .document.document import Document, Unreadable, parse
from .findings import MOST_FINDINGS, Finding, KeyPath, dotted, without_consequences
from .layers import effective
from .layers.listings import Raw
from .mistakes import checks, cross_checks
from .model import Environment
from .nearest import did_you_mean, listed

FILE = "hosts.yaml"


class Inventory(Struct, frozen=True):
    """A hosts.yaml without mistakes. `source` is the file as messages name it, `folder` its folder."""

    source: str
    environments: tuple[str, ...]
    default_environment: str | None
    data: Raw
    folder: Path
    lines: dict[KeyPath, int]

    def __repr__(self) -> str:
        return f"Inventory({self.source!r})"

    def with_hosts(self, name: str, hosts: Raw) -> Inventory:
        """The same inventory with this mapping as the `hosts` of an environment."""
        changed = {**self.data["environments"][name], "hosts": hosts}
        return replace(self, data={**self.data, "environments": {**self.data["environments"], name: changed}})

    def problem(self, path: KeyPath, message: str) -> Problem:
        """A mistake that shows later, at its place."""
        return Problem(self.source, self.lines.get(path, 0), dotted(path), message)

    def environment(self, name: str) -> Environment:
        """The environment with everything merged. Raises SelectionError for an unknown name."""
        if name not in self.environments:
            raise SelectionError(
                f"{self.source} has no environment {name!r}{did_you_mean(name, self.environments)}",
                hint=f"environments: {listed(self.environments)}",
            )
        return effective.environment(self.data, name, self.source)


def find_inventory(explicit: str | None, environ: Mapping[str, str], cwd: Path, beside: Path) -> Path:
    """The path of --inventory, else of FAB_INVENTORY, else hosts.yaml in `cwd` or in `beside` (the fabfile's folder).

    Raises InventoryError where there is none; a path that was named is not checked here but by `load`.
    """
    named = explicit or environ.get("FAB_INVENTORY")
    if named:
        return cwd / os.path.expanduser(named)          # ~USER stays where there is no such user
    for folder in (cwd, beside):
        if (folder / FILE).exists():
            return folder / FILE
    folders = str(cwd) if cwd == beside else f"{cwd} nor in {beside}"
    raise InventoryError(
        [Problem(FILE, 0, "", f"not found in {folders}")],
        hint="go to the folder that holds it, or name it: --inventory FILE; where there is none yet, "
             "fab adopt USER@HOST prints one for what runs there",
    )


def load(path: Path) -> Inventory:
    """Read and check the file. Raises InventoryError with every mistake, in the order of the file."""
    source = _display_name(path)
    document = _read(path, source)
    data, misshapen = shape.check(document)
    judged = islice(chain(checks.check(data), cross_checks.check(data)), MOST_FINDINGS)
    findings = _without_repeats(document.findings, misshapen + without_consequences(judged, misshapen))
    if findings:
        more = "; there may be more mistakes" if len(findings) >= MOST_FINDINGS else ""
        raise InventoryError(_problems(document, source, findings), f"correct {source}; no host was contacted{more}")
    return Inventory(source, tuple(data["environments"]), data.get("default_environment"), data, path.parent,
                     document.lines)


def _read(path: Path, source: str) -> Document:
    try:
        document = parse(path.read_bytes())
    except FileNotFoundError:
        raise _refused(source, 0, "there is no such file", "name another: --inventory FILE") from None
    except OSError as error:
        raise _refused(source, 0, f"cannot be read: {error.strerror}", "is it a file, and yours to read?") from None
    except Unreadable as error:
        raise _refused(source, error.line, error.message, error.hint) from None
    example = "it needs at least `services:` and `environments:`; docs/hosts-yaml.md shows one"
    if document.data is None:
        raise _refused(source, 0, "is empty", example)
    if not isinstance(document.data, dict):
        raise _refused(source, document.line(()), "expected a mapping of keys to values at the top", example)
    return document


def _refused(source: str, line: int, message: str, hint: str) -> InventoryError:
    return InventoryError([Problem(source, line, "", message)], hint)


def _without_repeats(first: list[Finding], later: list[Finding]) -> list[Finding]:
    """Later findings are left out where there is an earlier one at the same place."""
    places = {finding.path for finding in first}
    return first + [finding for finding in later if finding.path not in places]


def _problems(document: Document, source: str, findings: list[Finding]) -> list[Problem]:
    problems = [
        Problem(source, finding.line or document.line(finding.path), dotted(finding.path), finding.message)
        for finding in findings
    ]
    return sorted(dict.fromkeys(problems), key=lambda problem: (problem.line, problem.path, problem.message))


def _display_name(path: Path) -> str:
    """Relative to the current folder where it lies below it: short, and a terminal can open it."""
    try:
        return str(path.resolve().relative_to(Path.cwd().resolve()))
    except (ValueError, OSError):
        return str(path)
