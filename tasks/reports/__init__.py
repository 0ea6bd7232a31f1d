"""The screen and the reports in files. Nothing else in tasks/ prints."""

from typing import TYPE_CHECKING

from .._lazy import submodules

if TYPE_CHECKING:                           # what other folders may use
    from . import formats as formats
    from . import jsonl as jsonl
    from . import reporter as reporter
    from . import reporters as reporters
    from . import stream as stream
    from . import text as text
else:
    __getattr__ = submodules(__name__)
