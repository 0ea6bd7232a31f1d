"""Whether what a plan put on the host lies there still, before the host calls itself well.

A person, a build or a hook may have moved HEAD, removed the clone, or replaced the program file.
"""

from __future__ import annotations

from typing import Any, Callable, Iterator, Mapping

from ..errors import HostError
from ..program.process import Started, describe_state
from ..quoting import for_sh
from ..service.context import ServiceContext

Args = Mapping[str, Any]


def require(ctx: ServiceContext, part: Mapping[str, Any]) -> None:
    """Look at the commit and the program file; `part` is that of the service in the plan. Raises HostError."""
    for step in part["steps"]:
        look = LOOKS.get(step["action"])
        if look:
            look(ctx, step["args"])


def ended(ctx: ServiceContext, started: Mapping[str, Started]) -> Iterator[str]:
    """In words, each process that does not run as it was verified: a host may have waited long for others since then.
    """
    groups = dict.fromkeys(name.partition(":")[0] for name in started)
    infos = {f"{info['group']}:{info['name']}": info for info in ctx.supervisord().processes(*groups)}
    for name, process in started.items():
        info = infos.get(name)
        if info is None or not process.is_well(info):
            now = "unknown to supervisord" if info is None else describe_state(info)
            yield f"{name.partition(':')[2]} ran and was well, but was stopped or crashed before the commit; now: {now}"


def _require_commit(ctx: ServiceContext, args: Args) -> None:
    tree = ctx.tree
    head = tree.head()
    if head != args["commit"]:
        found = f"is at commit {head[:8]}" if head else "has no commit"
        raise HostError(f"{tree.directory} {found} now, and not at {args['commit'][:8]} as the deploy left it",
                        f"see what moved it, then deploy again: git -C {for_sh(ctx.directory)} reflog -5")


def _require_program_file(ctx: ServiceContext, args: Args) -> None:
    file = ctx.layout.access.program_file(ctx.name)
    path = ctx.layout.program_file(ctx.name)
    if file is None or file.data != args["program_file"].encode("utf-8", "surrogateescape"):
        raise HostError(f"{path} was {'removed' if file is None else 'changed'} after the deploy wrote it",
                        "see who else writes it (Ansible, Puppet, a person), then deploy again")


LOOKS: Mapping[str, Callable[[ServiceContext, Args], None]] = {
    "checkout": _require_commit,
    "checkout_release": _require_commit,
    "program": _require_program_file,
}
