"""A rollout on all hosts or on none: the coordinator, and what it does in each phase."""

from typing import TYPE_CHECKING

from ..._lazy import submodules

if TYPE_CHECKING:                           # what other folders may use
    from . import coordinator as coordinator
    from . import recovery as recovery
else:
    __getattr__ = submodules(__name__)
