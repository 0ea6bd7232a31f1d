"""The program file and the environment file: write them; or put back the backups that the journal made."""

from __future__ import annotations

import itertools
import os

from .. import files
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
    changed = {path: data for path, data in new.items() if files.read_bytes(path) != data}
    files.ensure_dir(os.path.join(ctx.directory, "logs"))
    if not changed:
        return Result(False)
    files.ensure_dir(ctx.layout.program_dir)
    _keep_handwritten(ctx.layout, ctx.name)
    with reload_lock(ctx.layout):
        supervisord.reload()
        for path, data in changed.items():
            files.write_atomic(path, data)
        try:
            supervisord.reload()
        except BadConfiguration as error:
            _copy_back(ctx)
            supervisord.reload()
            raise HostError("supervisord refuses the program file: " + error.message,
                            "correct `program` in hosts.yaml") from None
    return Result(True)


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
            files.write_atomic(path, old, os.stat(os.path.join(backup, name)).st_mode & 0o777)
