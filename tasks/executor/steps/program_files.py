"""The program file and the environment file: write them; or put back the backups that the journal made."""

from __future__ import annotations

import itertools
import os

from .. import files, program_user
from ..context import ServiceContext
from ..errors import HostError
from ..layout import Layout
from ..locks import reload_lock
from ..protocol import PROGRAM_HEADER
from ..supervisord import BadConfiguration
from .step import Result, Step


def write(ctx: ServiceContext, step: Step) -> Result:
    """Write both files, and let supervisord read them at once: what it refuses never stays."""
    supervisord = ctx.supervisord()
    texts = {ctx.layout.program_file(ctx.name): step.args["program_file"],
             ctx.layout.env_file(ctx.name): step.args["env_file"]}
    new = {path: text.encode("utf-8", "surrogateescape") for path, text in texts.items()}
    env_file, owner = ctx.layout.env_file(ctx.name), _env_owner(step.args["program_file"])
    changed = {path: data for path, data in new.items() if files.read_bytes(path) != data}
    if files.owner_of(env_file) != owner:
        changed[env_file] = new[env_file]
    _make_log_folder(ctx)
    if not changed:
        return Result(False)
    files.ensure_dir(ctx.layout.program_dir)
    _keep_handwritten(ctx.layout, ctx.name)
    if owner > program_user.ROOT:
        for folder in (ctx.layout.state, os.path.dirname(env_file)):
            os.chmod(folder, 0o711)             # it may pass; the other files there are closed to it
    with reload_lock(ctx.layout):
        supervisord.reload()
        for path, data in changed.items():
            files.write_atomic(path, data, owner=owner if path == env_file else -1)
        try:
            supervisord.reload()
        except BadConfiguration as error:
            _copy_back(ctx)
            supervisord.reload()
            raise HostError("supervisord refuses the program file: " + error.message,
                            "correct `program` in hosts.yaml") from None
    return Result(True)


def _make_log_folder(ctx: ServiceContext) -> None:
    """A link that a person made may lead anywhere; one that came with the commit may not choose where logs go."""
    logs = os.path.join(ctx.directory, "logs")
    is_file = os.path.lexists(logs) and not os.path.isdir(logs)
    if is_file or (os.path.islink(logs) and ctx.clone.commits.has_path("HEAD", "logs")):
        raise HostError(f"{logs} is a {'file' if is_file else 'link'} of the commit, and the program's log goes there",
                        "take `logs` out of the repository, or give it another name there")
    files.ensure_dir(logs)


def _env_owner(program_file: str) -> int:
    """The uid of the program's user, who alone may read its environment file besides root; -1: the login user."""
    if os.geteuid() != program_user.ROOT:
        return -1
    uid = program_user.uid_in(program_file)
    return program_user.ROOT if uid is None else uid


def put_back(ctx: ServiceContext, step: Step) -> Result:
    backup = ctx.layout.backup(ctx.name, ctx.deploy)
    if not os.path.isdir(backup):
        raise HostError(f"{backup}, which held the files of before, no longer exists",
                        f"write {ctx.layout.program_file(ctx.name)} by hand")
    with reload_lock(ctx.layout):
        _copy_back(ctx)
        ctx.supervisord().reload()
    return Result(True)


def _keep_handwritten(layout: Layout, service: str) -> None:
    """Copy a program file that a person wrote before it is replaced. A copy of another one is never overwritten."""
    text = files.read_bytes(layout.program_file(service))
    if text is None or text.startswith(PROGRAM_HEADER.encode()):
        return
    first = layout.handwritten(service)
    numbered = (first.replace(".conf", f"-{number}.conf") for number in itertools.count(2))
    for path in itertools.chain([first], numbered):
        kept = files.read_bytes(path)
        if kept is None:
            files.write_atomic(path, text)
        if kept in (None, text):
            return


def _copy_back(ctx: ServiceContext) -> None:
    backup = ctx.layout.backup(ctx.name, ctx.deploy)
    for name, path in (("program", ctx.layout.program_file(ctx.name)), ("env", ctx.layout.env_file(ctx.name))):
        old = files.read_bytes(os.path.join(backup, name))
        if old is None:
            files.remove(path)
        elif old != files.read_bytes(path):
            copy = os.path.join(backup, name)
            files.write_atomic(path, old, os.stat(copy).st_mode & 0o777, files.owner_of(copy))
