"""Hosts as the client knows them, and the conversation with them."""

from typing import TYPE_CHECKING

from ..._lazy import submodules

if TYPE_CHECKING:                           # what other folders may use
    from . import connection_errors as connection_errors
    from . import conversation as conversation
    from . import fleet as fleet
    from . import peer as peer
    from . import results as results
    from . import settings as settings
else:
    __getattr__ = submodules(__name__)
