"""Hides what an error quotes of a configuration file: a value or a line of it may hold a password.

Source: supervisor/options.py `expand`, supervisor/datatypes.py `dict_of_key_value_pairs` (4.3); Python's configparser.
"""

from __future__ import annotations

import re

from ..protocol import MASK

TEXT = r"""(?:'.*?'|".*?")"""                 # as repr() writes it
# What stands before it, and behind it.
QUOTED = ((r"pairs in value ", r"\)?$|\)? in section "),
          (r"Format string ", r" for '[^']*(?:environment|password)' "),
          (r"line: \d+\s", r"$"),
          (r"\[line +\d+\]: ", r"\s|$"))
# Of supervisord's own environment: they are many.
NAMES = r"\. Available names: .*?(?= in section |$)"


def hide(message: str) -> str:
    """The message without the values and lines that it quotes, and without the names of all variables."""
    for before, behind in QUOTED:
        message = re.sub(f"({before}){TEXT}(?={behind})", rf"\1'{MASK}'", message, flags=re.DOTALL)
    return re.sub(NAMES, "", message, flags=re.DOTALL)
