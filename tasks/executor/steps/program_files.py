"""The program file and the environment file: write or remove them; or put back the backups that the journal made."""

from __future__ import annotations

import itertools
import os

from ..disk import env_file, file_rights, files
from ..errors import HostError
from ..layout import Layout
from ..logs import log_folder
from ..protocol import PROGRAM_HEADER
from ..quoting import for_sh
from ..service.context import ServiceContext
from ..state import program_owner
from ..state.locks import reload_lock
from ..supervisor.supervisord import BadConfiguration
from .step import Result, Step


def write(ctx: ServiceContext, step: Step) -> Result:
    """Write both files, and let supervisord read them at once: what it refuses never stays. It also reads what others
    changed during the build, before a program is stopped: with a broken file among it none could be started."""
    supervisord = ctx.supervisord()
    access = ctx.layout.access
    program, env = (step.args[name].encode("utf-8", "surrogateescape") for name in ("program_file", "env_file"))
    rights = file_rights.of_program_file(program)
    old = access.program_file(ctx.name)
    program_changes = old is None or old.data != program
    env_changes = not env_file.is_written(ctx.layout, ctx.name, env, rights)
    _make_log_folder(ctx)
    if not program_changes and not env_changes:
        supervisord.reload()
        return Result(False)
    _keep_handwritten(ctx.layout, ctx.name)
    with reload_lock(ctx.layout):
        for error in program_owner.problems(ctx.layout, {"name": ctx.name, "directory": ctx.directory}):
            raise error                 # another environment deployed its own since we looked
        supervisord.reload()
        if program_changes:
            access.write_program(ctx.name, program)
        if env_changes:
            env_file.write(ctx.layout, ctx.name, env, rights)
        try:
            supervisord.reload()
        except BadConfiguration as error:
            _copy_back(ctx)
            supervisord.reload()
            raise HostError("supervisord refuses the program file: " + error.message,
                            "correct `program` in hosts.yaml") from None
    return Result(True)


def remove(ctx: ServiceContext, step: Step) -> Result:
    """Remove both files. What runs goes on: supervisord keeps a group that no file defines any more."""
    with reload_lock(ctx.layout):
        ctx.layout.access.remove_program(ctx.name)
        files.remove(ctx.layout.env_file(ctx.name))
        ctx.supervisord().reload()
    return Result(True)


def _make_log_folder(ctx: ServiceContext) -> None:
    """A link that a person made may lead anywhere; one that came with the commit may not choose where logs go."""
    logs = os.path.join(ctx.directory, "logs")
    if os.path.islink(logs) and ctx.clone.commits.has_path("HEAD", "logs"):
        raise HostError(f"{logs} is a link of the commit, and the program's log goes there",
                        "take `logs` out of the repository, or give it another name there; in a rollback name a version"
                        " without it: --to REVISION")
    log_folder.ensure(ctx.directory)


def put_back(ctx: ServiceContext, step: Step) -> Result:
    backup = ctx.layout.backup(ctx.name, ctx.deploy)
    if not os.path.isdir(backup):
        raise HostError(f"{backup}, which held the files of before, no longer exists",
                        f"see what is left: ls -la {for_sh(os.path.dirname(backup))}")
    if os.path.exists(os.path.join(backup, "program")) and log_folder.make_anew(ctx.directory, f"logs.{ctx.deploy}"):
        ctx.warn(f"{ctx.name}: {ctx.directory}/logs was a link to nothing, and is logs.{ctx.deploy} now:"
                 " its logs go to a folder")
    with reload_lock(ctx.layout):
        _keep_failed(ctx)
        changed = _copy_back(ctx)
        try:
            ctx.supervisord().reload()
        except BadConfiguration:
            if changed:                 # else supervisord never had another version of it
                raise
    return Result(True)


def _keep_failed(ctx: ServiceContext) -> None:
    """It names the socket that the failed version has until its programs stop. An undo may run twice. The backups of an
    older version have no folder for it."""
    file, path = ctx.layout.access.program_file(ctx.name), ctx.layout.failed_program(ctx.name, ctx.deploy)
    if file is not None and os.path.isdir(os.path.dirname(path)) and not os.path.exists(path):
        files.write_atomic(path, file.data)


def _keep_handwritten(layout: Layout, service: str) -> None:
    """Copy a program file that a person wrote before it is replaced. A copy of another one is never overwritten."""
    file = layout.access.program_file(service)
    if file is None or file.data.startswith(PROGRAM_HEADER.encode()):
        return
    text = file.data
    first = layout.handwritten(service)
    numbered = (first.replace(".conf", f"-{number}.conf") for number in itertools.count(2))
    for path in itertools.chain([first], numbered):
        kept = files.read_bytes(path)
        if kept is None:
            files.write_atomic(path, text)
        if kept in (None, text):
            return


def _copy_back(ctx: ServiceContext) -> bool:
    """Returns whether the program file was another than before."""
    backup = ctx.layout.backup(ctx.name, ctx.deploy)
    access = ctx.layout.access
    old = files.read_bytes(os.path.join(backup, "program"))
    current = access.program_file(ctx.name)
    changed = old != (current and current.data)
    if program_owner.other_state(ctx.layout, ctx.name):
        changed = False                 # another environment deployed it meanwhile
    elif old is None:
        access.remove_program(ctx.name)
    elif changed:
        access.write_program(ctx.name, old, os.stat(os.path.join(backup, "program")).st_mode & 0o777)
    variables = files.read_bytes(os.path.join(backup, "env"))
    rights = file_rights.of_program_file(old or b"")
    if variables is None:
        files.remove(ctx.layout.env_file(ctx.name))
    elif not env_file.is_written(ctx.layout, ctx.name, variables, rights):
        env_file.write(ctx.layout, ctx.name, variables, rights)
    return changed
