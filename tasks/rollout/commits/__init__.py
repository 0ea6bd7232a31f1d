"""Where the commit of a deploy comes from, and how it gets to the hosts."""

from typing import TYPE_CHECKING

from ..._lazy import submodules

if TYPE_CHECKING:                           # what other folders may use
    from . import client_builds as client_builds
    from . import previous_version as previous_version
    from . import sources as sources
else:
    __getattr__ = submodules(__name__)
