"""An environment with `sandbox: true`, on the hosts of the sandbox."""

from pathlib import Path

from ..inventory.loading import Inventory
from ..inventory.model import Environment
from .lifecycle import up
from .sandbox import NAMES, find_running
from .state_dir import state_of


def environment(folder: Path, inventory: Inventory, name: str) -> Environment:
    """The environment of that name on the sandbox's hosts. Starts them unless they are up."""
    sandbox = up(folder)
    return sandbox.adapt(inventory.with_hosts(name, sandbox.host_settings()).environment(name))


def described(folder: Path, inventory: Inventory, name: str) -> Inventory:
    """The inventory with the hosts of the sandbox, as far as they are known. Starts nothing."""
    sandbox = find_running(state_of(folder))
    not_started = {host: {"variables": {"PORT": "given when it starts"}} for host in NAMES}
    return inventory.with_hosts(name, sandbox.host_settings() if sandbox else not_started)
