"""The paths that all releases of a service share: links from a release to what lies beside the releases."""

from __future__ import annotations

import os
from typing import Sequence

from ..disk import files
from ..errors import NotReady
from ..git import Worktree
from ..quoting import for_sh
from ..service.context import ServiceContext
from .step import Step


def link_all(ctx: ServiceContext, step: Step, tree: Worktree, paths: Sequence[str], within: str = "") -> None:
    """As Capistrano's linked_dirs (a path that ends with /) and linked_files. `within`: the folder of the service
    directory that holds them. Raises NotReady."""
    ctx.clone.exclude([path.rstrip("/") for path in paths])
    for path in paths:
        source = os.path.join(ctx.directory, within, path.rstrip("/"))
        if os.path.islink(source) and not os.path.exists(source):
            raise NotReady(f"{source} is a link to nothing, and `shared` names it",
                           f"see where it leads: ls -ld {for_sh(source)}; make that on the host, or remove the link")
        if path.endswith("/"):
            files.ensure_dir(source)
        if not os.path.exists(source):
            raise NotReady(f"{source} does not exist, but `shared` names it",
                           "create it on the host; or, if it is a folder, end it with / in hosts.yaml")
        _link(step, tree, path.rstrip("/"), source)


def _link(step: Step, tree: Worktree, path: str, source: str) -> None:
    link = os.path.join(tree.directory, path)
    folder = os.path.dirname(link)
    if os.path.realpath(folder) != os.path.normpath(os.path.join(os.path.realpath(tree.directory), path, "..")):
        raise NotReady(f"`shared` names {path}, but in the commit a folder of that path is a link",
                       "take it out of `shared`")
    if tree.skip_worktree(path):
        step.say(f"{path}: the shared one takes the place of what the commit has there")
    files.ensure_dir(folder)
    files.remove_whole(link)
    os.symlink(os.path.relpath(source, folder), link)
