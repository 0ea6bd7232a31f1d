"""YAML that each reader takes for the same. A CI server has another version of YAML than ours: there 12e4567, the
beginning of a commit, is a number."""

from __future__ import annotations

import re
from typing import Any

import yaml


class _Dumper(yaml.SafeDumper):
    """Quotes each text that begins like a number."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="'" if re.match(r"[-+.]?\d", text) else None)


_Dumper.add_representer(str, _text)


def dump(data: Any, **options: Any) -> str:
    """The keys stay in their order. `options`: of yaml.dump."""
    return str(yaml.dump(data, Dumper=_Dumper, sort_keys=False, **options))
