"""What a person does on a host before the first deploy, in the words in which a deploy would ask for it. Pure."""

from __future__ import annotations

import os.path
from collections.abc import Iterator

from ..rollout.protocol import Adopted, AdoptedProgram
from .members import Members
from .program import obstacle


def of_program(program: AdoptedProgram, group: str, own: str) -> Iterator[str]:
    """`group`: supervisord's name of it from then on. `own`: the program file of its service."""
    section = f"[{'fcgi-program' if 'socket' in program.options else 'program'}:{program.name}]"
    is_grouped = program.group != program.name
    if group != program.name:
        out = f", and {program.name} out of `programs` of [group:{program.group}]" if is_grouped else ""
        yield (f"before the first deploy, take {section} out of {program.path}:{program.line}{out}: supervisord calls "
               f"it {group} then")
        return
    if is_grouped:
        yield f"it is {program.group}:{program.name}: take it out of `programs` of [group:{program.group}] first"
    if program.path != own:
        yield (f"before the first deploy, move {section} from {program.path}:{program.line} to {own}, "
               f"with each %(here)s in it written out as {os.path.dirname(program.path)}")
    elif program.link:
        yield f"before the first deploy, put a copy of {program.link} in the place of {own}, which is a link to it"


def of_file(own: str, members: Members, adopted: Adopted) -> Iterator[str]:
    """What else lies in the program file of the service, and is not adopted."""
    others = [each for each in adopted.programs if each.path == own and each.name not in members.names]
    yield from (f"before the first deploy, move {other.name}, which is not adopted, from {own}:{other.line} to a file"
                " of its own" for other in others if obstacle(other))
