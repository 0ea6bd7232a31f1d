"""The folder for files that a command needs for a moment."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ._errors import Mistake


def temporary_folder() -> Path:
    """$TMPDIR, else /tmp or its like. Raises Mistake where none can be written, as in a container without any."""
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError:
        raise Mistake("no folder for temporary files can be written: neither TMPDIR nor /tmp nor /var/tmp",
                      "export TMPDIR=DIR, with a folder of your own") from None
