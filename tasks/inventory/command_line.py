"""The command of a program: what of it only a shell could do, and where `${NAME}` is replaced.

supervisord starts a program without a shell. `%` stands for itself; the words that supervisord itself would replace
(`%(program_name)s`) are refused: they would arrive as they stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..program import quoting

SHELLS = ("sh", "bash", "dash", "ash", "ksh", "zsh")
# What has a meaning of its own to a shell, once quoted parts are gone.
QUOTED = re.compile(r"""\\.|'[^']*'|"(?:\\.|[^"\\])*\"""")
OPERATOR = re.compile(r"&&|\|\|?|;|[0-9]?>>?|<|&(?=\s|$)|\$\(|`")
ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
# Of supervisor/options.py `_processes_from_section`.
EXPANSION = re.compile(r"%\((program_name|process_num|group_name|host_node_name|numprocs|here|ENV_\w+)\)[0-9]*[sd]")


def check_shell(command: str) -> str:
    """Why a shell is needed, with the command to write instead; empty where none is."""
    text = command.strip()
    operator = OPERATOR.search(QUOTED.sub("''", text))
    assignment = ASSIGNMENT.match(text)
    if not operator and not assignment:
        return ""
    reason = f"`{operator[0]}`" if operator else f"`{assignment[0]}` in front" if assignment else ""
    return f"needs a shell for {reason}: write sh -c {quoting.for_sh(text)}"


def check_expansion(text: str) -> str:
    """A word that supervisord would replace."""
    word = EXPANSION.search(text)
    return f"holds `{word[0]}`, which is not expanded here: write out what it stands for" if word else ""


def filled_words(words: Iterable[str]) -> int:
    """How many of the words are filled in: all of them; of `sh -c SCRIPT` only those up to the script, where the shell
    itself replaces variables, which are in its environment."""
    words = list(words)
    for index, word in enumerate(words[:-1]):
        if word.rpartition("/")[2] in SHELLS and re.fullmatch(r"-[a-z]*c", words[index + 1]):
            return index + 2
    return len(words)
