"""Reads a file into PyYAML's tree of nodes, within bounds of size and depth."""

from __future__ import annotations

import re
from typing import Any

import yaml

from ..findings import shortened

MOST_BYTES = 512 * 1024         # a thousand hosts, each with settings of its own, fit four times
EXPLAINED_BYTES = 64 * 1024     # so much takes PyYAML's own reader, written in Python, a second
MOST_NODES = 50_000             # aliases of aliases grow exponentially; a thousand hosts have ten thousand
DEEPEST = 50                    # levels; hosts.yaml has ten


class Unreadable(Exception):
    """The file holds no data at all. `line` 0: nowhere in particular."""

    def __init__(self, message: str, line: int, hint: str) -> None:
        super().__init__(message)
        self.message, self.line, self.hint = message, line, hint


class _Bounded:
    """Counts nodes and levels: libyaml's composer calls itself for each level, and would overrun the stack."""

    depth = nodes = 0

    def descend_resolver(self, parent: yaml.Node | None, index: object) -> None:
        self.depth += 1
        self.nodes += 1
        if self.depth > DEEPEST:
            raise too_deep(line_of(parent) if parent else 0)
        if self.nodes > MOST_NODES:
            raise too_many(line_of(parent) if parent else 0)

    def ascend_resolver(self) -> None:
        self.depth -= 1


class _Loader(_Bounded, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """By libyaml, where it is there: a tenth of the time."""


class _ExplainingLoader(_Bounded, yaml.SafeLoader):
    """PyYAML's own reader: its errors say more."""


def compose(content: bytes) -> tuple[Any, yaml.Node | None]:
    """The loader, which constructs and resolves scalars, and the top node; None: an empty file. Raises Unreadable."""
    if len(content) > MOST_BYTES:
        line = content.count(b"\n", 0, MOST_BYTES) + 1
        raise Unreadable(f"it is larger than {MOST_BYTES // 1024} KB", line, "take out what it does not need")
    try:
        return _composed(_Loader, content)
    except yaml.YAMLError as error:
        if len(content) > EXPLAINED_BYTES:
            raise _unreadable(error, content) from None
        unexplained = error
    try:
        return _composed(_ExplainingLoader, content)
    except yaml.YAMLError as error:
        raise _unreadable(error, content) from None
    except (ValueError, OverflowError):         # an escape for a character that does not exist
        raise _unreadable(unexplained, content) from None


def line_of(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def too_deep(line: int) -> Unreadable:
    return Unreadable(f"it is nested more than {DEEPEST} levels deep", line, "write it flat")


def too_many(line: int) -> Unreadable:
    return Unreadable(f"it holds more than {MOST_NODES} values, counting what its aliases stand for", line,
                      "take out what it does not need, and use fewer aliases (`*name`, `<<`)")


def _composed(kind: Any, content: bytes) -> tuple[Any, yaml.Node | None]:
    loader = kind(content)
    return loader, loader.get_single_node()


def _unreadable(error: yaml.YAMLError, content: bytes) -> Unreadable:
    if isinstance(error, yaml.reader.ReaderError):
        line = content[: error.position].count(b"\n") + 1
        return Unreadable(f"it holds a character that YAML does not allow ({error.reason})", line,
                          "save it as plain UTF-8 text")
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    reason = " ".join(filter(None, (getattr(error, "context", None), getattr(error, "problem", None)))) or str(error)
    reason = shortened(re.sub(r"\s+", " ", reason), 200)
    return Unreadable(f"it is not valid YAML: {reason}", mark.line + 1 if mark else 0, _hint(reason))


def _hint(reason: str) -> str:
    if "'\\t'" in reason:
        return "indent with spaces: YAML knows no tabs"
    if re.search("cannot start any token|scanning an? (alias|anchor)|undefined alias|values are not allowed", reason):
        return ("correct the line, or the one above it: a text that begins with one of *&!%@` or holds ': ' stands in "
                "quotes, and a space follows the ':' of a key")
    return "correct the line, or the one above it"
