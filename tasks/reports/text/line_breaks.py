"""Where a line may break: not inside a command, which somebody is about to copy."""

from __future__ import annotations

import re

COMMAND = re.compile(r"\bfab [a-z]+(?:\.[a-z]+)?(?: [^\s;:,()]+)*")
# Of the private use area: neither textwrap nor rich breaks there.
JOINT = "\ue000"


def join_commands(text: str, room: int) -> str:
    """`text` with the blanks of its commands replaced, where a command fits into `room` columns."""
    return COMMAND.sub(lambda found: found[0].replace(" ", JOINT) if len(found[0]) <= room else found[0], text)


def part_commands(text: str) -> str:
    """What join_commands() made of it, as it was."""
    return text.replace(JOINT, " ")
