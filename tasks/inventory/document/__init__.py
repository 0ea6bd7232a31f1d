"""The file as it is written: YAML with its lines, and the shape that it must have."""

from typing import TYPE_CHECKING

from ..._lazy import submodules

if TYPE_CHECKING:                           # what other folders may use
    from . import schema as schema
else:
    __getattr__ = submodules(__name__)
