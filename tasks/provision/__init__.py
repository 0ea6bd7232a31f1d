"""`fab setup`: what a host lacks, as steps of sh, and the conversation that runs them."""

from typing import TYPE_CHECKING

from .._lazy import submodules

if TYPE_CHECKING:                           # what other folders may use
    from . import conversation as conversation
else:
    __getattr__ = submodules(__name__)
