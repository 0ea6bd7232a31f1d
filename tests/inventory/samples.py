"""Inventories for the tests: a small good one, and the messages that a changed one gets."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent, indent

import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from tasks._errors import InventoryError
from tasks.inventory.document.document import parse
from tasks.inventory.loading import Inventory, load

SCHEMA = Path(__file__).parents[2] / "docs/hosts.schema.json"
SERVICE = "repo: git@git.example.com:micro/monitor.git, command: ./monitor"


def inventory(folder: Path, text: str) -> Inventory:
    path = folder / "hosts.yaml"
    path.write_text(dedent(text))
    read = load(path)
    assert schema_errors(dedent(text)) == []
    return read


def schema_errors(text: str) -> list[str]:
    """By the schema that editors use; some of them know JSON Schema up to draft 7 only."""
    data, known = parse(text.encode()).data, json.loads(SCHEMA.read_text())
    newest, older = ([error.message for error in kind(known).iter_errors(data)]
                     for kind in (Draft202012Validator, Draft7Validator))
    assert newest == older
    return newest


def mistakes_in(folder: Path, text: str) -> list[str]:
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
