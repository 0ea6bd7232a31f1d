"""The commands of Fabvisor. In this folder, files are verbs and folders are nouns.

`namespace` is what a fabfile needs, and `on_hosts` where it has tasks of its own; both are imported when they are asked
for, so that `_launch` can go before all imports.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._namespace import namespace as namespace
    from ._on_hosts import on_hosts as on_hosts
else:
    def __getattr__(name: str) -> Any:
        if name == "namespace":
            from ._namespace import namespace

            return namespace
        if name == "on_hosts":
            from ._on_hosts import on_hosts

            return on_hosts
        raise AttributeError(f"{__name__} has no attribute {name}")
