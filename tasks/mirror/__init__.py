"""Repositories on this machine, from which commits travel to hosts that cannot reach the git server."""

from typing import TYPE_CHECKING

from .._lazy import submodules

if TYPE_CHECKING:                           # what other folders may use
    from . import credentials as credentials
    from . import mirror as mirror
    from . import source as source
else:
    __getattr__ = submodules(__name__)
