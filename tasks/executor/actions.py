"""The names that plans and journals use, and what they stand for."""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping

from . import doing, releasing, undoing
from .context import ServiceContext

ACTIONS: Dict[str, Callable[[ServiceContext, Mapping[str, Any]], bool]] = {
    "fetch": doing.fetch,
    "checkout": doing.checkout,
    "build": doing.build,
    "hook": doing.hook,
    "checkout_release": releasing.checkout,
    "build_release": releasing.build,
    "switch": releasing.switch,
    "program": doing.program,
    "restart": doing.restart,
    "stop": doing.stop,
    "verify": doing.verify,
    "health": doing.check_health,
    "checkout_back": undoing.checkout_back,
    "remove_clone": undoing.remove_clone,
    "remove_release": releasing.remove_release,
    "files_back": undoing.files_back,
    "program_back": undoing.program_back,
    "tidy_releases": releasing.tidy,
}

# What must be so before a step counts as begun: when it refuses, there is nothing to undo.
CHECKS: Dict[str, Callable[[ServiceContext, Mapping[str, Any]], None]] = {
    "checkout": doing.refuse_edits, "checkout_release": releasing.refuse_edits}
