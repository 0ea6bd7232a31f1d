"""Removes all that is left of a service that was removed. Nothing undoes it: it runs after the commit."""

from __future__ import annotations

import contextlib
import os
from typing import Container, Iterator

from ..disk import files
from ..disk.containment import is_inside, name_inside
from ..errors import NotReady
from ..service import deployed
from ..service.context import ServiceContext
from ..supervisor.program_sections import ProgramFiles
from ..supervisor.supervisord_conf import PROGRAM_KINDS, Configuration
from .step import Result, Step


def require_purgeable(ctx: ServiceContext, step: Step) -> Result:
    """Raise NotReady where the service's directory also holds what is not the service's."""
    layout = ctx.layout
    conf = layout.access.configuration()
    services = [name for name in deployed.services(layout, conf) if name != ctx.name]
    others = [*((path, path) for path in (layout.root, layout.state, layout.supervisord_conf, layout.program_dir)),
              *((deployed.directory(layout, name), f"that of {name}") for name in services), *_of_programs(ctx, conf)]
    inside = next((what for path, what in others if is_inside(path, ctx.directory)), None)
    if inside:
        raise NotReady(f"{ctx.directory}, the directory of {ctx.name}, also holds {inside}",
                       "leave --purge out, and remove on the host what you do not need")
    return Result(False)


def _of_programs(ctx: ServiceContext, conf: Configuration) -> Iterator[tuple[str, str]]:
    """The directories of programs that are not the service's, in words: a person or another environment has them."""
    own, read = ctx.layout.program_file(ctx.name), ProgramFiles()
    for each in conf.definitions:
        if each.kind in PROGRAM_KINDS and not files.is_same_path(each.path, own):
            with contextlib.suppress(NotReady, KeyError):
                written = read.options(each).get("directory", "").replace("%(here)s", os.path.dirname(each.path))
                if os.path.isabs(written):
                    yield written.replace("%%", "%"), f"that of the program {each.name} ({each})"


def purge(ctx: ServiceContext, step: Step) -> Result:
    """Remove the clone, the releases and the history; never what releases share, and never a program file that a person
    wrote before the first deploy."""
    kept = {*step.args["keep"], *_shared(ctx)}
    _empty(ctx.directory, kept)
    _empty(ctx.layout.service_state(ctx.name), _handwritten(ctx))
    left = sorted(kept & set(_names(ctx.directory)))
    if left:
        ctx.warn(f"{ctx.directory} keeps what releases share: {', '.join(left)}")
    return Result(True)


def _shared(ctx: ServiceContext) -> set[str]:
    """The names in the service's directory that the links of its releases lead to."""
    names = set()
    directory = os.path.realpath(ctx.directory)
    for name in ctx.releases.names():
        for folder, folders, entries in os.walk(os.path.join(ctx.releases.folder, name)):
            for path in (os.path.join(folder, entry) for entry in [*folders, *entries]):
                if os.path.islink(path):
                    names.add(name_inside(os.path.realpath(path), directory))
    return names - {"", "releases", "current", "logs"}


def _handwritten(ctx: ServiceContext) -> set[str]:
    state = ctx.layout.service_state(ctx.name)
    return {name for name in _names(state) if name.startswith("before-fabvisor") and name.endswith(".conf")}


def _names(folder: str) -> list[str]:
    return os.listdir(folder) if os.path.isdir(folder) else []


def _empty(folder: str, keep: Container[str]) -> None:
    """Remove all but `keep`, and the folder itself when nothing is left."""
    for name in _names(folder):
        if name not in keep:
            files.remove_whole(os.path.join(folder, name))
    with contextlib.suppress(OSError):          # it keeps something, or was not there
        os.rmdir(folder)
