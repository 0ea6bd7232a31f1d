"""The steps' actions: each module holds what steps do and, below it, what undoes them.

An action takes (ctx, step) and returns a Result. Undos may run twice, and after a power cut: they look first,
then act.
"""

from __future__ import annotations

from typing import Callable

from ..service.context import ServiceContext
from . import clone, hooks, in_place, placed_files, program, program_files, purge, releases
from .step import Result, Results, Step

__all__ = ["ACTIONS", "CHECKS", "Result", "Results", "Step"]

# By the names that plans and journals use: hosts may hold journals of older versions, so no name ever goes.
ACTIONS: dict[str, Callable[[ServiceContext, Step], Result]] = {
    "fetch": clone.fetch,
    "receive": clone.receive,
    "remove_clone": clone.remove,
    "checkout": in_place.checkout,
    "checkout_back": in_place.checkout_back,
    "build": in_place.build,                    # also its own undo: it builds the version before
    "checkout_release": releases.checkout,
    "remove_release": releases.remove_release,
    "build_release": releases.build,
    "switch": releases.switch,                  # also its own undo: it switches to the release before
    "tidy_releases": releases.tidy,
    "place_files": placed_files.place,
    "place_files_back": placed_files.place_back,
    "place_release_files": placed_files.place_in_release,
    "hook": hooks.hook,
    "drain_back": hooks.drain_back,
    "undrain_back": hooks.run_back,             # undoes `drain`, once the programs run as before
    "on_failure": hooks.run_back,
    "program": program_files.write,
    "remove_program": program_files.remove,
    "files_back": program_files.put_back,
    "restart": program.restart,
    "stop": program.stop,
    "program_back": program.program_back,
    "verify": program.verify,
    "health": program.check_health,
    "recheck": program.recheck,
    "require_purgeable": purge.require_purgeable,
    "purge": purge.purge,
}

# Checks run before their action counts as begun: when one raises, there is nothing to undo.
CHECKS: dict[str, Callable[[ServiceContext, Step], Results]] = {
    "checkout": in_place.refuse,
    "checkout_release": releases.refuse_edits,
    "place_files": placed_files.refuse,
    "place_release_files": placed_files.refuse_edits,
}
