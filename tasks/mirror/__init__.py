"""Repositories on this machine, from which commits travel to hosts that cannot reach the git server."""
