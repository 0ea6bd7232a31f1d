"""Reads hosts.yaml: the environments, hosts and services that a command works on."""

from typing import TYPE_CHECKING

from .._lazy import submodules

if TYPE_CHECKING:                           # what other folders may use
    from . import addresses as addresses
    from . import command_line as command_line
    from . import findings as findings
    from . import interpolation as interpolation
    from . import keys as keys
    from . import loading as loading
    from . import model as model
    from . import nearest as nearest
    from . import origins as origins
    from . import paths as paths
    from . import precedence as precedence
    from . import program_options as program_options
    from . import program_selection as program_selection
    from . import schema as schema
    from . import secret as secret
    from . import secret_sources as secret_sources
    from . import selection as selection
    from . import serial as serial
    from . import service_file as service_file
    from . import sockets as sockets
    from . import urls as urls
    from . import values as values
else:
    __getattr__ = submodules(__name__)
