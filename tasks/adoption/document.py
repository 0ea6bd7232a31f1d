"""The text of the adopted hosts.yaml, with a comment for all that it cannot say."""

from __future__ import annotations

import textwrap
from typing import Any

import yaml

from .environment import Adoption
from .service import FROM_CI

WIDTH = 118
REMARKS = {"  build:": FROM_CI,
           "    PATH:": "supervisord's, as before; without it, programs get PATH of the login"}


def text(adoption: Adoption) -> str:
    data = adoption.data
    blocks = [_comments([f"Written by fab adopt, from {adoption.origin}. Read it, then: fab plan all",
                         *adoption.remarks.get("", [])]),
              _yaml({"default_environment": data["default_environment"]}), "services:\n" if data["services"] else
              "services: {}\n"]
    for name, settings in data["services"].items():
        lines = _yaml({name: settings}).splitlines(keepends=True)
        lines = [_remark(line) + line for line in lines]
        about = textwrap.indent(_comments(adoption.remarks.get(name, [])), "  ")
        blocks.append(textwrap.indent("".join([lines[0], about, *lines[1:]]), "  "))
    return "".join([*blocks, _yaml({"environments": data["environments"]})])


def _remark(line: str) -> str:
    """What stands above a line of a service."""
    return next((f"{beginning[:len(beginning) - len(beginning.lstrip())]}# {remark}\n"
                 for beginning, remark in REMARKS.items() if line.startswith(beginning)), "")


def warnings(adoption: Adoption) -> list[str]:
    """The same remarks, for the screen."""
    return [f"{name}: {line}" if name else line for name, lines in adoption.remarks.items() for line in lines]


def _yaml(data: dict[str, Any]) -> str:
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=WIDTH)


def _comments(lines: list[str]) -> str:
    """No line break of a host ends a comment."""
    clean = [" ".join("".join(letter if letter.isprintable() else " " for letter in line).split()) for line in lines]
    return "".join(f"# {part}\n" for line in clean for part in textwrap.wrap(
        line, WIDTH, break_long_words=False, break_on_hyphens=False))
