"""The command of a program: what of it only a shell could do, and where `${NAME}` is replaced.

supervisord starts a program without a shell. `%` stands for itself; the words that supervisord itself would replace
(`%(program_name)s`) are refused: they would arrive as they stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ...program import quoting

SHELLS = ("sh", "bash", "dash", "ash", "ksh", "zsh")
# What has a meaning of its own to a shell, once quoted parts are gone.
QUOTED = re.compile(r"""\\.|'[^']*'|"(?:\\.|[^"\\])*\"""")
OPERATOR = re.compile(r"&&|\|\|?|;|[0-9]?>>?|<|&(?=\s|$)|\$\(|`")
BUILTINS = (".", "alias", "cd", "eval", "exec", "export", "set", "source", "trap", "ulimit", "umask", "unset")
# Of `${NAME…}` only what every sh replaces: Java's ${sys:name} is an argument like any other.
VARIABLE = re.compile(r"\$[A-Za-z_][A-Za-z0-9_]*|\$\{[A-Za-z_][A-Za-z0-9_]*(:?[-=?+]|[%#])[^}]*\}")
KEPT = re.compile(r"""\\.|'[^']*'|"((?:\\.|[^"\\])*)\"""")           # double quotes keep no `$`
ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
# Of supervisor/options.py `_processes_from_section`.
EXPANSION = re.compile(r"%\((program_name|process_num|group_name|host_node_name|numprocs|here|ENV_\w+)\)([0-9]*)[sd]")


def check_shell(command: str) -> str:
    """Why a shell is needed, with the command to write instead; empty where none is. Its quotes must be balanced."""
    text = command.strip()
    operator = OPERATOR.search(QUOTED.sub("''", text))
    assignment = ASSIGNMENT.match(text)
    first = text.split()[0]
    reason = (f"`{operator[0]}`" if operator else f"`{assignment[0]}` in front" if assignment
              else f"`{first}` in front" if first in BUILTINS else "`(` in front" if first[0] == "(" else "")
    if reason:
        return f"needs a shell for {reason}: write sh -c {quoting.for_sh(text)}"
    if first.startswith("~"):
        return "cannot begin with `~`, which only a shell replaces: write the whole path"
    variable = shell_variable(text)
    name = "" if variable.startswith("${") else f"${{{variable[1:]}}} for one of `variables`, or "
    return f"{variable} is replaced by a shell only: write {name}sh -c {quoting.for_sh(text)}" if variable else ""


def shell_variable(text: str) -> str:
    """The first `$NAME` or `${NAME:-…}` that only a shell would replace, and that no quotes keep as it is; or the empty
    text."""
    words = quoting.words(text)
    if filled_words(words) < len(words):
        return ""
    found = VARIABLE.search(KEPT.sub(lambda match: match[1] or "", text))
    return found[0] if found else ""


def check_expansion(text: str) -> str:
    """A word that supervisord would replace."""
    word = EXPANSION.search(text)
    if not word:
        return ""
    instead = "write ${PROCESS_NUM}" if word[1] == "process_num" else "write out what it stands for"
    zeros = ", which has no zeros in front" if word[1] == "process_num" and word[2] else ""
    return f"holds `{word[0]}`, which is not expanded here: {instead}{zeros}"


def filled_words(words: Iterable[str]) -> int:
    """How many of the words are filled in: all of them; of `sh -c SCRIPT` only those up to the script, where the shell
    itself replaces variables, which are in its environment."""
    words = list(words)
    for index, word in enumerate(words[:-1]):
        if word.rpartition("/")[2] in SHELLS and re.fullmatch(r"-[a-z]*c", words[index + 1]):
            return index + 2
    return len(words)
