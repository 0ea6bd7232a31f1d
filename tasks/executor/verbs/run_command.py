"""The verb `run`: a command of the user on this host; its lines are sent as they come. No lock, no journal."""

from __future__ import annotations

import os
from typing import Any, Dict

from .. import masking
from ..disk import files
from ..errors import HostError, NotReady
from ..layout import Layout
from ..link import Link
from ..service.context import ServiceContext
from ..state import earlier_state, history
from ..system import shell

Message = Dict[str, Any]


def run(link: Link, hello: Message, layout: Layout, env: dict[str, str]) -> None:
    """Run it below the root; or where the service runs, with the environment of its programs. Raises HostError."""
    layout.require_root()
    directory = layout.root
    name = hello["service"] or ""
    if name:
        service = next(service for service in hello["services"] if service["name"] == name)
        ctx = ServiceContext(layout, service, env, "", check=link.raise_if_aborted, mask=link.mask)
        directory = _directory(ctx)
        env = ctx.with_variables({**_variables(ctx), **hello["variables"]})

    def say(line: str) -> None:
        link.stream({"event": "log", "service": name, "process": "", "stream": "", "line": line, "mark": []})

    try:
        shell.run(["/bin/sh", "-c", hello["command"]], cwd=directory, env=env, timeout=hello["timeout"], say=say,
                  check=link.raise_if_aborted, mask=link.mask)
    except shell.CommandFailed as failure:
        raise HostError(failure.message, "what it printed stands above") from None


def _directory(ctx: ServiceContext) -> str:
    """Raises NotReady where there is none."""
    directory = ctx.working_folder
    if not os.path.isdir(directory):
        raise _not_deployed(ctx, f"there is no {directory}")
    return directory


def _variables(ctx: ServiceContext) -> dict[str, str]:
    """Those in the environment file that all programs of the service have."""
    data = files.read_bytes(ctx.layout.env_file(ctx.name))
    if data is None:
        raise _not_deployed(ctx, "it has no environment file")
    values = masking.values(data.decode("utf-8", "surrogateescape"))
    return {name: value for name, value in values.items() if ":" not in name}


def _not_deployed(ctx: ServiceContext, missing: str) -> HostError:
    why = history.removal(ctx.layout, ctx.name) or missing
    error = NotReady(f"{ctx.name} is not deployed: {why}", f"fab deploy {ctx.name}")
    return next(iter(earlier_state.problems(ctx.layout, {"name": ctx.name, "directory": ctx.directory})), error)
