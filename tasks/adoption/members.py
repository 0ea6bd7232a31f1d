"""Which programs make one service: those of one clone, on all hosts that have it. Pure."""

from __future__ import annotations

import itertools
import os.path
import re
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from ..inventory import model
from ..inventory.rules import values
from ..rollout.protocol import Adopted, AdoptedProgram
from . import program as adopted_program
from .secret_names import looks_secret

Programs = list[AdoptedProgram]


class Members(Struct, frozen=True, kw_only=True):
    """The programs of a service. `names`: what hosts.yaml calls them, by supervisord's names until now."""

    name: str
    names: dict[str, str]
    programs: dict[str, Programs]               # by host, in the order in which they start

    @property
    def is_single(self) -> bool:
        """Whether the program is the service, and needs no name beside it."""
        return len(self.names) == 1

    def group(self, program: AdoptedProgram) -> str:
        """supervisord's name of it from then on."""
        return self.name if self.is_single else model.group(self.name, self.names[program.name])

    def secrets(self) -> set[str]:
        """Names of variables that look like secrets in any of the programs, on any host."""
        return {name for programs in self.programs.values() for program in programs
                for name, value in adopted_program.variables(program).items() if looks_secret(name, value)}

    def shared_variables(self) -> set[str]:
        """Names that all of the programs have, on each host with one value."""
        every = [[adopted_program.variables(program) for program in programs] for programs in self.programs.values()]
        names = set.intersection(*(set(variables) for host in every for variables in host))
        return {name for name in names if all(len({variables[name] for variables in host}) == 1 for host in every)}


def usable(adopted: Adopted) -> tuple[Programs, list[str]]:
    """The programs that can be adopted, and for each other one a line that says why not."""
    kept: Programs = []
    left_out = []
    first: dict[str, AdoptedProgram] = {}
    for program in sorted(adopted.programs, key=adopted_program.priority):
        reason = adopted_program.obstacle(program)
        if not reason and program.clone:
            reason = _of_other_user(program, first.setdefault(program.clone.directory, program), adopted)
        if reason:
            left_out.append(f"{program.name}: not adopted: {reason}")
        else:
            kept.append(program)
    return kept, left_out


def of_hosts(programs: Mapping[str, Programs]) -> list[Members]:
    """`programs`: by host, those that can be adopted."""
    parts = [(host, part) for host, listed in programs.items() for part in _by_clone(listed)]
    clones: list[dict[str, Programs]] = []
    for host, part in sorted(parts, key=lambda pair: -len(pair[1])):        # stable; one with fewer joins another
        known = next((clone for clone in clones
                      if host not in clone and _names(clone.values()) & _names([part])), None)
        if known is None:
            clones.append({host: part})
        else:
            known[host] = part
    every = _names(programs.values())
    members: list[Members] = []
    for clone in clones:
        taken = (every - _names(clone.values())) | {each.name for each in members}
        members.append(_members({host: clone[host] for host in programs if host in clone}, taken))
    return members


def _members(clone: dict[str, Programs], taken: set[str]) -> Members:
    """`taken`: names that are other services' or programs'."""
    programs = [program for listed in clone.values() for program in listed]
    names = list(dict.fromkeys(program.name for program in programs))
    if len(names) == 1:
        return Members(name=names[0], names={names[0]: names[0]}, programs=clone)
    good = [name for name in _candidates(programs) if name not in taken and not values.check_service_name(name)
            and not {model.group(name, short) for short in _short(name, names).values()} & taken]
    service = next(iter([*good, names[0]]))
    return Members(name=service, names=_short(service, names), programs=clone)


def _candidates(programs: Programs) -> Iterator[str]:
    """Names for a service of several programs: that of their group, what their names begin with, that of the clone."""
    groups = {program.group for program in programs}
    if len(groups) == 1:
        yield from groups
    columns = zip(*(program.name for program in programs), strict=False)
    same = itertools.takewhile(lambda letters: len({*letters}) == 1, columns)
    yield re.sub(r"[-_.]?[^-_.]*$", "", "".join(letters[0] for letters in same))
    yield from (os.path.basename(program.clone.directory) for program in programs[:1] if program.clone)


def _short(service: str, names: list[str]) -> dict[str, str]:
    """Without the name of the service in front, which supervisord's name has anyway."""
    short = {name: re.sub(rf"^{re.escape(service)}[-_.]+", "", name) for name in names}
    is_good = len({*short.values()}) == len(names) and not any(map(values.check_name, short.values()))
    return short if is_good else {name: name for name in names}


def _of_other_user(program: AdoptedProgram, first: AdoptedProgram, adopted: Adopted) -> str:
    """Why it cannot be of one service with the first program of its clone."""
    user, other = (adopted_program.user(each, adopted) or "supervisord's user" for each in (program, first))
    return "" if user == other else (
        f"it runs as {user}, and {first.name} of the same clone as {other}: the programs of a service share one "
        "environment file; give it a clone of its own")


def _by_clone(programs: Programs) -> list[Programs]:
    clones: dict[str, Programs] = {}
    for program in programs:
        clones.setdefault(program.clone.directory if program.clone else "", []).append(program)
    return list(clones.values())


def _names(parts: Iterable[Programs]) -> set[str]:
    return {program.name for part in parts for program in part}
