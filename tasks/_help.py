"""The text of `fab --help`: Fabvisor's commands first, then the options that all of them have."""

from __future__ import annotations

import textwrap

from invoke.collection import Collection

from ._installation import COMMAND
from ._options import SHARED

WIDTH = 100
NAME = 18


def text(namespace: Collection) -> str:
    """Tasks of a team's own fabfile are not among them: Fabric reads it later."""
    commands = [(name, (namespace[name].__doc__ or "").strip().split("\n")[0]) for name in sorted(namespace.task_names)]
    options = [(f"--{name}", words) for name, words in SHARED.items()]
    return "\n".join([
        f"Usage: {COMMAND} COMMAND [SERVICE] [OPTIONS]", "",
        "Fabvisor deploys services that supervisord keeps running: to all hosts, or to none.", "",
        "Commands:", *_rows(commands), "",
        "Options of every command:", *_rows(options), "",
        f"{COMMAND} COMMAND --help shows the options of a command. {COMMAND} --list also lists the tasks of your",
        "own fabfile. Of Fabric's own options --list, --version and --prompt-for-sudo-password mean something here,",
        "and --search-root and --collection, which choose the fabfile. Others are refused.", ""])


def _rows(pairs: list[tuple[str, str]]) -> list[str]:
    return [line for name, words in pairs for line in textwrap.wrap(
        words, WIDTH, initial_indent=f"  {name:<{NAME}}", subsequent_indent=" " * (NAME + 2)) or [f"  {name}"]]
