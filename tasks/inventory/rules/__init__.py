"""The rules of a single value: what it may be, whatever stands beside it."""

from typing import TYPE_CHECKING

from ..._lazy import submodules

if TYPE_CHECKING:                           # what other folders may use
    from . import addresses as addresses
    from . import command_line as command_line
    from . import interpolation as interpolation
    from . import keys as keys
    from . import paths as paths
    from . import program_options as program_options
    from . import sockets as sockets
    from . import values as values
else:
    __getattr__ = submodules(__name__)
