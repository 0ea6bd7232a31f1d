"""A service's pipeline for a CI server, written from the environments of hosts.yaml."""

from typing import TYPE_CHECKING

from .._lazy import submodules

if TYPE_CHECKING:                           # what other folders may use
    from . import environments as environments
    from . import servers as servers
    from . import sources as sources
else:
    __getattr__ = submodules(__name__)
