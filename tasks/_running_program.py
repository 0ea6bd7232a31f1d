"""The program that reads the command line: Fabric's (of `fab`, or ours), or ours without Fabric."""

from __future__ import annotations

import sys
from typing import Any

# Where Fabric and Invoke keep theirs; ./fab puts ours there.
PLACES = ("invoke.main", "fabric.main")


def running_program() -> Any:
    """None where nothing was typed: in a test that calls a task by itself."""
    programs = (getattr(sys.modules.get(place), "program", None) for place in PLACES)
    return next((program for program in programs if hasattr(program, "core_via_tasks")), None)
