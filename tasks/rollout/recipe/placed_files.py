"""The arguments of the step `files`, which the strategies have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...executor import protocol

if TYPE_CHECKING:
    from ...inventory.model import Service
    from ..facts import Facts
    from ..goal import Goal


def arguments(service: Service, facts: Facts, goal: Goal) -> protocol.PlaceFiles:
    users = {program.options.get("user", facts.default_user) for program in service.programs}
    return protocol.PlaceFiles(
        files=[protocol.PlacedFile(path=content.path, data=content.data, mode=content.mode, secrecy=content.secrecy)
               for content in service.file_contents],
        users=sorted(filter(None, users)), set_aside=goal.set_aside or goal.force)
