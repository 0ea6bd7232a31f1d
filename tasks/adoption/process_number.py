"""The number of a process in what supervisord starts. hosts.yaml has it in the variable PROCESS_NUM, for a shell."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..inventory import model
from ..program import quoting

NUMBER = re.compile(r"%\(process_num\)([0-9]*)[sd]")        # supervisor/options.py `_processes_from_section`


def count(options: Mapping[str, str]) -> int:
    """How many processes a program with these options has."""
    return int(options.get("numprocs", "1"))


def first(options: Mapping[str, str]) -> int:
    """The number of its first process."""
    return int(options.get("numprocs_start", "0"))


def is_in(text: str) -> bool:
    return NUMBER.search(text) is not None


def of_first(text: str) -> str:
    """The text as the first process has it, but for leading zeros."""
    return NUMBER.sub("0", text)


def for_hosts_yaml(text: str, options: Mapping[str, str]) -> str:
    """The text with ${PROCESS_NUM}, where that is the same number: it counts from 0. Zeros can stand in front of one
    digit."""
    def written(found: re.Match[str]) -> str:
        width = found[1]
        if width and (not width.startswith("0") or len(width) > 2 or count(options) > 10):
            return found[0]
        return "0" * (int(width or "1") - 1) + model.NUMBER

    return text if first(options) else NUMBER.sub(written, text)


def script(command: str, variables: Mapping[str, str], first: int, folder: str = "") -> str:
    """A command of sh that becomes this one, word by word, with these variables. `first`: the number of the first
    process, which is 0 in PROCESS_NUM; `folder`: where it runs, from the folder of the service."""
    number = "$PROCESS_NUM" if not first else f"$((PROCESS_NUM + {first}))"
    exports = [f"export {name}={_for_sh(value, number)}; " for name, value in variables.items()]
    words = [_for_sh(word, number) for word in quoting.words(command)]
    go = f"cd {quoting.for_sh(folder)} && " if folder else ""
    return "sh -c " + quoting.for_sh("".join(exports) + go + "exec " + " ".join(words))


def _for_sh(text: str, number: str) -> str:
    """One word of sh, with the number in it."""
    texts = NUMBER.split(text)
    pieces = [quoting.for_sh(piece) if piece else "" for piece in texts[::2]]
    numbers = [f'"$(printf %{width}d "{number}")"' if width else f'"{number}"' for width in texts[1::2]]
    return "".join(piece + inner for piece, inner in zip(pieces, [*numbers, ""], strict=True)) or "''"
