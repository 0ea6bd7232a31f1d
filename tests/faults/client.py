"""fab, but it sends the executor of another folder: client.py FOLDER deploy monitor …"""

from __future__ import annotations

import functools
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]


def main(folder: str, *args: str) -> None:
    sys.path[0] = str(CHECKOUT)
    from fabric.main import program

    from tasks.remote import sessions
    from tasks.remote.sent_executor import bootstrap

    sessions.program = functools.cache(  # type: ignore[assignment, attr-defined]
        functools.partial(bootstrap.Program, folder=Path(folder)))
    # What was packed is kept for the next client.
    program.run(["fab", "--write-pyc", "--search-root", str(CHECKOUT), *args])


if __name__ == "__main__":
    main(*sys.argv[1:])
