"""A hosts.yaml from what a supervisord already keeps running: what `fab adopt` writes."""

from typing import TYPE_CHECKING

from .._lazy import submodules

if TYPE_CHECKING:                           # what other folders may use
    from . import document as document
    from . import environment as environment
    from . import files as files
    from . import host as host
    from . import logins as logins
else:
    __getattr__ = submodules(__name__)
