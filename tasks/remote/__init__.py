"""SSH: the only importer of fabric and paramiko in tasks/."""

from typing import TYPE_CHECKING

from .._lazy import submodules

if TYPE_CHECKING:                           # what other folders may use
    from . import early_dial as early_dial
    from . import fabric_config as fabric_config
    from . import running_folder as running_folder
    from . import session as session
    from . import sessions as sessions
    from . import ssh_command as ssh_command
    from . import start_errors as start_errors
    from . import task_connection as task_connection
else:
    __getattr__ = submodules(__name__)
