"""README.md and the pages in docs/, as tests read them; and a copy of the checkout."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
PAGES = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").glob("*.md"))]
README = PAGES[0].read_text()
ARCHITECTURE = (CHECKOUT / "docs/architecture.md").read_text()
CONTRIBUTING = (CHECKOUT / "docs/contributing.md").read_text()
ALL_PAGES = "\n".join(path.read_text() for path in PAGES)


def section(heading: str, page: str = README) -> str:
    return page.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


def blocks(language: str, page: str = README) -> list[str]:
    """The fenced blocks of that language, without their indentation."""
    fenced = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", page, re.MULTILINE | re.DOTALL)
    return [re.sub(f"(?m)^{indent}", "", body) for indent, body in fenced]


def without_blocks(page: str) -> str:
    return re.sub(r"(?ms)^ *```.*?^ *```$", "", page)


def table(first_heading: str) -> list[list[str]]:
    """The rows of the table whose heading begins so, as cells."""
    lines = ALL_PAGES.split(f"\n| {first_heading}", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def coded(cell: str) -> list[str]:
    """The texts between backticks."""
    return re.findall(r"`([^`]+)`", cell)


def copy_checkout(target: Path) -> None:
    """As `git clone` would, with what is not committed yet."""
    listing = subprocess.run(["git", "ls-files", "-coz", "--exclude-standard"], cwd=CHECKOUT, check=True,
                             capture_output=True, text=True).stdout
    for name in filter(None, listing.split("\0")):
        if (CHECKOUT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, target / name)
