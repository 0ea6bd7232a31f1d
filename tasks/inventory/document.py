"""A YAML file as plain data that remembers its lines.

Built from the node tree of `yaml.SafeLoader` instead of by `safe_load`, which silently keeps the last of
two equal keys and forgets where a value stood.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import yaml

from .findings import Finding, KeyPath, quoted

MOST_NODES = 200_000        # aliases of aliases grow exponentially; a real inventory is far below
INTEGER = "tag:yaml.org,2002:int"
TEXT = "tag:yaml.org,2002:str"
MERGE = "tag:yaml.org,2002:merge"
Construct = Callable[[yaml.Node], Any]


class Unreadable(Exception):
    """The file holds no data at all. `line` 0: nowhere in particular."""

    def __init__(self, message: str, line: int, hint: str) -> None:
        super().__init__(message)
        self.message, self.line, self.hint = message, line, hint


@dataclass
class Document:
    """`raw` is a scalar as it was written, where YAML reads it as something else than text."""

    data: Any = None
    lines: dict[KeyPath, int] = field(default_factory=dict)
    raw: dict[KeyPath, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def line(self, path: KeyPath) -> int:
        """Of the path, or of the nearest thing around it: what is missing has no line of its own."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 0)


def parse(content: bytes) -> Document:
    """Raises Unreadable. What is wrong but lets the rest be judged is in the document's `findings`."""
    try:
        construct, node = _composed(content)
        document = Document()
        if node is not None:
            document.data = _Reader(construct, document).value(node, ())
        return document
    except yaml.YAMLError as error:
        raise _unreadable(error, content) from None
    except RecursionError:
        raise Unreadable("it is nested too deeply", 0, "write it flat") from None


def _composed(content: bytes) -> tuple[Construct, yaml.Node | None]:
    """By libyaml, where it is there: a tenth of the time. What it cannot read PyYAML's own reader explains better."""
    if yaml.__with_libyaml__:
        try:
            quick = yaml.CSafeLoader(content)
            return quick.construct_object, quick.get_single_node()
        except yaml.YAMLError:
            pass
    loader = yaml.SafeLoader(content)
    return loader.construct_object, loader.get_single_node()


class _Reader:
    def __init__(self, construct: Construct, document: Document) -> None:
        self.construct = construct
        self.document = document
        self.within: list[yaml.Node] = []
        self.nodes = 0

    def value(self, node: yaml.Node, path: KeyPath) -> Any:
        self.nodes += 1
        if self.nodes > MOST_NODES:
            raise Unreadable("its aliases multiply without end", _line(node), "write out what they stand for")
        self.document.lines.setdefault(path, _line(node))
        if any(node is outer for outer in self.within):
            self.complain(path, f"the alias at line {_line(node)} contains itself")
            return None
        self.within.append(node)
        try:
            if isinstance(node, yaml.MappingNode):
                return self.mapping(node, path)
            if isinstance(node, yaml.SequenceNode):
                return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
            return self.scalar(node, path)
        finally:
            self.within.pop()

    def mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        pairs = self.pairs(node, path, ())
        for key, (key_node, _) in pairs.items():
            place: KeyPath = (*path, key)
            self.document.lines[place] = _line(key_node)
        return {key: self.value(child, (*path, key)) for key, (_, child) in pairs.items()}

    def pairs(
        self, node: yaml.MappingNode, path: KeyPath, merging: tuple[yaml.Node, ...]
    ) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        """A mapping's own keys, then those merged in by `<<`."""
        own: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        merged: list[yaml.MappingNode] = []
        for key_node, child in node.value:
            if key_node.tag == MERGE:
                merged += self.merged(child, path)
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                self.complain(path, "a key must be text, not a list or a mapping", key_node)
                continue
            key = self.key(key_node, path)
            if key in own:
                self.complain((*path, key), f"is given twice, first on line {_line(own[key][0])}", key_node)
            else:
                own[key] = (key_node, child)
        for other in merged:
            if other is node or any(other is outer for outer in merging):
                self.complain(path, "merges itself by `<<`")
                continue
            for key, pair in self.pairs(other, path, (*merging, node)).items():
                own.setdefault(key, pair)
        return own

    def merged(self, node: yaml.Node, path: KeyPath) -> list[yaml.MappingNode]:
        items = node.value if isinstance(node, yaml.SequenceNode) else [node]
        good = [item for item in items if isinstance(item, yaml.MappingNode)]
        if len(good) < len(items):
            self.complain((*path, "<<"), "expected a mapping (or a list of mappings) to merge", node)
        return good

    def key(self, node: yaml.ScalarNode, path: KeyPath) -> str:
        key = str(node.value)
        if node.tag != TEXT:
            self.complain((*path, key), f"YAML does not read the key {key} as text; write \"{key}\"", node)
        return key

    def scalar(self, node: yaml.Node, path: KeyPath) -> Any:
        try:
            value = self.construct(node)
        except (ValueError, yaml.constructor.ConstructorError):
            self.complain(path, f"YAML cannot read {quoted(node.value)}; put quotes around it if it is text")
            return node.value
        if node.tag != TEXT:
            self.document.raw[path] = node.value
        if node.tag == INTEGER and not re.fullmatch(r"0|-?[1-9][0-9]*", node.value):
            self.complain(path, f"YAML reads {node.value} as {value}; write {value}, or \"{node.value}\" for the text")
        return value

    def complain(self, path: KeyPath, message: str, node: yaml.Node | None = None) -> None:
        self.document.findings.append(Finding(path, message, line=_line(node) if node else 0))


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _unreadable(error: yaml.YAMLError, content: bytes) -> Unreadable:
    if isinstance(error, yaml.reader.ReaderError):
        line = content[: error.position].count(b"\n") + 1
        return Unreadable(f"it holds a character that YAML does not allow ({error.reason})", line,
                          "save it as plain UTF-8 text")
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    said = " ".join(filter(None, (getattr(error, "context", None), getattr(error, "problem", None)))) or str(error)
    hint = "indent with spaces: YAML knows no tabs" if "'\\t'" in said else "correct the line, or the one above it"
    return Unreadable(f"it is not valid YAML: {said}", mark.line + 1 if mark else 0, hint)
