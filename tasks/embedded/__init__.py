"""The sandbox: two hosts on this machine, for an environment with `sandbox: true`.

Each is a real SSH server on 127.0.0.1, with a root folder and a supervisord of its own. Beside them is the git
repository of an example service. All of it is in a temporary folder, and nothing in the checkout.
"""

from typing import TYPE_CHECKING

from .._lazy import submodules

if TYPE_CHECKING:                           # what other folders may use
    from . import environments as environments
    from . import lifecycle as lifecycle
else:
    __getattr__ = submodules(__name__)
