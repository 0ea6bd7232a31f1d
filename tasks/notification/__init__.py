"""Tells others how a command ended: a chat by its webhook, or a command of the team."""

from typing import TYPE_CHECKING

from .._lazy import submodules

if TYPE_CHECKING:                           # what other folders may use
    from . import notifier as notifier
else:
    __getattr__ = submodules(__name__)
