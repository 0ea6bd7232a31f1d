"""The sandbox: two hosts on this machine, for an environment with `sandbox: true`.

Each is a real SSH server on 127.0.0.1, with a root folder and a supervisord of its own. Beside them is the git
repository of an example service. All of it is in a temporary folder, and nothing in the checkout.
"""

from pathlib import Path

from ..inventory.loading import Inventory
from ..inventory.model import Environment
from .lifecycle import down, up
from .sandbox import EXAMPLE, NAMES, Sandbox, find_running
from .state_dir import state_of

__all__ = ["EXAMPLE", "Sandbox", "described", "down", "environment", "up"]


def environment(folder: Path, inventory: Inventory, name: str) -> Environment:
    """The environment of that name on the sandbox's hosts. Starts them unless they are up."""
    sandbox = up(folder)
    return sandbox.adapt(inventory.with_hosts(name, sandbox.host_settings()).environment(name))


def described(folder: Path, inventory: Inventory, name: str) -> Inventory:
    """The inventory with the hosts of the sandbox, as far as they are known. Starts nothing."""
    sandbox = find_running(state_of(folder))
    not_started = {host: {"variables": {"PORT": "given when it starts"}} for host in NAMES}
    return inventory.with_hosts(name, sandbox.host_settings() if sandbox else not_started)
