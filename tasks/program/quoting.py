"""Quotes values for sh and for supervisord's configuration parser."""

from __future__ import annotations

import itertools
import re
import shlex

from .._errors import Mistake

# In a text for a program file: where supervisord puts in the number of the process. No text of hosts.yaml holds it.
PROCESS_NUMBER = "\0"


def for_sh(value: str) -> str:
    """Quote a text without NUL as one word of sh."""
    return shlex.quote(value)


def path_for_sh(path: str) -> str:
    """Quote a path as one word of sh; the ~/ at its beginning stays the home folder."""
    home = "~/" if path.startswith("~/") else ""
    return home + for_sh(path.removeprefix(home)) if path != "~" else path


def for_any_shell(script: str) -> str:
    """Quote a script of sh as a command for any login shell, which hands it on to sh: tcsh replaces `!` and fish a
    backslash even within quotes, and neither knows `export` or `. FILE` as sh does."""
    octal = (char if re.fullmatch(r"[\w ./:=,@+;&|-]", char, re.ASCII)
             else "".join(f"\\{byte:03o}" for byte in char.encode("utf-8", "surrogateescape")) for char in script)
    return f"""sh -c 'eval "$(printf "{''.join(octal)}")"'"""


def for_dotenv(value: str) -> str:
    """Quote a text as the value of a dotenv line: sh reads exactly it, and so do the dotenv libraries of most
    languages, which differ on a value that needs double quotes and has a special character in it. Within single quotes
    some take two backslashes, or one before the last quote, for one."""
    if re.fullmatch(r"[\w.,:/@%+=-]*", value, re.ASCII):
        return value
    if not re.search(r"'|\\\\|\\$", value):
        return f"'{value}'"
    return '"' + re.sub(r'([\\"$`])', r"\\\1", value) + '"'


def for_systemd(value: str) -> str:
    """Quote a word of ExecStart=, where $ and % begin expansions (systemd.service(5), systemd.syntax(7))."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'


def words(command: str) -> list[str]:
    """Split a command line into words, as supervisord does. Raises Mistake."""
    try:
        return shlex.split(command)
    except ValueError as error:
        raise Mistake(f"command: {command!r} cannot be split into words: {error}", "balance its quotes") from None


def for_supervisord(value: str) -> str:
    """Quote a value of a program file, where `%` begins an expansion. Raises Mistake for what cannot be quoted."""
    if re.search(r"[\r\n]|(^|\s)[;#]|%\(here\)s", value):
        raise Mistake(f"{value!r} cannot stand in a program file of supervisord: it has a line break, %(here)s,"
                      " or white space before ; or #", "choose another name, or put it into a script")
    return value.replace("%", "%%").replace(PROCESS_NUMBER, "%(process_num)d")


def path_for_supervisord(value: str) -> str:
    """Quote the value of an option that names a file: supervisord expands these twice."""
    return for_supervisord(for_supervisord(value))


def command_for_supervisord(argv: list[str]) -> str:
    """Quote a `command=` so that supervisord splits it into exactly these words.

    Its parser sees a comment in white space followed by `;` or `#`, even inside quotes, and replaces %(here)s
    before all else: an empty pair of quotes in between hides both (`'a '';b'`).
    """
    quoted = (re.sub(r"(\s)([;#])", r"\1''\2", for_sh(word)) for word in argv)
    return for_supervisord(" ".join(quoted).replace("%(here)s", "%(''here)s"))


def variable_names(environment: str) -> list[str]:
    """The names in the value of an `environment=`, split as supervisord does (supervisor/datatypes.py
    `dict_of_key_value_pairs`); what cannot be split is one name."""
    lexer = shlex.shlex(environment)
    lexer.wordchars += "/.+-():"
    try:
        tokens = list(lexer)
    except ValueError:
        return ["environment"]
    return [name for name, sign in itertools.pairwise(tokens) if sign == "="]
