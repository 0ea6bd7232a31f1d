"""The table of `fab config`: key, origin and value of every setting."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from typing import Any

from ...rollout.events import Setting
from ..screen import Marks
from ..text.table import GAP, Line

LEAST = 20


def setting_lines(settings: Sequence[Setting], width: int, marks: Marks) -> list[Line]:
    """Environment, service and host only where there are several; long values go on below their beginning."""
    if not settings:
        return []
    rows = [("environment", "service", "host", "key", "from"),
            *((each.environment, each.service, each.host or "", each.key, each.source) for each in settings)]
    columns = [column for column in zip(*rows, strict=True) if column[0] in ("key", "from") or len(set(column[1:])) > 1]
    widths = [max(len(cell) for cell in column) for column in columns]
    lines: list[Line] = []
    for at, cells in enumerate(zip(*columns, strict=True)):
        label = "".join(cell.ljust(wide + GAP) for cell, wide in zip(cells, widths, strict=True))
        text = _shown(settings[at - 1].value, marks) if at else "value"
        lines += _hanging(label, text, width, "" if at else "dim")
    return lines


def _hanging(label: str, text: str, width: int, tone: str) -> list[Line]:
    """Beside the label; below it where that leaves too little room."""
    beside = width - len(label) >= LEAST
    indent = " " * (len(label) if beside else 2 * GAP)
    parts = textwrap.wrap(text, max(width - len(indent), LEAST), break_on_hyphens=False) or [""]
    lines: list[Line] = [[(indent, ""), (part, tone)] for part in parts]
    return [[(label, "dim"), *lines[0][1:]], *lines[1:]] if beside else [[(label.rstrip(), "dim")], *lines]


def _shown(value: Any, marks: Marks) -> str:
    """A plain text as it is; all else as JSON, which is on one line."""
    if value is None:
        return marks.none
    if isinstance(value, str) and value.strip() == value != "" and not {"\n", "\t"} & {*value}:
        return value
    return json.dumps(value, ensure_ascii=False)
