"""A recorded console as an SVG that needs nothing from elsewhere, as rich's own does: no font of the web."""

from __future__ import annotations

import io

from rich.console import Console
from rich.terminal_theme import TerminalTheme

WIDTH = 88
# On both a light page and a dark one.
THEME = TerminalTheme(
    (40, 44, 52), (220, 223, 228),
    [(40, 44, 52), (239, 108, 117), (152, 195, 121), (229, 192, 123), (97, 175, 239), (198, 120, 221), (86, 182, 194),
     (220, 223, 228)])
# Without xml:space librsvg (GNOME's viewers) drops the blanks at the ends of texts.
FORMAT = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font: {char_height}px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal"><rect width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix" xml:space="preserve">
{matrix}
</g>
</g>
</svg>
"""


def console() -> Console:
    return Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="standard",
                   _environ={})


def svg(recorded: Console, name: str) -> str:
    return recorded.export_svg(title="", theme=THEME, code_format=FORMAT, unique_id=name)
