"""Commands without a plan: they ask each host, and show what it answers."""

from typing import TYPE_CHECKING

from ..._lazy import submodules

if TYPE_CHECKING:                           # what other folders may use
    from . import examination as examination
    from . import logs as logs
    from . import orphans as orphans
    from . import query as query
    from . import remote_command as remote_command
    from . import watch as watch
else:
    __getattr__ = submodules(__name__)
