"""The CI servers that `fab ci.init` knows, each with the function that writes a pipeline for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from . import github, gitlab

if TYPE_CHECKING:
    from ..inventory.loading import Inventory
    from .sources import Sources

# Takes the inventory and the services' names. github is also for Gitea and Forgejo.
SERVERS: Mapping[str, Callable[[Inventory, set[str], Sources], str]] = MappingProxyType({
    "gitlab": gitlab.text,
    "github": github.text,
})
