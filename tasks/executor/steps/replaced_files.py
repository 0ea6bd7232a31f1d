"""Files that an earlier build left where a commit has files of its own: moved aside, and back with the undo.

A commit that a client built holds what hosts built into their clones before, untracked: git would refuse it.
"""

from __future__ import annotations

import os
import shutil
from typing import Iterator

from ..context import ServiceContext
from .step import Step


def move_aside(ctx: ServiceContext, step: Step) -> None:
    """What lies, untracked, where the new commit has files and the present one has none."""
    head = ctx.clone.head()
    if head is None:
        return
    added = ctx.clone.git.run("diff-tree", "-r", "--name-only", "--diff-filter=A", head, step.args["commit"], "--")
    tracked = set(ctx.clone.git.run("ls-files"))
    for path in dict.fromkeys(filter(None, (_in_the_way(ctx.directory, path, tracked) for path in added))):
        target = os.path.join(_folder(ctx), path)
        os.makedirs(os.path.dirname(target), 0o700, exist_ok=True)
        shutil.move(os.path.join(ctx.directory, path), target)
        step.say(f"{path} is replaced by the one that was sent")


def move_back(ctx: ServiceContext) -> None:
    """After the checkout of the commit before. It may run twice."""
    folder = _folder(ctx)
    for path in list(_moved(folder, "")):
        target = os.path.join(ctx.directory, path)
        if os.path.lexists(target):
            continue                        # git has it again
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.move(os.path.join(folder, path), target)


def _folder(ctx: ServiceContext) -> str:
    return os.path.join(ctx.layout.backup(ctx.name, ctx.deploy), "replaced")


def _in_the_way(directory: str, path: str, tracked: set[str]) -> str | None:
    """The path itself; or a file that lies where a folder of it belongs."""
    parts = path.split("/")
    for count in range(1, len(parts) + 1):
        part = "/".join(parts[:count])
        full = os.path.join(directory, part)
        if not os.path.lexists(full):
            return None
        is_folder = os.path.isdir(full) and not os.path.islink(full)
        if part not in tracked and (count == len(parts) or not is_folder):
            return part
    return None


def _moved(folder: str, below: str) -> Iterator[str]:
    """The files that were moved aside, and the folders whose place is free."""
    full = os.path.join(folder, below)
    for name in sorted(os.listdir(full)) if os.path.isdir(full) else []:
        path = os.path.join(below, name)
        if os.path.isdir(os.path.join(folder, path)) and not os.path.islink(os.path.join(folder, path)):
            yield from _moved(folder, path)
        else:
            yield path
