import os
import sys

# Invoke switches Python's cache of compiled modules off, which would cost each command a tenth of a second.
sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))

from tasks import namespace  # noqa: E402

__all__ = ["namespace"]
