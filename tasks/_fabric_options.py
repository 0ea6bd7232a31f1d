"""Fabric's own options. Those that would do nothing here, or something else than they say, are refused."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ._errors import SelectionError
from ._running_program import running_program

REVISION = "a revision is --revision REVISION (-r of deploy and plan), or --to REVISION of rollback"
KEYS = "set identity_file in hosts.yaml, or ssh-add"
# By name: what is wrong with it, and what to type.
REFUSED: Mapping[str, tuple[str, str]] = MappingProxyType({
    "hosts": ("-H/--hosts would bypass hosts.yaml", "choose among its hosts with --host GLOB"),
    "dry": ("-R/--dry is Fabric's own and would deploy all the same",
            "leave it out; fab plan shows what it would do"),
    "identity": ("-i and --prompt-for-* are not used here", KEYS),
    "prompt-for-login-password": ("-i and --prompt-for-* are not used here", KEYS),
    "prompt-for-passphrase": ("-i and --prompt-for-* are not used here", KEYS),
    "ssh-config": ("-S/--ssh-config is Fabric's own and is not used here", "ssh reads ~/.ssh/config; see hosts.yaml"),
    "connect-timeout": ("-t/--connect-timeout is Fabric's own and is not used here", "connect_timeout in hosts.yaml"),
    "command-timeout": ("-T/--command-timeout is Fabric's own and is not used here", "build_timeout in hosts.yaml"),
    "config": ("-f/--config is Fabric's own and is not used here",
               "hosts.yaml is --inventory FILE; --force, --format and --follow are spelled out"),
    "echo": ("-e/--echo before a command is Fabric's own, and there is nothing here that it would show",
             "the environment stands behind the command: -e NAME, or --env NAME"),
    "list-depth": ("-D/--list-depth is Fabric's own, of --list", "leave it out"),
    "list-format": ("-F/--list-format is Fabric's own, of --list", "leave it out; events as JSON are --format json"),
    "pty": ("-p/--pty is Fabric's own and is not used here", "leave it out"),
    "hide": ("--hide is Fabric's own and is not used here", "--verbose shows more, and --format json is for programs"),
    "warn-only": ("-w/--warn-only is Fabric's own and is not used here", "leave it out"),
})
# Before a task they mean something; behind it they would be ignored, or take the command's place.
REFUSED_BEHIND: Mapping[str, tuple[str, str]] = MappingProxyType({
    "search-root": ("-r/--search-root is Fabric's own and is ignored behind a command", REVISION),
    "collection": ("-c/--collection is Fabric's own and is ignored behind a command", REVISION),
    "list": ("-l/--list stands alone", "fab --list; or fab --help COMMAND"),
    "version": ("-V/--version stands alone", "fab --version; " + REVISION),
    "debug": ("-d/--debug is Fabric's own and is ignored behind a command", "leave it out; --verbose shows more"),
    "no-dedupe": ("--no-dedupe is Fabric's own and is ignored behind a command", "leave it out"),
    "print-completion-script": ("--print-completion-script stands alone", "fab --print-completion-script SHELL"),
})


def refuse() -> None:
    """Raises SelectionError for the first refused option of the command line that is running."""
    program = running_program()
    if program is None:
        return
    for refused, typed in ((REFUSED, program.args), (REFUSED_BEHIND, program.core_via_tasks.args)):
        for name, (message, hint) in refused.items():
            if name in typed and typed[name].got_value:
                raise SelectionError(message, hint)
