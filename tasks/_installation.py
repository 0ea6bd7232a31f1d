"""The place of this code: a checkout, beside the fabfile; or a virtual environment, as the package `fabvisor`."""

from __future__ import annotations

from pathlib import Path

from ._running_program import running_program

AROUND = Path(__file__).resolve().parent.parent
IS_CHECKOUT = (AROUND / "fab").is_file() and (AROUND / "fabfile.py").is_file()
COMMAND = "fab" if IS_CHECKOUT else "fabvisor"


def home() -> Path:
    """The folder of the fabfile, else the current one. It has its own sandbox, and its hosts.yaml is taken where the
    current folder has none."""
    if IS_CHECKOUT:
        return AROUND
    return Path(getattr(getattr(running_program(), "collection", None), "loaded_from", None) or Path.cwd())
