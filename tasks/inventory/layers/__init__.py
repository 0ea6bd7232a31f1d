"""Which setting wins, of defaults, services, environments and hosts; and the model made of those that won."""

from typing import TYPE_CHECKING

from ..._lazy import submodules

if TYPE_CHECKING:                           # what other folders may use
    from . import precedence as precedence
else:
    __getattr__ = submodules(__name__)
