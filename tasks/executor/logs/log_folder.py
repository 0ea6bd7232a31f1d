"""The folder that the logs of a service go to, and the other places that hosts.yaml gives them."""

from __future__ import annotations

import os
import stat
from typing import Any, Iterator, Mapping

from ..disk import files, read_only
from ..errors import NotReady
from ..layout import Layout
from ..quoting import for_sh
from ..system.accounts import user_name
from .process_logs import OWN_OUTPUT

# Where supervisord would wait for a reader, or get an error. A device may be meant.
NO_LOG = {stat.S_IFDIR: "folder", stat.S_IFIFO: "pipe", stat.S_IFSOCK: "socket"}


def problems(service: Mapping[str, Any], layout: Layout, uid: int) -> Iterator[NotReady]:
    """Logs that supervisord, which runs as `uid`, could not write, as far as the login user can see. It would not find
    out before it has ended the program. A missing folder may be made by the build."""
    directory = layout.below_root(service["directory"])
    for program in service["programs"]:
        for name in program["logs"]:
            path = os.path.join(directory, name)
            if OWN_OUTPUT.fullmatch(path):              # that is another one for supervisord
                continue
            kind = _kind(path)
            if kind:
                yield NotReady(f"the log of {program['group']} is {path}, which is a {kind}",
                               _remedy(path, kind, program["group"], layout.access.prefix, name == path))
            elif uid == os.geteuid() and not _is_writable(path):
                yield read_only.problem(os.path.dirname(os.path.realpath(path))) or _closed(path, program["group"], uid)


def _closed(path: str, group: str, uid: int) -> NotReady:
    user = user_name(uid)
    return NotReady(f"the log of {group} is {path}, and supervisord, which runs as {user}, cannot write there",
                    f"see whose it is on the host: ls -ld {for_sh(os.path.dirname(path))} {for_sh(path)}; then give it"
                    f" to {user} with chown")


def _remedy(path: str, kind: str, group: str, prefix: str, is_named: bool) -> str:
    """A folder that hosts.yaml names holds what others need, such as /var/log. `prefix`: what stands before a command
    that changes what is supervisord's."""
    if kind == "folder" and is_named:
        return f"let hosts.yaml name a file in it, such as {os.path.join(path, group + '.log')}"
    return f"move it away on the host: {prefix}mv {for_sh(path)} {for_sh(path + '.away')}"


def _kind(path: str) -> str:
    try:
        return NO_LOG.get(stat.S_IFMT(os.stat(path).st_mode), "")
    except OSError:
        leads_nowhere = os.path.islink(path) and not os.path.isdir(os.path.dirname(os.path.realpath(path)))
        return "link into a folder that is not there" if leads_nowhere else ""


def _is_writable(path: str) -> bool:
    """Or may be made, by the build where the folder is not there."""
    folder = os.path.dirname(os.path.realpath(path))
    return os.access(path, os.W_OK) if os.path.exists(path) else \
        not os.path.isdir(folder) or os.access(folder, os.W_OK | os.X_OK)


def ensure(directory: str) -> None:
    """Make it where it is missing. Raises NotReady where something else has its name: supervisord, which says only that
    the folder is not there, would read no configuration at all."""
    logs = os.path.join(directory, "logs")
    if os.path.lexists(logs) and not os.path.isdir(logs):
        kind = "a link to nothing" if os.path.islink(logs) else "no folder"
        raise NotReady(f"{logs} is {kind}, and the program's log goes there",
                       f"move it away on the host: mv {for_sh(logs)} {for_sh(logs + '.away')}")
    files.ensure_dir(logs)


def make_anew(directory: str, away: str) -> bool:
    """As ensure(), of a program that ran before the deploy. A file of its name was made by the deploy's commands.

    A link to nothing may be a person's, to a disk that went away: it gets the name `away`. Returns whether it was so.
    """
    logs = os.path.join(directory, "logs")
    leads_nowhere = os.path.islink(logs) and not os.path.isdir(logs)
    if leads_nowhere:
        os.rename(logs, os.path.join(directory, away))
    elif os.path.lexists(logs) and not os.path.isdir(logs):
        os.unlink(logs)
    files.ensure_dir(logs)
    return leads_nowhere
