"""Which programs make one service: those of one clone, on all hosts that have it. Pure."""

from __future__ import annotations

import itertools
import os.path
import re
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from ..inventory import model
from ..inventory.rules import sockets, values
from ..rollout.protocol import Adopted, AdoptedProgram
from . import program as adopted_program
from .secret_names import looks_secret

Programs = list[AdoptedProgram]
LONGEST = 90                                # letters of a name, which has at most 100
NUMBER = re.compile("[0-9]{2}")             # of a process, behind the name of its program


class Members(Struct, frozen=True, kw_only=True):
    """The programs of a service. `names`: what hosts.yaml calls them, by supervisord's names until now."""

    name: str
    names: dict[str, str]
    programs: dict[str, Programs]               # by host, in the order in which they start

    @property
    def is_single(self) -> bool:
        """Whether the program is the service, and needs no name beside it."""
        return len(self.names) == 1

    @property
    def groups(self) -> list[str]:
        """supervisord's names of its programs from then on."""
        return [self.name] if self.is_single else [model.group(self.name, short) for short in self.names.values()]

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
    places: dict[str, list[str]] = {}
    for program in adopted.programs:
        places.setdefault(program.name, []).append(f"{program.path}:{program.line}")
    for program in sorted(adopted.programs, key=_outermost_first):
        reason = (adopted_program.obstacle(program) or _twice(places[program.name])
                  or _conflict(program, kept, adopted))
        if reason:
            left_out.append(f"{program.name}: not adopted: {reason}")
        else:
            kept.append(program)
    return sorted(kept, key=adopted_program.priority), left_out


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
    members: list[Members] = []
    for clone in clones:
        taken = _names(part for other in clones if other is not clone for part in other.values())
        taken.update(name for each in members for name in (each.name, *each.groups))
        members.append(_members({host: clone[host] for host in programs if host in clone}, taken))
    return members


def _members(clone: dict[str, Programs], taken: set[str]) -> Members:
    """`taken`: names that are other services' or programs'."""
    programs = [program for listed in clone.values() for program in listed]
    names = list(dict.fromkeys(program.name for program in programs))
    if len(names) == 1:
        return Members(name=names[0], names={names[0]: names[0]}, programs=clone)
    numbered = _unlike_processes(programs)
    made = (Members(name=name, names=_short(name, numbered), programs=clone) for name in _candidates(programs)
            if not values.check_service_name(name))
    return next(each for each in made if not {each.name, *each.groups} & taken)


def _candidates(programs: Programs) -> Iterator[str]:
    """Names for a service of several programs: that of their group, what their names begin with, that of the clone,
    those of programs; then with numbers behind."""
    groups = {program.group for program in programs}
    if len(groups) == 1:
        yield from groups
    columns = zip(*(program.name for program in programs), strict=False)
    same = itertools.takewhile(lambda letters: len({*letters}) == 1, columns)
    yield re.sub(r"[-_.]?[^-_.]*$", "", "".join(letters[0] for letters in same))
    yield from (os.path.basename(program.clone.directory) for program in programs[:1] if program.clone)
    yield from (program.name for program in programs)
    yield from (f"{programs[0].name[:LONGEST]}-{number}" for number in itertools.count(2))


def _unlike_processes(programs: Programs) -> dict[str, str]:
    """The names, but for worker_00 beside a worker of several processes, the first of which has that name."""
    names = dict.fromkeys(program.name for program in programs)
    several = {program.name for program in programs if adopted_program.numprocs(program) > 1}
    made: dict[str, str] = {}
    for name in names:
        base, _, number = name.rpartition("_")
        ways = [f"{base}{separator}{number}" for separator in ("-", ".", "-0", ".0")]
        made[name] = next(way for way in ways if way not in names) if base in several and NUMBER.fullmatch(number) \
            else name
    return made


def _short(service: str, names: dict[str, str]) -> dict[str, str]:
    """Without the name of the service in front, which supervisord's name has anyway."""
    short = {name: re.sub(rf"^{re.escape(service)}[-_.]+", "", as_it_will_be) for name, as_it_will_be in names.items()}
    is_good = len({*short.values()}) == len(names) and not any(map(values.check_name, short.values()))
    return short if is_good else names


def _outermost_first(program: AdoptedProgram) -> tuple[int, int]:
    """A clone before those inside it."""
    return len(_directory(program)), adopted_program.priority(program)


def _conflict(program: AdoptedProgram, kept: Programs, adopted: Adopted) -> str:
    """Why it cannot stand beside the programs that are kept."""
    reasons = (reason for other in kept for reason in (
        _of_other_user(program, other, adopted), _inside(program, other), _same_socket(program, other)))
    return next(filter(None, reasons), "")


def _twice(places: list[str]) -> str:
    return "" if len(places) == 1 else (
        f"it is defined in {' and in '.join(places)}, which supervisord mixes: leave one of them, then adopt it")


def _inside(program: AdoptedProgram, other: AdoptedProgram) -> str:
    inner, outer = _directory(program), _directory(other)
    return (f"its clone {inner} lies inside {outer}, that of {other.name}: each service needs a folder of its own"
            if inner.startswith(outer + "/") else "")


def _same_socket(program: AdoptedProgram, other: AdoptedProgram) -> str:
    texts = [each.options["socket"] for each in (program, other) if "socket" in each.options]
    if len(texts) < 2 or not sockets.parse(texts[0]).meets(sockets.parse(texts[1])):
        return ""
    return f"socket: {other.name} listens there, too; give it one of its own"


def _of_other_user(program: AdoptedProgram, first: AdoptedProgram, adopted: Adopted) -> str:
    """Why it cannot be of one service with the first program of its clone."""
    user, other = (adopted_program.user(each, adopted) or adopted.supervisord or "supervisord's user"
                   for each in (program, first))
    return "" if user == other or _directory(program) != _directory(first) else (
        f"it runs as {user}, and {first.name} of the same clone as {other}: the programs of a service share one "
        "environment file; give it a clone of its own")


def _by_clone(programs: Programs) -> list[Programs]:
    clones: dict[str, Programs] = {}
    for program in programs:
        clones.setdefault(_directory(program), []).append(program)
    return list(clones.values())


def _directory(program: AdoptedProgram) -> str:
    """Of its clone; empty where it has none."""
    return program.clone.directory if program.clone else ""


def _names(parts: Iterable[Programs]) -> set[str]:
    return {program.name for part in parts for program in part}
