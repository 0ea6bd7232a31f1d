"""Text for people: values in words, tables that fit a width, and nothing that moves the cursor."""

from typing import TYPE_CHECKING

from ..._lazy import submodules

if TYPE_CHECKING:                           # what other folders may use
    from . import humanize as humanize
    from . import verdict as verdict
else:
    __getattr__ = submodules(__name__)
