"""The sources in tasks/, each parsed once in a process, for the tests that read them."""

from __future__ import annotations

import ast
import functools
from pathlib import Path

ROOT = Path(__file__).parents[2]
TASKS = ROOT / "tasks"


@functools.cache
def sources() -> tuple[Path, ...]:
    return tuple(sorted(TASKS.rglob("*.py")))


@functools.cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@functools.cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """As ast.walk gives them, which takes ten times as long as to read them from here."""
    return tuple(ast.walk(tree(path)))
