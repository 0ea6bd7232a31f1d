"""The README's pictures, made anew of real runs: python -m tests.pictures. They land in docs/pictures/."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.pictures.scenes import record
from tests.pictures.svg_file import console, svg

FOLDER = Path(__file__).resolve().parents[2] / "docs/pictures"


def main(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for name, shown in record(console).items():
        path = folder / f"{name}.svg"
        path.write_text(svg(shown, name))
        print(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
