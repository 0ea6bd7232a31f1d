"""git, inside the service directory and never in a parent of it; it never asks for anything."""

from __future__ import annotations

from .clone import Clone
from .command import SLOW
from .commits import ABBREVIATED, Distance
from .errors import Locked
from .filters import require as require_filters
from .object_format import FULL, oldest_git
from .received import forget, receive, store
from .set_aside import SetAside
from .state import DELETED, State
from .version import require_git
from .worktree import Worktree

__all__ = ["ABBREVIATED", "DELETED", "FULL", "SLOW", "Clone", "Distance", "Locked", "SetAside", "State", "Worktree",
           "forget", "oldest_git", "receive", "require_filters", "require_git", "store"]
