"""`--format html`: the statuses as one page, which needs no network and no script.

All texts become nodes of a tree, and the tree escapes them: nothing that a host says can become markup.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as xml

from ...rollout.events import PastDeploy, Status
from ..screen import Screen
from ..text.humanize import in_words, move, text_lines, time_of, uptime, version, who
from .status_document import StatusDocument
from .status_rows import is_well, program_rows, state

NONE = "–"  # noqa: RUF001
STYLE = Path(__file__).with_name("status.css")
# Besides our own style, nothing is loaded and nothing runs, whatever the page says.
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
DEPLOYS = 20

# A cell: its text, and its class.
Cell = tuple[str, str]


class DeployOfHost(NamedTuple):
    service: str
    host: str
    deploy: PastDeploy


def reporter(screen: Screen) -> Page:
    return Page(screen)


class Page(StatusDocument):
    def text(self, statuses: Sequence[Status]) -> str:
        page = _page(statuses, self.screen.now())
        return "<!doctype html>\n" + xml.tostring(page, encoding="unicode", method="html") + "\n"


def _page(statuses: Sequence[Status], now: datetime) -> xml.Element:
    environment = next((status.environment for status in statuses if status.environment), "status")
    odd = sum(bool(status.oddities) for status in statuses)
    summary = f"{odd} of {len(statuses)} need a look" if odd else "All well"
    page = xml.Element("html", {"lang": "en"})
    _fill_head(xml.SubElement(page, "head"), f"{environment}: {summary.lower()}")
    main = xml.SubElement(xml.SubElement(page, "body"), "main")
    _add(main, "h1", environment)
    _add(main, "p", summary, "bad" if odd else "good")
    made = _add(main, "p", "Asked at ", "dim")
    _add_time(made, f"{now:%Y-%m-%dT%H:%M:%SZ}")
    _add(main, "h2", "What runs")
    _add_statuses(main, statuses)
    _add(main, "h2", "Last deploys")
    _add_deploys(main, statuses)
    return page


def _fill_head(head: xml.Element, title: str) -> None:
    xml.SubElement(head, "meta", {"charset": "utf-8"})
    xml.SubElement(head, "meta", {"http-equiv": "Content-Security-Policy", "content": POLICY})
    xml.SubElement(head, "meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"})
    xml.SubElement(head, "meta", {"name": "color-scheme", "content": "light dark"})
    _add(head, "title", f"{title} - Fabvisor")
    _add(head, "style", STYLE.read_text(encoding="utf-8"))


def _add_statuses(main: xml.Element, statuses: Sequence[Status]) -> None:
    body = _add_table(main, ["host", "service", "state", "uptime", "commit", "branch", "deployed", "by"])
    for whole, row in ((status, row) for status in statuses for row in program_rows(status)):
        tone = ("odd" if row.oddities else "good") if is_well(whole, row) else "bad"
        _add_row(body, {
            "host": (row.host, "name"), "service": (row.service, "name"), "state": (state(row), tone),
            "uptime": (uptime(row.uptime, NONE), ""), "commit": (version(row.commit, row.source, NONE), "code"),
            "branch": (row.branch or NONE, ""), "deployed": (row.deployed_at or NONE, "time"),
            "by": (who(row.deployed_by, NONE), "")})
        for oddity in row.oddities:
            cell = xml.SubElement(xml.SubElement(body, "tr", {"class": "oddity"}), "td", {"colspan": "8"})
            _add_oddity(cell, text_lines(oddity))


def _add_oddity(cell: xml.Element, lines: Sequence[str]) -> None:
    """In words, then the last lines of the program's log."""
    cell.text = " ".join(line for line in lines if not line.startswith("| "))
    log = "\n".join(line[2:] for line in lines if line.startswith("| "))
    if log:
        _add(cell, "pre", log)


def _add_deploys(main: xml.Element, statuses: Sequence[Status]) -> None:
    deploys = _last_deploys(statuses)
    if not deploys:
        _add(main, "p", "No deploy is known.", "dim")       # perhaps no host answered
        return
    body = _add_table(main, ["when", "service", "command", "commit", "by", "result", "hosts"])
    for group in deploys:
        service, deploy = group[0].service, group[0].deploy
        result = deploy.result or NONE
        _add_row(body, {
            "when": (deploy.at or NONE, "time"), "service": (service, "name"), "command": (deploy.command or NONE, ""),
            "commit": (move([each.deploy.from_ for each in group], deploy.to, deploy.source, "→", NONE), "code"),
            "by": (who(deploy.by, NONE), ""),
            "result": (in_words(result, deploy.command), "good" if result == "committed" else "bad"),
            "hosts": (", ".join(each.host for each in group), "")})


def _last_deploys(statuses: Sequence[Status]) -> list[list[DeployOfHost]]:
    """The newest first; several of a deploy that ended differently on different hosts."""
    groups: dict[tuple[str | None, ...], list[DeployOfHost]] = {}
    for status in statuses:
        for deploy in status.deploys:
            key = (status.service, deploy.deploy, deploy.to, deploy.result)
            groups.setdefault(key, []).append(DeployOfHost(status.service, status.host, deploy))
    return sorted(groups.values(), key=lambda group: group[0].deploy.at or "", reverse=True)[:DEPLOYS]


def _add_table(parent: xml.Element, titles: Iterable[str]) -> xml.Element:
    table = xml.SubElement(parent, "table")
    head = xml.SubElement(xml.SubElement(table, "thead"), "tr")
    for title in titles:
        _add(head, "th", title).set("scope", "col")
    return xml.SubElement(table, "tbody")


def _add_row(body: xml.Element, cells: dict[str, Cell]) -> None:
    """On a narrow screen a row becomes a card: `data-title` stands beside each cell there."""
    row = xml.SubElement(body, "tr")
    for title, (text, kind) in cells.items():
        cell = xml.SubElement(row, "td", {"data-title": title, **({"class": kind} if kind else {})})
        if kind == "time":
            _add_time(cell, text)
        else:
            _add(cell, "span", text)


def _add_time(parent: xml.Element, moment: str) -> None:
    then = time_of(moment)
    if then is None:
        _add(parent, "span", moment)
    else:
        _add(parent, "time", f"{then:%Y-%m-%d %H:%M} UTC").set("datetime", moment)


def _add(parent: xml.Element, tag: str, text: str, kind: str = "") -> xml.Element:
    element = xml.SubElement(parent, tag, {"class": kind} if kind else {})
    element.text = text
    return element
