"""What has to be done where, whether it may be done, and how it looks to a person. Pure."""

from typing import TYPE_CHECKING

from ..._lazy import submodules

if TYPE_CHECKING:                           # what other folders may use
    from . import planner as planner
    from . import removal as removal
else:
    __getattr__ = submodules(__name__)
