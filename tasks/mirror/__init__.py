"""Repositories on this machine, from which commits travel to hosts that cannot reach the git server."""

from typing import TYPE_CHECKING

from .._lazy import submodules

if TYPE_CHECKING:                           # what other folders may use
    from . import access as access
    from . import artifact as artifact
    from . import binaries as binaries
    from . import built_commit as built_commit
    from . import clean_clone as clean_clone
    from . import commits as commits
    from . import credentials as credentials
    from . import current_folder as current_folder
    from . import file_tree as file_tree
    from . import folder_source as folder_source
    from . import git as git
    from . import mirror as mirror
    from . import source as source
else:
    __getattr__ = submodules(__name__)
