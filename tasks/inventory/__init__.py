"""Reads hosts.yaml: the environments, hosts and services that a command works on."""

from typing import TYPE_CHECKING

from .._lazy import submodules

if TYPE_CHECKING:                           # what other folders may use
    from . import document as document
    from . import findings as findings
    from . import layers as layers
    from . import loading as loading
    from . import model as model
    from . import nearest as nearest
    from . import origins as origins
    from . import program_selection as program_selection
    from . import rules as rules
    from . import secret as secret
    from . import secret_sources as secret_sources
    from . import selection as selection
    from . import serial as serial
    from . import service_file as service_file
    from . import urls as urls
else:
    __getattr__ = submodules(__name__)
