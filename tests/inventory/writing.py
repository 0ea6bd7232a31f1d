"""Inventories for the tests: a small good one, and the messages that a changed one gets."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

import pytest

from tasks._errors import InventoryError
from tasks.inventory.loading import Inventory, load

SERVICE = "repo: git@git.example.com:micro/monitor.git, command: ./monitor"


def inventory(folder: Path, text: str) -> Inventory:
    path = folder / "hosts.yaml"
    path.write_text(dedent(text))
    return load(path)


def said(folder: Path, text: str) -> list[str]:
    """`path: message` of every mistake."""
    with pytest.raises(InventoryError) as caught:
        inventory(folder, text)
    assert all(problem.file.endswith("hosts.yaml") for problem in caught.value.problems)
    return [f"{problem.path}: {problem.message}" for problem in caught.value.problems]


def whole(defaults: str = "", service: str = "", environment: str = "", host: str = "") -> str:
    """A good inventory, with lines added to its parts."""

    def at(depth: int, text: str) -> str:
        return indent(dedent(text).strip(), " " * depth)

    return f"""\
defaults:
  root: /srv/app
{at(2, defaults)}
services:
  monitor:
    repo: git@git.example.com:micro/monitor.git
    command: ./monitor
{at(4, service)}
environments:
  production:
    branch: main
{at(4, environment)}
    hosts:
      web1:
        user: deploy
{at(8, host)}
"""
