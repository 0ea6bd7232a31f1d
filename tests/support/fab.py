"""`python fab.py WORDS`: what ./fab starts, from any folder and without its shell."""

from __future__ import annotations

import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]

if __name__ == "__main__":
    sys.path[0] = str(CHECKOUT)
    from tasks._launch import main

    main()
