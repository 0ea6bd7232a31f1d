"""A service on this host: what is there, its commits and releases."""
