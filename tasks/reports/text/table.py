"""Lines of toned spans, and tables of them that fit a width."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence

from msgspec import Struct

from .line_breaks import join_commands, part_commands

# A tone is one of "", dim, good, bad, head; each format decides what that looks like.
Span = tuple[str, str]
Line = list[Span]
Cutter = Callable[[str, int, str], str]
GAP = 2
# A host, a service, and their tone.
Name = tuple[str, str, str]
SERVICE = 14                 # columns that its name keeps while another column can give some


class Column(Struct, frozen=True):
    """`least` is the width to which cells may be cut; columns with the highest `drop` go first, 0 never.

    Names differ at their ends, so they are cut in the middle; what is `prose` is cut at its end."""

    title: str
    cells: Sequence[Span]
    least: int = 0
    drop: int = 0
    prose: bool = False

    @property
    def width(self) -> int:
        return max([len(self.title), *(len(text) for text, _ in self.cells)])


def text_of(line: Line) -> str:
    return "".join(text for text, _ in line).rstrip()


def fits(columns: Sequence[Column], width: int) -> bool:
    """Whether nothing of the table needs to be cut."""
    return _total([column.width for column in columns]) <= width


def table(columns: Sequence[Column], width: int, cut: str) -> list[Line]:
    """The title line, then one line a row; no line is longer than `width` where that can be done."""
    kept, widths = _fit(list(columns), width)
    rows = [[(column.title, "dim") for column in kept], *zip(*(column.cells for column in kept), strict=True)]
    cutters = [end_cut if column.prose else middle_cut for column in kept]
    return [_row(row, widths, cutters, cut) for row in rows]


def _row(cells: Sequence[Span], widths: Sequence[int], cutters: Sequence[Cutter], cut: str) -> Line:
    line: Line = []
    for (text, tone), wide, cutter in zip(cells, widths, cutters, strict=True):
        shown = cutter(text, wide, cut)
        line += [(shown, tone), (" " * (wide - len(shown) + GAP), "")]
    return line[:-1]


def _fit(columns: list[Column], width: int) -> tuple[list[Column], list[int]]:
    while True:
        widths = _narrowed(columns, width)
        if _total(widths) <= width or not any(column.drop for column in columns):
            return columns, widths
        columns.remove(max(columns, key=lambda column: column.drop))


def _narrowed(columns: Sequence[Column], width: int) -> list[int]:
    """Take from the widest column that can still give, one character at a time."""
    widths = [column.width for column in columns]
    while _total(widths) > width:
        giving = [at for at, column in enumerate(columns) if column.least and widths[at] > column.least]
        if not giving:
            break
        widths[max(giving, key=lambda at: widths[at])] -= 1
    return widths


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)


def end_cut(text: str, width: int, cut: str) -> str:
    return text if len(text) <= width else text[:width - 1] + cut


def middle_cut(text: str, width: int, cut: str) -> str:
    """Names differ at their ends (web-01, web-02): what is cut out is the middle."""
    if len(text) <= width:
        return text
    tail = (width - 1) // 2
    return text[: width - 1 - tail] + cut + (text[-tail:] if tail else "")


def short_hosts(hosts: Sequence[str]) -> dict[str, str]:
    """Names without the domain that all of them share, where they stay distinct."""
    parts = {host: host.partition(".") for host in hosts}
    domains = {domain for _, _, domain in parts.values()}
    firsts = {first for first, _, _ in parts.values()}
    if len(domains) > 1 or len(firsts) < len(parts) or any(first.isdigit() for first in firsts):
        return {host: host for host in hosts}
    return {host: first for host, (first, _, _) in parts.items()}


def name_columns(names: Sequence[Name], width: int, others: Sequence[Column]) -> list[Column]:
    """Full host names where there is room, else without their common domain; one service may be dropped. A command that
    is about no service has no such column."""
    hosts = [host for host, _, _ in names]
    only_one = len({service for _, service, _ in names}) == 1
    services: list[Span] = [(service, tone) for _, service, tone in names]
    columns = [
        Column("host", [(host, tone) for host, _, tone in names], least=8),
        Column("service", services, least=SERVICE, drop=9 if only_one else 0),
    ][:2 if any(service for service, _ in services) else 1]
    if _total([column.width for column in [*columns, *others]]) <= width:
        return columns
    brief = short_hosts(hosts)
    return [Column("host", [(brief[host], tone) for host, _, tone in names], least=8), *columns[1:]]


def paragraph(mark: str, text: str, width: int, tone: str = "") -> list[Line]:
    """Wrapped text with a mark before its first line, the rest hanging below it."""
    blank = " " * len(mark)
    room = max(width - len(mark), 10)
    wrapped = textwrap.wrap(join_commands(text, room), room, break_on_hyphens=False) or [""]
    hung = [(blank if at else mark) + part_commands(part) for at, part in enumerate(wrapped)]
    return [[(line, tone)] for line in hung]
