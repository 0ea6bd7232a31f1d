"""What Fabric loads: the commands."""

from tasks import namespace

__all__ = ["namespace"]
