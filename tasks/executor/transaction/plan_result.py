"""Whether what a plan put on the host lies there still, before the host calls itself well, and after the commit.

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
    for error in _differences(ctx, part):
        raise error


def changed(ctx: ServiceContext, part: Mapping[str, Any], started: Mapping[str, Started]) -> Iterator[str]:
    """In words, what is no longer as `require` and `verify` saw it: a host may have waited long for others since then.
    """
    for error in _differences(ctx, part):
        yield f"{error.message}; {error.hint}"
    for words in _ended(ctx, started):
        yield f"{words}; see fab logs {ctx.name}"


def _differences(ctx: ServiceContext, part: Mapping[str, Any]) -> Iterator[HostError]:
    for step in part["steps"]:
        look = LOOKS.get(step["action"])
        error = look(ctx, step["args"]) if look else None
        if error:
            yield error


def _ended(ctx: ServiceContext, started: Mapping[str, Started]) -> Iterator[str]:
    groups = dict.fromkeys(name.partition(":")[0] for name in started)
    infos = {f"{info['group']}:{info['name']}": info for info in ctx.supervisord().processes(*groups)}
    for name, process in started.items():
        info = infos.get(name)
        if info is None or not process.is_well(info):
            now = "unknown to supervisord" if info is None else describe_state(info)
            yield f"{name.partition(':')[2]} ran and was well, but was stopped or crashed before the commit; now: {now}"


def _moved_head(ctx: ServiceContext, args: Args) -> HostError | None:
    tree = ctx.tree
    head = tree.head()
    if head == args["commit"]:
        return None
    found = f"is at commit {head[:8]}" if head else "has no commit"
    return HostError(f"{tree.directory} {found} now, and not at {args['commit'][:8]} as the deploy left it",
                     f"see what moved it, then deploy again: git -C {for_sh(ctx.directory)} reflog -5")


def _replaced_program_file(ctx: ServiceContext, args: Args) -> HostError | None:
    file = ctx.layout.access.program_file(ctx.name)
    if file is not None and file.data == args["program_file"].encode("utf-8", "surrogateescape"):
        return None
    return HostError(f"{ctx.layout.program_file(ctx.name)} was {'removed' if file is None else 'changed'} after the "
                     "deploy wrote it", "see who else writes it (Ansible, Puppet, a person), then deploy again")


LOOKS: Mapping[str, Callable[[ServiceContext, Args], HostError | None]] = {
    "checkout": _moved_head,
    "checkout_release": _moved_head,
    "program": _replaced_program_file,
}
