"""SSH: the only importer of fabric and paramiko in tasks/."""

from typing import TYPE_CHECKING

from .._lazy import submodules

if TYPE_CHECKING:                           # what other folders may use
    from . import bootstrap as bootstrap
    from . import connection as connection
    from . import session as session
else:
    __getattr__ = submodules(__name__)
