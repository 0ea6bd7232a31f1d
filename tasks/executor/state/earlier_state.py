"""The files in the state folder that hosts.yaml named before: a change of `state` must lose no history and no journal.
"""

from __future__ import annotations

import os
from typing import Any, Iterator, Mapping

from ..disk import files
from ..errors import HostError, NotReady
from ..layout import DEFAULT_STATE, Layout
from . import journal, program_owner


def problems(layout: Layout, settings: Mapping[str, Any]) -> list[HostError]:
    """Why a deploy has to wait: the program is another's; or what another state folder has of the service, and this one
    has not."""
    service = settings["name"]
    reasons = program_owner.problems(layout, settings)
    for folder in _others(layout, service) if not reasons else ():
        earlier = Layout(dict(layout.settings, state=folder), layout.env)
        left = [each.deploy for each in journal.to_undo(earlier) if service in each.services]
        if left:
            reasons.append(NotReady(f"{folder}, where `state` was before, has the interrupted deploy {left[0]}",
                                    f"write in hosts.yaml: state: {folder}; then: fab recover {service}"))
        elif os.path.exists(earlier.history_file(service)) and not os.path.exists(layout.history_file(service)):
            reasons.append(NotReady(f"{folder}, where `state` was before, has the history of {service}",
                                    f"{program_owner.copy(folder, layout)}; or write in hosts.yaml: state: {folder}"))
    return reasons


def _others(layout: Layout, service: str) -> Iterator[str]:
    """The default one, and the one that our program file names; both only where they are ours and not the present."""
    default, named = layout.below_root(DEFAULT_STATE), program_owner.state_folder(layout, service)
    for folder in [default] if files.is_same_path(default, named) else [default, named]:
        is_other = folder and not files.is_same_path(folder, layout.state)
        if is_other and files.is_own(folder) and os.path.isdir(folder):
            yield folder
