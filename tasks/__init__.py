"""The commands of Fabvisor. In this folder, files are verbs and folders are nouns.

`namespace` is what a fabfile needs; it is made when it is asked for, so that `_launch` can go before all imports.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._namespace import namespace as namespace
else:
    def __getattr__(name: str) -> Any:
        if name != "namespace":
            raise AttributeError(f"{__name__} has no attribute {name}")
        from ._namespace import namespace

        return namespace
