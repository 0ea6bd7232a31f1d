"""Writes what was adopted: hosts.yaml, and beside it the values of secrets. No file that is there is replaced."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from .._errors import NotReady
from ..inventory.secret import reveal
from ..inventory.secret_sources import FOLDER
from ..program.quoting import for_sh
from .environment import Adoption


def require_absent(output: Path, environment: str) -> None:
    """Raise NotReady where a file is there that would be written, or no folder for it."""
    if not output.parent.is_dir():
        raise NotReady(f"the folder {output.parent} does not exist", f"mkdir -p {for_sh(str(output.parent))}")
    _refuse_present([output, _secrets_folder(output) / f"{environment}.env"])


def write(output: Path, text: str, adoption: Adoption) -> list[Path]:
    """Returns the files with secrets. Raises NotReady."""
    having = {_secrets_folder(output) / path: secrets for path, secrets in adoption.secrets.items()}
    _refuse_present([output, *having])
    try:
        for file, secrets in having.items():
            for folder in (_secrets_folder(output), file.parent):
                folder.mkdir(mode=0o700, exist_ok=True)
            lines = [f"{name}={_quoted(reveal(value))}\n" for name, value in sorted(secrets.items())]
            _write(file, "".join(lines), 0o600)
        _write(output, text, 0o644)
    except OSError as error:
        raise NotReady(f"{error.filename} cannot be written: {error.strerror}", "name another --output") from None
    return list(having)


def _refuse_present(paths: Iterable[Path]) -> None:
    for path in paths:
        if os.path.lexists(path):
            raise NotReady(f"{path} is there already, and is not replaced", "move it away, or name another --output")


def _secrets_folder(output: Path) -> Path:
    return output.parent / FOLDER


def _quoted(value: str) -> str:
    """As inventory/secret_sources.py reads it."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _write(path: Path, text: str, mode: int) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with open(fd, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        file.write(text)
