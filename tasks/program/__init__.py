"""The texts that supervisord and its programs read. Their quoting is here and nowhere else."""

from typing import TYPE_CHECKING

from .._lazy import submodules

if TYPE_CHECKING:                           # what other folders may use
    from . import file_contents as file_contents
    from . import files as files
    from . import handwritten as handwritten
    from . import quoting as quoting
    from . import supervisord_conf as supervisord_conf
else:
    __getattr__ = submodules(__name__)
