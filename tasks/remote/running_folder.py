"""The folder in which a service runs, for a script of sh on its host."""

from __future__ import annotations

from ..inventory.model import Target
from ..program.quoting import path_for_sh

ENDINGS = (".conf", ".ini")         # of a program file: Debian's, Red Hat's
WRITTEN = "sed -n '/^directory=/{s///;s/%%/%/g;p;q;}'"


def enter(target: Target) -> str:
    """The command that goes there: by the program file, for hosts.yaml may name another directory, subdirectory or
    strategy since the last deploy. Where that file does not say it, by hosts.yaml."""
    program_dir = target.host.below_root(target.host.program_dir)
    files = " ".join(path_for_sh(f"{program_dir}/{target.service.name}{ending}") for ending in ENDINGS)
    return (f'cd "$(folder=$({WRITTEN} {files} 2>/dev/null); [ -d "$folder" ] ||'
            f' folder={path_for_sh(target.running_directory)}; printf %s "$folder")"')
