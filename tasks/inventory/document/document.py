"""A YAML file as plain data that remembers its lines.

Built from nodes instead of by `yaml.safe_load`, which silently keeps the last of two equal keys and forgets where a
value stood.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml
from msgspec import Struct

from ..findings import MOST_FINDINGS, Finding, KeyPath, quoted
from .yaml_nodes import DEEPEST, MOST_NODES, Unreadable, compose, line_of, too_deep, too_many

__all__ = ["Document", "Unreadable", "parse"]

MOST_DIGITS = 100
TAG = "tag:yaml.org,2002:"
TEXT, MERGE, MAPPING, SEQUENCE = (TAG + kind for kind in ("str", "merge", "map", "seq"))
INTEGER, FLOAT = TAG + "int", TAG + "float"
SURROGATE = re.compile("[\ud800-\udfff]")
Pairs = dict[str, tuple[yaml.Node, yaml.Node]]


class Document(Struct):
    """`raw` has scalars as they were written, where YAML reads them as something else than text; `misread` the numbers
    among them that people would read otherwise: 0123, 0x10, 1_000, 10:20."""

    data: Any = None
    lines: dict[KeyPath, int] = {}
    raw: dict[KeyPath, str] = {}
    misread: dict[KeyPath, int] = {}
    findings: list[Finding] = []

    def line(self, path: KeyPath) -> int:
        """The line of the path, or of the nearest thing around it: what is missing has none of its own."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 0)


def parse(content: bytes) -> Document:
    """Raises Unreadable. Mistakes that leave the rest readable are in the document's `findings`."""
    loader, node = compose(content)
    document = Document()
    if node is not None:
        document.data = _Reader(loader, document).value(node, ())
    return document


class _Reader:
    def __init__(self, loader: Any, document: Document) -> None:
        self.loader = loader
        self.document = document
        self.within: list[yaml.Node] = []
        self.nodes = 0

    def value(self, node: yaml.Node, path: KeyPath) -> Any:
        self.count(node)
        if len(path) > DEEPEST:
            raise too_deep(line_of(node))
        self.document.lines.setdefault(path, line_of(node))
        if any(node is outer for outer in self.within):
            self.report(path, f"the alias at line {line_of(node)} contains itself")
            return None
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node, path)
        if tag := self.foreign_tag(node):
            self.report(path, tag)
        self.within.append(node)
        try:
            if isinstance(node, yaml.MappingNode):
                return self.mapping(node, path)
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        finally:
            self.within.pop()

    def count(self, node: yaml.Node) -> None:
        self.nodes += 1
        if self.nodes > MOST_NODES:
            raise too_many(line_of(node))

    def mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        pairs = self.pairs(node, path, ())
        for key, (key_node, _) in pairs.items():
            place: KeyPath = (*path, key)
            self.document.lines[place] = line_of(key_node)
        return {key: self.value(child, (*path, key)) for key, (_, child) in pairs.items()}

    def pairs(self, node: yaml.MappingNode, path: KeyPath, merging: tuple[yaml.Node, ...]) -> Pairs:
        """A mapping's own keys, then those merged in by `<<`."""
        own: Pairs = {}
        merged: list[yaml.Node] = []
        for key_node, child in node.value:
            self.count(key_node)
            if key_node.tag == MERGE and key_node.value == "<<":
                merged += child.value if isinstance(child, yaml.SequenceNode) else [child]
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                self.report(path, "a key must be text, not a list or a mapping; quote a text that begins with { or [",
                            key_node)
                continue
            key = self.key(key_node, path)
            if key in own:
                self.report((*path, key), f"is given twice, first on line {line_of(own[key][0])}", key_node)
            else:
                own[key] = (key_node, child)
        for other in self.mergeable(merged, path, (*merging, node)):
            for key, pair in self.pairs(other, path, (*merging, node)).items():
                own.setdefault(key, pair)
        return own

    def mergeable(self, nodes: list[yaml.Node], path: KeyPath, merging: tuple[yaml.Node, ...]
                  ) -> Iterator[yaml.MappingNode]:
        for node in nodes:
            if any(node is outer for outer in merging):
                self.report(path, "merges itself by `<<`")
            elif len(merging) > DEEPEST:
                raise too_deep(line_of(node))
            elif isinstance(node, yaml.MappingNode):
                yield node
            else:
                self.report((*path, "<<"), "expected a mapping (or a list of mappings) to merge", node)

    def key(self, node: yaml.ScalarNode, path: KeyPath) -> str:
        key = str(node.value)
        problem = self.problem(node)
        # `on: client` is what everybody writes, and what YAML 1.2 reads as text.
        if not problem and node.tag != TEXT and key != "on":
            problem = f"YAML does not read the key {key} as text; write \"{key}\""
        if problem:
            key = SURROGATE.sub("\N{REPLACEMENT CHARACTER}", key)
            self.report((*path, key), problem, node)
        return key

    def scalar(self, node: yaml.ScalarNode, path: KeyPath) -> Any:
        """The value; its text where it is text, or mistaken."""
        problem = self.problem(node)
        if not problem and node.tag != TEXT:
            try:
                value = self.loader.construct_object(node)
            except (ValueError, yaml.YAMLError):        # a date such as 2024-02-31
                problem = f"YAML cannot read {quoted(node.value)}; put quotes around it if it is text"
            else:
                self.document.raw[path] = node.value
                if node.tag == INTEGER and not re.fullmatch(r"0|-?[1-9][0-9]*", node.value):
                    self.document.misread[path] = value
                return value
        if problem:
            self.report(path, problem)
        return SURROGATE.sub("\N{REPLACEMENT CHARACTER}", node.value)

    def problem(self, node: yaml.ScalarNode) -> str:
        if SURROGATE.search(node.value):
            return "holds half of a character (a surrogate); write the whole character"
        if node.tag in (INTEGER, FLOAT) and len(node.value) > MOST_DIGITS:
            return f"is a number of more than {MOST_DIGITS} digits; put quotes around it if it is text"
        return self.foreign_tag(node)

    def foreign_tag(self, node: yaml.Node) -> str:
        """A tag that was written, `!!str` aside: hosts.yaml needs none, and constructors fail on values that do not
        fit."""
        if isinstance(node, yaml.ScalarNode):
            plain = not node.style
            own = self.loader.resolve(yaml.ScalarNode, node.value, (plain, not plain))
        else:
            own = MAPPING if isinstance(node, yaml.MappingNode) else SEQUENCE
        if node.tag in (own, TEXT):
            return ""
        return f"has the tag {quoted(node.tag.replace(TAG, '!!'))}; leave the tag out"

    def report(self, path: KeyPath, message: str, node: yaml.Node | None = None) -> None:
        if len(self.document.findings) < MOST_FINDINGS:
            self.document.findings.append(Finding(path, message, line=line_of(node) if node else 0))
