"""SSH: the only importer of fabric and paramiko in tasks/."""

from typing import TYPE_CHECKING

from .._lazy import submodules

if TYPE_CHECKING:                           # what other folders may use
    from . import bootstrap as bootstrap
    from . import session as session
    from . import sessions as sessions
else:
    __getattr__ = submodules(__name__)
