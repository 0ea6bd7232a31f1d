"""Show recorded events: `python -m tasks.reports events.jsonl --format terminal`, to look at a format."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any, Union

import msgspec

from ..rollout.events import Event
from .formats import choose


def decode(lines: bytes) -> list[Event]:
    """Events out of JSON lines, as `--format json` wrote them."""
    every: Any = Union[tuple(Event.__subclasses__())]  # noqa: UP007  (a tuple made at run time)
    decoder = msgspec.json.Decoder(every)
    return [decoder.decode(line) for line in lines.splitlines() if line.strip()]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tasks.reports", description=__doc__)
    parser.add_argument("events", type=Path)
    parser.add_argument("--format", default="auto")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--delay", type=float, default=0.0, metavar="SECONDS", help="before each event")
    given = parser.parse_args()
    with choose(given.format, given.verbose, os.environ, sys.stdout, sys.stderr) as reporter:
        for event in decode(given.events.read_bytes()):
            time.sleep(given.delay)
            reporter.on(event)


if __name__ == "__main__":
    main()
